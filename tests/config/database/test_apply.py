"""Guards and grants come into a database by difference (config/database/); a running site does not feel `migrate`."""

import datetime
import importlib.util
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction
from psycopg import sql

from config.database import apply as applying
from config.database import guards
from config.database.apply import OLD_DATABASE, apply
from config.database.grants import apply_grants
from config.database.guards import apply_guards, described
from config.local.embedded import Embedded
from petitions.models.campaign import Disclosure
from petitions.models.takedown import TAKEDOWN_LASTS
from signatures.models import LINK_LIVES
from signatures.models.news import MAILING_ALONE
from signatures.models.rules import NETWORK_RULE_LASTS, NETWORK_TRIAL
from staff.models.proposal import APPROVAL_EXPIRES
from tests.support.stack import free_port

FOLDER = Path(guards.__file__).parent
#: Where PostgreSQL keeps what guards and grants are made of.
CATALOGS = (
    "pg_proc", "pg_trigger", "pg_policy", "pg_class", "pg_attribute", "pg_attrdef", "pg_description", "pg_ts_config",
    "pg_ts_config_map", "pg_namespace",
)  # fmt: skip


@pytest.mark.django_db
def test_what_python_and_the_guards_both_go_by_is_said_once():
    """In Python: the files name it, and no number or list of it stands there a second time."""
    files = "".join(file.read_text() for file in FOLDER.glob("*.sql"))
    for name in guards.literals():
        assert f":'{name}'" in files
    assert not [found for found in described().values() if re.search(r"(?<!:):['\"]\w", found)]
    assert not re.findall(r"'(?:72|12) hours'|'1 hour'|'initials', 'named'", files)
    session = datetime.timedelta(seconds=settings.SESSION_COOKIE_AGE)
    types = ["text[]", "interval", "interval", "integer", *["interval"] * 4]
    assert rows("SELECT " + ", ".join(f"%s::{kind}" for kind in types), list(guards.literals().values())) == [
        (
            list(Disclosure.values), APPROVAL_EXPIRES, LINK_LIVES, MAILING_ALONE, NETWORK_TRIAL, NETWORK_RULE_LASTS,
            TAKEDOWN_LASTS, session,
        )
    ]  # fmt: skip


def rows(statement, params=()):
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall()


def run(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


def versions():
    """Each row of those catalogs, and the transaction that wrote it."""
    return {(catalog, *row) for catalog in CATALOGS for row in rows(f"SELECT ctid::text, xmin::text FROM {catalog}")}


def state():
    """What the database has, whoever wrote it when."""
    with connection.cursor() as cursor:
        rights = rows(
            "SELECT relname, attname, relacl::text, attacl::text, relrowsecurity FROM pg_class c"
            " LEFT JOIN pg_attribute ON attrelid = c.oid AND NOT attisdropped"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S') AND attnum > 0"
        )
        # An access list is in the order of the grants.
        told = {tuple("".join(sorted(str(field))) if "=" in str(field) else field for field in row) for row in rights}
        return {name: found.definition for name, found in guards._found(cursor).items()}, told


def differing(wanted):
    with transaction.atomic(), connection.cursor() as cursor:
        return apply_guards(cursor, wanted)


# --- by difference --------------------------------------------------------------------------------------------


def test_a_second_run_writes_nothing(db):
    before = versions()
    apply()
    call_command("migrate", verbosity=0, interactive=False)
    assert versions() == before


def test_every_object_of_the_files_is_there_and_bears_its_mark(db):
    with connection.cursor() as cursor:
        found = guards._found(cursor)
    assert found.keys() == described().keys()
    assert all(found[name].comment for name in found if not name.startswith("ROW SECURITY"))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("FUNCTION ledger_guard", "is only added to", "only grows"),
        ("TRIGGER ledger_guard ON signatures_ledgerentry", "BEFORE UPDATE", "BEFORE UPDATE OR INSERT"),
        ("POLICY desk_select ON signatures_delivery", "(true)", "(id > 0)"),
        ("POLICY worker_all ON signatures_reveal", "FOR ALL", "FOR SELECT"),
        ("COLUMN petitions_campaign.search", "|| ' ' || pledge", ""),
    ],
)
def test_what_changed_is_made_again_and_nothing_else(db, name, old, new):
    files, before, whole = described(), versions(), state()
    changed = files[name].replace(old, new).replace("WITH CHECK (id > 0)", "").replace(" WITH CHECK (true)", "")
    assert changed != files[name]
    assert differing(files | {name: changed}) == [name]
    written = {row[0] for row in versions() - before}
    assert "pg_proc" not in written or name.startswith("FUNCTION")
    assert "pg_policy" not in written or name.startswith("POLICY")
    assert {key for key, value in state()[0].items() if whole[0].get(key) != value} == {name}
    assert differing(files) == [name]
    assert state() == whole


