"""Workers that are killed at each step of building a packet: it comes out whole, once, and tells of nobody who left."""

from __future__ import annotations

import pytest

from tests.faults.crowd import MARK
from tests.faults.inside import run
from tests.faults.searching import in_clear
from tests.faults.test_workers import waiting
from tests.support.stack import LOCAL, RECOVERY, Stack, kill, wait_until


def _die_by(stack: Stack, seeds: list[int]) -> None:
    run(stack, "flood", LOCAL, 60)
    wait_until(lambda: stack.revive() and not waiting(stack), RECOVERY, "all is admitted")
    kill(stack.worker)
    try:
        for seed, fate in zip(seeds, run(stack, "kill_builds", LOCAL, seeds), strict=True):
            told = f"seed {seed}, killed at {fate['deaths']}: {fate}"
            assert fate["state"] == "ready", told
            assert fate["problems"] == [], told
            assert fate["told_of_the_gone"] == 0, told
            assert fate["sum"] == 0, told
            assert fate["unfinished_parts"] == 0, told
        assert in_clear(stack.home, [MARK.encode()]) == []
    finally:
        stack.worker.start()


@pytest.mark.slow
def test_packets_of_killed_workers_are_whole(stack: Stack) -> None:
    _die_by(stack, [*range(3)])


@pytest.mark.slow
def test_fifty_packets_of_killed_workers_are_whole(stack: Stack) -> None:
    _die_by(stack, [*range(100, 150)])
