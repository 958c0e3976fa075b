"""The key under which networks are labelled: an hour's, and gone afterwards.

HMAC of the tier's own secret and of 32 random bytes that Redis keeps for an hour. Neither alone gives a label, and
once Redis has let go of its part, nothing can derive one any more: all addresses of IPv4 are tried in half an hour.
Redis must not write to disk (docs/operations.md).
"""

from __future__ import annotations

import hmac
import logging
import secrets
import time
from typing import Final

import msgspec
from django.conf import settings
from redis.exceptions import RedisError

from web import counters

log = logging.getLogger(__name__)

#: Seconds that the random part lives.
LIFE: Final = 3600
#: Seconds until it is looked for again, in case Redis was emptied and others have another one now.
LOOK_AGAIN: Final = 60


class _Key(msgspec.Struct, frozen=True, gc=False):
    value: bytes = b""
    #: By the monotonic clock: when to look again, and when to forget it whatever Redis says.
    look_again: float = 0.0
    ends: float = 0.0


_key = _Key()


def network_key() -> bytes:
    """32 bytes, the same in every process of the tier. While Redis is away: what is known, then one of the process."""
    if time.monotonic() >= _key.look_again:
        _renew()
    return _key.value


def _renew() -> None:
    global _key
    now = time.monotonic()
    try:
        shared, milliseconds = counters.unless_away(_shared)
    except (RedisError, OSError) as error:
        log.warning("networks get labels of this process only: Redis is away (%s)", type(error).__name__)
        known = _key if now < _key.ends else _Key(secrets.token_bytes(32), ends=now + LIFE)
        _key = msgspec.structs.replace(known, look_again=min(now + counters.AWAY_FOR, known.ends))
        return
    ends = now + milliseconds / 1000
    value = hmac.digest(settings.SECRET_KEY.encode(), b"networks" + shared, "sha256")
    _key = _Key(value, min(now + LOOK_AGAIN, ends), ends)


def _shared() -> tuple[bytes, int]:
    """The random part, made if there is none, and the milliseconds it still lives. Raises RedisError or OSError."""
    name = f"{settings.CACHES['default']['KEY_PREFIX']}:networks"  # no other tier's user there may read it
    with counters.redis().pipeline() as pipeline:
        pipeline.set(name, secrets.token_bytes(32), nx=True, ex=LIFE)
        pipeline.get(name)
        pipeline.pttl(name)
        _, shared, milliseconds = pipeline.execute()
    return shared, max(milliseconds, 0)


def forget_network_key() -> None:
    """Look in Redis again."""
    global _key
    _key = _Key()
