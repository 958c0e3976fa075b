"""The whole site as real processes, for tests that press its buttons and kill its parts.

`Stack` is the demo (config/management/commands/demo.py) without its supervisor: the same processes with
the same options, under a home of its own, so that what a test kills or flushes is nobody else's. All are
children that end with the process that started them.
"""

from __future__ import annotations

import base64
import contextlib
import email
import fcntl
import hmac
import html
import os
import re
import shutil
import signal
import socket
import struct
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psycopg
import redis
from celery import Celery

from config.local.children import Child
from config.local.collected import note_collected
from config.local.embedded import Role
from config.management.commands.demo import HOST, Demo
from tests.support.commands import ROOT, Commands

AT_RISK = "belarus-right-to-protest"
LOCAL = "aldermere-library-hours"
STAGES = (
    "provision", "send_mails", "admit", "withdraw", "build_deliveries", "settle_recipients", "answer_reveals",
    "clear_reveals", "prune", "check_tallies",
)  # fmt: skip
#: How long a fault may delay work, in seconds (invariant I8).
RECOVERY = 60.0
#: Processes in the worker's pool.
CONCURRENCY = 2
#: Seconds between two looks at a condition: at first, and when it has been looked at for a while.
OFTEN, SELDOM = 0.02, 0.15


def wait_until[T](condition: Callable[[], T], seconds: float, what: str = "", every: float = SELDOM) -> T:
    """Poll until the condition is truthy and return what it gave. Raises AssertionError at the deadline.

    More and more seldom, down to once in `every` seconds: what looks takes from what is waited for.
    """
    begin = time.monotonic()
    while not (held := condition()):
        waited = time.monotonic() - begin
        if waited > seconds:
            raise AssertionError(f"not within {seconds:g} s: {what or condition}; last: {held!r}")
        time.sleep(min(OFTEN + waited / 4, every))
    return held


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as drawn:
        drawn.bind((HOST, 0))
        return int(drawn.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Answer:
    """What the site said."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass(frozen=True, slots=True)
class Counts:
    """One campaign's register, tally and ledger, each counted in its own way."""

    numbered: int
    last_number: int
    counted: int
    register_counted: int
    tallied: int
    waiting: int
    ledger: dict[str, int]


class Stack(Demo):
    """One site: `start()` it once, then kill, flush and restart its parts, and read what is left."""

    def __init__(self, home: Path) -> None:
        super().__init__(home, free_port(), free_port(), lambda line: None)
        self.passwords: dict[str, str] = {}
        self.code_keys: dict[str, str] = {}
        #: Cookies of who is logged in, and since when (browser/browsing.py).
        self.logins: dict[str, tuple[float, Any]] = {}
        self._others: list[Child] = []
        self._commands: dict[Role, Commands] = {}
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._read: set[str] = set()
        self._mails: dict[str, list[EmailMessage]] = defaultdict(list)
        self._reading = threading.Lock()

    # --- life -----------------------------------------------------------------------------------------------

    def start(self) -> Stack:
        """Servers with the demo's content, then web, worker and beat; returns when the site is ready."""
        said = copy_demo(self.home)
        logins = re.findall(r"^  ([\w-]+) +(\S+)   \(.*\n.*[?]secret=(\w+)", said, re.MULTILINE)
        self.passwords = {username: password for username, password, _key in logins}
        self.code_keys = {username: key for username, _password, key in logins}
        self.web, self.desk, self.worker, self.beat = (
            self._public(),
            self._desk(),
            self._worker(concurrency=CONCURRENCY),
            self._beat(),
        )
        try:
            self.servers.start()
            for child in (self.web, self.desk, self.worker, self.beat):
                child.start()
            self.wait_for_web()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop everything, the servers last."""
        for child in (*self._others, self.beat, self.worker):
            kill(child)
        for child in (self.desk, self.web):
            child.stop()
        self.stop_servers()

    def stop_servers(self) -> None:
        """And what holds connections to them."""
        for commands in self._commands.values():
            commands.close()
        self._commands.clear()
        if self._connection is not None:
            self._connection.close()
        self.servers.stop()

    def wait_for_web(self, seconds: float = 30.0) -> None:
        for port in (self.port, self.desk_port):
            wait_until(lambda at=port: self._is_ready(at), seconds, "the site is ready")

    def recover(self) -> None:
        """Bring back whatever a test left stopped."""
        for server in self.servers.children:
            if server.poll() is not None:
                self.restart_server(server)
        self.revive()
        while self._others:
            kill(self._others.pop())
        self.wait_for_web()

    def revive(self) -> bool:
        """Start again what has ended, as the supervisor does; always true, for use in a condition.

        A Celery main process ends itself when a pool process is killed in its first moments.
        """
        for child in (self.web, self.desk, self.worker, self.beat):
            if child.poll() is not None:
                child.start()
        return True

    def working(self) -> list[int]:
        """The process ids of the worker: its own, and its pool's, which it makes seconds after it was started."""

        def all_of_them() -> list[int]:
            assert self.worker.pid
            pool = children_of(self.worker.pid)
            return [self.worker.pid, *pool] if len(pool) >= CONCURRENCY else []

        return wait_until(all_of_them, 30, "the worker has its pool")

    def another_worker(self, name: str, **env: str) -> Child:
        """A second worker, started, with more or other environment variables; `recover()` ends it."""
        child = self._worker()
        child.name, child.log, child.env = name, self.home / "log" / f"{name}.log", {**(child.env or {}), **env}
        child.start()
        self._others.append(child)
        return child

    def restart_server(self, server: Child) -> None:
        """Start PostgreSQL or Valkey again, as often as it takes: after SIGKILL the old one's children linger."""

        def is_up() -> bool:
            if server.poll() is not None:
                server.start()
            return self.servers.answers() if server is self.servers.postgres else self.servers._valkey_answers()

        wait_until(is_up, 30, f"{server.name} is back")

    def print_logs(self) -> None:
        """The end of every log, for whoever looks why a test failed."""
        for log in sorted((self.home / "log").iterdir()):
            print(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}")

    # --- the processes' environment ---------------------------------------------------------------------------

    def _environment(self, name: str, role: Role) -> dict[str, str]:
        return super()._environment(name, role) | {
            "DJANGO_SETTINGS_MODULE": "tests.support.quick",
            "STATIC_ROOT": os.environ["TEST_STATIC_ROOT"],
            "SIGN_RATE": "1000000/m",
            "LOGIN_RATE": "10000/m",
            "TMPDIR": str(self.home / "tmp"),
        }

    def manage(self, *arguments: str, role: Role = "owner", status: int = 0) -> str:
        """Run a management command in a process of its own, with a worker's keyring; returns what it printed."""
        if role not in self._commands:
            keyring = {"KEYRING_DIR": str(self.home / "keyring")}
            self._commands[role] = Commands(self._environment("manage", role) | keyring)
        ended, printed, complained = self._commands[role].run(*arguments)
        assert ended == status, f"{arguments[0]} ended with {ended}: {printed}{complained}"
        return printed + (complained if status else "")

    # --- the database and Redis -------------------------------------------------------------------------------

    def sql(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run one statement as the database's superuser; its rows, if it has any. For the test's thread alone."""
        try:
            cursor = self._superuser().execute(query, parameters)
        except psycopg.OperationalError:  # the database was away since; what is open does not know
            cursor = self._superuser(anew=True).execute(query, parameters)
        return cursor.fetchall() if cursor.description else []

    def _superuser(self, *, anew: bool = False) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection that is kept: making one costs the server as much as fifty looks at a condition."""
        if anew and self._connection is not None:
            self._connection.close()
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self.servers.database_url("postgres"), autocommit=True)
        return self._connection

    def counts(self, slug: str) -> Counts:
        query = """
        SELECT (SELECT count(number) FROM signatures_signature s WHERE s.campaign_id = c.id),
               r.last_number,
               (SELECT count(*) FROM signatures_signature s WHERE s.campaign_id = c.id AND s.state = 'counted'),
               r.counted,
               (SELECT coalesce(sum(n), 0)::int FROM signatures_tally t WHERE t.campaign_id = c.id),
               (SELECT count(*) FROM signatures_submission b
                 WHERE b.campaign_id = c.id AND b.confirmed_at IS NOT NULL AND b.outcome IS NULL),
               (SELECT row_to_json(l) FROM (SELECT coalesce(sum(taken), 0) taken, coalesce(sum(admitted), 0) admitted,
                   coalesce(sum(duplicate), 0) duplicate, coalesce(sum(late), 0) late, count(*) entries,
                   coalesce(sum(unreadable), 0) unreadable, coalesce(sum(withdrawn), 0) withdrawn
                   FROM signatures_ledgerentry e WHERE e.campaign_id = c.id) l)
          FROM petitions_campaign c JOIN signatures_register r ON r.campaign_id = c.id WHERE c.slug = %s"""
        ((*numbers, ledger),) = self.sql(query, slug)
        return Counts(*numbers, ledger)

    def assert_adds_up(self, slug: str) -> Counts:
        """Numbers contiguous, tally and ledger equal to the register, one live signature a mailbox (I2, I3)."""
        counts = self.counts(slug)
        assert counts.numbered == counts.last_number == counts.ledger["admitted"]
        assert counts.counted == counts.register_counted == counts.tallied
        assert counts.numbered - counts.counted == counts.ledger["withdrawn"]
        self.manage("rebuild_tallies", "--check", "--campaign", slug)
        return counts

    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.servers.redis_url())

    def flush_redis(self) -> None:
        with self.redis() as client:
            client.flushall()

    def broker_url(self) -> str:
        return f"redis+socket://{self.servers.sockets}/valkey.sock?virtual_host=0"

    def ring(self, *stages: str, times: int = 1) -> None:
        """Ring stages as the site does, straight into the broker."""
        app = Celery("tests", broker=self.broker_url())
        app.conf.update(task_default_queue="undersigned", task_ignore_result=True)
        with app.connection_for_write() as connection:
            for stage in stages * times:
                app.send_task(f"signatures.{stage}", connection=connection)
        app.close()

    # --- a supporter ------------------------------------------------------------------------------------------

    def request(self, method: str, path: str, form: Mapping[str, str] | None = None, timeout: float = 20) -> Answer:
        """One request on a connection of its own, to the tier whose path it is. Redirects are not followed.

        Raises OSError, HTTPException.
        """
        port = self.desk_port if path.startswith("/admin/") else self.port
        connection = HTTPConnection(HOST, port, timeout=timeout)
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if form is not None else {}
        try:
            connection.request(method, path, urlencode(form) if form is not None else None, headers)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read().decode())
        finally:
            connection.close()

    def sign(self, slug: str, address: str, **typed: str) -> Answer:
        form = {"name": "Ada Example", "email": address, "country": "GB", **typed}
        return self.request("POST", f"/c/{slug}/sign/", form)

    def public_total(self, slug: str) -> int:
        """The total as the campaign page shows it."""
        found = re.search(r"data-total[^>]*>([\d,]+)<", self.request("GET", f"/c/{slug}/").text)
        assert found, "the page has no total"
        return int(found[1].replace(",", ""))

    # --- staff ------------------------------------------------------------------------------------------------

    def code_of(self, username: str) -> str:
        """The six digits of this login's authenticator app; good once more, however often a test logs in."""
        with self.redis() as client:
            for key in client.scan_iter("*used*code*"):
                client.delete(key)
            for key in client.scan_iter("*totp.used*"):
                client.delete(key)
        return totp_code(self.code_keys[username])

    # --- the mailbox ------------------------------------------------------------------------------------------

    def mails(self) -> Mapping[str, list[EmailMessage]]:
        """Every mail sent into the demo's Maildir, by address. Each is parsed once: that takes milliseconds, and
        whoever waits asks fifty times a second."""
        with self._reading, contextlib.suppress(FileNotFoundError):
            for name in sorted(set(os.listdir(self.home / "mail" / "new")) - self._read):
                content = (self.home / "mail" / "new" / name).read_bytes()
                parsed = email.message_from_bytes(content, policy=policy.default)
                assert isinstance(parsed, EmailMessage)
                self._mails[str(parsed["To"])].append(parsed)
                self._read.add(name)
        return self._mails

    def mails_to(self, address: str) -> list[EmailMessage]:
        return self.mails().get(address, [])

    def links_for(self, address: str, seconds: float = 30.0) -> dict[str, str]:
        """Wait for the mail to this address; its two links, as paths."""
        return links_in(wait_until(lambda: self.mails_to(address), seconds, f"a mail to {address}")[0])

    def let_mail_wait_pass(self, seconds: int) -> None:
        """As if so much time had gone by for mails that wait for another try, or for a dead worker's lease."""
        moved = "UPDATE signatures_submission SET mail_due = mail_due - make_interval(secs => %s)"
        self.sql(f"{moved} WHERE mail_due > now()", seconds)


