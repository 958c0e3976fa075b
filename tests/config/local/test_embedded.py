"""The local PostgreSQL and Valkey: started once per home, stopped with their supervisor, data kept."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from config.local import embedded
from config.local.children import LAUNCHER, NOBODY
from config.local.embedded import AlreadyRunning, Embedded, attach, secret_keys
from tests.support.processes import processes_of, until

ROOT = Path(__file__).resolve().parents[3]

# Starts the servers, says so, and waits to be killed. argv: home.
SUPERVISOR = """
import sys
from pathlib import Path
from config.local.embedded import Embedded
with Embedded(Path(sys.argv[1]), durable=False):
    print("up", flush=True)
    sys.stdin.read()
"""


def make(home: Path, **options: Any) -> Embedded:
    """Servers small enough to run several at a time."""
    return Embedded(home, durable=False, shared_buffers="16MB", **options)


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A supervisor in its own process, with its servers up under tmp_path/home."""
    argv = [sys.executable, "-c", SUPERVISOR, str(tmp_path / "home")]
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        yield process
        process.kill()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """Servers that the tests below only look at, in a folder that has to be quoted everywhere."""
    with make(tmp_path_factory.mktemp("running") / "a folder, 100%25 'odd'") as servers:
        yield servers


def test_path_with_space_and_percent(running: Embedded) -> None:
    with psycopg.connect(running.database_url("public")) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("undersigned_public",)
    with redis.Redis.from_url(running.redis_url(1)) as valkey:
        assert valkey.ping()
    assert running.sockets.stat().st_mode & 0o077 == 0


def test_second_start_is_refused_and_leaves_the_first_alone(running: Embedded) -> None:
    with pytest.raises(AlreadyRunning, match=rf"already in use by a running demo \(pid {os.getpid()}\)"):
        make(running.home).start()
    assert running.answers()


def test_attach_uses_running_servers(running: Embedded) -> None:
    environment = attach(running.home, "worker")
    assert environment == {
        "DATABASE_URL": running.database_url("worker"),
        "REDIS_URL": running.redis_url(role="worker"),
    }


