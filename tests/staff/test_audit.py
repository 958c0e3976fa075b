"""The audit trail: chained by the database, added to and never changed, and what was done to it shows (I9)."""

import dataclasses
import datetime
import io
import threading
from contextlib import contextmanager
from itertools import pairwise

import psycopg
import pytest
from django.conf import settings
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import IntegrityError, OperationalError, ProgrammingError, connection, connections, transaction
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from config.database.apply import apply
from signatures.desk import deliveries
from signatures.models import Register, SigningKey
from signatures.register.audit_anchors import GENESIS, Entry, _entries, anchor_trail, entry_hash, problems_of
from signatures.register.audit_notes import NAME, Anchor, note_hour
from signatures.register.pruning import prune
from signatures.register.recipients import settle_recipients
from staff import approvals, audit
from staff.models import AuditAnchor, AuditEntry, Proposal, Role
from tests.support.fixtures import acting_as, aged


@pytest.fixture
def officer(staff):
    return staff(Role.DELIVERY_OFFICER, username="anna")


@pytest.fixture
def trail(officer, section):
    """Five entries, by web and by a worker."""
    for n in range(1, 6):
        with acting_as(settings.DESK_ROLE if n % 2 else settings.WORKER_ROLE):
            actor = officer if n % 2 else None
            audit.append(actor, "reveal.number", section, f"Complaint {n} – жалоба", {"number": n, "reveal": 7 * n})
    return list(AuditEntry.objects.order_by("seq"))


def tamper(sql):
    """As the owner could, who may take the guard away."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE staff_auditentry DISABLE TRIGGER audit_is_final")
        cursor.execute(sql)
        cursor.execute("ALTER TABLE staff_auditentry ENABLE TRIGGER audit_is_final")


@contextmanager
def another_session():
    """Somebody else who is connected at the same time."""
    there = connection.settings_dict
    keys = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    with psycopg.connect(**{key: there[name] for key, name in keys.items() if there[name]}, autocommit=True) as session:
        yield session


def verdict(*anchors):
    """What verify_audit says: "" where the trail verifies."""
    try:
        call_command("verify_audit", *(f"--anchor={anchor}" for anchor in anchors), stdout=io.StringIO())
    except CommandError as error:
        return str(error)
    return ""


# --- the chain, in the database -------------------------------------------------------------------------------


def test_each_entry_is_numbered_dated_and_chained_by_the_database(trail):
    assert [entry.seq for entry in trail] == [1, 2, 3, 4, 5]
    assert bytes(trail[0].previous) == GENESIS
    assert all(bytes(after.previous) == bytes(before.hash) for before, after in pairwise(trail))
    # Who connected, in the tests, is the owner.
    connected = settings.DATABASES["default"]["USER"]
    assert {entry.tier for entry in trail} == {
        f"{connected} as {role}" for role in (settings.DESK_ROLE, settings.WORKER_ROLE)
    }
    assert all(before.at < after.at for before, after in pairwise(trail))


def test_the_hash_is_one_rule_in_two_tongues(trail):
    for entry in _entries():
        assert entry_hash(entry.previous, entry.fields) == entry.hash


@pytest.mark.parametrize("role", [settings.DESK_ROLE, settings.WORKER_ROLE])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE staff_auditentry SET purpose = ''",
        "DELETE FROM staff_auditentry",
        "TRUNCATE staff_auditentry",
        "INSERT INTO staff_auditentry (seq, action, purpose, detail) VALUES (9, 'x', '', '{}')",
        "INSERT INTO staff_auditentry (actor_id, action, purpose, detail) VALUES (1, 'x', '', '{}')",
        "UPDATE staff_auditanchor SET hash = ''",
        "DELETE FROM staff_auditanchor",
    ],
)
def test_web_and_worker_can_only_add(trail, role, statement):
    refused = pytest.raises(ProgrammingError, match=r"permission denied|must be owner")
    with refused, transaction.atomic(), acting_as(role), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("statement", ["UPDATE staff_auditentry SET purpose = ''", "DELETE FROM staff_auditentry"])
def test_the_owner_changes_nothing_by_a_slip(trail, statement):
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_public_tier_adds_nothing_and_keeps_nobody_from_adding(trail, officer, section, keyring):
    """A23: the web's role held the advisory lock that each entry took, and every audited act hung."""
    with another_session() as other:
        other.execute(f'SET ROLE "{settings.PUBLIC_ROLE}"')
        for lock in ("pg_advisory_lock(x'617564'::int, 0)", "pg_advisory_lock(1)", "pg_try_advisory_lock_shared(1)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), other.transaction():
                other.execute(f"SELECT {lock}")
        for mode in ("ROW SHARE", "ROW EXCLUSIVE", "SHARE", "EXCLUSIVE", "ACCESS EXCLUSIVE"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), other.transaction():
                other.execute(f"LOCK TABLE staff_auditentry IN {mode} MODE")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            other.execute("SELECT audit_append(NULL, 'x', NULL, '', '{}')")
        with acting_as(settings.DESK_ROLE):
            audit.append(officer, "reveal.number", section)
        with transaction.atomic(), acting_as(settings.WORKER_ROLE):
            settle_recipients()


@pytest.mark.django_db(transaction=True)
def test_whoever_holds_an_entry_up_makes_others_fail_and_not_hang(officer, section):
    try:
        with connection.cursor() as cursor:
            cursor.execute("ALTER FUNCTION audit_append SET lock_timeout = '50ms'")
        with another_session() as other:
            other.execute("BEGIN")
            other.execute(audit.APPEND, [officer.pk, "x", section.pk, "", "{}"])
            with pytest.raises(OperationalError, match="lock timeout"):
                audit.append(officer, "reveal.number", section)
    finally:
        apply()


def test_an_address_is_refused(officer, section):
    for purpose, detail in (("ada@example.org", {}), ("", {"query": "ada@example.org"})):
        with pytest.raises(IntegrityError, match="audit_names_no_mailbox"), transaction.atomic():
            audit.append(officer, "reveal.email", section, purpose, detail)


def test_what_is_rolled_back_leaves_no_gap(trail, officer, section):
    with transaction.atomic():
        audit.append(officer, "reveal.number", section)
        transaction.set_rollback(True)
    audit.append(officer, "reveal.number", section)
    assert AuditEntry.objects.order_by("-seq").first().seq == 6
    assert verdict() == ""


@pytest.mark.django_db(transaction=True)
def test_entries_written_at_the_same_moment_make_one_chain(officer, section):
    start = threading.Barrier(4)

    def write():
        start.wait()
        try:
            for _ in range(10):
                with transaction.atomic(), acting_as(settings.DESK_ROLE):
                    audit.append(officer, "reveal.number", section)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(AuditEntry.objects.order_by("seq").values_list("seq", flat=True)) == list(range(1, 41))
    assert verdict() == ""


# --- what was done to it shows ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "purpose = 'Nothing'",
        "actor_id = NULL",
        "at = at + interval '1 second'",
        "detail = '{}'",
        "action = 'x'",
        "tier = 'x'",
    ],
)
def test_an_altered_entry_is_named(trail, change):
    tamper(f"UPDATE staff_auditentry SET {change} WHERE seq = 3")
    assert "Entry 3 was altered." in verdict()


