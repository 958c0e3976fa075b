"""The three roles: what web and worker may do in the database, and what no role may, tried as each of them."""

import datetime
import json
import uuid

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from config.database.grants import DESK, PUBLIC, WORKER
from petitions.models import Addressee, Campaign
from signatures.models import CampaignKey, Delivery, Register, SealingKey, Signature, Submission, Tally, Withdrawal
from signatures.register import admission
from tests.support.fixtures import a_proposal, acting_as

ROLES = {"public": settings.PUBLIC_ROLE, "desk": settings.DESK_ROLE, "worker": settings.WORKER_ROLE}
DENIED = "42501"  # insufficient_privilege: a missing right, or a row that row security refuses


def execute(role, sql, params=(), *, naming=None):
    """What the statement answers when that role says it, in a savepoint."""
    with transaction.atomic(), acting_as(ROLES[role]), connection.cursor() as cursor:
        if naming is not None:
            cursor.execute("SELECT set_config('undersigned.token_hash', %s, true)", [naming.hex()])
        try:
            cursor.execute(sql, params)
            return cursor.fetchall() if cursor.description else cursor.rowcount
        finally:
            # The savepoint of a test does not end a `SET LOCAL`; the next statement must not see it.
            if naming is not None and not connection.needs_rollback:
                _forget_naming(cursor)


def _forget_naming(cursor):
    try:
        cursor.execute("SELECT set_config('undersigned.token_hash', '', true)")
    except DatabaseError:
        return  # the statement failed, and its savepoint takes the setting back


def is_denied(role, sql, params=(), *, naming=None):
    try:
        execute(role, sql, params, naming=naming)
    except ProgrammingError as error:
        return error.__cause__.sqlstate == DENIED
    return False


def columns_of(table):
    with connection.cursor() as cursor:
        return [column.name for column in connection.introspection.get_table_description(cursor, table)]


def violated(error):
    return error.value.__cause__.diag.constraint_name


# --- every table has a rule -----------------------------------------------------------------------------------


@pytest.mark.parametrize("rights", [PUBLIC, DESK, WORKER], ids=list(ROLES))
def test_every_table_has_a_rule_and_every_rule_a_table(db, rights):
    tables = set(connection.introspection.table_names())
    assert tables - rights.keys() == set(), "say in config/database/grants.py what this role may do with these tables"
    assert rights.keys() - tables == set()


def test_no_role_owns_makes_or_grants_anything(db):
    for role in ROLES:
        assert is_denied(role, "CREATE TABLE mine (id int)")
        assert is_denied(role, "ALTER TABLE signatures_submission DISABLE ROW LEVEL SECURITY")
        assert is_denied(role, "DROP TRIGGER campaign_guard ON petitions_campaign")
        assert is_denied(role, "TRUNCATE signatures_withdrawal")
        assert is_denied(role, "CREATE OR REPLACE FUNCTION campaign_guard() RETURNS trigger LANGUAGE sql AS ''")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND (rolsuper OR rolbypassrls OR rolcreaterole)",
            [list(ROLES.values())],
        )
        assert cursor.fetchall() == []
        cursor.execute("SELECT table_name FROM information_schema.role_table_grants WHERE grantee = 'PUBLIC'"
                       " AND table_schema = 'public'")  # fmt: skip
        assert cursor.fetchall() == []


def test_row_security_is_on_wherever_a_tier_must_not_see_all(db):
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relrowsecurity ORDER BY relname")
        tables = [name for (name,) in cursor.fetchall()]
    subjects = "addresseekey caseact delivery handover mailboxpage mailboxwish recipient register rejection reveal"
    more = "ruling shreddingproof submission withdrawal"
    signatures = [f"signatures_{subject}" for subject in f"{subjects} {more}".split()]
    assert tables == [*signatures, "staff_auditentry", "staff_proposal"]


# --- public reads no person --------------------------------------------------------------------------------------

#: As web's own statement, with a key and what is sealed under it.
CONFIRM_ALL = "UPDATE signatures_submission SET confirmed_at = now(), consents_key_id = '{}', sealed_consents = '{}'"
READABLE = {
    "signatures_submission": {"token_hash", "campaign_id", "confirmed_at", "withdrawn"},
    "signatures_signature": set(),
    "signatures_sealingkey": {"id", "campaign_id", "created_at"},
    "signatures_withdrawal": {"token_hash", "outcome"},
    "signatures_mailboxrequest": set(),
    "signatures_mailboxpage": {"token_hash", "sealed", "created_at"},
    "signatures_mailboxwish": {"page_hash", "done_at"},
    "signatures_rejection": {"token_hash"},
    "signatures_leftalone": set(),
}


