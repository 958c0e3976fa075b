"""The networks that operators let through or keep out, remembered by the process for some seconds.

What is in the list was typed by an operator: an office, a partner's event, a data centre. No supporter's address
is ever written here.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from signatures.models import NetworkRule
from web.connections import unless_away

#: Seconds until a change in the admin holds.
FRESH_FOR: Final = 5.0


type _ByLength[T] = dict[tuple[int, int], dict[int, T]]


@dataclass(slots=True)
class _Lists:
    """Rules by (bits of an address, prefix length): {prefix as a number: verdict}. As many look-ups as lengths. Of
    those on trial, the keys."""

    until: float = 0.0
    by_length: _ByLength[str] = field(default_factory=dict)
    on_trial: _ByLength[int] = field(default_factory=dict)


_lists = _Lists()
_reading = threading.Lock()


def rule_for(packed: bytes) -> str:
    """ "allow", "block" or "": what the narrowest rule that holds now says of this address (senders.py)."""
    return _narrowest(_current().by_length, packed) or ""


def trial_for(packed: bytes) -> int | None:
    """The narrowest rule of those that only count yet."""
    return _narrowest(_current().on_trial, packed)


def _narrowest[T](rules: _ByLength[T], packed: bytes) -> T | None:
    if not packed or not rules:
        return None
    number, bits = int.from_bytes(packed), len(packed) * 8
    for (of_bits, length), networks in rules.items():
        if of_bits == bits and (found := networks.get(number >> (bits - length))):
            return found
    return None


def _current() -> _Lists:
    global _lists
    if time.monotonic() < _lists.until or not _reading.acquire(blocking=False):
        return _lists  # fresh, or another thread is reading already
    try:
        _lists = _Lists(time.monotonic() + FRESH_FOR, *unless_away(_read))
    except (OperationalError, InterfaceError):
        _lists.until = time.monotonic() + FRESH_FOR  # the database is away: as they were last seen
    finally:
        _reading.release()
    return _lists


def _read() -> tuple[_ByLength[str], _ByLength[int]]:
    now = timezone.now()
    in_force = NetworkRule.objects.in_force(now).values_list("network", "verdict")
    return _sorted(in_force), _sorted(NetworkRule.objects.on_trial(now).values_list("network", "pk"))


def _sorted[T](rules: Iterable[tuple[str, T]]) -> _ByLength[T]:
    """Narrowest first, so that an office may be let through inside a network that is kept out."""
    found: _ByLength[T] = {}
    for cidr, said in rules:
        network = ipaddress.ip_network(cidr)
        shift = network.max_prefixlen - network.prefixlen
        found.setdefault((network.max_prefixlen, network.prefixlen), {})[int(network.network_address) >> shift] = said
    return dict(sorted(found.items(), key=lambda item: -item[0][1]))


def forget_networks() -> None:
    """Look at the database again."""
    global _lists
    _lists = _Lists()
