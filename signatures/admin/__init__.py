"""The admin of who asked. Nobody's signature: web has no right to read one."""

from signatures.admin import campaigns, deliveries, desk

__all__ = ["campaigns", "deliveries", "desk"]
