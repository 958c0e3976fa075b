"""Child processes that never outlive the process that started them.

A child is started by way of this very file, run as a small program (`_launch` below): it gives up root
where that is wanted, asks the kernel for a signal when its parent ends, and becomes the real program.
That could be done in `preexec_fn` too, but Python code between fork and exec may deadlock in a process
with threads, and test runners, connection pools and web servers have threads.

On systems without PR_SET_PDEATHSIG (anything but Linux) children do outlive a parent that is killed by
SIGKILL; `config.local.embedded` says so at its next start.

Only the standard library is imported here, and little of it: the launcher pays for every import.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

# How a child stands to root: as its parent does; as nobody in a user namespace of its own, where the
# files stay root's; or really as nobody, with the one capability to reach files below a closed folder.
Privilege = Literal["keep", "namespace", "nobody"]

NOBODY = 65534
# What starts a child; followed by our pid, the orphans' signal, the privilege, and the real command.
LAUNCHER = (sys.executable, "-I", "-S", __file__)
POLL_SECONDS = 0.02


class ChildFailed(RuntimeError):
    """A child ended, or did not become ready, although it was needed. The message is for the terminal."""


@dataclass(slots=True)
class Child:
    """One program to run, and the process that runs it at the moment.

    It may be started again after it has ended. Start it from a thread that lives on (the main thread):
    the kernel sends the orphans' signal when the *thread* that started a process ends.
    """

    name: str
    argv: Sequence[str | Path]
    log: Path | None = None  # appended to; None: our own stdout and stderr
    env: Mapping[str, str] | None = None  # None: our own
    cwd: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals | None = None  # None: the same as stop_signal
    grace: float = 10.0  # seconds from the stop signal to SIGKILL
    privilege: Privilege = "keep"
    keep_open: Sequence[int] = ()  # file descriptors it inherits
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    @property
    def pid(self) -> int | None:
        """The process id, or None when it was never started."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the program in a session of its own, so that Ctrl-C reaches only the supervisor."""
        output = self.log.open("ab") if self.log else None
        try:
            self._process = subprocess.Popen(
                self._launch_argv(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self.env,
                cwd=self.cwd,
                start_new_session=True,
                pass_fds=tuple(self.keep_open),
            )
        finally:
            if output:
                output.close()

    def _launch_argv(self) -> list[str | Path]:
        dying = self.orphan_signal or self.stop_signal
        return [*LAUNCHER, str(os.getpid()), str(int(dying)), self.privilege, *self.argv]

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs. What it left behind in its session is killed."""
        if self._process is None:
            return 0
        known = self._process.returncode
        status = self._process.poll()
        if known is None and status is not None:
            # A main process that was killed cannot stop its workers; nobody else would. Done once, at
            # once: later the number may belong to somebody else's group.
            self._kill_group()
        return status

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return the exit status. Raises `subprocess.TimeoutExpired` (seconds)."""
        if self._process is None:
            return 0
        if self._process.returncode is None:
            self._process.wait(timeout)
            self._kill_group()
        return self._process.returncode

    def wait_ready(self, ready: Callable[[], bool], timeout: float = 30.0) -> None:
        """Wait until `ready()`; raise `ChildFailed` when it ends before that or `timeout` seconds pass."""
        deadline = time.monotonic() + timeout
        while not ready():
            if (status := self.poll()) is not None:
                raise ChildFailed(f"{self.name} {ending(status)}.{self.last_words()}")
            if time.monotonic() > deadline:
                raise ChildFailed(f"{self.name} was not ready after {timeout:.0f} s.{self.last_words()}")
            time.sleep(POLL_SECONDS)

    def send(self, signum: signal.Signals) -> None:
        """Send its main process a signal; nothing happens when that has ended."""
        if self._process is not None:
            self._process.send_signal(signum)

    def stop(self) -> None:
        """Ask it to end, wait for `grace` seconds, then kill it and what is left of its session."""
        if self.poll() is not None:
            return
        self.send(self.stop_signal)
        try:
            self.wait(self.grace)
        except subprocess.TimeoutExpired:
            self._kill_group()
            self.wait()

    def _kill_group(self) -> None:
        """Kill every process of its session that has not left the group (PostgreSQL's do; they go alone)."""
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def last_words(self, lines: int = 12) -> str:
        """Return the end of its log, for an error message; empty when it has no log of its own."""
        if self.log is None or not self.log.exists():
            return ""
        tail = self.log.read_bytes()[-8192:].decode(errors="replace").rstrip().splitlines()[-lines:]
        return "\n".join([f" From {self.log}:", *(f"  | {line}" for line in tail)])


def stop_all(children: Iterable[Child]) -> None:
    """Stop children in reverse order of their start, each before the next."""
    for child in reversed(list(children)):
        child.stop()


def ending(status: int) -> str:
    """Say how a process ended, from its exit status as `subprocess` gives it."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"


# --- the launcher: runs in the child, between fork and the real program ------------------------------------

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
LINUX_CAPABILITY_VERSION_3 = 0x20080522


def _launch(parent: int, dying: int, privilege: str, argv: list[str]) -> None:
    """Become `argv`. Does not return; exits with 127 when the program cannot be run."""
    if privilege == "namespace":
        _enter_user_namespace()
    elif privilege == "nobody":
        _become_nobody()
    _die_with(parent, dying)  # a change of credentials clears it, so it comes after them
    _reset_signals()
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - becoming it is the purpose
    except OSError as error:
        print(f"{argv[0]}: {error.strerror}", file=sys.stderr)
        os._exit(127)


def _die_with(parent: int, signum: int) -> None:
    if sys.platform != "linux":
        return
    _prctl(PR_SET_PDEATHSIG, signum)
    # The parent may have ended before we asked; then nobody will send the signal.
    if os.getppid() != parent:
        os._exit(1)


def _reset_signals() -> None:
    """Undo what Python, or a shell that starts things in the background, has set to be ignored."""
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for signum in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(signum, signal.SIG_DFL)


def _enter_user_namespace() -> None:
    """Look like nobody while the files stay those of whoever we are: no chown, works below /root."""
    uid, gid = os.geteuid(), os.getegid()
    os.unshare(os.CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{NOBODY} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{NOBODY} {gid} 1")


def _become_nobody() -> None:
    """Leave root for good, but keep the right to pass closed folders: the checkout may be below /root."""
    if sys.platform == "linux":
        _prctl(PR_SET_KEEPCAPS, 1)
        # access(2) asks as the real user without capabilities unless this is set; initdb looks so for its own folder.
        _prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    if sys.platform == "linux":
        _keep_capability(CAP_DAC_OVERRIDE)


def _keep_capability(capability: int) -> None:
    """Hold one capability, across exec too. Without it (a stricter container) we go on as plain nobody."""
    bit = 1 << capability
    header = (ctypes.c_uint32 * 2)(LINUX_CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(bit, bit, bit)  # effective, permitted, inheritable; then bits 32 to 63
    if ctypes.CDLL(None).capset(header, sets) == 0:
        _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability)


def _prctl(option: int, *arguments: int) -> None:
    values = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    ctypes.CDLL(None).prctl(option, *values)


if __name__ == "__main__":
    _launch(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
