"""The whole site on one machine: what `make demo` runs."""

from __future__ import annotations

import os
import signal
import sys
from argparse import ArgumentParser
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.database.apply import OLD_DATABASE, is_old_at
from config.local.children import Child, ChildFailed
from config.local.collected import is_collected, note_collected
from config.local.embedded import Embedded, EmbeddedError, Role, secret_keys
from config.local.supervisor import PortTaken, Supervisor, next_free_port, reserve_port, until_asked

HOST = "127.0.0.1"
QUEUE: Final = "undersigned"
# What would change the demo if it came in from outside: it has its own of each.
OWN_VARIABLES = {
    "ANCHORS_DIR", "CACHE_PREFIX", "DATABASE_URL", "DEBUG", "DEMO_MAIL_DIR", "DESK_URL", "DJANGO_SETTINGS_MODULE",
    "FACTORS_KEY", "KEYRING_DIR", "MAIL_URL", "PACKETS_DIR", "QUEUE", "REDIS_URL", "ROLE", "SECRET_KEY", "SITE_URL",
    "STATIC_ROOT",
}  # fmt: skip


class Command(BaseCommand):
    help = "Run the whole site with demo content: PostgreSQL, Valkey, web server, workers and scheduler."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", default="8000")
        parser.add_argument("--desk-port", default="", help="port of the staff pages (default: the next free one)")
        parser.add_argument("--signatures", default="0", help="number of synthetic signatures to create")
        parser.add_argument("--follow", type=int, metavar="PID", help="stop when this parent process ends")

    def handle(
        self, *args: Any, port: str, desk_port: str, signatures: str, follow: int | None, **options: Any
    ) -> None:
        address = whole_number("PORT", port, 1, 65_535)
        desk = whole_number("DESK_PORT", desk_port, 1, 65_535) if desk_port else next_free_port(HOST, address)
        wanted = whole_number("SIGNATURES", signatures, 0, 100_000_000)
        with until_asked(follow):
            try:
                Demo(Path(settings.VAR_DIR), address, desk, self.say).run(wanted)
            except (PortTaken, EmbeddedError, ChildFailed) as error:
                raise CommandError(str(error)) from error
        self.say("Stopped.")

    def say(self, line: str) -> None:
        """Print a line at once, also into a pipe."""
        self.stdout.write(line)
        self.stdout.flush()


#: Of a web process: after that, another one takes its place.
LIFETIME: Final = "5m"


