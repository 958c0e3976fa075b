"""Where the words of a mailing may lead: to our own sites, and to hosts that whoever runs the installation allows.

A mail to everybody who asked for news is what a stolen login would send: "your signature was lost, give it again at …".
Mail programs make links of bare names too, so every word that looks like a host counts as one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import idna
from django.conf import settings

from petitions.models import Update
from web.identities import identity_of

#: An address with its scheme, to the next space.
_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]*:[/\\]{2}[^\s<>\"'“”«»]*", re.IGNORECASE)
#: A host's name, perhaps behind an @: labels with dots, the last of two letters at least.
_HOST: Final = re.compile(r"(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_](?:[\w-]*[^\W_])", re.UNICODE)
#: What browsers take for a dot in a name (UTS 46), as NFKC leaves them.
_DOTS: Final = str.maketrans({"。": ".", "．": ".", "｡": "."})


def foreign_links(update: Update) -> list[str]:
    """Of all words of the mail that somebody typed, in each language, those that lead elsewhere; in their order."""
    allowed = _allowed(update)
    found = (link for text in _texts(update) for link in links_elsewhere(text, allowed))
    return list(dict.fromkeys(found))


def links_elsewhere(text: str, allowed: frozenset[str]) -> Iterator[str]:
    """The links in it to no allowed host, as they are written. `allowed`: hosts, in lower case and punycode."""
    text = unicodedata.normalize("NFKC", text).translate(_DOTS)
    rest, at = "", 0
    for address in _ADDRESS.finditer(text):
        rest, at = f"{rest}{text[at : address.start()]} ", address.end()
        if not _is_allowed(_host_of(address[0]), allowed):
            yield address[0]
    yield from (host[0] for host in _HOST.finditer(rest + text[at:]) if not _is_allowed(_ascii(host[0]), allowed))


def _texts(update: Update) -> Iterator[str]:
    for row, names in ((update, ("title", "lead")), (update.campaign, ("title", "responsible"))):
        yield from (row.original(name) for name in names)
        yield from (str(said.get(name, "")) for said in row.translations.values() for name in names)


def _allowed(update: Update) -> frozenset[str]:
    identity = identity_of(update.campaign.section_id)
    own = [_host_of(settings.SITE_URL), _host_of(identity.origin), *settings.SECTION_HOSTS]
    answering = [update.campaign.contact_email, identity.contact_email]
    contacts = [address.rpartition("@")[2] for address in answering if address]
    return frozenset(_ascii(host) for host in (*own, *contacts, *settings.NEWS_LINK_HOSTS) if host)


def _host_of(address: str) -> str:
    """Where a browser would go: it reads a backslash as a slash. "" where that is nowhere."""
    try:
        return _ascii(urlsplit(address.replace("\\", "/").rstrip(".,;:!?)")).hostname or "")
    except ValueError:
        return ""


def _ascii(host: str) -> str:
    """In punycode; as it is where no such name can be."""
    try:
        return idna.encode(host.strip("."), uts46=True).decode()
    except idna.IDNAError:
        return host.lower()


def _is_allowed(host: str, allowed: frozenset[str]) -> bool:
    """A host that is allowed, or a name below one."""
    parts = host.split(".")
    return bool(host) and any(".".join(parts[at:]) in allowed for at in range(len(parts)))
