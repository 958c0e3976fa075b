"""Pure: how supporters came. The list is closed, so that a link somebody made up is one of "other" and makes no row."""

from __future__ import annotations

from typing import Final

DIRECT: Final = "direct"
OTHER: Final = "other"
#: What `?via=` may say. No third party learns of it: it is a word in our own address.
CHANNELS: Final = (
    "link", "mail", "embed", "qr", "press", "partner", "newsletter", "telegram", "whatsapp", "signal", "facebook",
    "instagram", "mastodon", "bluesky", "x", "vk", "reddit", "linkedin",
)  # fmt: skip


def known_channel(said: object) -> str:
    """The channel that was named; "direct" where none was, "other" where nobody knows it."""
    if not said:
        return DIRECT
    return said if isinstance(said, str) and said in CHANNELS else OTHER
