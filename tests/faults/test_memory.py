"""What was typed does not stay in a web process's memory: another process takes its place, and nobody waits."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.crowd import Crowd, an_address
from tests.support.stack import LOCAL, RECOVERY, Stack, children_of, wait_until

#: Seconds: the least that Granian takes for a life, and what a change of processes may take.
LIFE, CHANGE = 60, 60
NAME = "Zwiebelfisch Grüßgott"


def processes(stack: Stack) -> set[int]:
    """Those that answer: not Granian's own, nor what Python has beside its children."""
    assert stack.web.pid
    told = {pid: Path(f"/proc/{pid}/cmdline") for pid in children_of(stack.web.pid)}
    return {pid for pid, line in told.items() if line.exists() and b"resource_tracker" not in line.read_bytes()}


def has_in_memory(pid: int, wanted: bytes) -> bool:
    """Whether this stands anywhere in what the process may write to."""
    with suppress(ProcessLookupError, FileNotFoundError):
        maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            for line in maps:
                area, rights = line.split()[:2]
                if "w" not in rights:
                    continue
                begin, end = (int(address, 16) for address in area.split("-"))
                with suppress(OSError, ValueError, OverflowError):
                    memory.seek(begin)
                    if wanted in memory.read(end - begin):
                        return True
    return False


def remembered(pids: set[int], addresses: list[str]) -> list[str]:
    """The addresses that one of the processes has in its memory, however they were sent: by what is before the "@"."""
    return [a for a in addresses if any(has_in_memory(pid, a.partition("@")[0].encode()) for pid in pids)]


@pytest.mark.acceptance
def test_after_a_process_s_life_nothing_typed_is_in_memory_and_no_request_is_lost(stack: Stack) -> None:
    argv = list(stack.web.argv)
    at = argv.index("--workers-lifetime") + 1
    stack.web.stop()
    stack.web.argv = [*argv[:at], str(LIFE), *argv[at + 1 :]]
    stack.web.start()
    stack.wait_for_web()
    try:
        first = processes(stack)
        with Crowd(stack, LOCAL, signers=2) as crowd:
            typed = [an_address() for _ in range(24)]
            for address in typed:
                assert stack.sign(LOCAL, address, name=NAME).status == 303
            assert remembered(first, typed), "a search that finds nothing at once finds nothing ever"
            wait_until(lambda: not first & processes(stack), LIFE + CHANGE, "all processes are others")
            again = len(crowd.acknowledged) + 50
            wait_until(lambda: len(crowd.acknowledged) >= again, RECOVERY, "signing goes on")
        assert (crowd.refused, crowd.unanswered) == ([], [])
        assert remembered(processes(stack), typed) == []
    finally:
        stack.web.argv = argv
        stack.web.stop()
        stack.web.start()


def test_no_process_of_ours_leaves_a_core_dump(stack: Stack) -> None:
    def limit(pid: int) -> list[str]:
        limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
        return next(line.split()[4:6] for line in limits if line.startswith("Max core file size"))

    # Granian's own process loads nothing of ours and gets nothing typed.
    serving = [pid for main in (stack.web, stack.desk) if main.pid for pid in children_of(main.pid)]
    working = stack.working()
    assert [limit(pid) for pid in (*serving, *working)] == [["0", "0"]] * (len(serving) + len(working))
