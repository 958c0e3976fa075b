"""The secrets of an installation: made once, kept, changed one by one; and what Redis and PostgreSQL make of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from redis import Redis
from redis.exceptions import AuthenticationError, RedisError

from config.local.embedded import valkey_binary
from config.redis_rights import TIERS
from config.secret_files import roles_sql
from config.tier_checks import redis_user_is_the_tiers_own
from tests.check import OURS, PRODUCTION
from tests.support.processes import until
from tests.support.stack import free_port

ROOT = Path(__file__).resolve().parents[2]


def superuser_url() -> str:
    """Of the tests' own server."""
    return os.environ["TEST_DATABASE_URL"].replace("undersigned_owner@", "postgres@")


def _make(folder: Path, **options: str) -> None:
    call_command("make_secrets", str(folder), verbosity=0, **options)


def _contents(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.glob("*/*")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("etc") / "undersigned"
    _make(folder, redis=f"127.0.0.1:{free_port()}")
    return folder


def test_each_tier_gets_its_own(folder: Path) -> None:
    contents = _contents(folder)
    assert sorted(contents) == [
        *[f"desk/{name}" for name in ("database_url", "factors_key", "redis_url", "secret_key")],
        "owner/database_url",
        *[f"public/{name}" for name in ("database_url", "redis_url", "secret_key")],
        *[f"worker/{name}" for name in ("database_url", "redis_url", "secret_key")],
    ]
    secrets = [urlsplit(content).password or content for content in contents.values()]
    assert len(set(secrets)) == len(secrets)
    assert min(map(len, secrets)) >= 43
    assert all(file.stat().st_mode & 0o077 == 0 for file in folder.rglob("*"))
    for text in (folder / "roles.sql", folder / "redis.acl"):
        assert not any(secret.strip() in text.read_text() for secret in secrets)


def test_what_is_there_is_kept_and_what_was_removed_is_made_anew(tmp_path: Path) -> None:
    _make(tmp_path)
    before = _contents(tmp_path)
    acl = (tmp_path / "redis.acl").read_text()
    _make(tmp_path)
    assert (_contents(tmp_path), (tmp_path / "redis.acl").read_text()) == (before, acl)
    (tmp_path / "desk" / "redis_url").unlink()
    _make(tmp_path)
    after = _contents(tmp_path)
    assert {name for name in after if after[name] != before[name]} == {"desk/redis_url"}
    assert (tmp_path / "redis.acl").read_text() != acl


def test_another_host_is_reached_by_tls_only(tmp_path: Path) -> None:
    _make(tmp_path, postgresql="db.example.org:5433", redis="redis.example.org:6380")
    url = (tmp_path / "public" / "database_url").read_text()
    assert "@db.example.org:5433/undersigned?sslmode=verify-full" in url
    assert (tmp_path / "worker" / "redis_url").read_text().startswith("rediss://undersigned_worker:")


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="cannot be written: NotADirectoryError"):
        _make(tmp_path / "file")


@pytest.fixture(scope="module")
def server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A server whose users come from redis.acl, as an installation's Redis has them."""
    port = urlsplit((folder / "public" / "redis_url").read_text()).port
    home = tmp_path_factory.mktemp("redis")
    arguments = ["--port", str(port), "--bind", "127.0.0.1", "--dir", home, "--save", "", "--loglevel", "warning"]
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            [valkey_binary(), *arguments, "--aclfile", folder / "redis.acl"], stdout=log, stderr=log
        )
        assert until(lambda: _answers(folder)), (home / "log").read_text()
        yield folder
        process.terminate()
        process.wait(timeout=10)


def _answers(folder: Path) -> bool:
    try:
        with Redis.from_url((folder / "worker" / "redis_url").read_text().strip()) as client:
            return bool(client.ping())
    except RedisError:
        return False


def _told(settings: Any, server: Path, tier: str, user: str | None = None) -> list[str | None]:
    settings.ROLE, settings.REDIS_URL = tier, (server / (user or tier) / "redis_url").read_text().strip()
    return [problem.id for problem in redis_user_is_the_tiers_own(None)]


@pytest.mark.parametrize("tier", TIERS)
def test_a_tiers_own_user_passes_the_check_and_nobody_elses(settings: Any, server: Path, tier: str) -> None:
    assert _told(settings, server, tier) == []
    for other in set(TIERS) - {tier}:
        assert _told(settings, server, tier, other) in (
            ["undersigned.E015"],
            ["undersigned.E016"],
            ["undersigned.E015", "undersigned.E016"],
        )


def test_nobody_gets_in_without_a_password(server: Path) -> None:
    anonymous = urlsplit((server / "public" / "redis_url").read_text())
    with Redis(port=anonymous.port or 0) as client, pytest.raises(AuthenticationError):
        client.get("x")


def test_a_redis_that_lets_anybody_in_is_refused(settings: Any) -> None:
    settings.ROLE = "public"
    found = [problem.id for problem in redis_user_is_the_tiers_own(None)]  # the tests' own server
    assert found == ["undersigned.E015"]