@pytest.mark.parametrize("table", READABLE)
def test_public_reads_only_these_columns(db, table):
    readable = {
        column
        for column in [*columns_of(table), "ctid", "xmin"]
        if not is_denied("public", f'SELECT "{column}" FROM {table}')
    }
    assert readable == READABLE[table]
    for column in columns_of(table):
        if column not in readable:
            assert is_denied("public", f'SELECT 1 FROM {table} WHERE "{column}" IS NULL')
            assert is_denied("public", f'SELECT 1 FROM {table} ORDER BY "{column}"')
    for whole in ("*", "count(*)") if not readable else ("*",):
        assert is_denied("public", f"SELECT {whole} FROM {table}")


@pytest.mark.parametrize("role", ["public", "desk"])
def test_no_column_that_leads_to_a_person_is_readable_for_the_web_tiers(db, role):
    secret = {"sealed", "sealed_consents", "mailbox_label", "fingerprint", "name_key", "withdrawal_hash", "wrapped"}
    secret |= {"share_name"}
    for table in connection.introspection.table_names():
        # Whoever has the link of a person's own page is shown it, sealed to that link: no other row is there.
        own_page = {"sealed"} if (role, table) == ("public", "signatures_mailboxpage") else set()
        for column in (secret - own_page) & set(columns_of(table)):
            assert is_denied(role, f'SELECT "{column}" FROM {table}'), f"{table}.{column}"


#: What the public tier reads of staff, of the exact count and of what came last: nothing.
NOT_PUBLIC = (
    "auth_user", "staff_membership", "staff_proposal", "staff_auditentry", "staff_auditanchor", "django_session",
    "mfa_authenticator", "usersessions_usersession", "django_admin_log", "signatures_tally", "signatures_reveal",
    "signatures_recipient", "signatures_ruling", "signatures_monitor", "signatures_mailing", "signatures_deskkey",
    "signatures_addresseekey", "signatures_packetcopy",
)  # fmt: skip


@pytest.mark.parametrize("table", NOT_PUBLIC)
def test_the_public_tier_knows_nobody_who_works_here(db, table):
    assert is_denied("public", f"SELECT 1 FROM {table}")
    assert is_denied("public", f"INSERT INTO {table} DEFAULT VALUES")
    assert is_denied("public", f"DELETE FROM {table}")


@pytest.mark.parametrize("column", ["unsettled", "added", "removed", "last_number"])
def test_the_public_tier_reads_the_total_and_nothing_finer_of_the_register(db, column):
    assert is_denied("public", f"SELECT {column} FROM signatures_register")
    assert execute("public", "SELECT counted FROM signatures_register") == []


@pytest.mark.parametrize("table", ["signatures_ledgerentry", "signatures_tallysum", "signatures_tally"])
def test_the_public_tier_reads_the_ledger_and_all_sums_in_editions_only(db, table):
    assert is_denied("public", f"SELECT campaign_id FROM {table}")
    assert not is_denied("public", "SELECT ledger, countries FROM signatures_publishedfigures")


def test_the_public_tier_reads_no_live_total_where_signers_are_at_risk(db, make_campaign):
    campaigns = [make_campaign(at_risk=risk, disclosure="count") for risk in (True, False)]
    for campaign in campaigns:
        Register.objects.update_or_create(campaign=campaign, defaults={"last_number": 7, "counted": 7})
    read = "SELECT campaign_id, counted FROM signatures_register ORDER BY campaign_id"
    both = [(campaign.pk, 7) for campaign in campaigns]
    assert execute("public", read) == both[1:]
    assert execute("desk", read) == execute("worker", read) == both


@pytest.mark.parametrize(
    "table", [table for table, rights in PUBLIC.items() if rights and table.startswith(("petitions_", "web_"))]
)
def test_the_public_tier_changes_no_content(db, table):
    assert not is_denied("public", f"SELECT * FROM {table}")
    assert is_denied("public", f'UPDATE {table} SET "{columns_of(table)[-1]}" = DEFAULT')
    assert is_denied("public", f"DELETE FROM {table}")
    assert is_denied("public", f"INSERT INTO {table} DEFAULT VALUES")


