"""Real PostgreSQL, real Valkey, real roles: the environment of the tests, made before Django reads it.

Loaded by `-p tests.support.environment` (pyproject.toml), because pytest-django reads the settings before any
conftest. The first process starts the embedded servers and collects the static files; xdist's
processes inherit the addresses with the environment, and each has a database, a cache prefix and a
queue of its own. To test against other servers, set TEST_DATABASE_URL (a role that may create databases
and SET ROLE to the other two) and TEST_REDIS_URL.
"""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.support.collecting import collect_static

PROCESS = os.environ.get("PYTEST_XDIST_WORKER", "main")

_to_close: list[Any] = []


def _start_servers() -> None:
    from config.local.embedded import Embedded

    home = tempfile.TemporaryDirectory(prefix="undersigned-tests-")
    servers = Embedded(Path(home.name), durable=False).start()
    _to_close.extend([servers.stop, home.cleanup])
    os.environ["TEST_DATABASE_URL"] = servers.database_url("owner")
    os.environ["TEST_REDIS_URL"] = servers.redis_url()


def _name_template() -> None:
    """The database that xdist's processes copy (template.py); servers that are not ours must not keep it."""
    import psycopg
    from psycopg import sql

    name = os.environ["TEST_TEMPLATE"] = f"test_undersigned_template_{os.getpid()}"

    def drop() -> None:
        with psycopg.connect(os.environ["TEST_DATABASE_URL"], autocommit=True) as session:
            session.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))

    _to_close.append(drop)


def _name_demo() -> None:
    """Where this run's demo is made, once, for all who want a site of their own (stack.py)."""
    place = tempfile.TemporaryDirectory(prefix="undersigned-demo-")
    _to_close.append(place.cleanup)
    os.environ["TEST_DEMO"] = place.name


def _own_redis(url: str) -> str:
    """The same server, but a database of this process's own: clearing a cache empties a database."""
    number = int(PROCESS.removeprefix("gw")) + 1 if PROCESS.startswith("gw") else 0
    if url.startswith("unix:"):
        return f"{url.partition('?')[0]}?db={number}"
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))


def _set_environment() -> None:
    var = tempfile.TemporaryDirectory(prefix="undersigned-var-")
    _to_close.append(var.cleanup)
    for name in ("MAIL_URL", "DEMO_MAIL_DIR", "DEBUG", "TRUSTED_PROXIES", "ALLOWED_HOSTS", "PACKETS_DIR"):
        os.environ.pop(name, None)
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": os.environ["TEST_DATABASE_URL"],
        "REDIS_URL": _own_redis(os.environ["TEST_REDIS_URL"]),
        "STATIC_ROOT": os.environ["TEST_STATIC_ROOT"],
        "SECRET_KEY": "only-for-tests-0123456789-0123456789-0123456789-abcdef",
        "SITE_URL": "http://testserver",
        "ROLE": "owner",
        "CACHE_PREFIX": f"test-{PROCESS}",
        "QUEUE": f"test-{PROCESS}",
        "VAR_DIR": var.name,
        "KEYRING_DIR": f"{var.name}/keyring",
        "SIGN_RATE": "100000/m",
        "LOGIN_RATE": "1000/m",
    }


# Whoever runs the tests in the background may have SIGINT ignored, and what is ignored stays so in every
# child: Ctrl-C could not be tried then. A signal that is handled is back at its default in children.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

if "TEST_DATABASE_URL" not in os.environ or "TEST_REDIS_URL" not in os.environ:
    _start_servers()
if "TEST_STATIC_ROOT" not in os.environ:
    os.environ["TEST_STATIC_ROOT"] = str(collect_static())
if "TEST_TEMPLATE" not in os.environ:
    _name_template()
if "TEST_DEMO" not in os.environ:
    _name_demo()
_set_environment()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    while _to_close:
        _to_close.pop()()
