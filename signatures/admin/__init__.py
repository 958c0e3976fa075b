"""The admin of who asked. Nobody's signature: web has no right to read one."""

from signatures.admin import (
    addressee_keys,
    approvals,
    campaigns,
    cases,
    deliveries,
    destruction,
    handovers,
    maintenance,
    monitoring,
    networks,
    news,
    recipients,
    reveals,
    rulings,
)

__all__ = [
    "addressee_keys",
    "approvals",
    "campaigns",
    "cases",
    "deliveries",
    "destruction",
    "handovers",
    "maintenance",
    "monitoring",
    "networks",
    "news",
    "recipients",
    "reveals",
    "rulings",
]
