"""The admin of who asked. Nobody's signature: web has no right to read one."""

from signatures.admin import (
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
