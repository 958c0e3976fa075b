"""Whether the whole site is paused or read-only, remembered by the process for two seconds."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import Final

from django.db import InterfaceError, OperationalError

from web.connections import unless_away
from web.models import Maintenance

#: Seconds. As long as a cached_page page may be old.
FRESH_FOR: Final = 2.0


@dataclass(slots=True)
class _Memory:
    until: float = 0.0
    seen: Maintenance | None = None


_memory = _Memory()


def current_maintenance() -> Maintenance | None:
    """What holds for the whole site now; None in ordinary times. As last seen where the database is away."""
    if time.monotonic() >= _memory.until:
        with contextlib.suppress(OperationalError, InterfaceError):
            _memory.seen = unless_away(Maintenance.objects.first)
        _memory.until = time.monotonic() + FRESH_FOR
    return _memory.seen


def forget_maintenance() -> None:
    """Look at the database again."""
    _memory.until = 0.0
