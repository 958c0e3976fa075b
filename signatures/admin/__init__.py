"""The admin of who asked. Nobody's signature: web has no right to read one."""

from signatures.admin import (
    campaigns,
    deliveries,
    desk,
    handovers,
    networks,
    news,
    recipients,
    reveals,
    rulings,
    standstill,
    watch,
)

__all__ = [
    "campaigns",
    "deliveries",
    "desk",
    "handovers",
    "networks",
    "news",
    "recipients",
    "reveals",
    "rulings",
    "standstill",
    "watch",
]
