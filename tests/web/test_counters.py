"""One call counts a request everywhere; a Redis that was restarted, flushed or is away is no reason to fail."""

import time

import pytest
import redis
from django.conf import settings
from django.core.cache import caches
from django.test import RequestFactory
from redis.exceptions import RedisError

from web import counters, minute_counters
from web.counters import Also, CounterCache
from web.rate_limits import Verdict, check_limit


@pytest.fixture
def counting() -> CounterCache:
    return caches["limits"]


def count(counting, key="k", **also):
    """(how many under the key, told)."""
    counting.also(Also(**also))
    counting.add(key, 1, 60)
    return counting.incr(key), counting.told


def test_one_call_counts_the_key_and_what_goes_along(counting):
    for n in (1, 2, 3):
        counted, told = count(counting, windows=(("a", 60), ("b", 60)))
        assert (counted, [*told.windows]) == (n, [n, n])


def test_what_counts_once_is_new_once(counting):
    assert [count(counting, once=("solution", 60))[1].is_first for _ in range(3)] == [True, False, False]
    assert not count(counting)[1].is_first


def test_what_went_along_once_does_not_go_along_again(counting):
    count(counting, windows=(("a", 60),))
    assert not count(counting)[1].windows


def test_a_look_counts_nothing(counting):
    count(counting)
    assert counting.add("k", 0, 60) is False
    assert counting.get("k", 0) == 1
    assert count(counting)[0] == 2


def test_incr_only_tells(counting):
    count(counting)
    with pytest.raises(ValueError, match="only tells"):
        counting.incr("another")


def test_no_counter_lives_for_ever(counting):
    count(counting, windows=(("a", 50),), once=("solution", 40))
    lives = {name: minute_counters.redis().ttl(counting.make_key(name)) for name in ("k", "a", "solution")}
    assert [55 < lives["k"] <= 60, 45 < lives["a"] <= 50, 35 < lives["solution"] <= 40] == [True] * 3


def test_counting_survives_scripts_and_connections_that_are_gone(counting):
    count(counting)
    minute_counters.redis().script_flush()
    assert count(counting)[0] == 2
    minute_counters.redis().client_kill_filter(skipme=True)
    assert count(counting)[0] >= 3
    minute_counters.redis().flushdb()
    assert count(counting)[0] == 1


def nowhere(tmp_path):
    return CounterCache(f"unix://{tmp_path}/nobody.sock", settings.CACHES["limits"])


def test_a_redis_that_is_away_is_not_asked_again_at_once(tmp_path, monkeypatch, counting):
    with pytest.raises((RedisError, OSError)):
        nowhere(tmp_path).add("k", 1, 60)
    with pytest.raises(RedisError, match="a moment ago"):  # any of the process's connections, this one too
        counting.add("k", 1, 60)
    later = time.monotonic() + counters.AWAY_FOR
    monkeypatch.setattr(counters.time, "monotonic", lambda: later)
    assert counting.add("k", 1, 60)


def test_without_redis_a_limit_knows_nothing_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(caches._connections, "limits", nowhere(tmp_path), raising=False)
    limit = check_limit(RequestFactory().post("/", REMOTE_ADDR="192.0.2.1"), "sign", "1/h")
    assert (limit.verdict, limit.count) == (Verdict.UNKNOWN, 0)


def test_limits_of_different_kinds_and_networks_are_counted_apart():
    def verdicts(group, address):
        request = RequestFactory().post("/", REMOTE_ADDR=address)
        return [check_limit(request, group, "1/h").verdict for _ in range(2)]

    for group, address in (("sign", "192.0.2.1"), ("login", "192.0.2.1"), ("sign", "192.0.2.2")):
        assert verdicts(group, address) == [Verdict.WITHIN, Verdict.OVER]


def test_a_server_error_is_told_as_one(counting):
    minute_counters.redis().lpush(counting.make_key("k"), "no number")
    with pytest.raises(redis.ResponseError):
        counting.add("k", 1, 60)
