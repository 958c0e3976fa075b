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


def hour_of(moment: datetime.datetime) -> datetime.datetime:
    """The hour in which it was, by its beginning: no finer time of an arrival is kept than that."""
    return moment.replace(minute=0, second=0, microsecond=0)


def span_of(taken: datetime.timedelta) -> str:
    """From signing to confirming, in spans."""
    return next((name for until, name in SPANS if taken <= until), LONGER)
