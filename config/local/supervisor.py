"""Keeps a set of child processes running until somebody asks for the end."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from config.local.children import Child, ChildFailed, ending, stop_all

WATCH_SECONDS = 0.25
FOLLOW_SECONDS = 0.5
# A child that ends is started again after this long, twice as long each time, until it has stayed up.
FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0
STAYED_UP = 60.0


class Asked(BaseException):
    """Somebody asked us to end: Ctrl-C, SIGTERM, a closed terminal, or the end of whom we follow."""


@contextmanager
def until_asked(follow: int | None = None) -> Iterator[None]:
    """Turn requests to end into `Asked`, raised once inside the block and swallowed at its end.

    `follow` is the process id of a parent to end with: `make`, which passes neither a SIGINT on to its
    children nor, of course, a SIGKILL.
    """

    def ask(signum: int, frame: object) -> None:
        if signum == signal.SIGALRM and (follow is None or is_waiting(follow)):
            return
        # Once: the stopping that follows must not be interrupted by an impatient second Ctrl-C.
        for other in signals:
            signal.signal(other, signal.SIG_IGN)
        raise Asked

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    before = {signum: signal.signal(signum, ask) for signum in signals}
    if follow is not None:
        signal.setitimer(signal.ITIMER_REAL, FOLLOW_SECONDS, FOLLOW_SECONDS)
    try:
        yield
    except Asked:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for signum, handler in before.items():
            signal.signal(signum, handler)


def is_waiting(parent: int) -> bool:
    """Say whether our parent is still `parent` and has not been sent a SIGINT.

    make answers a SIGINT by waiting for its children, with SIGINT no longer caught; the kernel shows
    that. Where it does not (no /proc), only the parent's end is noticed.
    """
    if os.getppid() != parent:
        return False
    try:
        status = Path(f"/proc/{parent}/status").read_text()
    except OSError:
        return True
    handled = 0
    for mask in re.findall(r"^Sig(?:Cgt|Ign):\s*([0-9a-f]+)", status, re.MULTILINE):
        handled |= int(mask, 16)
    return bool(handled >> (signal.SIGINT - 1) & 1)


@dataclass(slots=True)
class _Watched:
    child: Child
    started: float
    delay: float = FIRST_DELAY
    due: float | None = None  # when to start it again; None while it runs


class Supervisor:
    """Runs jobs and services as children. Leaving its `with` block stops all of them, last one first."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._watched: list[_Watched] = []
        self._job: Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._job:
            self._job.stop()
        stop_all(watched.child for watched in self._watched)

    def run(self, job: Child) -> None:
        """Run a job to its end. Raises `ChildFailed` when it ends with another status than 0."""
        self._job = job
        job.start()
        if (status := job.wait()) != 0:
            raise ChildFailed(f"{job.name} {ending(status)}.{job.last_words()}")
        self._job = None

    def add(self, child: Child) -> None:
        """Start a service, unless it runs, and watch it from now on."""
        if child.pid is None:
            child.start()
        self._watched.append(_Watched(child, time.monotonic()))

    def wait_ready(self, child: Child, ready: Callable[[], bool], timeout: float = 60.0) -> None:
        """Wait until a service is ready, seeing to the others meanwhile. Raises `ChildFailed`."""
        others = [watched for watched in self._watched if watched.child is not child]

        def ready_after_a_round() -> bool:
            self._round(others)
            return ready()

        child.wait_ready(ready_after_a_round, timeout)

    def watch(self) -> None:
        """Start again whatever ends, for ever."""
        while True:
            self._round(self._watched)
            time.sleep(WATCH_SECONDS)

    def _round(self, watched: Sequence[_Watched]) -> None:
        for each in watched:
            self._see_to(each, time.monotonic())

    def _see_to(self, watched: _Watched, now: float) -> None:
        if watched.due is not None:
            if now >= watched.due:
                watched.child.start()
                watched.started, watched.due = now, None
            return
        if (status := watched.child.poll()) is None:
            return
        if now - watched.started > STAYED_UP:
            watched.delay = FIRST_DELAY
        self._say(
            f"{watched.child.name} {ending(status)}; starting it again in {watched.delay:g} s. "
            f"Its log: {watched.child.log}"
        )
        watched.due = now + watched.delay
        watched.delay = min(watched.delay * 2, LONGEST_DELAY)


class PortTaken(RuntimeError):
    """Something else listens on the port, or may soon. The message is for the terminal."""


def next_free_port(host: str, port: int) -> int:
    """The first port above this one that nobody listens on. Raises `PortTaken` where there is none."""
    for candidate in range(port + 1, min(port + 100, 65_536)):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                trial.bind((host, candidate))
                return candidate
    raise PortTaken(f"No port above {port} is free. Try: make demo PORT={port} DESK_PORT=…")


def reserve_port(host: str, port: int) -> socket.socket | None:
    """Make sure that a port is free, and keep others that ask the same way from it until we listen.

    Granian listens with SO_REUSEPORT: two sites on one port would share its visitors without a word.
    So the port is tried without that option, and then held (not listened on) with it, which lets Granian
    in and a second `make demo` not. Raises `PortTaken`. Close what it returns once the server listens.
    """
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except PermissionError as error:
            raise PortTaken(f"Port {port} is reserved for root. Try: make demo PORT=8001") from error
        except OSError as error:
            raise PortTaken(f"Port {port} is already in use. Try: make demo PORT={port + 1}") from error
    if sys.platform != "linux":
        return None
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        held.bind((host, port))
    except OSError:
        # Closed connections of an earlier server linger on the port; Granian may have it, we may not.
        held.close()
        return None
    return held
