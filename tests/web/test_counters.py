"""One call counts a request everywhere; a Redis that was restarted, flushed or is away is no reason to fail."""

import time

import pytest
import redis
from django.test import RequestFactory
from redis.exceptions import RedisError

from web import counters, rate_limits
from web.counters import count, counts, key_of, use_once
from web.rate_limits import Verdict, check_limit


def test_one_call_counts_every_window():
    for n in (1, 2, 3):
        assert count([("k", 60), ("a", 60), ("b", 60)]) == [n, n, n]


def test_what_may_be_used_once_is_new_once():
    assert [use_once("solution", 60) for _ in range(3)] == [True, False, False]


def test_no_window_is_a_call_too():
    assert count([]) == []


def test_a_look_counts_nothing():
    count([("k", 60)])
    assert counts("k", "never") == [1, 0]
    assert count([("k", 60)]) == [2]


def test_no_counter_lives_for_ever_and_none_is_prolonged():
    for _ in range(2):
        count([("k", 60), ("a", 50)])
        use_once("solution", 40)
    lives = [counters.redis().ttl(key_of(name)) for name in ("k", "a", "solution")]
    assert [55 < lives[0] <= 60, 45 < lives[1] <= 50, 35 < lives[2] <= 40] == [True] * 3
    counters.redis().expire(key_of("k"), 7)
    count([("k", 60)])
    assert counters.redis().ttl(key_of("k")) <= 7


def test_counting_survives_scripts_and_connections_that_are_gone(settings):
    count([("k", 60)])
    counters.redis().script_flush()
    assert count([("k", 60)])[0] == 2
    ours = counters.redis().client_id()
    with redis.Redis.from_url(settings.REDIS_URL) as other:  # only ours: other tests share the server
        other.client_kill_filter(_id=str(ours))
    assert count([("k", 60)])[0] >= 3
    counters.redis().flushdb()
    assert count([("k", 60)])[0] == 1


def test_a_redis_that_is_away_is_not_asked_again_at_once(tmp_path, monkeypatch, settings):
    there = settings.REDIS_URL
    settings.REDIS_URL = f"unix://{tmp_path}/nobody.sock"
    counters.counting_again()
    with pytest.raises((RedisError, OSError)):
        count([("k", 60)])
    settings.REDIS_URL = there
    for again in (lambda: count([("k", 60)]), lambda: use_once("k", 60), lambda: counts("k")):
        with pytest.raises(RedisError, match="a moment ago"):
            again()
    later = time.monotonic() + counters.AWAY_FOR
    monkeypatch.setattr(counters.time, "monotonic", lambda: later)
    counters._thread.connection = None
    assert count([("k", 60)])[0] == 1


def test_without_redis_a_limit_knows_nothing_and_says_so(monkeypatch):
    def away(*args, **kwargs):
        raise redis.ConnectionError

    monkeypatch.setattr("django.core.cache.backends.redis.RedisCacheClient.get_client", away)
    limit = check_limit(RequestFactory().post("/", REMOTE_ADDR="192.0.2.1"), "login", "1/h")
    assert limit.verdict is Verdict.UNKNOWN


def test_limits_of_different_kinds_and_networks_are_counted_apart():
    def verdicts(group, address):
        request = RequestFactory().post("/", REMOTE_ADDR=address)
        return [check_limit(request, group, "1/h").verdict for _ in range(2)]

    for group, address in (("withdraw", "192.0.2.1"), ("login", "192.0.2.1"), ("withdraw", "192.0.2.2")):
        assert verdicts(group, address) == [Verdict.WITHIN, Verdict.OVER]


def test_parts_of_one_ipv6_customer_share_a_limit():
    """A /48 has 65,536 parts of the size that is one sender otherwise."""
    addresses = [f"2001:db8:7:{n:x}::1" for n in range(4)]
    verdicts = [check_limit(RequestFactory().post("/", REMOTE_ADDR=a), "login", "1/h").verdict for a in addresses]
    assert verdicts == [Verdict.WITHIN] * rate_limits.WIDE + [Verdict.OVER] * (len(addresses) - rate_limits.WIDE)
    neighbour = RequestFactory().post("/", REMOTE_ADDR="2001:db8:8::1")
    assert check_limit(neighbour, "login", "1/h").verdict is Verdict.WITHIN


def test_a_server_error_is_told_as_one():
    counters.redis().lpush(key_of("k"), "no number")
    with pytest.raises(redis.ResponseError):
        count([("k", 60)])
