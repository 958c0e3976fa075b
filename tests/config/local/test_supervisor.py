"""Whatever ends is started again, and nothing outlives the supervisor."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.local.children import Child, ChildFailed
from config.local.supervisor import Asked, PortTaken, Supervisor, is_waiting, reserve_port, until_asked
from tests.support.processes import processes_of, until
from tests.support.stack import copy_demo

ROOT = Path(__file__).resolve().parents[3]
HOST = "127.0.0.1"


def python(program: str, tmp_path: Path, name: str = "program", **options: object) -> Child:
    """A child that runs a few lines of Python."""
    return Child(name, [sys.executable, "-c", program], log=tmp_path / f"{name}.log", **options)  # type: ignore[arg-type]


def is_running(pid: int) -> bool:
    """Say whether a process runs; one that ended but was not yet collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def free_port() -> int:
    """A port that is free now. Tests in parallel may draw the same one only with bad luck."""
    with socket.socket() as drawn:
        drawn.bind((HOST, 0))
        return int(drawn.getsockname()[1])


# --- children ----------------------------------------------------------------------------------------------


def test_stop_kills_who_does_not_listen(tmp_path: Path) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
    child = python(deaf, tmp_path, grace=0.1)
    child.start()
    child.wait_ready(lambda: "up" in child.last_words())
    child.stop()
    assert child.poll() == -signal.SIGKILL


def test_workers_of_a_killed_main_process_are_killed(tmp_path: Path) -> None:
    family = "import os, signal; pid = os.fork(); pid and print(pid, flush=True); signal.pause()"
    child = python(family, tmp_path)
    child.start()
    assert child.log is not None
    assert until(child.log.read_text)
    grandchild = int(child.log.read_text())
    child.send(signal.SIGKILL)
    assert until(lambda: child.poll() is not None)
    assert until(lambda: not is_running(grandchild))


