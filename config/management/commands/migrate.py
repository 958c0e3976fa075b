"""Django's own `migrate`: one runner at a time, and not on a database whose migrations are no longer there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections

from config.database.apply import LOCK, OLD_DATABASE, is_old


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        with _alone(options["database"]) as cursor:
            if is_old(cursor):
                raise CommandError(OLD_DATABASE)
            super().handle(*args, **options)


@contextmanager
def _alone(using: str) -> Iterator[Any]:
    """The second of two runners waits until the first is done, and then finds nothing to do."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        try:
            yield cursor
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
