"""Management commands in processes of the site, without Django's start each time, which takes two seconds.

Run as a program it loads Django once, with its role's environment, and then runs each command that it is told in
a fork of itself. So every command has a process of its own, as under manage.py, and leaves nothing to the next.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]


class Commands:
    """Runs commands with one environment; ends with `close()`, or with the process that made it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._turn = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.commands"],
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """(exit status, what it printed, what it complained) of one command."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._turn:
            self._process.stdin.write(json.dumps(arguments) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        assert answer, f"the process that runs commands ended before {arguments[0]} did"
        status, printed, complained = json.loads(answer)
        return status, printed, complained

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()


# --- the program ----------------------------------------------------------------------------------------------


def main() -> None:
    """Answer each line of standard input, until it ends."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what anybody else prints is no answer
    for line in sys.stdin:
        answers.write(json.dumps(in_a_fork(json.loads(line))) + "\n")
        answers.flush()


def in_a_fork(arguments: list[str]) -> tuple[int, str, str]:
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as complained:
        pid = os.fork()
        if pid == 0:
            become(arguments, printed, complained)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return status, whole(printed), whole(complained)


def become(arguments: list[str], printed: IO[bytes], complained: IO[bytes]) -> None:
    """As `manage.py ARGUMENTS` from here on. Does not return."""
    from django.core.management import execute_from_command_line

    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(printed.fileno(), 1)
    os.dup2(complained.fileno(), 2)
    sys.stdin, sys.stdout, sys.stderr = (io.TextIOWrapper(io.FileIO(fd, mode)) for fd, mode in enumerate("rww"))
    sys.argv = ["manage.py", *arguments]
    status = 1
    try:
        execute_from_command_line(sys.argv)
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def whole(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


if __name__ == "__main__":
    main()
