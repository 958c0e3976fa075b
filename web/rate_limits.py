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

from web.senders import DAY, sender_of

log = logging.getLogger(__name__)

_PERIODS: Final = {"s": 1, "m": 60, "h": 3600, "d": DAY}
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

    Raises ValueError for a rate that is none.
    """
    sender = sender_of(request)
    try:
        usage = get_usage(request, group=group, key=lambda *_: sender.narrow, rate=rate(at_most), increment=True)
    except (RedisError, OSError) as error:
        # django-ratelimit's FAIL_OPEN does not cover a Redis that is away.
        log.warning("rate limits are off: Redis is unavailable (%s)", type(error).__name__)
        return Limit(Verdict.UNKNOWN)
    verdict = Verdict.OVER if usage["should_limit"] else Verdict.WITHIN
    return Limit(verdict, max(1, usage["time_left"]))
