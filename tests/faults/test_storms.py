"""One fault after the other while people sign and confirm; for `make faults`."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable

import pytest

from tests.faults.crowd import Crowd, mails_per_address
from tests.support.stack import LOCAL, RECOVERY, STAGES, Stack, children_of, kill, wait_until

pytestmark = pytest.mark.slow

FAULTS = 25


def kill_worker(stack: Stack) -> None:
    kill(stack.worker)
    stack.worker.start()


def kill_pool(stack: Stack) -> None:
    assert stack.worker.pid
    for pid in children_of(stack.worker.pid):
        os.kill(pid, signal.SIGKILL)


def kill_beat(stack: Stack) -> None:
    kill(stack.beat)
    stack.beat.start()


def kill_a_web_worker(stack: Stack) -> None:
    assert stack.web.pid
    for pid in children_of(stack.web.pid)[:1]:
        os.kill(pid, signal.SIGKILL)


def flush_redis(stack: Stack) -> None:
    stack.flush_redis()


def kill_redis(stack: Stack) -> None:
    assert stack.servers.valkey
    kill(stack.servers.valkey)
    stack.restart_server(stack.servers.valkey)


def restart_postgres(stack: Stack) -> None:
    assert stack.servers.postgres
    stack.servers.postgres.stop()
    stack.restart_server(stack.servers.postgres)


def kill_postgres(stack: Stack) -> None:
    assert stack.servers.postgres
    kill(stack.servers.postgres)
    stack.restart_server(stack.servers.postgres)


def ring_all(stack: Stack) -> None:
    stack.ring(*STAGES, times=3)


MAIL_KILLERS = (kill_worker, kill_pool, restart_postgres, kill_postgres)
ALL: tuple[Callable[[Stack], None], ...] = (
    *MAIL_KILLERS, kill_beat, kill_a_web_worker, flush_redis, kill_redis, ring_all,
)  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_storm_of_faults_loses_and_doubles_nothing(stack: Stack, seed: int) -> None:
    dice = random.Random(seed)
    before = stack.counts(LOCAL)
    crashes = 0
    with Crowd(stack, LOCAL, confirming=True) as crowd:
        for _ in range(FAULTS):
            fault = dice.choice(ALL)
            crashes += fault in MAIL_KILLERS
            fault(stack)
            more = len(crowd.acknowledged) + dice.randint(5, 40)
            wait_until(
                lambda more=more: stack.revive() and len(crowd.acknowledged) >= more,
                RECOVERY,
                f"signing after {fault.__name__}",
            )

    wait_until(lambda: stack.revive() and crowd.confirm_the_rest(), 3 * RECOVERY, "every mail comes")
    wait_until(lambda: not stack.counts(LOCAL).waiting, RECOVERY, "all are counted")
    after = stack.assert_adds_up(LOCAL)
    # A confirmation may have been stored although its answer was lost, but nobody signs twice.
    assert after.counted - before.counted == len(crowd.confirmed)
    sent = mails_per_address(stack)
    assert max(sent[address] for address in crowd.acknowledged) <= 1 + crashes
    assert {answer.status for _, answer in crowd.refused} <= {503}
