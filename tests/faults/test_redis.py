"""Redis holds nothing that could be lost: flushed or away, what was acknowledged is counted."""

from __future__ import annotations

import time

import pytest

from config.celery import app
from tests.faults.crowd import Crowd, an_address, mails_per_address
from tests.support.stack import LOCAL, RECOVERY, Stack, kill, wait_until


def test_everything_acknowledged_while_redis_is_flushed_is_counted(stack: Stack) -> None:
    before = stack.counts(LOCAL).counted
    with Crowd(stack, LOCAL, signers=1, confirming=True) as crowd:
        for goal in range(20, 121, 20):
            wait_until(lambda goal=goal: len(crowd.acknowledged) >= goal, RECOVERY, "signing goes on")
            stack.flush_redis()
        wait_until(lambda: len(crowd.confirmed) >= 50, RECOVERY, "confirming goes on")
        stack.flush_redis()

    assert crowd.refused == crowd.unanswered == []
    wait_until(crowd.confirm_the_rest, RECOVERY, "every mail comes")
    stack.flush_redis()
    goal = before + len(crowd.acknowledged)
    wait_until(lambda: stack.counts(LOCAL).counted == goal, RECOVERY, "all are counted")
    stack.assert_adds_up(LOCAL)
    assert all(mails_per_address(stack)[address] == 1 for address in crowd.acknowledged)


def test_a_ring_that_redis_cannot_be_told_is_done_takes_no_place_for_good(stack: Stack) -> None:
    """Else a worker, all of whose places were taken when Redis went, would never take a ring again."""
    options = {"socket_connect_timeout": 0.3, "socket_timeout": 1}
    with app.connection_for_write(stack.broker_url(), transport_options=options) as connection:
        channel = connection.channel()
        channel.basic_qos(0, 1, False)
        queue = connection.SimpleQueue("spare", channel=channel)
        queue.put("ring")
        message = queue.get(timeout=5)
        assert not channel.qos.can_consume()
        assert stack.servers.valkey is not None
        kill(stack.servers.valkey)
        with pytest.raises(connection.connection_errors):
            message.ack()
        assert channel.qos.can_consume()


def test_signing_goes_on_while_redis_is_away(stack: Stack) -> None:
    before = stack.counts(LOCAL).ledger["taken"]  # after a flood, some are held
    valkey = stack.servers.valkey
    assert valkey is not None
    kill(valkey)

    address, begin = an_address(), time.monotonic()
    assert stack.sign(LOCAL, address).status == 303
    assert time.monotonic() - begin < 5
    assert "redis: away" in stack.request("GET", "/readyz").text

    stack.restart_server(valkey)
    links = stack.links_for(address, RECOVERY)
    assert stack.request("POST", links["confirm"], {}).status == 303
    wait_until(lambda: stack.counts(LOCAL).ledger["taken"] == before + 1, RECOVERY, "it is admitted")


def test_confirming_counts_without_redis_once_it_is_back(stack: Stack) -> None:
    before = stack.counts(LOCAL).counted
    address = an_address()
    stack.sign(LOCAL, address)
    links = stack.links_for(address)
    valkey = stack.servers.valkey
    assert valkey is not None
    kill(valkey)
    assert stack.request("POST", links["confirm"], {}).status == 303
    assert stack.request("GET", links["confirm"]).status == 200

    stack.restart_server(valkey)
    wait_until(lambda: stack.counts(LOCAL).counted == before + 1, RECOVERY, "it is counted")
    assert stack.request("POST", links["withdraw"], {}).status == 303
    wait_until(lambda: stack.counts(LOCAL).counted == before, RECOVERY, "it is withdrawn")
