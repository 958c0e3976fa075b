"""The site under measurement: its own servers, on disk and durable, started as the demo starts them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from redis import Redis

from config.local.children import Child
from config.local.embedded import user
from config.management.commands.demo import HOST, Demo
from tests.benchmarks import load

ROOT = Path(__file__).resolve().parents[2]
#: Its project, its package and its database.
YARDSTICK = "startproject"


class Site:
    """PostgreSQL, Valkey and the demo's own web server under `home`; campaigns made, nobody has signed."""

    def __init__(self, home: Path) -> None:
        self.port = free_port()
        # The demo's own commands, so that what is measured is what runs.
        self.demo = Demo(home, self.port, free_port(), lambda line: None)
        self._web: Child | None = None

    def __enter__(self) -> Site:
        self.demo.servers.start()
        try:
            self.demo.supervisor.run(self.demo._manage("owner", "migrate", "--noinput"))
            self.demo.supervisor.run(self.demo._manage("owner", "collectstatic", "--noinput"))
            self.facts: dict[str, Any] = self.step("prepare")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        if self._web:
            self._web.stop()
        self.demo.servers.stop()

    @contextmanager
    def serving(self, **env: str) -> Iterator[int]:
        """The web server, with no limit on what one network may sign unless told so; gives its port."""
        web = self._web = self.demo._public()
        web.env = {
            **(web.env or {}),
            "DJANGO_SETTINGS_MODULE": "tests.benchmarks.settings",
            "SIGN_RATE": "100000000/m",
            **env,
        }
        web.start()
        web.wait_ready(lambda: self.demo._is_ready(self.port))
        try:
            yield self.port
        finally:
            web.stop()
            self._web = None

    @contextmanager
    def serving_yardstick(self) -> Iterator[int]:
        """A fresh `startproject` (yardstick/) behind the same server, with a database of its own; gives its port."""
        folder = self.demo.home / YARDSTICK
        if not folder.exists():
            folder.mkdir()
            self._make_yardstick(folder)
        port = free_port()
        web = self.demo._web("public", port, workers=2)
        web.name, web.env = YARDSTICK, self._yardstick_environment(folder)
        web.argv = [*web.argv[:-1], f"{YARDSTICK}.wsgi:application"]
        web.start()
        web.wait_ready(lambda: _listens(port))
        try:
            yield port
        finally:
            web.stop()

    def _make_yardstick(self, folder: Path) -> None:
        administer = [sys.executable, "-m", "django"]
        subprocess.run([*administer, "startproject", YARDSTICK, folder], check=True, cwd=folder)
        with psycopg.connect(self.demo.servers.database_url("postgres", "postgres"), autocommit=True) as session:
            session.execute(f"CREATE DATABASE {YARDSTICK} OWNER {user('owner')}")
        environment = self._yardstick_environment(folder)
        migrate = [*administer, "migrate", "--run-syncdb", "--verbosity", "0"]
        subprocess.run(migrate, check=True, cwd=ROOT, env=environment)

    def _yardstick_environment(self, folder: Path) -> dict[str, str]:
        return dict(os.environ) | {
            "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
            "DJANGO_SETTINGS_MODULE": "tests.benchmarks.yardstick.settings",
            "YARDSTICK": YARDSTICK,
            "YARDSTICK_HOST": str(self.demo.servers.sockets),
            "YARDSTICK_USER": user("owner"),
        }

    def restart_redis(self) -> None:
        server = self.demo.servers.valkey
        assert server
        server.stop()
        server.start()
        server.wait_ready(self.demo.servers._valkey_answers)

    def flush_redis(self) -> None:
        Redis.from_url(self.demo.servers.redis_url()).flushall()

    def step(self, name: str, *, mail_url: str = "", **arguments: Any) -> Any:
        """Run a function of steps.py in a process of its own, in its role; returns what it returns."""
        owners = {"prepare", "publish", "campaigns", "request_deliveries", "grow", "tally_view"}
        role = "owner" if name in owners else "worker"
        environment = self.demo._environment("worker", role)  # "worker": with the keyring, as create_demo has it
        if mail_url:
            environment["MAIL_URL"] = mail_url
        environment["DJANGO_SETTINGS_MODULE"] = "config.settings"
        command = [sys.executable, "-m", "tests.benchmarks.steps", name, json.dumps(arguments)]
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=False)
        if done.returncode:
            raise RuntimeError(f"{name} ended with status {done.returncode}")
        return json.loads(done.stdout.splitlines()[-1])

    @contextmanager
    def mail_sink(self) -> Iterator[str]:
        """An SMTP server in a process of its own; gives its MAIL_URL."""
        port = free_port()
        log = self.demo.home / "log" / "sink.log"
        child = Child("sink", [sys.executable, "-m", "tests.benchmarks.sink", str(port)], log, dict(os.environ), ROOT)
        child.start()
        try:
            child.wait_ready(lambda: _listens(port))
            yield f"smtp+plain://{HOST}:{port}"
        finally:
            child.stop()

    def bytes_of(self, path: str) -> int:
        """Bytes over the wire of one answer, headers included, for a browser that takes brotli."""
        return sum(map(len, load.fetch(self.port, path, "Accept-Encoding: gzip, deflate, br")))


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind((HOST, 0))
        return trial.getsockname()[1]


def _listens(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex((HOST, port)) == 0