@pytest.mark.parametrize("table", ["submission", "sealingkey", "withdrawal", "unsubscription", "signature"])
def test_the_desk_neither_takes_nor_confirms_nor_sees_what_supporters_send(db, table):
    for statement in ("SELECT 1 FROM", "DELETE FROM", "UPDATE"):
        column = columns_of(f"signatures_{table}")[-1]
        end = f' SET "{column}" = DEFAULT' if statement == "UPDATE" else ""
        assert is_denied("desk", f"{statement} signatures_{table}{end}")
    assert is_denied("desk", f"INSERT INTO signatures_{table} DEFAULT VALUES")


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE signatures_submission SET {change} WHERE token_hash = %s"
        for change in (
            "sealed = NULL", "sealing_key_id = NULL", "outcome = 'counted'", "number = 1", "mail_due = NULL",
            "mailed_at = now()", "created_at = now()", "source = 'demo'", "campaign_id = 1", "token_hash = token_hash",
            "withdrawn = true", "mailbox_label = NULL", "confirmed_at = now()",
            "confirmed_at = now(), sealed_consents = 'x'", "sealed_consents = 'x', consents_key_id = sealing_key_id",
        )
    ]
    + [
        "DELETE FROM signatures_submission WHERE token_hash = %s",
        "UPDATE signatures_withdrawal SET outcome = 'withdrawn' WHERE token_hash = %s",
        "DELETE FROM signatures_withdrawal WHERE token_hash = %s",
        "INSERT INTO signatures_withdrawal (token_hash, outcome) VALUES (%s, 'unknown')",
        "INSERT INTO signatures_withdrawal (token_hash, created_at) VALUES (%s, '2000-01-01')",
    ],
)  # fmt: skip
def test_public_changes_nothing_of_a_submission_but_its_confirmation(campaign, sign, statement):
    hashed = sign(campaign, confirmed=False)
    assert is_denied("public", statement, [hashed], naming=hashed)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("confirmed_at", "2020-01-01"), ("outcome", "counted"), ("number", 1), ("mailed_at", "2020-01-01"),
        ("created_at", "2020-01-01"), ("mail_due", "2090-01-01"), ("source", "demo"),
    ],
)  # fmt: skip
def test_public_inserts_no_submission_that_is_further_on_its_way_already(campaign, sign, column, value):
    key = Submission.objects.get(pk=sign(campaign)).sealing_key_id
    statement = (
        f"INSERT INTO signatures_submission (token_hash, campaign_id, sealing_key_id, sealed, {column})"
        " VALUES (%s, %s, %s, 'x', %s)"
    )
    assert is_denied("public", statement, [b"\1" * 32, campaign.pk, key, value])


def test_an_emptied_submission_cannot_be_inserted_nor_one_without_its_key(campaign, sign):
    key = Submission.objects.get(pk=sign(campaign)).sealing_key_id
    insert = (
        "INSERT INTO signatures_submission (token_hash, campaign_id, sealing_key_id, sealed) VALUES (%s, %s, %s, %s)"
    )
    hashed = b"\1" * 32
    for row in ([hashed, key, None], [hashed, None, b"x"], [hashed, None, None], [hashed[1:], key, b"x"]):
        # Row security asks for the key before the constraint does.
        with pytest.raises((IntegrityError, ProgrammingError)):
            execute("public", insert, [row[0], campaign.pk, *row[1:]])


def test_public_inserts_under_a_session_key_of_the_campaign_that_is_in_use_and_no_other(campaign, make_campaign, sign):
    insert = (
        "INSERT INTO signatures_submission (token_hash, campaign_id, sealing_key_id, sealed) VALUES (%s, %s, %s, 'x')"
    )
    key, foreign = (Submission.objects.get(pk=sign(c)).sealing_key_id for c in (campaign, make_campaign()))
    assert is_denied("public", insert, [b"\1" * 32, campaign.pk, foreign])
    assert is_denied("public", insert, [b"\1" * 32, campaign.pk, uuid.uuid4()])
    assert execute("public", insert, [b"\1" * 32, campaign.pk, key]) == 1
    SealingKey.objects.filter(pk=key).update(created_at=Now() - datetime.timedelta(minutes=11))
    assert is_denied("public", insert, [b"\2" * 32, campaign.pk, key])


# --- public sees the row its token names ---------------------------------------------------------------------------


def test_public_sees_the_row_that_it_names_and_no_other(campaign, sign):
    one, other = sign(campaign), sign(campaign)
    everything = "SELECT token_hash FROM signatures_submission"
    assert execute("public", everything) == []
    assert execute("public", everything, naming=one) == [(one,)]
    assert execute("public", everything, naming=other) == [(other,)]
    assert execute("public", everything, naming=b"\0" * 32) == []
    assert execute("public", everything, naming=b"") == []
    assert execute("public", f"{everything} WHERE token_hash = %s", [other], naming=one) == []
    assert execute("public", "SELECT 1 FROM signatures_submission WHERE campaign_id = %s", [campaign.pk]) == []


