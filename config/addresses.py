"""Addresses in settings, read strictly: what is written differently from what is meant is refused, in one line.

A character such as / in a password splits an address elsewhere than its writer thinks. No message repeats any part of
an address, for it may be part of a password.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

import idna
from django.core.exceptions import ImproperlyConfigured

#: What may not stand in an address, and what Python would leave out of it without a word.
_UNSEEN: Final = re.compile(r"[\s\x00-\x1f\x7f]")
_ESCAPES: Final = (
    "Write / ? # [ ] @ and % in a user name or password as %2F %3F %23 %5B %5D %40 and %25, a blank as %20."
)
_PORTS: Final = {"http": 80, "https": 443}
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def service(setting: str, address: str, schemes: Mapping[str, str]) -> SplitResult:
    """The parts of the address of a server. `schemes`: for each what its path has to match.

    Raises ImproperlyConfigured, whose one line shows nothing of the address.
    """
    problem = f"{setting} cannot be read. {_ESCAPES}"
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises
        parse_qsl(parts.query, strict_parsing=bool(parts.query))
    except ValueError:
        raise ImproperlyConfigured(problem) from None
    if parts.scheme not in schemes:
        raise ImproperlyConfigured(f"{setting} has to begin with {' or '.join(f'{name}://' for name in schemes)}.")
    if _UNSEEN.search(address) or "#" in address or "@" in parts.path + parts.query:
        raise ImproperlyConfigured(problem)
    if not re.fullmatch(schemes[parts.scheme], parts.path):
        raise ImproperlyConfigured(problem)
    return parts


def site(address: str) -> str:
    """The site's own address as browsers write it as an origin: lower case, the A-label of an international name, no
    port that goes without saying. Raises ValueError, with what is wrong with it.
    """
    if not address or _UNSEEN.search(address):
        raise ValueError("has blanks in it, or is empty")
    try:
        parts = urlsplit(address)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise ValueError("is no address") from None
    if parts.scheme not in _PORTS:
        raise ValueError("has to begin with https:// (or http:// for a try)")
    if "@" in parts.netloc:
        raise ValueError("has a user name in it")
    if parts.path not in {"", "/"} or "?" in address or "#" in address:
        raise ValueError("has something after the host: the site cannot lie below a path")
    named = f"[{host}]" if ":" in host else host_name(host)
    if named.startswith("["):
        ipaddress.IPv6Address(host)
    return f"{parts.scheme}://{named}" + (f":{port}" if port not in (None, _PORTS[parts.scheme]) else "")


def host_name(host: str) -> str:
    """A host as it is asked for: lower case, an international name as its A-labels (IDNA 2008). Raises ValueError."""
    try:
        ascii_name = host.lower() if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        raise ValueError("has a host that is no name") from None
    if len(ascii_name) > 253 or not all(_LABEL.fullmatch(label) for label in ascii_name.split(".")):
        raise ValueError("has a host that is no name")
    return ascii_name
