"""The objects that the .sql files here describe, and how a database comes to have them by difference.

A file is made of paragraphs: comments only, or one object with all of its statements and no blank line in it. After an
object is made, its COMMENT keeps a hash of the paragraph and of what the catalogs then say of it. So it is made again
when the file says otherwise, and also when somebody altered it by hand; one that the files no longer have is dropped.
Row security that was switched on stays on, which fails closed. A function whose arguments or result change takes
another name. PostgreSQL spells some conditions otherwise once they were dumped and restored: those are made anew once.
"""

from __future__ import annotations

import random
import re
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.db import connection

MARK: Final = "undersigned:"
#: How a paragraph opens, and what PostgreSQL calls the object in COMMENT ON and in DROP.
_OPENINGS: Final = (
    (re.compile(r"CREATE OR REPLACE FUNCTION (\w+)\("), "FUNCTION {}"),
    (re.compile(r"CREATE OR REPLACE TRIGGER (\w+) [\w ,]+? ON (\w+)\s"), "TRIGGER {} ON {}"),
    (re.compile(r"CREATE POLICY (\w+) ON (\w+) "), "POLICY {} ON {}"),
    (re.compile(r"CREATE TEXT SEARCH CONFIGURATION (\w+) "), "TEXT SEARCH CONFIGURATION {}"),
    (re.compile(r"ALTER TABLE (\w+) ADD COLUMN (\w+) "), "COLUMN {}.{}"),
    (re.compile(r"ALTER TABLE (\w+) ENABLE ROW LEVEL SECURITY;"), "ROW SECURITY ON {}"),
)
#: PostgreSQL replaces these in place.
_REPLACED: Final = ("FUNCTION ", "TRIGGER ", "ROW SECURITY ")

# Name, definition and comment, in an order in which they can be dropped. No table is locked for it. An extension's
# functions are its own.
_CATALOG: Final = """
SELECT format('TRIGGER %I ON %I', tgname, relname), concat_ws(' ', pg_get_triggerdef(t.oid), tgenabled),
       obj_description(t.oid, 'pg_trigger')
  FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
 WHERE relnamespace = 'public'::regnamespace AND NOT tgisinternal
UNION ALL
SELECT format('POLICY %I ON %I', polname, relname),
       format('%s %s %s USING %s WITH CHECK %s', polpermissive, polcmd, polroles::regrole[],
              pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)),
       obj_description(p.oid, 'pg_policy')
  FROM pg_policy p JOIN pg_class c ON c.oid = polrelid
 WHERE relnamespace = 'public'::regnamespace
UNION ALL
SELECT format('COLUMN %I.%I', relname, attname), pg_get_expr(adbin, adrelid), col_description(c.oid, attnum)
  FROM pg_attribute JOIN pg_class c ON c.oid = attrelid JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
 WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attgenerated <> ''
UNION ALL
SELECT format('FUNCTION %I', proname), pg_get_functiondef(p.oid) || coalesce(proacl::text, ''),
       obj_description(p.oid, 'pg_proc')
  FROM pg_proc p
 WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
   AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = p.oid AND deptype = 'e')
UNION ALL
SELECT format('TEXT SEARCH CONFIGURATION %I', cfgname),
       (SELECT string_agg(concat_ws(' ', maptokentype, mapdict::regdictionary), ',' ORDER BY maptokentype, mapseqno)
          FROM pg_ts_config_map WHERE mapcfg = c.oid),
       obj_description(c.oid, 'pg_ts_config')
  FROM pg_ts_config c
 WHERE cfgnamespace = 'public'::regnamespace
UNION ALL
SELECT format('ROW SECURITY ON %I', relname), '', NULL
  FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relrowsecurity
"""

# All tables that are to change, at once. The limit is for the whole statement: whoever signs waits no longer than that;
# and it is below PostgreSQL's deadlock_timeout of one second, so whoever waits for us while we wait for them is never
# the one whom PostgreSQL ends.
_LOCK: Final = "SET LOCAL statement_timeout = '300ms'; LOCK TABLE {}; SET LOCAL statement_timeout = DEFAULT"


class Found(NamedTuple):
    """What the catalogs say of an object."""

    definition: str
    comment: str | None


def described(folder: Path = Path(__file__).parent) -> dict[str, str]:
    """What the files describe: name → statements. Raises `ValueError` for a paragraph that describes nothing known."""
    objects: dict[str, str] = {}
    for file in sorted(folder.glob("*.sql")):
        for paragraph in file.read_text().split("\n\n"):
            if statements := re.sub(r"\A(--.*\n?)+", "", paragraph.strip()):
                name = _name_of(statements, file)
                if name in objects:
                    raise ValueError(f"{file.name} describes {name} a second time")
                objects[name] = _with_values(statements)
    return objects