def test_public_confirms_the_row_that_it_names_and_no_other(campaign, sign):
    one, other = sign(campaign, confirmed=False), sign(campaign, confirmed=False)
    everything = CONFIRM_ALL.format(Submission.objects.get(pk=one).sealing_key_id, "x")
    assert execute("public", everything) == 0
    assert execute("public", f"{everything} WHERE token_hash = %s", [other], naming=one) == 0
    assert execute("public", everything, naming=one) == 1
    confirmed = Submission.objects.exclude(confirmed_at=None)
    assert [bytes(pk) for pk in confirmed.values_list("pk", flat=True)] == [one]


def test_public_confirms_once_and_changes_nothing_of_it_later(campaign, sign):
    hashed = sign(campaign, confirmed=False)
    key = Submission.objects.get(pk=hashed).sealing_key_id
    assert execute("public", CONFIRM_ALL.format(key, "first"), naming=hashed) == 1
    first = Submission.objects.get(pk=hashed).confirmed_at
    assert execute("public", CONFIRM_ALL.format(key, "second"), naming=hashed) == 0
    assert execute("public", "UPDATE signatures_submission SET confirmed_at = NULL", naming=hashed) == 0
    found = Submission.objects.get(pk=hashed)
    assert (bytes(found.sealed_consents), found.confirmed_at) == (b"first", first)


def test_public_confirms_under_no_key_of_another_campaign_nor_an_old_one(campaign, make_campaign, sign):
    hashed = sign(campaign, confirmed=False)
    foreign = Submission.objects.get(pk=sign(make_campaign())).sealing_key_id
    assert is_denied("public", CONFIRM_ALL.format(foreign, "x"), naming=hashed)
    own = Submission.objects.get(pk=hashed).sealing_key_id
    SealingKey.objects.update(created_at=timezone.now() - datetime.timedelta(minutes=11))
    assert is_denied("public", CONFIRM_ALL.format(own, "x"), naming=hashed)
    assert Submission.objects.get(pk=hashed).confirmed_at is None


def test_public_sees_the_withdrawal_that_it_names_and_no_other(db):
    for byte in (b"\1", b"\2"):
        execute("public", "INSERT INTO signatures_withdrawal (token_hash) VALUES (%s)", [byte * 32])
    everything = "SELECT token_hash, outcome FROM signatures_withdrawal"
    assert execute("public", everything) == []
    assert execute("public", everything, naming=b"\2" * 32) == [(b"\2" * 32, None)]


def test_inserting_what_is_there_tells_public_nothing(campaign, sign):
    hashed = sign(campaign)
    key = Submission.objects.get(pk=hashed).sealing_key_id
    insert = (
        "INSERT INTO signatures_submission (token_hash, campaign_id, sealing_key_id, sealed)"
        " VALUES (%s, %s, %s, 'x') ON CONFLICT {}"
    )
    row = [hashed, campaign.pk, key]
    assert is_denied("public", insert.format("(token_hash) DO UPDATE SET sealed = excluded.sealed"), row, naming=hashed)
    assert is_denied("public", insert.format("(token_hash) DO UPDATE SET confirmed_at = now()"), row)
    assert execute("public", insert.format("DO NOTHING"), row) == 0
    assert bytes(Submission.objects.get(pk=hashed).sealed) != b"x"


# --- web and the register ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO signatures_campaignkey (campaign_id, public_key) VALUES (%s, 'x')",
        "UPDATE signatures_campaignkey SET public_key = 'x' WHERE campaign_id = %s",
        "DELETE FROM signatures_campaignkey WHERE campaign_id = %s",
        "UPDATE signatures_register SET counted = 0 WHERE campaign_id = %s",
        "UPDATE signatures_tally SET n = 0 WHERE campaign_id = %s",
        'INSERT INTO signatures_ledgerentry (campaign_id, "on") VALUES (%s, now())',
        "DELETE FROM signatures_ledgerentry WHERE campaign_id = %s",
        "DELETE FROM signatures_delivery WHERE campaign_id = %s",
        "UPDATE signatures_delivery SET profile = 'full' WHERE campaign_id = %s",
        "UPDATE signatures_delivery SET first_number = 1 WHERE campaign_id = %s",
        "UPDATE signatures_delivery SET manifest = '{}' WHERE campaign_id = %s",
        "UPDATE signatures_delivery SET archive = 'x' WHERE campaign_id = %s",
        "DELETE FROM signatures_sealingkey WHERE campaign_id = %s",
        "UPDATE signatures_signature SET state = 'counted' WHERE campaign_id = %s",
        "INSERT INTO signatures_signature (campaign_id) VALUES (%s)",
    ],
)
@pytest.mark.parametrize("role", ["public", "desk"])
def test_neither_web_tier_writes_what_counts(campaign, statement, role):
    assert is_denied(role, statement, [campaign.pk])


