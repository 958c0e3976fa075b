"""Pure: what is noted of an arrival, in few words, so that no sum can point at one signer."""

from __future__ import annotations

import datetime
from typing import Final

#: (up to, what it is called), from the shortest. The last is without end.
SPANS: Final = (
    (datetime.timedelta(minutes=1), "1m"),
    (datetime.timedelta(minutes=5), "5m"),
    (datetime.timedelta(hours=1), "1h"),
    (datetime.timedelta(hours=6), "6h"),
    (datetime.timedelta(days=1), "1d"),
    (datetime.timedelta(days=7), "7d"),
)
LONGER: Final = "longer"


def span_of(taken: datetime.timedelta) -> str:
    """From signing to confirming, in spans."""
    return next((name for until, name in SPANS if taken <= until), LONGER)
