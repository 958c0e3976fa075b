"""The admin of who asked. Nobody's signature: web has no right to read one."""

from signatures.admin import campaigns, deliveries, desk, news, recipients, reveals

__all__ = ["campaigns", "deliveries", "desk", "news", "recipients", "reveals"]
