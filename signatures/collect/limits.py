"""How much one network may send, whatever it typed. django-ratelimit keeps the window, counters.py counts."""

from __future__ import annotations

import enum
import logging
from dataclasses import dataclass
from typing import cast

from django.core.cache import caches
from django.http import HttpRequest
from django_ratelimit.core import get_usage
from redis.exceptions import RedisError

from signatures.collect.counters import NOTHING, Also, CounterCache, Told
from signatures.collect.senders import Sender, sender_of

log = logging.getLogger(__name__)


class Verdict(enum.Enum):
    WITHIN = "within"
    OVER = "over"
    #: Redis is away. Signing goes on, and the submission says so inside its seal.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Limit:
    verdict: Verdict
    #: Seconds until the window ends.
    retry_after: int = 0
    #: What the network has sent in this window, this request included.
    count: int = 0
    #: What was counted beside it.
    told: Told = NOTHING


def check_limit(
    request: HttpRequest, group: str, rate: str, *, also: Also | None = None, sender: Sender | None = None,
    counting: bool = True,
) -> Limit:  # fmt: skip
    """Count this request against its network's rate ("30/m"), and say whether it is within. Never raises."""
    sender = sender or sender_of(request)
    counters = cast("CounterCache", caches["limits"])
    counters.also(also or Also())
    try:
        usage = get_usage(request, group=group, key=lambda *_: sender.narrow, rate=rate, increment=counting)
    except (RedisError, OSError) as error:
        # django-ratelimit's FAIL_OPEN does not cover a Redis that is away.
        log.warning("limits are off: Redis is away (%s)", type(error).__name__)
        return Limit(Verdict.UNKNOWN)
    if usage is None:
        return Limit(Verdict.WITHIN)
    verdict = Verdict.OVER if usage["should_limit"] else Verdict.WITHIN
    return Limit(verdict, max(1, usage["time_left"]), usage["count"], counters.told)