def test_deleted_entries_are_named(trail):
    tamper("DELETE FROM staff_auditentry WHERE seq IN (2, 3)")
    assert "Entries 2 to 3 are missing." in verdict()


def test_entries_that_changed_places_are_named(trail):
    tamper("UPDATE staff_auditentry SET seq = CASE seq WHEN 2 THEN -4 ELSE -2 END WHERE seq IN (2, 4)")
    tamper("UPDATE staff_auditentry SET seq = -seq WHERE seq < 0")
    said = verdict()
    assert "Entry 2 was altered." in said
    assert "Entry 4 was altered." in said


def test_a_trail_written_anew_differs_from_the_anchor_in_the_mail(trail, anchors, settings, mailoutbox):
    settings.AUDIT_ANCHOR_TO = "audit@example.org"
    with acting_as(settings.WORKER_ROLE):
        assert anchor_trail() == 1
    (sent,) = mail.outbox
    anchor = sent.body.partition("--anchor ")[2].split()[0]
    assert verdict(anchor) == ""
    tamper("UPDATE staff_auditentry SET purpose = 'Nothing' WHERE seq = 3")
    for seq in (3, 4, 5):  # and each entry from there on chained anew, as whoever owns the database could
        tamper(
            "UPDATE staff_auditentry e SET previous = b.hash FROM staff_auditentry b"
            f" WHERE e.seq = {seq} AND b.seq = e.seq - 1"
        )
        tamper(f"UPDATE staff_auditentry e SET hash = audit_hash(e) WHERE seq = {seq}")
    assert "Entry 5 differs from its anchor" in verdict()
    AuditAnchor.objects.all().delete()  # they would not leave that one
    assert "Entry 5 differs from its anchor" in verdict()
    (anchors / NAME).unlink()  # nor this, if they got onto a worker's host
    assert verdict() == ""
    assert "Entry 5 differs from its anchor" in verdict(anchor)
    tamper("DELETE FROM staff_auditentry WHERE seq > 2")
    assert "Entries 3 to 5 are missing." in verdict(anchor)


