"""The networks that operators let through or keep out, remembered by the process for some seconds.

What is in the list was typed by an operator: an office, a partner's event, a data centre. No supporter's address
is ever written here.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from dataclasses import dataclass, field
from typing import Final

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from signatures.models import NetworkRule
from web.connections import unless_away

#: Seconds until a change in the admin holds.
FRESH_FOR: Final = 5.0


@dataclass(slots=True)
class _Lists:
    """Rules by (bits of an address, prefix length): {prefix as a number: verdict}. As many look-ups as lengths."""

    until: float = 0.0
    by_length: dict[tuple[int, int], dict[int, str]] = field(default_factory=dict)


_lists = _Lists()
_reading = threading.Lock()


def rule_for(packed: bytes) -> str:
    """ "allow", "block" or "": what the narrowest rule that holds now says of this address (senders.py)."""
    lists = _current()
    if not packed or not lists.by_length:
        return ""
    number, bits = int.from_bytes(packed), len(packed) * 8
    for (of_bits, length), networks in lists.by_length.items():
        if of_bits == bits and (verdict := networks.get(number >> (bits - length))):
            return verdict
    return ""


def _current() -> _Lists:
    global _lists
    if time.monotonic() < _lists.until or not _reading.acquire(blocking=False):
        return _lists  # fresh, or another thread is reading already
    try:
        _lists = _Lists(time.monotonic() + FRESH_FOR, unless_away(_read))
    except (OperationalError, InterfaceError):
        _lists.until = time.monotonic() + FRESH_FOR  # the database is away: as they were last seen
    finally:
        _reading.release()
    return _lists


def _read() -> dict[tuple[int, int], dict[int, str]]:
    """Narrowest first, so that an office may be let through inside a network that is kept out."""
    found: dict[tuple[int, int], dict[int, str]] = {}
    for cidr, verdict in NetworkRule.objects.in_force(timezone.now()).values_list("network", "verdict"):
        network = ipaddress.ip_network(cidr)
        shift = network.max_prefixlen - network.prefixlen
        found.setdefault((network.max_prefixlen, network.prefixlen), {})[int(network.network_address) >> shift] = (
            verdict
        )
    return dict(sorted(found.items(), key=lambda item: -item[0][1]))


def forget_networks() -> None:
    """Look at the database again."""
    global _lists
    _lists = _Lists()
