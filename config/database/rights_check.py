"""Whether a login may do in the database what its tier is to do, and no more: asked of PostgreSQL as that login."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from config.database.grants import DESK, PUBLIC, WORKER, parsed_rights

_TABLES: Final = {"public": PUBLIC, "desk": DESK, "worker": WORKER}

# What it may do by whatever way: its own grants, those of PUBLIC, roles it is a member of, ownership. Extensions' own
# tables and views are none of ours.
_EFFECTIVE: Final = """
WITH ours AS (
    SELECT oid, relname FROM pg_class c
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e'))
SELECT relname, right_, '' FROM ours,
       unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) right_
 WHERE has_table_privilege(ours.oid, right_)
UNION ALL
SELECT relname, right_, attname FROM ours JOIN pg_attribute ON attrelid = ours.oid AND attnum > 0 AND NOT attisdropped,
       unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) right_
 WHERE has_column_privilege(ours.oid, attnum, right_) AND NOT has_table_privilege(ours.oid, right_)
"""
# Reaching beyond tables: the attributes of a login, and what else it may become.
_POWERS: Final = """
SELECT power FROM pg_roles me, LATERAL (VALUES
    (rolsuper, 'is a superuser'), (rolcreaterole, 'may create roles'), (rolcreatedb, 'may create databases'),
    (rolbypassrls, 'passes row security'), (rolreplication, 'may replicate the whole server'),
    (has_schema_privilege(rolname, 'public', 'CREATE'), 'may create tables'),
    (has_database_privilege(rolname, current_database(), 'CREATE'), 'may create schemas'),
    (has_database_privilege(rolname, current_database(), 'TEMPORARY') AND NOT %(temporary)s,
     'may create temporary tables'),
    (has_function_privilege(rolname, 'pg_advisory_lock(bigint)', 'EXECUTE') AND NOT %(locks)s,
     'may hold advisory locks')) given (has, power)
 WHERE rolname = current_user AND has
UNION ALL
SELECT 'may become ' || other.rolname FROM pg_roles me JOIN pg_roles other ON other.rolname <> me.rolname
 WHERE me.rolname = current_user AND NOT me.rolsuper AND pg_has_role(me.rolname, other.oid, 'MEMBER')
"""


_OWN: Final = """
SELECT current_user, has_database_privilege(current_database(), 'TEMPORARY'),
       has_function_privilege('pg_advisory_lock(bigint)', 'EXECUTE')
"""


class Difference(NamedTuple):
    """What the login may do beyond its tier, and what it may not do that its tier has to; in words."""

    login: str
    beyond: list[str]
    lacks: list[str]


def compare_rights(cursor: Any, tier: str) -> Difference:
    """The rights of whoever this connection is, against config/database/grants.py. `tier`: public, desk or worker."""
    cursor.execute(_OWN)
    login, may_temporary, may_lock = cursor.fetchone()
    cursor.execute(_POWERS, {"temporary": tier == "worker", "locks": tier == "worker"})
    beyond = [power for (power,) in cursor.fetchall()]
    cursor.execute(_EFFECTIVE)
    given = {(table, right, column) for table, right, column in cursor.fetchall()}
    wanted = {
        (table, right, column)
        for table, rights in _TABLES[tier].items()
        if rights
        for right, column, _ in parsed_rights(rights)
    }
    lacks = _in_words(wanted - given)
    if tier == "worker" and not may_temporary:
        lacks.append("temporary tables")
    if tier == "worker" and not may_lock:
        lacks.append("advisory locks")
    return Difference(login, beyond + _in_words(given - wanted), lacks)


def _in_words(rights: set[tuple[str, str, str]]) -> list[str]:
    return sorted(f"{right} {table}" + (f".{column}" if column else "") for table, right, column in rights)