def test_a_redis_that_is_away_is_refused(settings: Any, tmp_path: Path) -> None:
    settings.ROLE, settings.REDIS_URL = "desk", f"unix://{tmp_path}/none.sock"
    assert [problem.id for problem in redis_user_is_the_tiers_own(None)] == ["undersigned.E014"]


def test_postgresql_takes_the_roles_and_keeps_what_stands_for_their_passwords(
    folder: Path, settings: Any, tmp_path: Path
) -> None:
    names = [f"secrets-{tier}-{os.getpid()}" for tier in TIERS]
    settings.PUBLIC_ROLE, settings.DESK_ROLE, settings.WORKER_ROLE = names
    verifier = re.compile(r"SCRAM-SHA-256\$4096:[A-Za-z0-9+/=]{24}\$[A-Za-z0-9+/=]{44}:[A-Za-z0-9+/=]{44}")
    statements = [line.removesuffix(" \\gexec") for line in roles_sql(folder).splitlines() if names[0] in line]
    assert len(verifier.findall(statements[1])) == 1
    with psycopg.connect(superuser_url(), autocommit=True) as session:
        try:
            for _ in range(2):  # it may be run again
                for (made,) in session.execute(statements[0]).fetchall():
                    session.execute(made)
                session.execute(statements[1])
            (kept,) = session.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [names[0]]).fetchone()
            assert kept in statements[1]
        finally:
            session.execute(f'DROP ROLE IF EXISTS "{names[0]}"')


# --- `check --deploy`, as whole processes ---------------------------------------------------------------------


@pytest.fixture
def deployed(server: Path, transactional_db: None, tmp_path: Path) -> Callable[[str, str], subprocess.Popen[str]]:
    """Starts `check --deploy` as a tier, with that tier's secrets and the database login of a tier."""
    name = connection.settings_dict["NAME"]
    with psycopg.connect(superuser_url(), autocommit=True) as session:
        session.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
        session.execute(f'GRANT CONNECT ON DATABASE "{name}" TO undersigned_public, undersigned_desk')
        session.execute(f'GRANT CONNECT, TEMPORARY ON DATABASE "{name}" TO undersigned_worker')
    for folder in ("static", "media", "share", "packets", "spool", "attachments", "anchors", "keyring"):
        (tmp_path / folder).mkdir(mode=0o700)
    ours = {"CACHE_PREFIX", "QUEUE"}
    others = {key: value for key, value in os.environ.items() if key in ours or key not in OURS | {"REDIS_URL"}}

    def start(tier: str, login: str) -> subprocess.Popen[str]:
        database = urlsplit(os.environ["TEST_DATABASE_URL"])._replace(netloc=f"undersigned_{login}@", path=f"/{name}")
        # The relay's password is for workers only.
        without = {"SECRET_KEY", "REDIS_URL", "HSTS_WHOLE_DOMAIN"} | ({"MAIL_URL"} if tier != "worker" else set())
        production = {key: PRODUCTION[key] for key in PRODUCTION if key not in without}
        environment = {
            **others,
            **production,
            "ROLE": tier,
            "DATABASE_URL": urlunsplit(database),
            "SECRET_KEY_FILE": str(server / tier / "secret_key"),
            **({"FACTORS_KEY_FILE": str(server / tier / "factors_key")} if tier == "desk" else {}),
            "REDIS_URL_FILE": str(server / tier / "redis_url"),
            "VAR_DIR": str(tmp_path),
            "STATIC_ROOT": str(tmp_path / "static"),
        }
        if tier == "worker":
            environment["KEYRING_DIR"] = str(tmp_path / "keyring")
        return subprocess.Popen(
            [sys.executable, "manage.py", "check", "--deploy"],
            cwd=ROOT,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


#: What root's check cannot see, and what our own files in a checkout, or all folders of one user, are told of.
ONE_USER = {"undersigned.W007", "undersigned.W008", "undersigned.E019"}


def _found(process: subprocess.Popen[str]) -> tuple[int, set[str]]:
    _, said = process.communicate(timeout=60)
    return process.returncode, set(re.findall(r"\w+\.[EW]\d+", said)) - ONE_USER


def test_each_tier_passes_with_its_own_login_and_fails_with_a_mightier(
    deployed: Callable[[str, str], subprocess.Popen[str]],
) -> None:
    own = [deployed(tier, tier) for tier in TIERS]
    worker = deployed("public", "worker")
    assert [_found(process)[1] for process in own] == [set()] * 3
    status, found = _found(worker)
    assert (status, found) == (1, {"undersigned.E012", "undersigned.E013"})


def test_a_secret_whose_file_cannot_be_read_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "none"))
    done = subprocess.run([sys.executable, "manage.py", "check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        "Not configured: SECRET_KEY_FILE cannot be read (FileNotFoundError).\n",
    )