# --- the worker ---------------------------------------------------------------------------------------------------


def test_the_worker_reads_usernames_and_whom_to_warn_and_nothing_else_of_logins(db):
    logins = [table for table in WORKER if table.startswith(("auth_", "django_session", "django_admin"))]
    readable = {
        f"{table}.{column}"
        for table in logins
        for column in columns_of(table)
        if not is_denied("worker", f'SELECT "{column}" FROM {table}')
    }
    assert readable == {"auth_user.id", "auth_user.username", "auth_user.is_active", "auth_user.email"}
    for table in logins:
        column = columns_of(table)[-1]
        assert is_denied("worker", f'UPDATE {table} SET "{column}" = NULL')
        assert is_denied("worker", f"DELETE FROM {table}")
        assert is_denied("worker", f"INSERT INTO {table} DEFAULT VALUES")


@pytest.mark.parametrize(
    "table", [table for table, rights in WORKER.items() if rights and table.startswith("petitions_")]
)
def test_the_worker_changes_no_content(db, table):
    column = columns_of(table)[-1]
    assert not is_denied("worker", f"SELECT * FROM {table}")
    assert is_denied("worker", f'UPDATE {table} SET "{column}" = DEFAULT')
    assert is_denied("worker", f"DELETE FROM {table}")
    assert is_denied("worker", f"INSERT INTO {table} DEFAULT VALUES")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE signatures_campaignkey SET public_key = 'x'",
        "DELETE FROM signatures_campaignkey",
        "DELETE FROM signatures_ledgerentry",
        "UPDATE signatures_publishedfigures SET countries = '{}'",
        "DELETE FROM signatures_publishedfigures",
        "DELETE FROM signatures_signature",
        "DELETE FROM signatures_register",
        "DELETE FROM signatures_delivery",
        "INSERT INTO signatures_delivery (campaign_id) VALUES (1)",
        "UPDATE signatures_sealingkey SET wrapped = 'x'",
    ],
)
def test_the_worker_cannot_unmake_what_was_written(db, statement):
    assert is_denied("worker", statement)


# --- deliveries ---------------------------------------------------------------------------------------------------


@pytest.fixture
def officers(db):
    return [User.objects.create_user(name, password=None) for name in ("anna", "boris")]


def insert(role, table, **values):
    """Insert one row as that role; returns its key."""
    statement = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))}) RETURNING id"
    return execute(role, statement, list(values.values()))[0][0]


def request(campaign, officers, role="desk", **given):
    """Ask for a delivery as that role; returns its key."""
    values = {
        "campaign_id": campaign.pk, "addressee_id": campaign.addressee_id, "series": 1, "profile": "count",
        "first_number": 1, "last_number": 5, "state": "requested",
    } | given  # fmt: skip
    renamed = {"campaign_id": "campaign", "addressee_id": "addressee", "first_number": "first", "last_number": "last"}
    subject = {renamed.get(name, name): value for name, value in values.items() if name in AGREED}
    proposal = insert(
        role, "staff_proposal", kind="delivery", subject=json.dumps(subject), requested_by_id=officers[0].pk
    )
    return insert(role, "signatures_delivery", proposal_id=proposal, **values)


AGREED = ("campaign_id", "addressee_id", "profile", "series", "first_number", "last_number")
DECIDE = (
    "UPDATE staff_proposal SET state = 'approved', decided_by_id = %s, decided_at = now()"
    " WHERE id = (SELECT proposal_id FROM signatures_delivery WHERE id = %s)"
)
APPROVE = "UPDATE signatures_delivery SET state = 'approved' WHERE id = %s"


def approve(officer, pk, role="desk"):
    """Both steps of an approval; how many deliveries it changed."""
    execute(role, DECIDE, [officer.pk, pk])
    return execute(role, APPROVE, [pk])


