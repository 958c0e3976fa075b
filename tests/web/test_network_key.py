"""Whoever has everything an hour later cannot tell which network signed."""

from __future__ import annotations

import hmac

import pytest
from django.conf import settings as configured
from django.test import RequestFactory

from web import counters, network_key
from web.network_key import LIFE, forget_network_key
from web.senders import sender_of

ADDRESSES = ["203.0.113.7", "2001:db8::7"]


def labels() -> list[str]:
    """Of the addresses, as a process that was just started writes them."""
    forget_network_key()
    senders = [sender_of(RequestFactory().get("/", REMOTE_ADDR=address)) for address in ADDRESSES]
    return [label for sender in senders for label in (sender.narrow, sender.wide)]


def random_part() -> str:
    [name] = counters.redis().scan_iter(f"{configured.CACHES['default']['KEY_PREFIX']}:networks")
    return name.decode()


def test_every_process_has_the_same_labels_and_each_network_its_own() -> None:
    assert labels() == labels()
    assert len(set(labels())) == 4


def test_the_random_part_goes_within_an_hour() -> None:
    labels()
    assert 0 < counters.redis().pttl(random_part()) <= LIFE * 1000
    assert len(counters.redis().get(random_part())) == 32


def test_once_it_is_gone_secret_redis_and_all_addresses_give_no_label() -> None:
    before = labels()
    counters.redis().delete(random_part())  # as Redis does by itself
    assert not set(before) & set(labels())


def test_neither_part_alone_gives_a_label(settings) -> None:
    before = labels()
    settings.SECRET_KEY = "another"
    assert not set(before) & set(labels())
    shared = counters.redis().get(random_part())
    packed = bytes([203, 0, 113, 7])
    guesses = [hmac.digest(key, packed, "sha256").hex()[:16] for key in (shared, b"another", b"")]
    assert not set(before) & set(guesses)


def test_a_running_process_follows_when_redis_lets_go(monkeypatch: pytest.MonkeyPatch) -> None:
    before = labels()
    counters.redis().delete(random_part())
    later = network_key.time.monotonic() + network_key.LOOK_AGAIN
    monkeypatch.setattr(network_key.time, "monotonic", lambda: later)
    assert sender_of(RequestFactory().get("/", REMOTE_ADDR=ADDRESSES[0])).narrow not in before


def test_without_redis_labels_stay_for_their_hour_and_then_are_the_process_s_own(
    settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def label() -> str:
        return sender_of(RequestFactory().get("/", REMOTE_ADDR=ADDRESSES[0])).narrow

    forget_network_key()
    now = network_key.time.monotonic()
    before = label()
    there, settings.REDIS_URL = settings.REDIS_URL, "redis://127.0.0.1:1/0"
    monkeypatch.setattr(network_key.time, "monotonic", lambda: now + network_key.LOOK_AGAIN + 1)
    assert label() == before
    assert "Redis is away" in caplog.text
    monkeypatch.setattr(network_key.time, "monotonic", lambda: now + LIFE + 1)
    alone = label()
    assert alone != before
    assert label() == alone
    settings.REDIS_URL = there
    monkeypatch.setattr(network_key.time, "monotonic", lambda: now + LIFE + 3)
    assert label() == before, "the others' again"
