"""For tests of what starts processes: which there are, and waiting until something holds."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path


def until(condition: Callable[[], object], seconds: float = 20) -> bool:
    """Poll until the condition holds; say whether it did in time."""
    deadline = time.monotonic() + seconds
    while not (held := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(held)


def processes_of(home: Path) -> dict[int, str]:
    """Return all processes that have to do with a home: by where they are, what they say, what they were told."""
    found = {}
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            place = str((process / "cwd").readlink())
            told = os.fsencode(home) in (process / "environ").read_bytes()
        except OSError:
            continue  # it has just ended, or is another user's
        if told or str(home) in command or place.startswith(str(home)):
            found[int(process.name)] = command
    return found
