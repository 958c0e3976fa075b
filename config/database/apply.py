"""After every `migrate`: guards and grants as the files here say, all or nothing, and by difference.

Where nothing differs, nothing is locked, dropped or made anew: a `migrate` beside a running site is not felt. What
differs is changed in one transaction, and never by two runners at once. A table that somebody reads for long, as a dump
does, is waited for in short steps, so that signing goes on between them.
"""

from __future__ import annotations

import time
from typing import Any, Final

import psycopg
from django.apps import AppConfig
from django.core.management.base import CommandError
from django.db import OperationalError, connections, transaction

from config.database.grants import DESK, apply_grants
from config.database.guards import apply_guards

#: Of the advisory lock that one runner has at a time. Any number; nothing else here uses it.
LOCK: Final = 0x6D6967
ATTEMPTS: Final = 45
#: Seconds between two of them: whoever waited for us is served meanwhile.
PAUSE: Final = 1.0
#: query_canceled (by our timeout), lock_not_available, deadlock_detected.
BUSY: Final = {"57014", "55P03", "40P01"}
#: What was public before versions of texts were kept gets its first one (text_versions.sql).
MISSING_VERSIONS: Final = """
SELECT keep_text_version(id) FROM petitions_campaign c
 WHERE NOT EXISTS (SELECT FROM petitions_textversion WHERE campaign_id = c.id)
"""
#: The squashed migrations begin anew: a database that these had been applied to lacks what came later.
_RECORDED: Final = "SELECT to_regclass('public.django_migrations') IS NOT NULL"
_OLD_NAME: Final = "SELECT FROM django_migrations WHERE app = 'signatures' AND name = '0002_row_security_and_guards'"
OLD_DATABASE: Final = (
    "This database was made before version 0.2 and cannot be brought up to date: `make clean` removes the demo's"
    " (var/), then start again."
)


def apply(using: str = "default") -> None:
    """Bring the database to what the files say. Needs the owner's connection; idempotent.

    Raises `CommandError` when a role is missing, or a table that has to change stays in use for about a minute.
    """
    for _ in range(ATTEMPTS):
        try:
            return _apply_once(using)
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", None) not in BUSY:
                raise
        time.sleep(PAUSE)
    raise CommandError("Tables that have to change are in use, by a dump perhaps. Run migrate again when it is done.")


def _apply_once(using: str) -> None:
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        if DESK.keys() <= set(connections[using].introspection.table_names(cursor)):  # else half migrated: no rights
            apply_grants(cursor)  # first: what a guard's mark covers includes who may call a function
            apply_guards(cursor)
            cursor.execute(MISSING_VERSIONS)


def is_old(cursor: Any) -> bool:
    """Say whether this database was made by the migrations of before 0.2, which are no longer there."""
    cursor.execute(_RECORDED)
    if not cursor.fetchone()[0]:
        return False
    cursor.execute(_OLD_NAME)
    return cursor.fetchone() is not None


def is_old_at(url: str) -> bool:
    """The same for whoever has only the database's address: the demo, before it starts anything there."""
    with psycopg.connect(url) as session, session.cursor() as cursor:
        return is_old(cursor)


def apply_after_migrate(app_config: AppConfig, using: str, **kwargs: Any) -> None:
    """Once a run: Django calls this for each app, when the tables of all are there."""
    if app_config.label == "signatures":
        apply(using)
