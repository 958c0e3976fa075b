"""How many requests of one kind a network may send: logins, requests for data. Signing has counters of its own
(signatures/intake/abuse_gate.py), for it counts several windows in one call.
"""

from __future__ import annotations

import enum
import logging
import re
from functools import lru_cache
from typing import Final

import msgspec
from django.http import HttpRequest
from django_ratelimit.core import get_usage
from redis.exceptions import RedisError

from web.senders import sender_of

#: A /48 of IPv6, which one customer may have, may send as much as this many of its 65,536 parts.
WIDE: Final = 2

log = logging.getLogger(__name__)

_PERIODS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_RATE: Final = re.compile(r"(\d+)/(\d*)([smhd])")


class Verdict(enum.Enum):
    WITHIN = "within"
    OVER = "over"
    #: Redis is away. What was asked for goes on.
    UNKNOWN = "unknown"


class Limit(msgspec.Struct, frozen=True, gc=False):
    verdict: Verdict
    #: Seconds until the window ends.
    retry_after: int = 0


@lru_cache(maxsize=8)
def rate(text: str) -> tuple[int, int]:
    """ "30/m", "300/5m" → (how many, in how many seconds). Raises ValueError."""
    if not (match := _RATE.fullmatch(text)):
        raise ValueError(f"{text!r} is not a valid rate: it must look like 30/m")
    return int(match[1]), int(match[2] or 1) * _PERIODS[match[3]]


def check_limit(request: HttpRequest, group: str, at_most: str) -> Limit:
    """Count this request against its network's rate ("30/m"), and say whether it is within.

    Of IPv6, a /64 has this rate, and its /48 WIDE times as much. Raises ValueError for a rate that is none.
    """
    sender = sender_of(request)
    most, period = rate(at_most)
    limits = [(sender.narrow, most)] + [(sender.wide, most * WIDE)] * sender.is_v6
    try:
        usages = [
            get_usage(request, group=group, key=lambda *_, label=label: label, rate=(n, period), increment=True)
            for label, n in limits
        ]
    except (RedisError, OSError) as error:
        # django-ratelimit's FAIL_OPEN does not cover a Redis that is away.
        log.warning("rate limits are off: Redis is unavailable (%s)", type(error).__name__)
        return Limit(Verdict.UNKNOWN)
    verdict = Verdict.OVER if any(usage["should_limit"] for usage in usages) else Verdict.WITHIN
    return Limit(verdict, max(1, *(usage["time_left"] for usage in usages)))