@pytest.mark.parametrize("state", ["approved", "ready", "failed", "withdrawn", "expired"])
def test_desk_inserts_only_requests(campaign, officers, state):
    given = (
        {"state": state, "manifest": "{}", "archive": "x", "archive_sha256": "x"}
        if state == "ready"
        else {"state": state}
    )
    with pytest.raises((ProgrammingError, IntegrityError), match=r"row-level security|nobody else has approved"):
        request(campaign, officers, **given)


def test_desk_inserts_no_request_that_is_approved_already(campaign, officers):
    for given in ({"archive": "x"}, {"manifest": "{}", "last_number": 6}):
        with pytest.raises(ProgrammingError, match="row-level security"):
            request(campaign, officers, **given)


def test_desk_approves_and_withdraws_what_waits_and_makes_nothing_ready(campaign, officers):
    pk = request(campaign, officers)
    assert is_denied("desk", "UPDATE signatures_delivery SET state = 'expired' WHERE id = %s", [pk])
    assert approve(officers[1], pk) == 1
    # Approved: out of web's hands until a worker is done with it.
    assert execute("desk", "UPDATE signatures_delivery SET state = 'withdrawn' WHERE id = %s", [pk]) == 0
    execute("worker", "UPDATE signatures_delivery SET state = 'failed' WHERE id = %s", [pk])
    for state in ("ready", "failed", "expired"):
        assert is_denied("desk", "UPDATE signatures_delivery SET state = %s WHERE id = %s", [state, pk])
    for change in ("state = 'requested'", "letter = 'x'", "proposal_id = 0"):  # what two people agreed to
        with pytest.raises((IntegrityError, ProgrammingError)):
            execute("desk", f"UPDATE signatures_delivery SET {change} WHERE id = %s", [pk])
    assert execute("desk", APPROVE, [pk]) == 1


def test_nobody_approves_their_own_request(campaign, officers):
    pk = request(campaign, officers)
    with pytest.raises(IntegrityError) as error:
        execute("desk", DECIDE, [officers[0].pk, pk])
    assert violated(error) == "proposal_needs_two_people"
    assert is_denied("worker", DECIDE, [officers[1].pk, pk])  # a worker decides nothing, whoever it names
    assert is_denied("public", APPROVE, [pk])
    for role in ("desk", "worker"):
        with pytest.raises(IntegrityError) as error:
            execute(role, APPROVE, [pk])
        assert violated(error) == "delivery_needs_two_people"


@pytest.mark.parametrize("other", [{"last_number": 6}, {"profile": "named"}, {"series": 2}])
def test_an_approval_is_good_for_what_was_asked_and_nothing_else(campaign, officers, other):
    pk = request(campaign, officers)
    execute("desk", DECIDE, [officers[1].pk, pk])
    with connection.cursor() as cursor:  # the owner's hand, where no role reaches
        cursor.execute(
            f"UPDATE signatures_delivery SET {', '.join(f'{name} = %s' for name in other)}", [*other.values()]
        )
    with pytest.raises(IntegrityError) as error:
        execute("desk", APPROVE, [pk])
    assert violated(error) == "delivery_needs_two_people"


def test_nothing_is_built_without_an_approval(campaign, officers):
    pk = request(campaign, officers)
    for state in ("ready", "failed", "approved"):
        with pytest.raises(IntegrityError):
            execute("worker", "UPDATE signatures_delivery SET state = %s WHERE id = %s", [state, pk])


@pytest.mark.parametrize(
    "change",
    [
        "archive_sha256 = 'y'", "manifest = '{\"other\": 1}'", "state = 'failed'", "state = 'approved'",
        "last_number = 6", "problem = 'x'", "built_at = now()", "profile = 'named'", "proposal_id = 0",
    ],
)  # fmt: skip
def test_a_sealed_delivery_never_changes_whoever_tries(campaign, officers, change):
    pk = request(campaign, officers)
    approve(officers[1], pk)
    ready = "state = 'ready', manifest = '{}', archive = 'x', archive_sha256 = 'x', built_at = '2026-01-01'"
    assert execute("worker", f"UPDATE signatures_delivery SET {ready} WHERE id = %s", [pk]) == 1
    with pytest.raises(IntegrityError) as error:
        execute("worker", f"UPDATE signatures_delivery SET {change} WHERE id = %s", [pk])
    assert violated(error) == "delivery_sealed_is_final"
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:  # the owner
        cursor.execute(f"UPDATE signatures_delivery SET {change} WHERE id = %s", [pk])
    with pytest.raises(DatabaseError):
        execute("desk", "UPDATE signatures_delivery SET state = 'withdrawn' WHERE id = %s", [pk])


RANKS = ["count", "initials", "named", "full"]


