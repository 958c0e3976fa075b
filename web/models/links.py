"""Links that staff write down one a line: read, and refused where they lead nowhere or to more than a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

_LABELLED: Final = re.compile(r"(?P<words>\S.*?)\s+(?P<url>(?:https?://|mailto:|/)\S+)")
MOST: Final = 8
#: What people call a place that its host does not say.
_NAMES: Final = {
    "x.com": "X", "twitter.com": "X", "facebook.com": "Facebook", "instagram.com": "Instagram", "t.me": "Telegram",
    "youtube.com": "YouTube", "linkedin.com": "LinkedIn", "bsky.app": "Bluesky", "tiktok.com": "TikTok",
    "vk.com": "VK", "threads.net": "Threads", "wa.me": "WhatsApp",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Link:
    words: str
    url: str

    @property
    def is_ours(self) -> bool:
        """Whether it stays on the site."""
        return self.url.startswith("/")


def _lines(text: str) -> Iterator[str]:
    return filter(None, map(str.strip, text.splitlines()))


def labelled(text: str) -> list[Link]:
    """The links of "words address" lines; what is no such line is left out."""
    found = map(_LABELLED.fullmatch, _lines(text))
    return [Link(line["words"], line["url"]) for line in found if line]


def named_by_host(text: str) -> list[Link]:
    """The links of lines that are addresses, each called as people call the place."""
    return [Link(_name_of(line), line) for line in _lines(text) if _is_address(line)]


def _name_of(url: str) -> str:
    host = (urlsplit(url).hostname or "").removeprefix("www.")
    return _NAMES.get(host, host)


def _is_address(line: str) -> bool:
    try:
        parts = urlsplit(line)
        return (
            parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc and not re.search(r"\s", line)
        )
    except ValueError:
        return False


def check_links(text: str) -> None:
    """Raises ValidationError, naming the line."""
    _refuse_many(text)
    for line in _lines(text):
        if not _is_address(line):
            raise ValidationError(_("This line is no address that begins with https://: %s") % line[:80])


def check_labelled(text: str) -> None:
    """Raises ValidationError, naming the line."""
    _refuse_many(text)
    for line in _lines(text):
        found = _LABELLED.fullmatch(line)
        url = found["url"] if found else ""
        if url.startswith("//") or not (url.startswith(("/", "mailto:")) or _is_address(url)):
            raise ValidationError(
                _("Write the words first, then an address that begins with https://, mailto: or /. Not so here: %s")
                % line[:80]
            )


def _refuse_many(text: str) -> None:
    if len(list(_lines(text))) > MOST:
        raise ValidationError(_("Readers look at %d links at most. Leave some out.") % MOST)
