"""Whoever may write to the queues can wake a worker, and no more."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

from config.notices import notice
from tests.faults.crowd import Crowd
from tests.support.stack import LOCAL, RECOVERY, Stack, wait_until

QUEUES = ("undersigned", "undersigned-mail", "undersigned-slow")
#: Bytes that a worker's process may have grown by.
ROOM = 100 * 2**20


def hostile() -> list[bytes]:
    """300 kB that are 300 MB, a time limit that kills, callbacks, what is no JSON, no message, and no stage."""
    bomb = base64.b64encode(gzip.compress(b"[[], {}, {}]" + b" " * 300_000_000)).decode()
    told: list[dict[str, Any]] = [notice("signatures.admit", QUEUES[0]) for _ in range(5)]
    told[0] |= {"body": bomb, "headers": told[0]["headers"] | {"compression": "application/x-gzip"}}
    told[1]["headers"] |= {"timelimit": [0.001, 0.001]}
    told[2]["body"] = base64.b64encode(json.dumps([[1, 2], {"x": 1}, {"callbacks": [{"task": "x"}]}]).encode()).decode()
    told[3]["headers"] |= {"task": "celery.chord_unlock", "eta": "2099-01-01T00:00:00"}
    told[4]["properties"] = {}
    garbage = [
        b"",
        b"garbage",
        b"\xff\xfe",
        b"{}",
        b"[]",
        b"null",
        b'[{}, "a", "b"]',
        b"[" * 5000,
        b'{"headers": {"task": "x"}}',
    ]
    return [json.dumps(message).encode() for message in told] + garbage


def memory(pids: list[int]) -> dict[int, int]:
    """Bytes that each of these processes has ever had at once."""
    status = {pid: Path(f"/proc/{pid}/status").read_text().splitlines() for pid in pids}
    return {
        pid: next(int(line.split()[1]) * 1024 for line in of if line.startswith("VmHWM")) for pid, of in status.items()
    }


def test_hostile_messages_wake_workers_and_do_nothing_else(stack: Stack) -> None:
    pids = stack.working()
    before = memory(pids)
    with stack.redis() as client:
        for queue in QUEUES:
            client.lpush(queue, *hostile())
        wait_until(lambda: not any(client.llen(queue) for queue in QUEUES), RECOVERY, "the queues are empty")
    with Crowd(stack, LOCAL, confirming=True) as crowd:
        wait_until(lambda: len(crowd.confirmed) >= 10, RECOVERY, "workers go on")
    assert stack.working() == pids
    assert {pid: most for pid, most in memory(pids).items() if most > before[pid] + ROOM} == {}
    said = (stack.home / "log" / "worker.log").read_text(errors="replace")
    assert "names no stage" in said
    assert "Traceback" not in said
    wait_until(crowd.confirm_the_rest, RECOVERY, "whoever was told so is counted")