# --- the demo that all begin with -----------------------------------------------------------------------------


def copy_demo(home: Path) -> str:
    """Fill an empty folder with the home of a demo that has not run yet; what `create_demo` said of its logins.

    It is made once a run, by whoever comes first: migrating, hashing and drawing take 20 seconds of processor.
    """
    place = Path(os.environ["TEST_DEMO"])
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made, said = place / "home", place / "said"
        if not said.exists():
            said.write_text(make_demo(made))
    shutil.copytree(made, home, dirs_exist_ok=True, ignore=shutil.ignore_patterns("run", "*lock", "log"))
    (home / "tmp").mkdir()
    return said.read_text()


def make_demo(home: Path) -> str:
    """Prepare a demo in an empty folder, as `make demo` does; what it said of its logins."""
    site = Stack(home)
    # Nothing is collected: all of a run's sites share one folder of static files.
    (site.home / "static").mkdir(parents=True)
    note_collected(site.home, ROOT)
    with tempfile.TemporaryFile() as said, site.servers:
        with printing_to(said.fileno()):
            site._prepare(0)
        said.seek(0)
        return said.read().decode()


@contextlib.contextmanager
def printing_to(descriptor: int) -> Iterator[None]:
    """What children print meanwhile goes there."""
    usual = os.dup(1)
    os.dup2(descriptor, 1)
    try:
        yield
    finally:
        os.dup2(usual, 1)
        os.close(usual)