@pytest.mark.parametrize("text", ["", "5", "5:abcd", "x:" + "00" * 32, "0:" + "00" * 32])
def test_what_is_no_anchor_is_said_in_one_line(trail, text):
    assert "is not an anchor" in verdict(text)
    assert len(verdict(text).splitlines()) == 1


def test_an_anchor_a_day_is_kept_and_mailed_once(trail, settings, mailoutbox, officer, section):
    settings.AUDIT_ANCHOR_TO = "audit@straße.example"
    today = timezone.now()
    assert [anchor_trail(today), anchor_trail(today)] == [1, 0]
    audit.append(officer, "reveal.number", section)
    assert [anchor_trail(today), anchor_trail(today + datetime.timedelta(days=1))] == [0, 1]
    assert list(AuditAnchor.objects.values_list("seq", flat=True)) == [5, 6]
    assert [sent.to for sent in mail.outbox] == [["audit@xn--strae-oqa.example"]] * 2


@pytest.fixture(autouse=True)
def anchors(settings, tmp_path):
    """Where hourly anchors go: nothing there yet."""
    settings.ANCHORS_DIR = tmp_path / "anchors"
    return settings.ANCHORS_DIR


def test_the_cut_off_end_of_the_trail_is_noticed_within_the_hour(trail, anchors, officer, section):
    """A25: plain verify_audit passed until the next day's mail."""
    now = timezone.now()
    with acting_as(settings.WORKER_ROLE):
        anchor_trail(now)
        audit.append(officer, "reveal.number", section)
        assert [note_hour(anchors, now), note_hour(anchors, now + datetime.timedelta(hours=1))] == [False, True]
    assert verdict() == ""
    tamper("DELETE FROM staff_auditentry WHERE seq > 5")
    assert "Entry 6 is missing." in verdict()
    AuditAnchor.objects.all().delete()
    tamper("DELETE FROM staff_auditentry WHERE seq > 2")
    assert "Entries 3 to 6 are missing." in verdict()


def test_hourly_anchors_remember_packets_and_signing_keys(trail, anchors, campaign):
    key = SigningKey.objects.create(sha256="ab" * 32, public_key=bytes(32))
    with acting_as(settings.WORKER_ROLE):
        note_hour(anchors, timezone.now())
    assert verdict() == ""
    key.delete()
    assert "Signing key abababababababab… is missing." in verdict()
    file = anchors / NAME
    file.write_text(file.read_text().replace('"packets":{}', '"packets":{"9":"cd"}'))
    assert "Packet 9 differs from its hourly anchor, or is missing." in verdict()


@pytest.mark.parametrize(
    "line", ["{", "null", '{"at":"2026-01-01T00:00:00Z","entry":"x","signing":[],"packets":{}}', "ÿ", "\0"]
)
def test_a_damaged_line_is_named_and_the_others_count(trail, anchors, line):
    note_hour(anchors, timezone.now())
    file = anchors / NAME
    file.write_text(f"{line}\n{file.read_text()}")
    assert "Line 1 of the hourly anchors is damaged." in verdict()
    tamper("DELETE FROM staff_auditentry WHERE seq > 4")
    assert "Entry 5 is missing." in verdict()


def test_a_line_that_a_crash_cut_off_takes_no_other_with_it(trail, anchors):
    now = timezone.now()
    note_hour(anchors, now)
    file = anchors / NAME
    file.write_bytes(file.read_bytes()[:-20])
    assert note_hour(anchors, now + datetime.timedelta(hours=1))
    tamper("DELETE FROM staff_auditentry WHERE seq > 4")
    assert "Line 1 of the hourly anchors is damaged." in verdict()
    assert "Entry 5 is missing." in verdict()


def test_a_folder_that_cannot_be_written_stops_nothing(trail, settings, tmp_path, caplog):
    (tmp_path / "file").touch()
    settings.ANCHORS_DIR = tmp_path / "file"
    assert anchor_trail() == 0
    assert "the hourly anchor was not written" in caplog.text
    assert AuditAnchor.objects.count() == 1


# Laws, on trails of any length: whatever single thing is done to one, verifying it says so.