def test_child_dies_with_its_parent(tmp_path: Path) -> None:
    program = (
        "import sys, time; from config.local.children import Child\n"
        "child = Child('sleeper', [sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "child.start(); print(child.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        orphan = int(parent.stdout.readline())
        assert is_running(orphan)
        parent.kill()
    assert until(lambda: not is_running(orphan))


def test_failure_shows_the_last_words(tmp_path: Path) -> None:
    child = python("raise SystemExit('the disk is full')", tmp_path)
    child.start()
    with pytest.raises(ChildFailed, match=r"program ended with status 1\.(?s:.*)the disk is full"):
        child.wait_ready(lambda: False)


def test_not_ready_in_time_is_a_failure(tmp_path: Path) -> None:
    child = python("import time; time.sleep(600)", tmp_path)
    child.start()
    with pytest.raises(ChildFailed, match="was not ready after 0 s"):
        child.wait_ready(lambda: False, timeout=0.1)
    child.stop()


def test_program_that_does_not_exist_says_so(tmp_path: Path) -> None:
    child = Child("nothing", ["/nonexistent/program"], log=tmp_path / "nothing.log")
    child.start()
    assert child.wait() == 127
    assert "/nonexistent/program: No such file" in child.last_words()


# --- the supervisor -------------------------------------------------------------------------------------------


def test_service_that_ends_is_started_again_and_it_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    with Supervisor(said.append) as supervisor:
        service, bystander = (python("import time; time.sleep(600)", tmp_path, name) for name in ("service", "other"))
        supervisor.add(service)
        supervisor.add(bystander)
        first = service.pid
        service.send(signal.SIGKILL)
        supervisor.wait_ready(bystander, lambda: service.pid != first)
    assert said == [f"service was ended by SIGKILL; starting it again in 0.5 s. Its log: {service.log}"]
    assert service.poll() is not None


def test_each_restart_waits_longer(tmp_path: Path) -> None:
    said: list[str] = []
    with Supervisor(said.append) as supervisor:
        supervisor.add(python("raise SystemExit(3)", tmp_path, "broken"))
        bystander = python("import time; time.sleep(600)", tmp_path, "bystander")
        supervisor.add(bystander)
        supervisor.wait_ready(bystander, lambda: len(said) == 2)
    assert [line.partition("again in ")[2].partition(" s.")[0] for line in said] == ["0.5", "1"]


def test_failed_job_is_an_error(tmp_path: Path) -> None:
    with Supervisor(print) as supervisor, pytest.raises(ChildFailed, match="job ended with status 4"):
        supervisor.run(python("raise SystemExit(4)", tmp_path, "job"))


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_asked_once_and_impatience_is_ignored(signum: signal.Signals, tmp_path: Path) -> None:
    before = signal.getsignal(signum)
    stopped = False
    with until_asked():
        try:
            os.kill(os.getpid(), signum)
            pytest.fail("was not asked")
        except Asked:
            os.kill(os.getpid(), signum)
            stopped = True
            raise
    assert stopped
    assert signal.getsignal(signum) == before


def test_end_of_whom_we_follow_is_a_request() -> None:
    with until_asked(follow=os.getpid()):  # not our parent: as if the parent had ended
        until(lambda: False)
        pytest.fail("was not asked")


def test_parent_that_was_interrupted_no_longer_waits(tmp_path: Path) -> None:
    """make, sent a SIGINT, stops catching it and waits for its children."""
    program = (
        "import os, signal, subprocess, sys\n"
        "def see(): print(subprocess.run([sys.executable, '-c', 'import os;"
        " from config.local.supervisor import is_waiting; print(is_waiting(os.getppid()))'],"
        " capture_output=True, text=True).stdout.strip())\n"
        "see(); signal.signal(signal.SIGINT, signal.SIG_DFL); see()"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == ["True", "False"], done.stderr
    assert not is_waiting(os.getpid())


# --- the port -------------------------------------------------------------------------------------------------


def test_taken_port_is_named_with_a_way_out() -> None:
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"^Port {port} is already in use\. Try: make demo PORT={port + 1}$"):
            reserve_port(HOST, port)


def test_reserved_port_keeps_a_second_demo_out_and_lets_granian_in() -> None:
    held = reserve_port(HOST, port := free_port())
    assert held is not None
    with held, socket.socket() as granian:
        with pytest.raises(PortTaken):
            reserve_port(HOST, port)
        granian.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        granian.bind((HOST, port))
        granian.listen()
        with socket.create_connection((HOST, port), timeout=5):
            pass


# --- the whole demo -------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A demo's home with a space in its path, prepared and with static files: how it is prepared is tried where it is
    made (stack.py), and collecting where it is collected."""
    home = tmp_path / "a home"
    copy_demo(home)
    shutil.copytree(os.environ["TEST_STATIC_ROOT"], home / "static", dirs_exist_ok=True)
    return home


@contextmanager
def demo(home: Path, *command: str) -> Iterator[subprocess.Popen[str]]:
    """Run the demo under `home` until it says that it is ready."""
    environment = {**os.environ, "VAR_DIR": str(home)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        said: list[str] = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("ready: "):
                break
        else:
            pytest.fail("".join(said))
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.acceptance
def test_killed_demo_leaves_no_orphan_and_make_starts_it_again_until_it_is_interrupted(home: Path) -> None:
    port = free_port()
    with demo(home, sys.executable, "manage.py", "demo", "--port", str(port)) as process:
        names = " ".join(processes_of(home).values())
        assert all(name in names for name in ("granian", "celery", "beat", "postgres", "valkey"))
        process.kill()
        process.wait()
        assert until(lambda: not processes_of(home), 60), processes_of(home)
    # Again under the same folder, and asked to end this time.
    with demo(home, "make", "demo", f"PORT={port}", "SIGNATURES=100") as process:
        with urllib.request.urlopen(f"http://{HOST}:{port}/readyz", timeout=10) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        assert until(lambda: process.poll() is not None, 60)
        assert process.stdout is not None
        assert "Stopped." in process.stdout.read()
        assert until(lambda: not processes_of(home), 60), processes_of(home)