@pytest.mark.parametrize("allowed", RANKS[:3])
def test_no_delivery_gives_the_addressee_more_than_the_campaign_allows(make_campaign, officers, allowed):
    campaign = make_campaign(disclosure=allowed)
    refused = []
    for profile in RANKS:
        try:
            request(campaign, officers, profile=profile, first_number=1 + 10 * RANKS.index(profile), last_number=100)
        except IntegrityError as error:
            refused.append((profile, error.__cause__.diag.constraint_name))
    wider = RANKS[RANKS.index(allowed) + 1 :]
    assert refused == [(profile, "delivery_within_disclosure") for profile in wider]


def test_a_third_party_may_verify_everything(make_campaign, officers):
    verifier = Addressee.objects.create(name="A notary", trusted_third_party=True)
    campaign = make_campaign(disclosure="count")
    assert request(campaign, officers, addressee_id=verifier.pk, profile="full")


@pytest.mark.parametrize("profile", RANKS[1:])
def test_at_risk_nobody_gets_more_than_totals(make_campaign, officers, profile):
    verifier = Addressee.objects.create(name="A notary", trusted_third_party=True)
    campaign = make_campaign(at_risk=True, disclosure="count")
    for addressee in (campaign.addressee, verifier):
        with pytest.raises(IntegrityError) as error:
            request(campaign, officers, addressee_id=addressee.pk, profile=profile)
        assert violated(error) == "delivery_within_disclosure"
        assert request(campaign, officers, addressee_id=addressee.pk)


def test_the_campaigns_own_addressee_is_no_third_party_even_where_it_is_marked_as_one(campaign, officers):
    """A seized web host, or a campaigner, may write addressees; that must not widen what signers were promised."""
    execute("desk", "UPDATE petitions_addressee SET trusted_third_party = true WHERE id = %s", [campaign.addressee_id])
    with pytest.raises(IntegrityError) as error:
        request(campaign, officers, profile="full")
    assert violated(error) == "delivery_within_disclosure"


def test_a_request_that_was_wider_than_the_campaign_is_now_can_be_taken_back_but_not_approved(campaign, officers):
    pk = request(campaign, officers, profile="named")
    Campaign.objects.filter(pk=campaign.pk).update(disclosure="count")
    with pytest.raises(IntegrityError) as error:
        approve(officers[1], pk)
    assert violated(error) == "delivery_within_disclosure"
    assert execute("desk", "UPDATE signatures_delivery SET state = 'withdrawn' WHERE id = %s", [pk]) == 1


def test_a_delivery_wider_than_the_campaign_is_now_fails_but_is_neither_ready_nor_tried_again(campaign, officers):
    pk = request(campaign, officers, profile="named")
    approve(officers[1], pk)
    Campaign.objects.filter(pk=campaign.pk).update(disclosure="count")
    ready = "state = 'ready', manifest = '{}', archive = 'x', archive_sha256 = 'x'"
    with pytest.raises(IntegrityError) as error:
        execute("worker", f"UPDATE signatures_delivery SET {ready} WHERE id = %s", [pk])
    assert violated(error) == "delivery_within_disclosure"
    assert execute("worker", "UPDATE signatures_delivery SET state = 'failed' WHERE id = %s", [pk]) == 1
    with pytest.raises(IntegrityError) as error:
        execute("desk", "UPDATE signatures_delivery SET state = 'approved' WHERE id = %s", [pk])
    assert violated(error) == "delivery_within_disclosure"


# --- the campaign's guard -----------------------------------------------------------------------------------------


def desk_updates(campaign, change):
    return execute("desk", f"UPDATE petitions_campaign SET {change} WHERE id = %s", [campaign.pk])


def test_a_campaign_cannot_open_without_keys(section):
    mayor = Addressee.objects.create(name="The Mayor")
    campaign = Campaign.objects.create(slug="keyless", title="Keyless", addressee=mayor, section=section)
    with pytest.raises(IntegrityError) as error:
        desk_updates(campaign, "state = 'open'")
    assert violated(error) == "campaign_opens_with_keys"
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        Campaign.objects.create(slug="born-open", title="Born open", addressee=mayor, section=section, state="open")
    assert violated(error) == "campaign_opens_with_keys"
    CampaignKey.objects.create(campaign=campaign, public_key=b"x")
    assert desk_updates(campaign, "state = 'open'") == 1


