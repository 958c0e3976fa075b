"""Which country a network is in, where the operator has a table that says so (NETWORK_COUNTRIES).

No table comes with us: each is out of date within weeks, and has terms that its user has to agree to. Any file in
MaxMind's format does. It is read on this machine: no third party is asked where a supporter is.
"""

from __future__ import annotations

import logging
import socket
from functools import lru_cache
from typing import Any

import maxminddb
from django.conf import settings

log = logging.getLogger(__name__)


@lru_cache(maxsize=2)
def table(path: str) -> maxminddb.Reader | None:
    """The table in that file, mapped into memory; None, and a line in the log, where it is none. Never raises."""
    try:
        return maxminddb.open_database(path)
    except (OSError, maxminddb.InvalidDatabaseError) as error:
        log.error(
            "NETWORK_COUNTRIES cannot be read as a table of networks (%s): countries are not compared",
            type(error).__name__,
        )
        return None


def country_of(packed: bytes) -> str:
    """The ISO 3166-1 code of the country that an address (4 or 16 bytes) is in; "" where nobody says."""
    if not settings.NETWORK_COUNTRIES or not packed or (known := table(settings.NETWORK_COUNTRIES)) is None:
        return ""
    address = socket.inet_ntop(socket.AF_INET6 if len(packed) == 16 else socket.AF_INET, packed)
    try:
        found = known.get(address)
    except (ValueError, maxminddb.InvalidDatabaseError):  # an IPv6 address in a table of IPv4; a damaged table
        return ""
    return _code(found) if isinstance(found, dict) else ""


def _code(found: dict[str, Any]) -> str:
    """Of {"country": {"iso_code": "BY"}} (MaxMind, DB-IP) or {"country_code": "BY"} (IPinfo, ip-location-db)."""
    country = found.get("country")
    code = found.get("country_code") or (country.get("iso_code") if isinstance(country, dict) else None)
    return code if isinstance(code, str) else ""
