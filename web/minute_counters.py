"""How many signatures a campaign took and confirmed in each minute: counted in Redis by the web, read by workers.

Redis may be flushed at any moment: a minute is a hint for whoever watches, and counts nothing that has to add up.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from django.conf import settings
from django.core.cache import caches
from redis import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

#: Seconds that a minute is kept: the dashboard shows an hour.
KEPT: Final = 2 * 3600
KINDS: Final = ("taken", "confirmed")


@lru_cache(maxsize=2)
def connected(url: str) -> Redis:
    """The client that this process keeps. Where Redis is away, nobody waits long for it."""
    return Redis.from_url(url, socket_connect_timeout=0.3, socket_timeout=0.5)


def redis() -> Redis:
    return connected(settings.CACHES["limits"]["LOCATION"])


def this_minute() -> int:
    """Minutes since 1970."""
    return int(time.time()) // 60


def minute_name(kind: str, campaign_id: int, minute: int) -> str:
    """What the cache that counts is told of a minute (web/counters.py)."""
    return f"{kind}:{campaign_id}:{minute}"


def minute_key(kind: str, campaign_id: int, minute: int) -> str:
    """The same as Redis knows it."""
    return caches["limits"].make_key(minute_name(kind, campaign_id, minute))


def note_confirmed(campaign_id: int) -> None:
    """One more. Never raises: a confirmation does not depend on it."""
    try:
        caches["limits"].add(minute_name("confirmed", campaign_id, this_minute()), 1, KEPT)
    except (RedisError, OSError) as error:
        log.warning("confirmations per minute are not counted: Redis is unavailable (%s)", type(error).__name__)


def read_minutes(kind: str, campaign_id: int, how_many: int) -> Sequence[int]:
    """The last minutes' counts, oldest first, the one under way last. Raises RedisError, OSError."""
    now = this_minute()
    keys = [minute_key(kind, campaign_id, minute) for minute in range(now - how_many + 1, now + 1)]
    return [int(n or 0) for n in redis().mget(keys)]
