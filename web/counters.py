"""Counting requests in Redis: any number of windows in one call; and what may be used once.

The call goes onto a connection that the thread keeps. redis-py's own client takes 45 µs of processor for it where this
takes 18, of the 400 that a signature costs the web. Connecting, authentication, TLS and the protocol are redis-py's.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, cast

import hiredis
from django.conf import settings
from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import NoScriptError, RedisError
from redis.retry import Retry

# Atomic, and a counter never lives without an end: where both were apart, a process that died between them would
# leave one that locks a network out for ever. Answers one string, which is read in two steps instead of one a number.
COUNT: Final = b"""
local counts = {}
for i = 1, #KEYS do
  counts[i] = redis.call('INCR', KEYS[i])
  if counts[i] == 1 then redis.call('EXPIRE', KEYS[i], ARGV[i]) end
end
return table.concat(counts, ' ')
"""
_SHA: Final = hashlib.sha1(COUNT, usedforsecurity=False).hexdigest().encode()

#: Seconds that nobody asks a Redis again that was away: each of them would wait for it.
AWAY_FOR: Final = 1.0

#: A key, and how many seconds it lives from its first use.
type Window = tuple[str, int]


class _Thread(threading.local):
    connection: AbstractConnection | None = None


_thread = _Thread()
#: Of the whole process: when to ask a Redis again that was away.
_away_until = 0.0


def key_of(name: str) -> str:
    """The name as Redis knows it: two installations may share one."""
    return f"{settings.COUNTERS_PREFIX}:{name}"


def count(windows: Sequence[Window]) -> list[int]:
    """One more in each window: the counts in their order, this request included.

    Raises RedisError or OSError where Redis is away, at once for AWAY_FOR after that.
    """
    keys = [key_of(name) for name, _ in windows]
    lives = [seconds for _, seconds in windows]
    return [int(n) for n in unless_away(lambda: _say([len(keys), *keys, *lives])).split()]


def use_once(name: str, seconds: int) -> bool:
    """Whether nobody has used this name yet, for so long. Raises RedisError or OSError, as count() does."""
    return bool(unless_away(lambda: redis().set(key_of(name), 1, nx=True, ex=seconds)))


def counts(*names: str) -> list[int]:
    """What stands in these windows, without counting. Raises RedisError or OSError, as count() does."""
    return [int(cast("Any", n) or 0) for n in unless_away(lambda: redis().mget([key_of(name) for name in names]))]


@cache
def _connected(url: str) -> Redis:
    return Redis.from_url(url, socket_connect_timeout=0.3, socket_timeout=0.5)


def redis() -> Redis:
    """The client that this process keeps for what is not on the signing path. Nobody waits long where Redis is away."""
    return _connected(settings.REDIS_URL)


def unless_away[T](ask: Callable[[], T]) -> T:
    """What Redis answers. Raises RedisError or OSError where it is away, at once where it was a moment ago: whoever
    signs waits for it once, whatever is asked."""
    global _away_until
    if time.monotonic() < _away_until:
        raise NotConnected("was away a moment ago")
    try:
        return ask()
    except (RedisError, OSError):
        _away_until = time.monotonic() + AWAY_FOR
        raise


def _say(words: Sequence[str | int]) -> bytes:
    """Once more where the connection was cut, by a restart or a firewall: at worst one request counts twice."""
    connection = _thread.connection = _thread.connection or _connect()
    kept = connection.is_connected
    try:
        return _call(connection, b"EVALSHA", _SHA, *words)
    except NoScriptError:  # Redis was restarted, or its scripts were flushed
        return _call(connection, b"EVAL", COUNT, *words)
    except (NotConnected, OSError):
        if not kept:
            raise
    return _call(connection, b"EVAL", COUNT, *words)


def _connect() -> AbstractConnection:
    options = {key: value for key, value in settings.CACHES["default"]["OPTIONS"].items() if key.startswith("socket_")}
    pool = ConnectionPool.from_url(settings.REDIS_URL, retry=Retry(NoBackoff(), 0), **options)
    return cast("AbstractConnection", pool.make_connection())


def _call(connection: AbstractConnection, *words: Any) -> bytes:
    # redis-py would look at each word's type first; these have the right ones.
    connection.send_packed_command([hiredis.pack_command(words)], check_health=False)
    answer: bytes = connection.read_response(disable_decoding=True)
    return answer


def counting_again() -> None:
    """Ask Redis at once, whether or not it was away a moment ago, on a new connection."""
    global _away_until
    _away_until, _thread.connection = 0.0, None
