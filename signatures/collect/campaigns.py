"""The campaigns as the signing path needs them, remembered by the process for two seconds."""

from __future__ import annotations

import threading
import time
from typing import Final

from django.db import InterfaceError, OperationalError

from petitions.models import Campaign

#: Seconds. A campaign that closes is closed for everybody this much later at most; `is_open()` looks
#: at the clock itself, so a planned closing is exact.
FRESH_FOR: Final = 2.0

_remembered: dict[str, tuple[float, Campaign | None]] = {}
_lock = threading.Lock()


def campaign_for_signing(slug: str) -> Campaign | None:
    """The public campaign at this address with its `key`, or None.

    Where the database is away, the campaign as it was last seen, so that a form can be shown again
    with what was typed. Raises OperationalError where it was never seen.
    """
    now = time.monotonic()
    found = _remembered.get(slug)
    if found and now - found[0] < FRESH_FOR:
        return found[1]
    try:
        campaign = Campaign.objects.public().select_related("addressee", "key").filter(slug=slug).first()
    except (OperationalError, InterfaceError):
        if found:
            return found[1]
        raise
    with _lock:
        if len(_remembered) > 1000:  # addresses that nobody has are remembered too, but not without end
            _remembered.clear()
        _remembered[slug] = (now, campaign)
    return campaign


def forget_campaigns() -> None:
    """Look at the database again."""
    _remembered.clear()