def test_what_the_files_no_longer_have_is_dropped(db):
    left = {
        name: made for name, made in described().items() if "ledger_guard" not in name and "desk_select" not in name
    }
    gone = described().keys() - left.keys()
    assert set(differing(left)) == gone
    assert len(gone) == 2 + sum("desk_select" in name for name in described()) >= 8
    assert not gone & state()[0].keys()
    assert differing(left) == []


def test_a_whole_file_can_come_and_go(db):
    whole = state()
    assert set(differing({})) == {name for name in described() if not name.startswith("ROW SECURITY")}
    assert set(differing(described())) == {name for name in described() if not name.startswith("ROW SECURITY")}
    assert state() == whole


def test_what_is_not_ours_is_left_alone(db):
    run("CREATE FUNCTION somebodys() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    run("COMMENT ON FUNCTION somebodys() IS 'for reports'")
    run("CREATE POLICY theirs ON signatures_trace USING (true)")
    apply()
    assert {"FUNCTION somebodys", "POLICY theirs ON signatures_trace"} <= state()[0].keys()


BY_HAND = {
    "a policy that is wider": "ALTER POLICY public_select ON signatures_submission USING (true)",
    "a policy for another role": "ALTER POLICY desk_update ON staff_proposal TO PUBLIC",
    "a policy gone": "DROP POLICY public_insert ON signatures_submission",
    "a trigger off": "ALTER TABLE petitions_campaign DISABLE TRIGGER campaign_two_people",
    "all triggers off": "ALTER TABLE signatures_delivery DISABLE TRIGGER USER",
    "a trigger gone": "DROP TRIGGER audit_is_final ON staff_auditentry",
    "a function emptied": "CREATE OR REPLACE FUNCTION audit_is_final() RETURNS trigger LANGUAGE plpgsql AS"
    " 'BEGIN RETURN NEW; END'",
    "a function without its path": "ALTER FUNCTION campaign_guard() RESET search_path",
    "a function for everybody": "GRANT EXECUTE ON FUNCTION spend_approval(text, jsonb) TO PUBLIC",
    "a function for web": f'GRANT EXECUTE ON FUNCTION spend_approval(text, jsonb) TO "{settings.DESK_ROLE}"',
    "row security off": "ALTER TABLE signatures_reveal DISABLE ROW LEVEL SECURITY",
    "no search": "ALTER TABLE petitions_campaign DROP COLUMN search",
    "a table for web": f'GRANT SELECT ON signatures_signature TO "{settings.DESK_ROLE}"',
    "a column for web": f'GRANT UPDATE (sealed) ON signatures_submission TO "{settings.DESK_ROLE}"',
    "a right to pass on": f'GRANT SELECT ON signatures_tally TO "{settings.DESK_ROLE}" WITH GRANT OPTION',
    "a sequence for web": f'GRANT USAGE ON SEQUENCE signatures_signature_id_seq TO "{settings.DESK_ROLE}"',
    "nothing for the worker": "REVOKE ALL ON petitions_campaign, signatures_signature, signatures_submission"
    f' FROM "{settings.WORKER_ROLE}"',
    "a column less": f'REVOKE SELECT (seconds) ON signatures_deliverypart FROM "{settings.DESK_ROLE}"',
    "no sequence": f'REVOKE ALL ON SEQUENCE signatures_signature_id_seq FROM "{settings.WORKER_ROLE}"',
}


@pytest.mark.parametrize("statement", BY_HAND.values(), ids=BY_HAND)
def test_what_was_altered_by_hand_is_mended(db, statement):
    whole = state()
    run(statement)
    assert state() != whole
    apply()
    assert state() == whole
    before = versions()
    apply()
    assert versions() == before


def test_only_the_table_that_differs_is_granted_anew(db):
    run(f'GRANT DELETE ON signatures_tally, signatures_tallysum TO "{settings.DESK_ROLE}"')
    with transaction.atomic(), connection.cursor() as cursor:
        assert apply_grants(cursor) == ["TABLE signatures_tally", "TABLE signatures_tallysum"]


def test_a_database_that_is_half_migrated_gives_nothing_yet(db):
    run("ALTER TABLE signatures_monitor RENAME TO not_yet")
    run(f'REVOKE ALL ON signatures_tally FROM "{settings.DESK_ROLE}"')
    before = versions()
    apply()
    assert versions() == before


# --- the files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["CREATE TABLE mine (id int);", "SELECT 1;", "create policy p on t for all;"])
def test_a_paragraph_that_describes_nothing_known_is_refused(tmp_path, said):
    (tmp_path / "x.sql").write_text(f"-- Why.\n\n-- More.\n{said}\n")
    with pytest.raises(ValueError, match=r"x\.sql: no object is known"):
        described(tmp_path)


def test_an_object_is_described_once(tmp_path):
    (tmp_path / "x.sql").write_text("-- Why.\n\nCREATE POLICY p ON t USING (true);\n\nCREATE POLICY p ON t FOR ALL;\n")
    with pytest.raises(ValueError, match="POLICY p ON t a second time"):
        described(tmp_path)


@pytest.mark.parametrize("comment", ["", "-- And how.\n", "-- And\n-- how.\n"])
def test_comments_change_nothing(tmp_path, comment):
    policy = "CREATE POLICY p ON t USING (true);"
    (tmp_path / "x.sql").write_text(f"-- Why.\n\n{comment}{policy}\n")
    assert described(tmp_path) == {"POLICY p ON t": policy}


def test_every_file_opens_with_its_reason():
    for file in FOLDER.glob("*.sql"):
        assert re.match(r"(--.*\n)+\n", file.read_text()), file.name


def test_every_model_names_its_guards():
    guarded = re.compile(r"^(?:CREATE OR REPLACE TRIGGER \w+ [\w ,]+? ON|CREATE POLICY \w+ ON|ALTER TABLE) (\w+)", re.M)
    for model in apps.get_models():
        if model.__module__.startswith(("web.", "staff.", "petitions.", "signatures.")):
            files = {
                file.name for file in FOLDER.glob("*.sql") if model._meta.db_table in guarded.findall(file.read_text())
            }
            assert set(re.findall(r"config/database/(\w+\.sql)", model.__doc__)) == files, model


# --- beside a running site ------------------------------------------------------------------------------------


@pytest.fixture
def another():
    """A session of somebody else's, in this test's database."""
    with psycopg.connect(host=connection.settings_dict["HOST"], **_login()) as session:
        yield session


def _login():
    given = connection.settings_dict
    return {
        "dbname": given["NAME"],
        "user": given["USER"],
        "password": given["PASSWORD"],
        "port": given["PORT"] or None,
    }


def hold(session, tables, mode="ACCESS SHARE"):
    """Read them and go on reading, as a dump does; or more than that."""
    tables = sql.SQL(", ").join(map(sql.Identifier, tables))
    session.execute(sql.SQL("LOCK TABLE {} IN {} MODE").format(tables, sql.SQL(mode)))


@pytest.mark.django_db(transaction=True)
def test_migrate_only_reads_where_nothing_differs(another):
    """EXCLUSIVE lets others read, and do nothing else."""
    hold(another, connection.introspection.table_names(), "EXCLUSIVE")
    before = versions()
    run("SET lock_timeout = '1ms'")
    try:
        call_command("migrate", verbosity=0, interactive=False)
    finally:
        run("RESET lock_timeout")
    assert versions() == before


@pytest.fixture
def changed(monkeypatch):
    """The files say something else of two tables that signing needs; afterwards all is as before."""
    names = ("POLICY public_insert ON signatures_withdrawal", "POLICY public_insert ON signatures_submission")
    files = described()
    other = files | {name: files[name].replace("WITH CHECK (", "WITH CHECK (now() IS NOT NULL AND ") for name in names}
    monkeypatch.setattr(guards, "described", lambda: other)
    yield
    monkeypatch.undo()
    apply()


def definition():
    return state()[0]["POLICY public_insert ON signatures_withdrawal"]


@pytest.mark.django_db(transaction=True)
def test_signing_goes_on_while_a_change_waits_for_a_reader(changed, another, monkeypatch):
    hold(another, ["signatures_withdrawal"])
    given_way = gives_way(monkeypatch)
    before, taken, failed = definition(), 0, []
    waiter = threading.Thread(target=_apply_and_close, args=[failed])
    waiter.start()
    with psycopg.connect(host=connection.settings_dict["HOST"], autocommit=True, **_login()) as signer:
        signer.execute("SET lock_timeout = '2s'")
        while waiter.is_alive() and len(given_way) < 2:
            signer.execute("INSERT INTO signatures_withdrawal (token_hash) VALUES (%s)", [os.urandom(32)])
            taken += 1
        assert definition() == before
        another.rollback()
        waiter.join(30)
        signer.execute("INSERT INTO signatures_withdrawal (token_hash) VALUES (%s)", [os.urandom(32)])
    assert not waiter.is_alive()
    assert failed == []
    assert len(given_way) == 2
    assert taken
    assert definition() != before


def _apply_and_close(failed):
    try:
        apply()
    except Exception as error:
        failed.append(error)
    finally:
        connection.close()


def gives_way(monkeypatch):
    """A list that grows by one whenever an attempt ends because a table was in use."""
    attempt, given_way = applying._apply_once, []

    def noted(using):
        try:
            attempt(using)
        except OperationalError as error:
            given_way.append(error)
            raise

    monkeypatch.setattr(applying, "_apply_once", noted)
    return given_way


@pytest.mark.django_db(transaction=True)
def test_a_table_in_use_for_too_long_fails_whole_and_says_so(changed, another, monkeypatch):
    monkeypatch.setattr(applying, "ATTEMPTS", 2)
    monkeypatch.setattr(applying, "PAUSE", 0.0)
    hold(another, ["signatures_submission"])  # the second in order: the first is locked already
    before = versions()
    with pytest.raises(CommandError, match="Run migrate again"):
        apply()
    assert versions() == before


@pytest.mark.django_db(transaction=True)
def test_a_change_beside_transactions_that_lock_both_ways_ends_none_of_them(monkeypatch):
    monkeypatch.setattr(applying, "PAUSE", 0.05)
    submission, campaign = "signatures_submission", "petitions_campaign"
    ended, failed, files = threading.Event(), [], described()
    others = [
        threading.Thread(target=_lock_one_after_another, args=[order, ended, failed])
        for order in ([submission, campaign], [campaign, submission], [submission], [campaign])
    ]
    for thread in others:
        thread.start()
    try:
        trigger = files[TRIGGER].replace("BEFORE INSERT OR UPDATE", "BEFORE UPDATE")
        policy = files[POLICY].replace("(true)", "(1 = 1)")
        for wanted in [files | {TRIGGER: trigger, POLICY: policy}, files] * 3:
            monkeypatch.setattr(guards, "described", lambda wanted=wanted: wanted)
            apply()
    finally:
        ended.set()
        for thread in others:
            thread.join()
        monkeypatch.undo()
        apply()
    assert failed == []


TRIGGER = "TRIGGER campaign_guard ON petitions_campaign"
POLICY = "POLICY worker_all ON signatures_submission"


def _lock_one_after_another(order, ended, failed):
    with psycopg.connect(host=connection.settings_dict["HOST"], **_login()) as session:
        while not ended.wait(0.003):
            try:
                for table in order:
                    session.execute(f"LOCK TABLE {table} IN ROW EXCLUSIVE MODE")
                session.commit()
            except psycopg.Error as error:
                failed.append(error)
                session.rollback()


# --- databases ------------------------------------------------------------------------------------------------


@pytest.fixture
def fresh():
    """The address of an empty database."""
    name = f"{connection.settings_dict['NAME']}_fresh"
    with psycopg.connect(os.environ["TEST_DATABASE_URL"], autocommit=True) as session:
        session.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield urlunsplit(urlsplit(os.environ["TEST_DATABASE_URL"])._replace(path=f"/{name}"))
        session.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_two_runners_make_one_database(fresh):
    command = [sys.executable, "manage.py", "migrate", "--noinput", "--verbosity", "0"]
    environment = os.environ | {"DATABASE_URL": fresh, "ROLE": "owner"}
    runners = [
        subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [(runner.communicate()[1], runner.returncode) for runner in runners]
    assert told == [("", 0), ("", 0)]
    with psycopg.connect(fresh) as session:
        names = session.execute("SELECT count(*) FROM pg_policy").fetchone()
    assert names == (sum(name.startswith("POLICY") for name in described()),)


def test_a_database_of_before_the_squash_is_refused_untouched(db):
    run(
        "INSERT INTO django_migrations (app, name, applied)"
        " VALUES ('signatures', '0002_row_security_and_guards', now())"
    )
    run(f'GRANT SELECT ON signatures_signature TO "{settings.DESK_ROLE}"')
    before = versions()
    with pytest.raises(CommandError, match=r"^[^\n]*`make clean`[^\n]*$"):
        call_command("migrate", verbosity=0, interactive=False)
    assert versions() == before


def test_a_demo_of_before_the_squash_is_told_so_in_one_line_and_stays_as_it_is(tmp_path):
    said = "CREATE TABLE django_migrations (app text, name text);"
    said += "INSERT INTO django_migrations VALUES ('signatures', '0002_row_security_and_guards')"
    assert in_the_demo(tmp_path, said) == ["django_migrations"]
    done = subprocess.run(
        [sys.executable, "manage.py", "demo", "--port", str(free_port())],
        cwd=settings.BASE_DIR, env=os.environ | {"VAR_DIR": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, f"CommandError: {OLD_DATABASE}\n")
    assert in_the_demo(tmp_path) == ["django_migrations"]
    assert not (tmp_path / "keyring").exists()


def in_the_demo(home, statements="SELECT 1"):
    """Start its database, say something there, and name its tables."""
    with Embedded(home, durable=False) as servers, psycopg.connect(servers.database_url("owner")) as session:
        session.execute(statements)
        tables = session.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        return [name for (name,) in tables]


def test_each_app_begins_with_one_migration_without_sql_of_its_own():
    for app in ("petitions", "signatures"):
        path = Path(importlib.util.find_spec(f"{app}.migrations").origin).parent / "0001_initial.py"
        assert not re.search("RunSQL|RunPython", path.read_text())