@pytest.mark.parametrize("role", ["public", "desk", "worker"])
def test_only_the_owner_makes_tables(running: Embedded, role: embedded.Role) -> None:
    with psycopg.connect(running.database_url(role), autocommit=True) as connection:
        for statement in ("CREATE TABLE mine (number int)", "SET ROLE undersigned_owner"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_owner_in_tests_makes_databases_and_acts_as_others(running: Embedded) -> None:
    with psycopg.connect(running.database_url("owner"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE made_by_owner")
        connection.execute("SET ROLE undersigned_desk")
    with (
        psycopg.connect(running.database_url("public", "made_by_owner"), autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("CREATE TABLE mine (number int)")


def test_typed_values_stay_out_of_the_log(running: Embedded) -> None:
    with psycopg.connect(running.database_url("owner"), autocommit=True) as connection:
        connection.execute("CREATE TEMP TABLE people (name text UNIQUE)")
        connection.execute("INSERT INTO people VALUES ('Typed Value')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO people VALUES ('Typed Value')")
    log = (running.log / "postgres.log").read_text()
    assert "duplicate key" in log
    assert "Typed Value" not in log


def test_data_survives_stop_and_start(tmp_path: Path) -> None:
    for expected in (1, 2):
        with Embedded(tmp_path, shared_buffers="16MB") as servers:
            with psycopg.connect(servers.database_url("owner"), autocommit=True) as connection:
                connection.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
                connection.execute("INSERT INTO kept VALUES (1)")
                assert connection.execute("SELECT count(*) FROM kept").fetchone() == (expected,)
                # What only tests may do.
                for statement in ("SET ROLE undersigned_worker", "CREATE DATABASE other"):
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        connection.execute(statement)
            with redis.Redis.from_url(servers.redis_url()) as valkey:
                assert valkey.incr("counter") == 1  # and Valkey keeps nothing


def test_servers_are_gone_after_stop(tmp_path: Path) -> None:
    with make(tmp_path):
        assert processes_of(tmp_path)
    assert not processes_of(tmp_path)


def test_attach_starts_servers_for_the_life_of_the_process(tmp_path: Path) -> None:
    program = "import sys, pathlib, config.local.embedded as e; print(e.attach(pathlib.Path(sys.argv[1]), 'owner'))"
    done = subprocess.run([sys.executable, "-c", program, tmp_path], cwd=ROOT, capture_output=True, text=True)
    assert "undersigned_owner" in done.stdout, done.stderr
    assert not processes_of(tmp_path)


def test_killed_supervisor_leaves_no_orphan(supervisor: subprocess.Popen[str], tmp_path: Path) -> None:
    supervisor.kill()
    supervisor.wait()
    assert until(lambda: not processes_of(tmp_path)), processes_of(tmp_path)


def test_start_right_after_the_supervisor_was_killed(supervisor: subprocess.Popen[str], tmp_path: Path) -> None:
    supervisor.kill()
    supervisor.wait()
    with make(tmp_path / "home") as servers:
        assert servers.answers()


def test_stale_files_do_not_stop_a_start(tmp_path: Path) -> None:
    """After a restart of a container, a stale process number is often somebody else's."""
    with make(tmp_path) as servers:
        pass
    taken = f"{os.getppid()}\n{servers.data}\n"
    (servers.data / "postmaster.pid").write_text(taken)
    servers.sockets.mkdir(exist_ok=True)
    (servers.sockets / ".s.PGSQL.5432").touch()
    (servers.sockets / ".s.PGSQL.5432.lock").write_text(taken)
    (servers.sockets / "valkey.sock").touch()
    with make(tmp_path) as again:
        assert again.answers()


def test_half_made_data_folder_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "pg.unfinished").mkdir()
    (tmp_path / "pg.unfinished" / "PG_VERSION").write_text("18")
    with make(tmp_path) as servers:
        assert servers.answers()


def test_killed_postgres_can_be_started_again(tmp_path: Path) -> None:
    with make(tmp_path) as servers:
        postgres = servers.children[0]
        postgres.send(signal.SIGKILL)
        assert until(lambda: postgres.poll() is not None)

        def answers() -> bool:
            if postgres.poll() is not None:
                postgres.start()
            return servers.answers()

        assert until(answers)


def test_secret_keys_are_made_once_and_are_ours_alone(tmp_path: Path) -> None:
    first = secret_keys(tmp_path, "desk")
    assert min(map(len, first.values())) >= 50
    assert secret_keys(tmp_path, "desk") == secret_keys(tmp_path, "owner") == first
    assert sorted(file.name for file in tmp_path.iterdir()) == ["factors_key", "secret_key.desk"]
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in tmp_path.iterdir())
    of = {role: secret_keys(tmp_path, role) for role in ("public", "desk", "worker")}
    assert len({keys["SECRET_KEY"] for keys in of.values()}) == 3
    assert [role for role, keys in of.items() if "FACTORS_KEY" in keys] == ["desk"]


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@needs_root
def test_root_without_user_namespaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container: PostgreSQL runs as nobody, and goes back when namespaces work again."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with monkeypatch.context() as patch:
        patch.setattr(embedded, "user_namespace_works", lambda: False)
        with make(closed / "home") as servers:
            assert servers.answers()
            assert servers.data.stat().st_uid == NOBODY
    with make(closed / "home") as servers:
        assert servers.answers()


@needs_root
def test_nobody_finds_programs_below_a_closed_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a clone below /root: PostgreSQL's own programs lie where only root may enter."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = embedded.postgres_binary("initdb").parents[2]
    for folder in package.parent.glob(f"{package.name}*"):  # its libraries lie beside it
        shutil.copytree(folder, closed / folder.name, symlinks=True)
    programs = closed / package.name / "pginstall" / "bin"
    monkeypatch.setattr(embedded, "postgres_binary", lambda name: programs / name)
    monkeypatch.setattr(embedded, "user_namespace_works", lambda: False)
    with make(closed / "home") as servers:
        assert servers.answers()
        assert servers.data.stat().st_uid == NOBODY


@needs_root
def test_ordinary_user(tmp_path: Path) -> None:
    """As nobody, but with the right to pass closed folders: the checkout may be below /root."""
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    launcher = [*LAUNCHER, str(os.getpid()), "15", "nobody"]
    program = f"import os; assert os.geteuid() == {NOBODY}\n{SUPERVISOR}"
    argv = [*launcher, sys.executable, "-c", program, str(home)]
    done = subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.stdout == "up\n", done.stderr
    assert (home / "pg").stat().st_uid == NOBODY
