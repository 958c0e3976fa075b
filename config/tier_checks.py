"""What `check --deploy` tries out as the tier that it is run as: its database, its Redis, its folders.

Run it as the tier's system user with the tier's environment, as its service has them. It only reads.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import Error as DatabaseError
from django.db import connection
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from config.database.rights_check import compare_rights
from config.redis_rights import TIERS, cache_prefix, counters_prefix, queues
from web.redaction import describe

#: So many rights are named; a login that differs in more is another tier's.
NAMED: Final = 6


@register(Tags.security, deploy=True)
def database_login_is_the_tiers_own(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    """It may do what its tier does, and no more."""
    if settings.ROLE not in TIERS:
        return
    if not settings.DATABASE_URL:
        yield Error("DATABASE_URL is unset.", id="undersigned.E011")
        return
    try:
        with connection.cursor() as cursor:
            login, beyond, lacks = compare_rights(cursor, settings.ROLE)
    except DatabaseError as error:
        hint = "Try it with psql as the same system user; the database's log says why it refused."
        yield Error(f"DATABASE_URL: no connection ({describe(error)}).", hint=hint, id="undersigned.E011")
        return
    if beyond:
        hint = f"Give {settings.ROLE} a login of its own, which nothing but `migrate` grants anything."
        yield Error(
            f"DATABASE_URL logs in as {login}, which may do more than {settings.ROLE} should: {_some(beyond)}.",
            hint=hint,
            id="undersigned.E012",
        )
    if lacks:
        yield Error(
            f"DATABASE_URL logs in as {login}, which may not do what {settings.ROLE} has to: {_some(lacks)}.",
            hint="Run `migrate` as the owner; docs/operations.md says what else each role is given.",
            id="undersigned.E013",
        )


# --- Redis --------------------------------------------------------------------------------------------------


def _not_ones_own() -> list[tuple[str, ...]]:
    """What no tier, or not this one, may ask of Redis: each only reads."""
    prefix, (queue, *_others) = settings.CACHE_PREFIX, queues(settings.CELERY_TASK_DEFAULT_QUEUE)
    refused: list[tuple[str, ...]] = [("CONFIG", "GET", "maxmemory"), ("KEYS", f"{prefix}:none"), ("ACL", "USERS")]
    if settings.ROLE != "desk":
        refused.append(("GET", f"{cache_prefix(prefix, 'desk')}:none"))
    if settings.ROLE != "worker":
        refused.append(("LRANGE", queue, "0", "0"))
    if settings.ROLE != "public":
        refused.append(("MGET", f"{counters_prefix(prefix)}:networks"))
    return refused


def _ones_own() -> list[tuple[str, ...]]:
    prefix, (queue, *_others) = settings.CACHE_PREFIX, queues(settings.CELERY_TASK_DEFAULT_QUEUE)
    needed: list[tuple[str, ...]] = [("LLEN", queue), ("MGET", f"{counters_prefix(prefix)}:taken:0:0")]
    if settings.ROLE == "worker":
        needed.append(("SMEMBERS", f"_kombu.binding.{queue}"))
    else:
        needed.append(("GET", f"{cache_prefix(prefix, settings.ROLE)}:none"))
    return needed


@register(Tags.security, deploy=True)
def redis_user_is_the_tiers_own(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    """Each tier has a user there that may do what its tier does, and nobody gets in without a password."""
    if settings.ROLE not in TIERS:
        return
    hint = "`manage.py make_secrets` writes the users and their rights (config/redis_rights.py)."
    try:
        with Redis.from_url(settings.REDIS_URL, socket_connect_timeout=3, socket_timeout=3) as client:
            client.ping()
            allowed = [" ".join(words) for words in _not_ones_own() if _may(client, words)]
            refused = [" ".join(words) for words in _ones_own() if not _may(client, words)]
        is_open = _lets_anybody_in()
    except (RedisError, OSError) as error:
        yield Error(f"REDIS_URL: no connection ({describe(error)}).", id="undersigned.E014")
        return
    if allowed:
        found = f"REDIS_URL's user may do more than {settings.ROLE} should: {_some(allowed)}."
        yield Error(found, hint=hint, id="undersigned.E015")
    if refused:
        found = f"REDIS_URL's user may not do what {settings.ROLE} has to: {_some(refused)}."
        yield Error(found, hint=hint, id="undersigned.E016")
    if is_open and not allowed:
        found = "Redis lets anybody in: its user “default” is on, without a password."
        yield Error(found, hint=hint, id="undersigned.E017")


def _may(client: Redis, words: tuple[str, ...]) -> bool:
    try:
        client.execute_command(*words)
    except NoPermissionError:
        return False
    return True


def _lets_anybody_in() -> bool:
    user_and_host = urlsplit(settings.REDIS_URL).netloc
    anonymous = settings.REDIS_URL.replace(f"//{user_and_host}", f"//{user_and_host.rpartition('@')[2]}", 1)
    try:
        with Redis.from_url(anonymous, socket_connect_timeout=3, socket_timeout=3) as client:
            return _may(client, ("KEYS", f"{settings.CACHE_PREFIX}:none"))
    except AuthenticationError:
        return False


# --- folders ------------------------------------------------------------------------------------------------


class Access(NamedTuple):
    """What a tier has to be able to do in a folder, and what it must not: "r", "w", "rw" or nothing."""

    needs: str
    must_not: str


READS, WRITES, KEPT_OUT = Access("r", "w"), Access("rw", ""), Access("", "rw")
DOES_NOT_WRITE = Access("", "w")
#: setting → what public, desk and worker do there.
FOLDERS: Final[dict[str, tuple[Access, Access, Access]]] = {
    "STATIC_ROOT": (READS, READS, DOES_NOT_WRITE),
    "MEDIA_DIR": (READS, WRITES, DOES_NOT_WRITE),
    "SHARE_DIR": (READS, DOES_NOT_WRITE, WRITES),
    "PACKETS_DIR": (KEPT_OUT, READS, WRITES),
    "SPOOL_DIR": (KEPT_OUT, KEPT_OUT, WRITES),
    "ATTACHMENTS_DIR": (KEPT_OUT, WRITES, KEPT_OUT),
    "ANCHORS_DIR": (KEPT_OUT, KEPT_OUT, WRITES),
    "KEYRING_DIR": (KEPT_OUT, KEPT_OUT, WRITES),
}
_MODES: Final = {"r": os.R_OK | os.X_OK, "w": os.W_OK | os.X_OK}
_WORDS: Final = {"r": "read", "w": "write"}


def folder_of(setting: str) -> Path:
    """Where it is. A web process is told of no keyring; on one machine it would be beside the other folders."""
    if setting in {"STATIC_ROOT", "MEDIA_DIR", "ANCHORS_DIR"}:
        return Path(getattr(settings, setting))
    if setting == "KEYRING_DIR":
        return Path(settings.KEYRING_DIR or settings.VAR_DIR / "keyring")
    storages: dict[str, Any] = settings.STORAGES
    return Path(storages[setting.removesuffix("_DIR").lower()]["OPTIONS"]["location"])


@register(Tags.security, deploy=True)
def folders_are_the_right_tiers(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    """Each is there for who needs it, and closed to who does not."""
    if settings.ROLE not in TIERS:
        return
    if os.geteuid() == 0:
        hint = f"Run this as the system user of {settings.ROLE}."
        yield Warning("Run as root, this check cannot tell who may enter a folder.", hint=hint, id="undersigned.W007")
    for setting, tiers in FOLDERS.items():
        folder, access = folder_of(setting), tiers[TIERS.index(settings.ROLE)]
        yield from _needed(setting, folder, access)
        if os.geteuid() != 0:
            yield from _open_to_the_wrong_tier(setting, folder, access)
    if settings.KEYRING_DIR and settings.KEYRING_DIR.exists() and settings.KEYRING_DIR.stat().st_mode & 0o077:
        found = f"KEYRING_DIR {settings.KEYRING_DIR} is open to others than its owner."
        yield Error(found, hint="chmod 0700, owned by the workers' system user.", id="undersigned.E020")
    if os.geteuid() != 0 and _can("w", settings.BASE_DIR):
        found = f"{settings.ROLE} may write the program's own files in {settings.BASE_DIR}."
        yield Warning(found, hint="Let them belong to root.", id="undersigned.W008")


def _needed(setting: str, folder: Path, access: Access) -> Iterator[CheckMessage]:
    for do in access.needs:
        if not folder.is_dir():
            yield Error(f"{setting} {folder} is missing, or {settings.ROLE} cannot see it.", id="undersigned.E018")
            return
        if not _can(do, folder):
            yield Error(f"{settings.ROLE} cannot {_WORDS[do]} {setting} {folder}.", id="undersigned.E018")


def _open_to_the_wrong_tier(setting: str, folder: Path, access: Access) -> Iterator[CheckMessage]:
    for do in access.must_not:
        if _can(do, folder):
            yield Error(f"{settings.ROLE} can {_WORDS[do]} {setting} {folder}.", id="undersigned.E019")


def _can(do: str, folder: Path) -> bool:
    return os.access(folder, _MODES[do], effective_ids=os.access in os.supports_effective_ids)


def _some(found: list[str]) -> str:
    return ", ".join(found[:NAMED]) + (f" and {len(found) - NAMED} more" if len(found) > NAMED else "")