FIELDS = st.lists(st.none() | st.text(max_size=12), min_size=1, max_size=4)


@st.composite
def chains(draw):
    entries, before = [], GENESIS
    for seq, rest in enumerate(draw(st.lists(FIELDS, min_size=2, max_size=8)), 1):
        fields = [str(seq), *rest]
        digest = entry_hash(before, fields)
        entries.append(Entry(seq, before, digest, fields))
        before = digest
    return entries


def places(chain):
    return st.integers(0, len(chain) - 1)


@given(chains())
def test_an_untouched_trail_verifies(chain):
    assert not list(problems_of(chain, [Anchor(entry.seq, entry.hash) for entry in chain]))


@given(chains(), st.data())
def test_any_single_alteration_is_named(chain, data):
    n = data.draw(places(chain))
    entry = chain[n]
    field = data.draw(st.integers(0, len(entry.fields) - 1))
    other = data.draw((st.none() | st.text(max_size=12)).filter(lambda text: text != entry.fields[field]))
    changed = [*entry.fields[:field], other, *entry.fields[field + 1 :]]
    chain[n] = dataclasses.replace(entry, fields=changed)
    assert f"Entry {n + 1} was altered." in list(problems_of(chain))


@given(chains(), st.data())
def test_an_alteration_that_is_hashed_anew_breaks_the_next_link_or_the_anchor(chain, data):
    anchor = Anchor(chain[-1].seq, chain[-1].hash)
    n = data.draw(places(chain))
    fields = [*chain[n].fields, "more"]
    chain[n] = dataclasses.replace(chain[n], fields=fields, hash=entry_hash(chain[n].previous, fields))
    assert list(problems_of(chain, [anchor]))


@given(chains(), st.data())
def test_any_deletion_is_named(chain, data):
    anchor = Anchor(chain[-1].seq, chain[-1].hash)  # without it, the end could be cut off unseen
    n = data.draw(places(chain))
    del chain[n]
    assert f"Entry {n + 1} is missing." in list(problems_of(chain, [anchor]))


@given(chains(), st.data())
def test_any_two_that_change_places_are_seen(chain, data):
    one, other = data.draw(places(chain)), data.draw(places(chain))
    if one != other:
        first, second = chain[one], chain[other]
        chain[one] = dataclasses.replace(second, seq=first.seq)
        chain[other] = dataclasses.replace(first, seq=second.seq)
        assert list(problems_of(chain))


@given(FIELDS, FIELDS)
def test_different_fields_are_never_framed_alike(one, other):
    assert (entry_hash(GENESIS, one) == entry_hash(GENESIS, other)) == (one == other)


# --- what is written down -----------------------------------------------------------------------------------------


def actions():
    return list(AuditEntry.objects.order_by("seq").values_list("action", flat=True))


@pytest.fixture
def delivery(campaign, officer):
    Register.objects.filter(campaign=campaign).update(last_number=10, counted=10)
    with acting_as(settings.DESK_ROLE):
        return deliveries.request_delivery(campaign, campaign.addressee, "count", officer)


def test_each_step_of_a_delivery_has_one_entry(delivery, staff):
    boris = staff(Role.DELIVERY_OFFICER)
    with acting_as(settings.DESK_ROLE):
        deliveries.approve_delivery(delivery, boris)
    asked, approved = AuditEntry.objects.order_by("seq")
    assert (asked.action, approved.action) == ("delivery.request", "delivery.approve")
    assert (asked.actor, approved.actor) == (delivery.requested_by, boris)
    assert asked.section == delivery.campaign.section
    assert approved.detail == {"proposal": delivery.proposal_id} | delivery.agreed_terms


def test_a_step_that_is_refused_has_none(delivery, officer):
    with pytest.raises(approvals.NotAllowed), acting_as(settings.DESK_ROLE):
        deliveries.approve_delivery(delivery, officer)
    assert actions() == ["delivery.request"]


def test_an_expiry_is_written_down_by_the_worker(delivery):
    aged(delivery.proposal, datetime.timedelta(hours=73))
    with acting_as(settings.WORKER_ROLE):
        prune()
    last = AuditEntry.objects.first()
    assert (last.action, last.actor) == ("delivery.expire", None)
    assert last.tier.endswith(settings.WORKER_ROLE)


# --- the page -----------------------------------------------------------------------------------------------------

TRAIL = "admin:staff_auditentry_changelist"