class Demo:
    """One site under `home`, at http://127.0.0.1:`port`; staff's pages at another port, as another address would be."""

    def __init__(self, home: Path, port: int, desk_port: int, say: Any) -> None:
        self.home = home.resolve()
        self.port = port
        self.desk_port = desk_port
        self.say = say
        self.url = f"http://{HOST}:{port}"
        self.desk_url = f"http://{HOST}:{desk_port}"
        self.servers = Embedded(self.home)
        self.supervisor = Supervisor(say)

    def run(self, signatures: int) -> None:
        """Start everything, say so, and keep it running until `Asked`."""
        held = [reserve_port(HOST, port) for port in (self.port, self.desk_port)]
        self.say("Starting PostgreSQL and Valkey …")
        with self.servers, self.supervisor:
            for server in self.servers.children:
                self.supervisor.add(server)
            self._prepare(signatures)
            self._serve()
            for reserved in filter(None, held):
                reserved.close()
            self._announce()
            self.supervisor.watch()

    def _prepare(self, signatures: int) -> None:
        self.say("Preparing the database …")
        if is_old_at(self.servers.database_url("owner")):
            raise EmbeddedError(OLD_DATABASE)
        self.supervisor.run(self._manage("owner", "migrate", "--noinput"))
        if not is_collected(self.home, settings.BASE_DIR):
            self.supervisor.run(self._manage("owner", "collectstatic", "--noinput", "--clear"))
            note_collected(self.home, settings.BASE_DIR)
        # It speaks for itself: logins, and a progress bar.
        creation = self._manage("owner", "create_demo", "--signatures", str(signatures))
        creation.log = None
        creation.env = {**(creation.env or {}), "KEYRING_DIR": str(self.home / "keyring")}
        self.supervisor.run(creation)

    def _serve(self) -> None:
        public, desk = self._public(), self._desk()
        for service in (public, desk, *self._workers(), self._beat()):
            self.supervisor.add(service)
        self.supervisor.wait_ready(public, lambda: self._is_ready(self.port))
        self.supervisor.wait_ready(desk, lambda: self._is_ready(self.desk_port))

    def _announce(self) -> None:
        self.say(f"\n  site    {self.url}/\n  desk    {self.desk_url}/admin/\n  inbox   {self.url}/inbox/")
        self.say(f"  logs    {self.home / 'log'}\n\nCtrl-C stops everything. Signatures stay in {self.home}.")
        self.say(f"ready: {self.url}")

    # --- the processes ----------------------------------------------------------------------------------

    def _public(self) -> Child:
        return self._web("public", self.port, workers=2)

    def _desk(self) -> Child:
        """One process is plenty for those who work here; what they do takes no thread from those who sign."""
        return self._web("desk", self.desk_port, workers=1)

    def _web(self, role: Role, port: int, workers: int) -> Child:
        options = ["--interface", "wsgi", "--host", HOST, "--port", str(port), "--workers", str(workers)]
        # Four threads: more of them only take turns at two cores. Backpressure counts connections, idle ones
        # of browsers included, so a small number would let a few dozen readers shut the site for all others.
        options += ["--blocking-threads", "4", "--backpressure", "1024", "--backlog", "1024", "--http", "1"]
        options += ["--respawn-failed-workers", "--workers-kill-timeout", "4", "--no-access-log"]
        # What was typed lies about in a process's memory until something is written over it.
        # Between two of them: as long as one may take to load on a busy machine, so that there always is one.
        options += ["--workers-lifetime", LIFETIME, "--respawn-interval", "10"]
        options += ["--log-level", "warning"]
        child = self._python(role, role, "-m", "granian", *options, "config.wsgi:application")
        child.grace = 15.0
        return child

    def _workers(self) -> tuple[Child, Child]:
        """One for what supporters wait for, one for what may take long: mails and packets."""
        return (
            self._worker("worker", 1, QUEUE),
            self._worker("worker-slow", 2, f"{QUEUE}-mail,{QUEUE}-slow"),
        )

    def _worker(self, name: str = "worker", concurrency: int = 2, queues: str = "") -> Child:
        """A worker for these queues, comma-separated; for all where none is named."""
        options = ["--concurrency", str(concurrency), "--loglevel", "warning"]
        options += ["--queues", queues, "--hostname", f"{name}@localhost"] if queues else []
        # Workers on one machine have nothing to tell each other.
        options += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        child = self._python(name, "worker", "-m", "celery", "-A", "config.celery", "worker", *options)
        child.grace = 20.0
        # Asked, it finishes its tasks; orphaned, it breaks them off: their transactions roll back and
        # the next look finds the work.
        child.orphan_signal = signal.SIGQUIT
        return child

    def _beat(self) -> Child:
        schedule = ["--schedule", str(self.home / "beat-schedule"), "--pidfile", "", "--loglevel", "warning"]
        child = self._python("beat", "worker", "-m", "celery", "-A", "config.celery", "beat", *schedule)
        # Asked while it starts, it sometimes forgets; it holds nothing that a kill could lose.
        child.grace = 3.0
        return child

    def _manage(self, role: Role, *arguments: str) -> Child:
        return self._python(arguments[0], role, "manage.py", *arguments)

    def _python(self, name: str, role: Role, *arguments: str) -> Child:
        return Child(
            name,
            [sys.executable, *arguments],
            log=self.home / "log" / f"{name}.log",
            env=self._environment(name, role),
            cwd=settings.BASE_DIR,
        )

    def _environment(self, name: str, role: Role) -> dict[str, str]:
        """Return a process's environment. Only the workers learn where the keys are."""
        ours = OWN_VARIABLES | {f"{name}_FILE" for name in OWN_VARIABLES}
        environment = {key: value for key, value in os.environ.items() if key not in ours}
        environment |= {
            "ROLE": role,
            "DATABASE_URL": self.servers.database_url(role),
            "REDIS_URL": self.servers.redis_url(role=role),
            **secret_keys(self.home, role),
            "SITE_URL": self.url,
            "DESK_URL": self.desk_url,
            "VAR_DIR": str(self.home),
            "DEMO_MAIL_DIR": str(self.home / "mail"),
            "ALERTS_TO": "on-call@undersigned.test",
            "QUEUE": QUEUE,
        }
        if name.startswith("worker"):
            environment["KEYRING_DIR"] = str(self.home / "keyring")
        if name == "beat":
            del environment["DATABASE_URL"]  # it only notifies
        return environment

    def _is_ready(self, port: int) -> bool:
        connection = HTTPConnection(HOST, port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


def whole_number(name: str, text: str, least: int, most: int) -> int:
    """Read a number that somebody typed. Raises `CommandError` with one line they can act on."""
    if not text.isdecimal() or not least <= int(text[:20]) <= most:
        raise CommandError(f"{name} must be a whole number from {least} to {most}, not {text!r}.")
    return int(text)