def _name_of(statements: str, file: Path) -> str:
    for opening, name in _OPENINGS:
        if found := opening.match(statements):
            return name.format(*found.groups())
    raise ValueError(f"{file.name}: no object is known that begins with {statements[:60]!r}")


def _with_values(statements: str) -> str:
    """Put in what Python knows: roles for psql's :"public", :"desk" and :"worker"; literals for :'name'."""
    roles = {"public": settings.PUBLIC_ROLE, "desk": settings.DESK_ROLE, "worker": settings.WORKER_ROLE}
    for variable, role in roles.items():
        statements = statements.replace(f':"{variable}"', connection.ops.quote_name(role))
    for variable, literal in (roles | literals()).items():
        statements = statements.replace(f":'{variable}'", f"'{literal.replace("'", "''")}'")
    return statements


def literals() -> dict[str, str]:
    """What guards and Python both go by, said once, in Python: as PostgreSQL reads it."""
    from petitions.models.campaign import Disclosure
    from petitions.models.takedown import TAKEDOWN_LASTS
    from signatures.models import LINK_LIVES
    from signatures.models.news import MAILING_ALONE
    from signatures.models.rules import NETWORK_RULE_LASTS, NETWORK_TRIAL
    from staff.models.proposal import APPROVAL_EXPIRES

    return {
        "disclosures": f"{{{','.join(Disclosure.values)}}}",  # from the narrowest to the widest
        "approval_expires": f"{APPROVAL_EXPIRES.total_seconds():.0f} seconds",
        "link_lives": f"{LINK_LIVES.total_seconds():.0f} seconds",
        "mailing_alone": str(MAILING_ALONE),
        "network_trial": f"{NETWORK_TRIAL.total_seconds():.0f} seconds",
        "network_rule_lasts": f"{NETWORK_RULE_LASTS.total_seconds():.0f} seconds",
        "takedown_lasts": f"{TAKEDOWN_LASTS.total_seconds():.0f} seconds",
        "session_expires": f"{settings.SESSION_COOKIE_AGE} seconds",
    }


def apply_guards(cursor: Any, wanted: dict[str, str] | None = None) -> list[str]:
    """Make what is missing or differs, drop what was ours; returns the names. Needs a transaction of the owner's.

    Takes no lock where nothing differs. Raises `OperationalError` when a table is in use for too long.
    """
    wanted = described() if wanted is None else wanted
    found = _found(cursor)
    changed = [name for name in wanted if not _is_as(wanted[name], found.get(name), name)]
    gone = [name for name in found if name not in wanted and (found[name].comment or "").startswith(MARK)]
    if changed or gone:
        _lock(cursor, [*changed, *gone])
        for name in changed:
            if name in found and not name.startswith(_REPLACED):
                _drop(cursor, name)
            cursor.execute(wanted[name])
        for name in gone:
            _drop(cursor, name)
        _mark(cursor, {name: wanted[name] for name in changed})
    return changed + gone


def _found(cursor: Any) -> dict[str, Found]:
    cursor.execute(_CATALOG)
    return {name: Found(definition, comment) for name, definition, comment in cursor.fetchall()}


def _is_as(statements: str, found: Found | None, name: str) -> bool:
    if found is None or name.startswith("ROW SECURITY"):
        return found is not None
    return found.comment == _hash(statements, found.definition)


def _hash(statements: str, definition: str) -> str:
    return MARK + sha256(f"{statements}\0{definition}".encode()).hexdigest()


def _lock(cursor: Any, names: list[str]) -> None:
    tables = {found[1] for name in names if (found := re.search(r"(?: ON |^COLUMN )(\w+)", name))}
    if tables:
        # In any order: confirming needs a submission before its campaign, and a campaign's guard the other way round.
        # Whichever is in our way, another attempt goes along with it.
        cursor.execute(_LOCK.format(", ".join(random.sample(sorted(tables), len(tables)))))


def _drop(cursor: Any, name: str) -> None:
    table, _, column = name.removeprefix("COLUMN ").partition(".")
    cursor.execute(f"ALTER TABLE {table} DROP COLUMN {column}" if column else f"DROP {name}")


def _mark(cursor: Any, made: dict[str, str]) -> None:
    found = _found(cursor)
    for name, statements in made.items():
        if not name.startswith("ROW SECURITY"):
            cursor.execute(f"COMMENT ON {name} IS '{_hash(statements, found[name].definition)}'")
