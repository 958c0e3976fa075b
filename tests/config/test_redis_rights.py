"""What each tier may do in Redis, tried as its own user; that it suffices, tests/faults try with whole processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings as configured
from django.core.cache import cache
from kombu import Connection
from redis import Redis
from redis.exceptions import NoPermissionError, RedisError

from config.celery import STAGES, app
from config.redis_rights import MINUTES, TIERS, Tier, cache_prefix, queues, rights
from config.settings import _broker
from web import counters, network_key
from web.minute_counters import KINDS, read_minutes

PREFIX, QUEUE = configured.CACHE_PREFIX, configured.CELERY_TASK_DEFAULT_QUEUE
PUBLIC, DESK = (cache_prefix(PREFIX, tier) for tier in ("public", "desk"))
QUEUES = queues(QUEUE)
ADMIN = configured.REDIS_URL


@pytest.fixture(scope="module")
def url_of() -> Iterator[Callable[[Tier], str]]:
    """The address of Redis for each tier, as users whose names are this process's own."""
    with Redis.from_url(ADMIN) as admin:
        for tier in TIERS:
            admin.execute_command("ACL", "SETUSER", f"{PREFIX}-{tier}", "on", "nopass", *rights(tier, PREFIX, QUEUE))

        def address(tier: Tier) -> str:
            parts = urlsplit(ADMIN)
            return urlunsplit(parts._replace(netloc=f"{PREFIX}-{tier}@{parts.netloc.rpartition('@')[2]}"))

        yield address
        admin.execute_command("ACL", "DELUSER", *(f"{PREFIX}-{tier}" for tier in TIERS))


REFUSED: dict[Tier, list[tuple[str, ...]]] = {
    "public": [
        *[("LRANGE", queue, "0", "-1") for queue in QUEUES],
        *[("BRPOP", queue, "1") for queue in QUEUES],
        ("DEL", QUEUE),
        ("LPUSH", "unacked", "x"),
        ("LPUSH", f"{PUBLIC}:list", "x"),
        ("HGETALL", "unacked"),
        ("SADD", f"_kombu.binding.{QUEUE}", "x"),
        ("GET", f"{DESK}:1:login-used-code-1"),
        ("DEL", f"{DESK}:1:login-used-code-1"),
        ("SET", f"{PREFIX}:elsewhere", "1"),
        ("EVAL", "return redis.call('GET', KEYS[1])", "1", f"{DESK}:1:x"),
        ("EVAL", "return redis.call('FLUSHALL')", "0"),
    ],
    "desk": [
        *[("LRANGE", queue, "0", "-1") for queue in QUEUES],
        ("MGET", f"{PUBLIC}:networks"),
        ("SET", f"{PUBLIC}:network", "1"),
        ("DEL", f"{PUBLIC}:network"),
        ("EVAL", "return 1", "0"),
        ("SADD", f"_kombu.binding.{QUEUE}", "x"),
    ],
    "worker": [
        ("GET", f"{DESK}:1:login-used-code-1"),
        ("MGET", f"{PUBLIC}:networks"),
        ("SET", f"{PUBLIC}:network", "1"),
        ("PUBLISH", "/0.celery.pidbox", "x"),
    ],
}
#: Whoever it is.
REFUSED_TO_ALL: list[tuple[str, ...]] = [
    ("FLUSHALL",),
    ("KEYS", "*"),
    ("SCAN", "0"),
    ("CONFIG", "GET", "*"),
    ("ACL", "LIST"),
    ("MONITOR",),
    ("SHUTDOWN", "NOSAVE"),
    ("SCRIPT", "FLUSH"),
    ("CLIENT", "LIST"),
    ("SUBSCRIBE", "anything"),
]


@pytest.mark.parametrize("tier", TIERS)
def test_what_is_not_a_tiers_own_is_refused(tier: Tier, url_of: Callable[[Tier], str]) -> None:
    done = []
    with Redis.from_url(url_of(tier)) as client:
        assert client.execute_command("ACL", "WHOAMI") == f"{PREFIX}-{tier}".encode()
        for words in [*REFUSED[tier], *REFUSED_TO_ALL]:
            try:
                client.execute_command(*words)
            except NoPermissionError:
                continue
            except RedisError as error:
                if "ACL" in str(error) or "permission" in str(error):  # from within a script
                    continue
            done.append(words)
    assert done == []


@pytest.fixture
def as_tier(settings: Any, url_of: Callable[[Tier], str]) -> Iterator[Callable[[Tier], None]]:
    """This process's counters and cache, as a tier's."""

    def become(tier: Tier) -> None:
        url = url_of(tier)
        configuration = {**configured.CACHES["default"], "LOCATION": url, "KEY_PREFIX": cache_prefix(PREFIX, tier)}
        settings.REDIS_URL, settings.CACHES = url, {"default": configuration}
        counters.counting_again()

    yield become
    counters.counting_again()


def test_the_public_tier_counts_and_notifies(as_tier: Callable[[Tier], None], url_of: Callable[[Tier], str]) -> None:
    as_tier("public")
    assert [counters.count([("network", 60), ("wide", 60)]) for _ in range(2)] == [[1, 1], [2, 2]]
    assert [counters.use_once("solution", 60) for _ in range(2)] == [True, False]
    assert counters.counts("network", "never") == [2, 0]
    assert network_key._shared()[0]
    _counts_in_its_cache()
    _notifies(url_of("public"))


def test_the_desk_counts_reads_counters_and_notifies(
    as_tier: Callable[[Tier], None], url_of: Callable[[Tier], str]
) -> None:
    as_tier("desk")
    assert read_minutes("taken", 1, 2) == read_minutes("confirmed", 1, 2) == [0, 0]
    assert network_key._shared()[0]
    _counts_in_its_cache()
    _notifies(url_of("desk"))


def _counts_in_its_cache() -> None:
    assert cache.add("codes", 0, 60)
    assert not cache.add("codes", 0, 60)
    assert cache.incr("codes") == 1
    assert cache.get_many(["codes", "none"]) == {"codes": 1}
    cache.delete("codes")
    assert cache.get("codes") is None


def _notifies(url: str) -> None:
    with Redis.from_url(url) as tier:
        before = {queue: tier.llen(queue) for queue in QUEUES}
    with Connection(_broker(url)) as connection:
        for stage in ("admit", "send_mails", "prune"):
            app.send_task(f"signatures.{stage}", retry=False, declare=(), connection=connection)
    with Redis.from_url(ADMIN) as admin:
        assert {queue: admin.llen(queue) for queue in QUEUES} == {queue: n + 1 for queue, n in before.items()}
        admin.delete(*QUEUES)


def test_a_worker_reads_what_each_minute_brought(as_tier: Callable[[Tier], None]) -> None:
    as_tier("worker")
    assert [read_minutes(kind, 1, 2) for kind in KINDS] == [[0, 0], [0, 0]]
    assert MINUTES == KINDS


def test_stages_use_the_queues_that_the_rights_name() -> None:
    assert {queue for queue, _seconds in STAGES.values()} == set(QUEUES)
