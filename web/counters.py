"""The one place where requests are counted: a cache for django-ratelimit, and one call to Redis for each request.

django-ratelimit asks `add(key, 1, lifetime)` and, where the key is there, `incr(key)`. With Django's RedisCache
these are SET, EXISTS and INCRBY, each on a client made anew. Here `add` counts on the server, in one Lua call, and
`incr` tells what `add` learned. What else is to be counted of the same request (a wider network, the day, a
campaign's minute, a solution that counts once) goes along in that call: `also()` says what.

The call goes onto a connection that the thread keeps: redis-py's client spends 0.1 ms on each, most of it on retries
and pools that a counter does not need. Connecting, authentication, TLS and the protocol are still redis-py's.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import Any, Final, cast

import hiredis
import msgspec
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import NoScriptError, RedisError
from redis.retry import Retry

# Atomic, and a counter never lives without an end: where both were apart, a process that died between them would
# leave one that locks a network out for ever. Answers one string, which is read in two steps instead of one a number.
COUNT: Final = b"""
local told = {}
for i = 1, #KEYS - 1 do
  local by = i == 1 and tonumber(ARGV[1]) or 1
  told[i] = redis.call('INCRBY', KEYS[i], by)
  if told[i] == by then redis.call('EXPIRE', KEYS[i], ARGV[i + 1]) end
end
told[#KEYS] = KEYS[#KEYS] ~= '' and redis.call('SET', KEYS[#KEYS], 1, 'NX', 'EX', ARGV[#KEYS + 1]) and 1 or 0
return table.concat(told, ' ')
"""
_SHA: Final = hashlib.sha1(COUNT, usedforsecurity=False).hexdigest().encode()

#: Seconds that nobody asks a Redis again that was away: each of them would wait for it.
AWAY_FOR: Final = 1.0


class Also(msgspec.Struct, frozen=True, gc=False):
    """What is counted in the same call: one more under each key, and a key that may be used once.

    Keys as the cache is given them: it knows what to put before them.
    """

    #: (key, seconds that the counter lives).
    windows: Sequence[tuple[str, int]] = ()
    #: The same for what counts once; an empty key for nothing.
    once: tuple[str, int] = ("", 1)


class Told(msgspec.Struct, frozen=True, gc=False):
    """What Redis said: the counts in the order of `Also.windows`, and whether `once` was new."""

    windows: Sequence[int] = ()
    is_first: bool = False


NOTHING: Final = Told()
ALONE: Final = Also()


class CounterCache(BaseCache):
    """For django-ratelimit only. Django gives each thread an instance of its own, and so each a connection.

    Raises RedisError or OSError where Redis is away, at once for AWAY_FOR after it was found to be.
    """

    #: Of the whole process: when to try again.
    _away_until: float = 0.0

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        options = {key: value for key, value in params.get("OPTIONS", {}).items() if key.startswith("socket_")}
        pool = ConnectionPool.from_url(server, retry=Retry(NoBackoff(), 0), **options)
        self._connection = cast("AbstractConnection", pool.make_connection())
        # As make_key() would write each of four keys.
        self._before = self.make_key("")
        self._also = ALONE
        self._counted: tuple[str, int] = ("", 0)
        self.told = NOTHING

    def also(self, also: Also) -> None:
        """Count this too, in the next call."""
        self._also = also

    def add(self, key: str, value: int, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Count `value` more under the key; says whether this made the counter."""
        also, self._also, self._counted = self._also, ALONE, ("", 0)
        keys, lives = [self._before + key], [timeout]
        for name, seconds in also.windows:
            keys.append(self._before + name)
            lives.append(seconds)
        name, seconds = also.once
        keys.append(name and self._before + name)
        lives.append(seconds)
        count, *others, first = map(int, self._ask(keys, [value, *lives]).split())
        self._counted, self.told = (key, count), Told(others, first == 1)
        return count == value

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        """The count that `add` has just made. Raises ValueError for any other key."""
        counted, count = self._counted
        if counted != key:
            raise ValueError("add() counts; incr() only tells")
        return count

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        """The same, for a look that counts nothing."""
        counted, count = self._counted
        return count if counted == key else default

    def _ask(self, keys: Sequence[str], arguments: Sequence[int]) -> bytes:
        if time.monotonic() < CounterCache._away_until:
            raise NotConnected("was away a moment ago")
        try:
            return self._say([len(keys), *keys, *arguments])
        except (RedisError, OSError):
            CounterCache._away_until = time.monotonic() + AWAY_FOR
            raise

    def _say(self, words: Sequence[str | int]) -> bytes:
        """Once more where the connection was cut, by a restart or a firewall: at worst one request counts twice."""
        kept = self._connection.is_connected
        try:
            return self._call(b"EVALSHA", _SHA, *words)
        except NoScriptError:  # Redis was restarted, or its scripts were flushed
            return self._call(b"EVAL", COUNT, *words)
        except (NotConnected, OSError):
            if not kept:
                raise
        return self._call(b"EVAL", COUNT, *words)

    def _call(self, *words: Any) -> bytes:
        # redis-py would look at each word's type first; these have the right ones.
        self._connection.send_packed_command([hiredis.pack_command(words)], check_health=False)
        answer: bytes = self._connection.read_response(disable_decoding=True)
        return answer


def counting_again() -> None:
    """Ask Redis at once, whether or not it was away a moment ago."""
    CounterCache._away_until = 0.0