def test_a_campaigns_uid_never_changes(campaign):
    with pytest.raises(IntegrityError) as error:
        execute("desk", "UPDATE petitions_campaign SET uid = %s WHERE id = %s", [uuid.uuid4(), campaign.pk])
    assert violated(error) == "campaign_uid_is_fixed"


WIDER = {
    "disclosure": ({"disclosure": "count"}, "disclosure = 'named'"),
    "a-little-wider": ({"disclosure": "initials"}, "disclosure = 'named'"),
    "at-risk": ({"disclosure": "count", "at_risk": True}, "at_risk = false"),
    "addressee": ({}, "addressee_id = (SELECT id FROM petitions_addressee WHERE name = 'The Minister')"),
}


@pytest.mark.parametrize(("given", "change"), WIDER.values(), ids=WIDER)
def test_a_promise_is_only_narrowed_once_somebody_has_signed(make_campaign, sign, given, change):
    Addressee.objects.create(name="The Minister")
    unsigned, pending, signed = (make_campaign(**given) for _ in range(3))
    assert desk_updates(unsigned, change) == 1
    sign(pending, confirmed=False)
    sign(signed)
    with acting_as(settings.WORKER_ROLE):
        admission.admit_all(signed)
    Submission.objects.filter(campaign=signed).delete()  # as pruning does in the end
    for campaign in (pending, signed):
        with pytest.raises(IntegrityError) as error:
            desk_updates(campaign, change)
        assert violated(error) == "campaign_disclosure_only_narrows"
        assert desk_updates(campaign, "lead = 'Another lead'") == 1
        with_two_people(campaign, disclosure="count", at_risk=campaign.at_risk)
        with_two_people(campaign, disclosure="count", at_risk=True)


def with_two_people(campaign, **said):
    """Narrowing is refused to web by itself, and done with an approval that says exactly this; once."""
    change = ", ".join(f"{name} = '{value}'" for name, value in said.items())
    now = Campaign.objects.filter(pk=campaign.pk).values(*said).get()
    if now == said:
        return
    with pytest.raises(IntegrityError) as error:
        desk_updates(campaign, change)
    assert violated(error) == "disclosure_needs_two_people"
    anna, boris = (User.objects.get_or_create(username=name)[0] for name in ("anna", "boris"))
    a_proposal("disclosure", {"campaign": campaign.pk, **said}, anna, boris)
    assert desk_updates(campaign, change) == 1


# --- the constraints ----------------------------------------------------------------------------------------------


def test_what_no_role_may_write(campaign, sign):
    sign(campaign)
    with acting_as(settings.WORKER_ROLE):
        admission.admit_all(campaign)
    refused = {
        "signature_counted_has_number": "UPDATE signatures_signature SET number = NULL",
        "signature_withdrawn_is_erased": "UPDATE signatures_signature SET state = 'withdrawn'",
        "tally_not_negative": "UPDATE signatures_tally SET n = -1",
        "register_counts_what_it_numbered": "UPDATE signatures_register SET counted = last_number + 1",
        "submission_token_hash_32": "UPDATE signatures_submission SET token_hash = 'x'",
        "submission_sealed_until_taken": "UPDATE signatures_submission SET outcome = NULL",
    }
    for constraint, statement in refused.items():
        with pytest.raises(IntegrityError) as error:
            execute("worker", statement)
        assert violated(error) == constraint
    assert Signature.objects.get().state == "counted"


def test_a_ledger_entry_adds_up(campaign):
    statement = 'INSERT INTO signatures_ledgerentry (campaign_id, "on", taken, admitted) VALUES (%s, %s, 2, 1)'
    with pytest.raises(IntegrityError) as error:
        execute("worker", statement, [campaign.pk, datetime.date(2026, 1, 1)])
    assert violated(error) == "ledger_entry_adds_up"


def test_the_ledger_is_only_added_to(campaign):
    day = datetime.date(2026, 1, 1)
    statement = 'INSERT INTO signatures_ledgerentry (campaign_id, "on", expired) VALUES (%s, %s, 2)'
    execute("worker", statement, [campaign.pk, day])
    execute("worker", "UPDATE signatures_ledgerentry SET expired = expired + 1")
    with pytest.raises(IntegrityError) as error:
        execute("worker", "UPDATE signatures_ledgerentry SET expired = 0")
    assert violated(error) == "ledger_only_grows"


def test_the_worker_may_do_its_work(campaign):
    """Each of its tables is reached with every right that it is given, so that no right is missing or idle."""
    for model in (SealingKey, Submission, Withdrawal, Register, Signature, Tally, Delivery):
        assert not is_denied("worker", f"SELECT * FROM {model._meta.db_table}")
