"""Addresses that open another service's own page for passing something on. Plain links: nothing of theirs is loaded.

Pure: no Django, no database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Way:
    """One service: what it is called, the channel that it is counted as, and where the link leads."""

    name: str
    channel: str
    url: str


def _q(text: str) -> str:
    return quote(text, safe="")


#: channel → (name, what its page is told of words and address).
_SERVICES: Final[Mapping[str, tuple[str, Callable[[str, str], str]]]] = {
    "whatsapp": ("WhatsApp", lambda words, url: f"https://wa.me/?text={_q(f'{words} {url}')}"),
    "telegram": ("Telegram", lambda words, url: f"https://t.me/share/url?url={_q(url)}&text={_q(words)}"),
    "x": ("X", lambda words, url: f"https://x.com/intent/post?text={_q(words)}&url={_q(url)}"),
    "bluesky": ("Bluesky", lambda words, url: f"https://bsky.app/intent/compose?text={_q(f'{words} {url}')}"),
    "facebook": ("Facebook", lambda words, url: f"https://www.facebook.com/sharer/sharer.php?u={_q(url)}"),
    "linkedin": ("LinkedIn", lambda words, url: f"https://www.linkedin.com/sharing/share-offsite/?url={_q(url)}"),
}


def ways_to_share(words: str, address: str) -> list[Way]:
    """A link for each service. `address` without a query: each says by which channel readers came."""
    return [Way(name, channel, link(words, f"{address}?via={channel}")) for channel, (name, link) in _SERVICES.items()]