def test_staff_read_the_trail_of_their_section_and_no_other(trail, staff, staff_client, officer, other_section):
    audit.append(officer, "reveal.list", other_section, "Elsewhere only")
    audit.append(officer, "people.approve", None, "Everywhere only")
    page = staff_client(officer).get(reverse(TRAIL)).content.decode()
    assert "Complaint 3" in page
    assert "Elsewhere only" not in page
    assert "Everywhere only" not in page
    page = staff_client(staff(Role.ADMINISTRATOR)).get(reverse(TRAIL)).content.decode()
    assert "Elsewhere only" in page
    assert "Everywhere only" in page


def test_nobody_edits_the_trail(trail, officer, staff_client):
    client = staff_client(officer)
    url = reverse("admin:staff_auditentry_change", args=[3])
    assert bytes(trail[2].hash).hex() in client.get(url).content.decode()
    assert client.post(url, {"purpose": "Nothing"}).status_code == 403
    assert client.get(reverse("admin:staff_auditentry_add")).status_code == 403
    assert client.post(reverse("admin:staff_auditentry_delete", args=[3]), {"post": "yes"}).status_code == 403
    assert verdict() == ""


def test_the_trail_is_filtered_by_what_was_done(trail, officer, staff_client, section):
    audit.append(officer, "delivery.download", section, "For the hearing")
    page = staff_client(officer).get(reverse(TRAIL), {"action": "delivery.download"}).content.decode()
    assert "For the hearing" in page
    assert "Complaint 3" not in page


# --- four eyes, on its pages --------------------------------------------------------------------------------------


def page_of(proposal):
    return reverse("admin:staff_proposal_change", args=[proposal.pk])


def press(client, step, proposal, **data):
    url = reverse(f"admin:staff_proposal_{step}", args=[proposal.pk])
    response = client.post(url, data, follow=True)
    proposal.refresh_from_db()
    return response.content.decode()


def test_the_other_officer_sees_what_happens_and_approves(delivery, staff, staff_client):
    boris = staff_client(staff(Role.DELIVERY_OFFICER, username="boris"))
    assert page_of(delivery.proposal) in boris.get(reverse("admin:staff_proposal_changelist")).content.decode()
    page = boris.get(page_of(delivery.proposal)).content.decode()
    assert "Signatures 1 to 10 of" in page
    assert "Approved. It takes effect shortly." in press(boris, "approve", delivery.proposal)
    assert delivery.proposal.state == Proposal.State.APPROVED
    assert "You have already decided" in press(boris, "approve", delivery.proposal)


def test_whoever_asked_has_no_button_to_approve_and_may_take_it_back(delivery, officer, staff_client):
    anna = staff_client(officer)
    page = anna.get(page_of(delivery.proposal)).content.decode()
    assert "/approve/" not in page
    assert "Someone else" in press(anna, "approve", delivery.proposal)
    assert "Request withdrawn." in press(anna, "withdraw", delivery.proposal)
    delivery.refresh_from_db()
    assert delivery.state == "withdrawn"


def test_a_refusal_gives_its_reason(delivery, staff, staff_client):
    boris = staff_client(staff(Role.DELIVERY_OFFICER))
    assert "Not before the hearing." in press(boris, "refuse", delivery.proposal, reason="Not before the hearing.")
    delivery.refresh_from_db()
    assert delivery.state == "withdrawn"
    assert actions()[-1] == "delivery.refuse"


@pytest.mark.parametrize("step", ["approve", "refuse", "withdraw"])
def test_a_link_decides_nothing(delivery, staff, staff_client, step):
    client = staff_client(staff(Role.DELIVERY_OFFICER))
    url = reverse(f"admin:staff_proposal_{step}", args=[delivery.proposal.pk])
    assert client.get(url).status_code == 405


def test_a_proposal_of_another_section_does_not_exist(delivery, staff, staff_client, other_section):
    client = staff_client(staff(Role.DELIVERY_OFFICER, other_section))
    assert client.get(page_of(delivery.proposal)).status_code == 404
    assert press(client, "approve", delivery.proposal)
    assert delivery.proposal.state == Proposal.State.WAITING


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("elsewhere", [False, True])
def test_who_sees_a_proposal_is_one_rule_in_two_tongues(delivery, staff, role, elsewhere, other_section):
    where = other_section if elsewhere and role != Role.ADMINISTRATOR else None
    person = staff(role, where)
    seen = approvals.visible_to(person).filter(pk=delivery.proposal_id).exists()
    assert seen == approvals.may_see(delivery.proposal, person)
