"""The secrets of a new installation, one file each, for systemd's LoadCredential, containers' secrets, and X_FILE.

FOLDER/TIER/NAME holds the setting NAME of that tier. What is there is kept, what is missing is made, so a secret is
changed by removing its file. `roles.sql` and `redis.acl` follow from the files and hold no secret themselves.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings

from config.database.login_rights import limits_of, locks_are_for
from config.redis_rights import TIERS, Tier, rights

#: "owner" migrates and makes logins; it has the desk's SECRET_KEY.
LOGINS: Final = ("owner", *TIERS)
DATABASE: Final = "undersigned"
_ITERATIONS: Final = 4096  # PostgreSQL's own


class Servers(NamedTuple):
    """Where the secrets are to be good: HOST or HOST:PORT."""

    database: str
    redis: str


def make_secrets(folder: Path, servers: Servers) -> list[Path]:
    """Make what is missing, readable by us alone; returns it. Raises OSError."""
    made = [file for file, content in _wanted(folder, servers) if _make(file, content)]
    _write(folder / "roles.sql", roles_sql(folder))
    _write(folder / "redis.acl", redis_acl(folder))
    return made


def _wanted(folder: Path, servers: Servers) -> Iterator[tuple[Path, str]]:
    database = f"{servers.database}/{DATABASE}" + ("" if _is_here(servers.database) else "?sslmode=verify-full")
    scheme = "redis" if _is_here(servers.redis) else "rediss"
    for tier in LOGINS:
        yield folder / tier / "database_url", f"postgres://{_login(tier)}:{_password()}@{database}"
    yield folder / "desk" / "factors_key", secrets.token_urlsafe(48)
    for tier in TIERS:
        yield folder / tier / "secret_key", secrets.token_urlsafe(48)
        yield folder / tier / "redis_url", f"{scheme}://undersigned_{tier}:{_password()}@{servers.redis}/0"


def roles_sql(folder: Path) -> str:
    """For psql, as the database's administrator; may be run again."""
    lines = ["\\set ON_ERROR_STOP on"]
    for tier in LOGINS:
        name, verifier = _login(tier), scram(_password_in(folder / tier / "database_url"))
        lines += [_unless_there("pg_roles", "rolname", name, f'CREATE ROLE "{name}"')]
        lines += [f"ALTER ROLE \"{name}\" LOGIN PASSWORD '{verifier}';"]
    others = ", ".join(f'"{_login(tier)}"' for tier in TIERS)
    making = f'CREATE DATABASE {DATABASE} OWNER "{_login("owner")}"'
    lines += [
        _unless_there("pg_database", "datname", DATABASE, making),
        f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC;",
        f"GRANT CONNECT ON DATABASE {DATABASE} TO {others};",
        "-- Workers compare batches with the register in temporary tables.",
        f'GRANT TEMPORARY ON DATABASE {DATABASE} TO "{_login("worker")}";',
        "-- Limits of time, for a connection that asks for none of its own.",
        *(line for tier in TIERS for line in limits_of(_login(tier), settings.LIMITS[tier])),
        f"\\connect {DATABASE}",
        "-- Nobody else holds up what these two do one at a time.",
        locks_are_for([_login("owner"), _login("worker")]),
    ]
    return "\n".join(lines) + "\n"


def _unless_there(table: str, column: str, name: str, statement: str) -> str:
    """PostgreSQL has no IF NOT EXISTS for these; psql runs what a query answers."""
    return f"SELECT '{statement}' WHERE NOT EXISTS (SELECT FROM {table} WHERE {column} = '{name}') \\gexec"  # noqa: S608


def redis_acl(folder: Path) -> str:
    """For Redis's `aclfile`: a user for each tier, and nobody else."""
    return "\n".join(["user default off", *(_redis_user(folder, tier) for tier in TIERS)]) + "\n"


def _redis_user(folder: Path, tier: Tier) -> str:
    digest = hashlib.sha256(_password_in(folder / tier / "redis_url").encode()).hexdigest()
    words = rights(tier, settings.CACHE_PREFIX, settings.CELERY_TASK_DEFAULT_QUEUE)
    return f"user undersigned_{tier} on #{digest} {' '.join(words)}"


def scram(password: str) -> str:
    """What PostgreSQL keeps of a password (RFC 5803), so that the password itself is in no file of SQL and no log."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt64, stored64, server64 = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${_ITERATIONS}:{salt64}${stored64}:{server64}"


def _login(tier: str) -> str:
    names = {"public": settings.PUBLIC_ROLE, "desk": settings.DESK_ROLE, "worker": settings.WORKER_ROLE}
    return names.get(tier, "undersigned_owner")


def _password() -> str:
    return secrets.token_urlsafe(32)


def _password_in(file: Path) -> str:
    return urlsplit(file.read_text()).password or ""


def _is_here(host: str) -> bool:
    return host.partition(":")[0] in {"127.0.0.1", "localhost"}


def _make(file: Path, content: str) -> bool:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w") as secret:
        secret.write(content + "\n")
    return True


def _write(file: Path, content: str) -> None:
    """Whole or not at all."""
    draft = file.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text(content)
    draft.replace(file)
