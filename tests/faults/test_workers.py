"""Workers that are killed, and rings that come three at a time: nothing is lost, nothing counted twice."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from pathlib import Path

import pytest

from tests.faults.crowd import MARK, NAME, an_address, mails_per_address
from tests.faults.inside import run
from tests.faults.searching import in_clear
from tests.support.stack import AT_RISK, LOCAL, OFTEN, RECOVERY, STAGES, Stack, children_of, kill, wait_until


def waiting(stack: Stack) -> int:
    ((count,),) = stack.sql(
        "SELECT count(*) FROM signatures_submission WHERE confirmed_at IS NOT NULL AND outcome IS NULL"
    )
    return int(count)


def wait_for_a_batch(stack: Stack) -> None:
    """Ring, and wait until one more batch is admitted; there has to be another after it."""
    before = waiting(stack)
    stack.ring("admit")
    left = wait_until(lambda: (now := waiting(stack)) < before and (now, "left"), RECOVERY, "a batch is admitted")
    assert left[0], "everything was admitted before the fault could come: take more submissions"


def test_workers_killed_while_admitting_lose_and_double_nothing(stack: Stack) -> None:
    before = stack.counts(AT_RISK)
    kill(stack.worker)
    run(stack, "flood", AT_RISK, 10_000, 300)

    stack.worker.start()
    wait_for_a_batch(stack)
    kill(stack.worker)
    assert waiting(stack)

    stack.worker.start()
    wait_for_a_batch(stack)
    for pid in children_of(pool_of(stack)):
        os.kill(pid, signal.SIGKILL)

    wait_until(lambda: stack.revive() and not waiting(stack), RECOVERY, "all is admitted")
    after = stack.assert_adds_up(AT_RISK)
    assert after.counted - before.counted == 10_000
    assert after.ledger["duplicate"] - before.ledger["duplicate"] == 300


def pool_of(stack: Stack) -> int:
    assert stack.worker.pid is not None
    return stack.worker.pid


def test_everything_rung_three_times_at_once_happens_once(stack: Stack) -> None:
    signer = an_address()
    stack.sign(LOCAL, signer, name=NAME)
    links = stack.links_for(signer)
    stack.request("POST", links["confirm"], {})
    before = wait_until(lambda: (now := stack.counts(LOCAL)).waiting == 0 and now, RECOVERY, "the signature counts")

    kill(stack.worker)
    newcomers = [an_address() for _ in range(40)]
    assert all(stack.sign(LOCAL, address, name=NAME).status == 303 for address in newcomers)
    assert stack.request("POST", links["withdraw"], {}).status == 303
    run(stack, "flood", LOCAL, 3000, 100)
    delivery = run(stack, "approved_delivery", LOCAL, "count")
    stack.ring(*STAGES, times=3)
    stack.worker.start()

    wait_until(lambda: not waiting(stack), RECOVERY, "all is admitted")
    wait_until(lambda: stack.counts(LOCAL).ledger["withdrawn"] > before.ledger["withdrawn"], RECOVERY, "withdrawn")
    wait_until(lambda: state_of(stack, delivery) == "ready", RECOVERY, "the delivery is ready")
    wait_until(lambda: set(newcomers) <= mails_per_address(stack).keys(), RECOVERY, "the mails are sent")
    stack.ring(*STAGES, times=3)
    wait_until(lambda: stack.redis().llen("undersigned") == 0, RECOVERY, "all rings are heard")

    after = stack.assert_adds_up(LOCAL)
    assert after.numbered - before.numbered == 3000
    assert after.counted - before.counted == 3000 - 1
    assert after.ledger["withdrawn"] - before.ledger["withdrawn"] == 1
    sent = mails_per_address(stack)
    assert {address: sent[address] for address in newcomers} == dict.fromkeys(newcomers, 1)
    verify(stack, delivery)


@pytest.mark.slow
def test_delivery_of_a_killed_worker_is_built_again_and_no_name_was_ever_on_disk(stack: Stack) -> None:
    run(stack, "flood", LOCAL, 5_000)
    wait_until(lambda: not waiting(stack), RECOVERY, "all is admitted")
    kill(stack.worker)
    delivery = run(stack, "approved_delivery", LOCAL, "named")
    stack.ring("build_deliveries")
    stack.worker.start()

    spool = wait_until(lambda: spool_of(stack), RECOVERY, "a packet is being written", every=OFTEN)
    builder = int(spool.parts[2])
    os.kill(builder, signal.SIGSTOP)
    written = spool.read_bytes()
    os.kill(builder, signal.SIGKILL)
    assert state_of(stack, delivery) == "approved"
    assert written.startswith(b"age-encryption.org/v1")
    assert MARK.encode() not in written

    wait_until(lambda: stack.revive() and state_of(stack, delivery) == "ready", RECOVERY, "it is built again")
    listed = verify(stack, delivery, "officer-1")
    assert verify(stack, delivery, "officer-2") == listed >= 5_000
    assert in_clear(stack.home, [MARK.encode()]) == []


def state_of(stack: Stack, delivery: int) -> str:
    ((state,),) = stack.sql("SELECT state FROM signatures_delivery WHERE id = %s", delivery)
    return str(state)


def spool_of(stack: Stack) -> Path | None:
    """The file without a name into which one of the worker's processes writes a packet."""
    for pid in children_of(pool_of(stack)):
        for link in Path(f"/proc/{pid}/fd").glob("*"):
            with contextlib.suppress(OSError):
                # Smaller ones are billiard's semaphores.
                if os.readlink(link).endswith("(deleted)") and link.stat().st_size > 4096:
                    return link
    return None


def verify(stack: Stack, delivery: int, officer: str = "") -> int:
    """Run `verify_delivery` on its packet; how many persons are listed in it."""
    ((archive,),) = stack.sql("SELECT archive FROM signatures_delivery WHERE id = %s", delivery)
    identity = ["--identity", str(stack.home / "identities" / f"{officer}.txt")] if officer else []
    ((key,),) = stack.sql("SELECT sha256 FROM signatures_signingkey")
    said = stack.manage("verify_delivery", str(stack.home / "packets" / archive), "--key", key, *identity)
    assert "verifies" in said
    listed = re.search(r"(\d+) listed", said)
    return int(listed[1]) if listed else 0  # a packet of totals says nothing of a list