def links_in(mail: EmailMessage) -> dict[str, str]:
    """{"confirm": path, "withdraw": path} of a confirmation mail."""
    body = mail.get_body(preferencelist=("plain",))
    assert body is not None
    urls = re.findall(r"https?://\S+", html.unescape(body.get_content()))
    paths = [urlsplit(url).path for url in urls]
    return {kind: path for path in paths for kind in ("confirm", "withdraw") if f"/{kind}/" in path}


def totp_code(key: str) -> str:
    """What an authenticator app with this key shows now (RFC 6238)."""
    digest = hmac.digest(base64.b32decode(key), struct.pack(">Q", int(time.time()) // 30), "sha1")
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


# --- processes ---------------------------------------------------------------------------------------------------


def kill(child: Child) -> None:
    """SIGKILL a child and wait for its end; what is left of its session goes with it."""
    if child.poll() is None:
        child.send(signal.SIGKILL)
        child.wait(20)


def children_of(pid: int) -> list[int]:
    """The process ids of its children, oldest first."""
    with contextlib.suppress(OSError):
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def command_lines() -> Iterator[bytes]:
    """The command line of every process that we may see, as `ps` shows it to anybody on the machine."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            yield (folder / "cmdline").read_bytes()


__all__ = [
    "AT_RISK", "LOCAL", "OFTEN", "RECOVERY", "STAGES", "Answer", "Counts", "HTTPException", "Stack", "children_of",
    "command_lines", "free_port", "kill", "links_in", "totp_code", "wait_until",
]  # fmt: skip
