"""The tests' databases: migrated once a run, and copied for each of xdist's processes.

Migrating takes six seconds of processor, a copy a tenth of one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from psycopg import sql
from pytest_django import DjangoDbBlocker

from tests.support.environment import PROCESS

#: Any number, the same in all processes of a run.
LOCK = 0x7E57


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, django_db_blocker: DjangoDbBlocker
) -> None:
    """Before pytest-django makes this process's database: say of what. One process alone needs no copy."""
    if PROCESS != "main":
        with django_db_blocker.unblock():
            connection.settings_dict["TEST"]["TEMPLATE"] = migrated()


def migrated() -> str:
    """The name of this run's migrated database, which whoever comes first makes while the others wait."""
    name = os.environ["TEST_TEMPLATE"]
    with psycopg.connect(os.environ["TEST_DATABASE_URL"], autocommit=True) as session:
        session.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        if not session.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            draft = f"{name}_draft"
            session.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(draft)))
            with connected_to(draft):
                call_command("migrate", verbosity=0, interactive=False)
            session.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*map(sql.Identifier, (draft, name))))
    return name


@contextmanager
def connected_to(database: str) -> Iterator[None]:
    """Django's connection leads there meanwhile."""
    usual = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = database
    try:
        yield
    finally:
        connection.close()  # a database that somebody is connected to can be neither renamed nor copied
        connection.settings_dict["NAME"] = usual
