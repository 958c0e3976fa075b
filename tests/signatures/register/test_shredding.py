"""Keys are destroyed by two proofs and 72 hours, or by hand where the keys are; by no row of the database (A2, I12)."""

import datetime
import io

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from petitions.models import Campaign
from signatures.desk import shredding as desk
from signatures.models import Shredding, ShreddingNotice, ShreddingProof
from signatures.register import shredding as shredder
from signatures.register.keyring import Announced, KeysMissing, keys_of
from signatures.register.recipients import unpin_by_hand
from signatures.register.shredding import WAITS
from signatures.register.tombstones import local_lines
from staff.models import APPROVAL_EXPIRES, AuditEntry, Role
from staff.refusals import NotAllowed
from tests.support.fixtures import a_proposal, acting_as
from tests.support.shredding import an_officer, code_for, prove, proven, work

HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def closed(campaign):
    """Closed three days ago."""
    Campaign.objects.filter(pk=campaign.pk).update(
        state=Campaign.State.CLOSED, closes_at=timezone.now() - datetime.timedelta(days=3)
    )
    campaign.refresh_from_db()
    return campaign


def as_desk(statement, *values):
    """By plain SQL as the desk's role; says whether it could."""
    try:
        with transaction.atomic(), acting_as(settings.DESK_ROLE), connection.cursor() as cursor:
            cursor.execute(statement, values)
    except DatabaseError:
        return False
    return True


def identity_files(tmp_path, *officers):
    files = []
    for user, identity in officers:
        file = tmp_path / f"{user.username}.txt"
        file.write_text(f"# age identity of {user.username}\n{identity}\n")
        files.append(f"--identity={file}")
    return files


def said_by(*arguments):
    said = io.StringIO()
    call_command("shred_campaign", *arguments, stdout=said)
    return said.getvalue()


# --- the attack -------------------------------------------------------------------------------------------------


def test_the_desks_role_writes_every_row_and_no_key_is_destroyed(closed, staff):
    """A2: a proposal by one user, approved by another, both written by the web: gone within three minutes."""
    asked, agreed = an_officer(staff, Role.DELIVERY_OFFICER), an_officer(staff)
    subject = f'{{"campaign": {closed.pk}}}'
    assert as_desk(
        "INSERT INTO staff_proposal (kind, subject, requested_by_id, reason) VALUES ('shredding', %s, %s, '')",
        subject, asked[0].pk,
    )  # fmt: skip
    assert as_desk(
        "UPDATE staff_proposal SET state = 'approved', decided_by_id = %s, decided_at = now() WHERE kind = 'shredding'",
        agreed[0].pk,
    )
    for user, _ in (asked, agreed):
        assert as_desk(
            "INSERT INTO signatures_shreddingproof (proposal_id, officer_id)"
            " SELECT id, %s FROM staff_proposal WHERE kind = 'shredding'",
            user.pk,
        )
    work()
    assert as_desk("UPDATE signatures_shreddingproof SET proof = %s, challenge = NULL", bytes(32))
    for forbidden in (
        "UPDATE signatures_shreddingproof SET challenge_hash = sha256('x')",
        "UPDATE signatures_shreddingproof SET proven_at = now()",
        "UPDATE signatures_shreddingproof SET challenge = 'x'",
        "INSERT INTO signatures_shreddingnotice (proposal_id, told_at, due_at)"
        " SELECT id, now() - interval '9 days', now() FROM staff_proposal",
        f"INSERT INTO signatures_shredding (campaign_id) VALUES ({closed.pk})",
        f"INSERT INTO signatures_shredding (campaign_id, by_hand) VALUES ({closed.pk}, true)",
        "UPDATE staff_proposal SET done_at = now()",
    ):
        assert not as_desk(forbidden), forbidden
    for later in (datetime.timedelta(), HOUR, WAITS - HOUR, WAITS + HOUR, 3 * WAITS):
        assert work(later) == 0
    assert keys_of(closed)
    assert not Shredding.objects.exists()
    assert list(ShreddingProof.objects.values_list("problem", flat=True)) == [ShreddingProof.Problem.NOT_PROVEN] * 2


def test_nor_does_the_owner_of_the_database_by_rows_alone(closed, staff, keyring):
    """With every row there is, the time included: what a worker goes by is in the keyring."""
    asked, agreed = an_officer(staff, Role.DELIVERY_OFFICER), an_officer(staff)
    proposal = a_proposal("shredding", {"campaign": closed.pk}, asked[0], agreed[0])
    ago = timezone.now() - 2 * WAITS
    for user, _ in (asked, agreed):
        ShreddingProof.objects.create(
            proposal=proposal, officer=user, challenge_hash=bytes(32), proof=bytes(32), proven_at=ago
        )
    ShreddingNotice.objects.create(proposal=proposal, told_at=ago, due_at=ago + WAITS)
    Shredding.objects.create(campaign=closed, by_hand=True)
    assert [work(), work(2 * WAITS)] == [0, 0]
    assert f"{closed.uid}.json" in keyring.files()


@pytest.mark.parametrize("swap", ["campaign", "request", "officer"])
def test_a_proof_is_good_for_one_request_of_one_campaign_by_one_person(closed, make_campaign, staff, swap):
    other = make_campaign()
    first, second, third = an_officer(staff, Role.DELIVERY_OFFICER), an_officer(staff), an_officer(staff)
    good = a_proposal("shredding", {"campaign": other.pk}, first[0], second[0])
    wanted = {"campaign": closed.pk if swap == "campaign" else other.pk}
    by = (third[0], second[0]) if swap == "officer" else (first[0], second[0])
    victim = a_proposal("shredding", wanted, *by)
    for officer in (first, second):
        prove(good, officer)
    rows = ShreddingProof.objects.filter(proposal=good)
    # As if the database's owner moved them, marks and all.
    rows.update(proposal=victim, proven_at=None)
    if swap == "officer":
        ShreddingProof.objects.filter(officer=first[0]).update(officer=third[0])
    work()
    assert [work(WAITS), work(2 * WAITS)] == [0, 0]
    assert keys_of(closed)
    assert keys_of(other)


def test_one_person_with_two_logins_but_one_key_is_one(closed, staff, keyring):
    one, other = an_officer(staff, Role.DELIVERY_OFFICER), staff(Role.PRIVACY_OFFICER)
    proposal = a_proposal("shredding", {"campaign": closed.pk}, one[0], other)
    prove(proposal, one)
    keyring.pin_recipient(other.username, str(one[1].to_public()))
    with pytest.raises(NotAllowed, match="no active key"), acting_as(settings.DESK_ROLE):
        desk.ask_challenge(proposal, other)
    assert [work(), work(2 * WAITS)] == [0, 0]
    assert keys_of(closed)


# --- the way it is meant ----------------------------------------------------------------------------------------


def test_two_proofs_mails_to_all_officers_and_72_hours(closed, staff, mailoutbox):
    watcher, _ = an_officer(staff, Role.MODERATOR)
    proposal, asked, agreed = proven(closed, staff)
    assert {mail.to[0] for mail in mailoutbox} == {f"{u.username}@example.org" for u in (watcher, asked[0], agreed[0])}
    assert closed.title not in "".join(mail.body for mail in mailoutbox)
    assert f"shred_campaign {closed.slug} --stop" in mailoutbox[0].body
    assert "will be destroyed on" in said_by(closed.slug)
    assert [work(23 * HOUR), work(25 * HOUR), work(49 * HOUR), work(WAITS - HOUR)] == [0, 0, 0, 0]
    assert len(mailoutbox) == 9
    assert keys_of(closed)
    assert work(WAITS) == 1
    with pytest.raises(KeysMissing):
        keys_of(closed)
    proposal.refresh_from_db()
    assert proposal.done_at is not None
    assert {"shredding.prove", "shredding.carry_out"} <= set(AuditEntry.objects.values_list("action", flat=True))
    assert [work(), "have been destroyed" in said_by(closed.slug)] == [0, True]


def test_one_proof_is_not_enough(closed, staff):
    asked, agreed = an_officer(staff, Role.DELIVERY_OFFICER), an_officer(staff)
    proposal = a_proposal("shredding", {"campaign": closed.pk}, asked[0], agreed[0])
    prove(proposal, asked)
    assert [work(), work(WAITS - HOUR)] == [0, 0]
    proposal.refresh_from_db()
    assert proposal.problem == shredder.NOT_PROVEN
    assert keys_of(closed)


def test_the_wrong_answer_is_told_and_can_be_given_again(closed, staff):
    asked, agreed = an_officer(staff, Role.DELIVERY_OFFICER), an_officer(staff)
    proposal = a_proposal("shredding", {"campaign": closed.pk}, asked[0], agreed[0])
    code_for(proposal, asked)
    with acting_as(settings.DESK_ROLE):
        desk.prove(proposal, asked[0], bytes(32))
    work()
    with acting_as(settings.DESK_ROLE):
        assert desk.challenge_for(proposal, asked[0]) == (None, "The proof did not match. Try again.")
    prove(proposal, asked)
    work()
    with acting_as(settings.DESK_ROLE):
        assert desk.progress(proposal, asked[0]).proofs == [(asked[0], True), (agreed[0], False)]


@pytest.mark.parametrize("role", [Role.MODERATOR, Role.DELIVERY_OFFICER, Role.PRIVACY_OFFICER, Role.ADMINISTRATOR])
def test_any_officer_stops_it_on_its_page_for_good(closed, staff, staff_client, role):
    proposal, *_ = proven(closed, staff)
    browser = staff_client(staff(role))
    page = reverse("admin:staff_proposal_change", args=[proposal.pk])
    assert "Stop it for good" in browser.get(page).text
    assert (
        "Stopped. The keys stay."
        in browser.post(reverse("admin:staff_proposal_stop", args=[proposal.pk]), follow=True).text
    )
    assert [work(WAITS - HOUR), work(WAITS), work(3 * WAITS)] == [0, 0, 0]
    assert keys_of(closed)
    proposal.refresh_from_db()
    assert (proposal.done_at, proposal.problem) == (None, shredder.STOPPED)


def test_it_is_stopped_where_the_keys_are_and_asked_for_anew(closed, staff):
    proven(closed, staff)
    assert "stopped" in said_by(closed.slug, "--stop")
    assert work(WAITS) == 0
    with pytest.raises(CommandError, match="Nothing was stopped"):
        said_by(closed.slug, "--stop")
    again, *_ = proven(closed, staff)
    assert work(WAITS) == 1
    again.refresh_from_db()
    assert again.done_at is not None


@pytest.mark.parametrize("what", ["dismissed", "changes role", "loses the key", "days pass"])
def test_what_one_of_the_two_may_not_want_any_more_is_not_shredded(closed, staff, what):
    if what == "days pass":
        asked, agreed = an_officer(staff, Role.DELIVERY_OFFICER), an_officer(staff)
        proposal = a_proposal("shredding", {"campaign": closed.pk}, asked[0], agreed[0])
        assert work(APPROVAL_EXPIRES) == 0
    else:
        proposal, asked, agreed = proven(closed, staff)
        if what == "dismissed":
            User.objects.filter(pk=asked[0].pk).update(is_active=False)
        elif what == "changes role":
            agreed[0].memberships.all().delete()
        else:
            unpin_by_hand(agreed[0].username)
        assert work(WAITS) == 0
    assert keys_of(closed)
    proposal.refresh_from_db()
    assert proposal.problem == shredder.NOT_WANTED


def test_the_time_begins_when_somebody_was_told(closed, staff, mailoutbox):
    asked, agreed = an_officer(staff, Role.DELIVERY_OFFICER), an_officer(staff)
    User.objects.update(email="")
    proposal = a_proposal("shredding", {"campaign": closed.pk}, asked[0], agreed[0])
    for officer in (asked, agreed):
        prove(proposal, officer)
    assert [work(), work(2 * HOUR)] == [0, 0]
    proposal.refresh_from_db()
    assert (proposal.problem, mailoutbox) == (shredder.NOBODY_TOLD, [])
    User.objects.filter(pk=asked[0].pk).update(email="anna@example.org")
    assert [work(3 * HOUR), work(WAITS + 2 * HOUR), work(WAITS + 3 * HOUR)] == [0, 0, 1]


def test_a_worker_killed_before_it_destroyed_the_keys_is_followed_by_one_that_does(closed, staff):
    proposal, *_ = proven(closed, staff)
    shredder._note(closed, proposal)
    assert keys_of(closed)
    assert local_lines() == []
    assert [work(), work()] == [1, 0]
    assert [line.tombstone.kind for line in local_lines()] == ["shredded"]


def test_what_could_not_be_written_down_leaves_no_tombstone(closed, staff, monkeypatch):
    """After a restore, a tombstone alone has keys destroyed: also those of a petition that an officer kept."""
    proposal, *_ = proven(closed, staff)

    def fails(*given, **named):
        raise DatabaseError

    monkeypatch.setattr(shredder.audit, "append", fails)
    with pytest.raises(DatabaseError):
        shredder._note(closed, proposal)
    assert keys_of(closed)
    assert not Shredding.objects.exists()
    assert local_lines() == []


def test_what_is_announced_is_in_no_export(closed, keyring):
    keyring.note_shredding(closed.uid, Announced(proposal=1, by=["anna", "boris"]))
    assert not [name for name in keyring.files() if "shredding" in name]
    (keyring.directory / f"shredding-{closed.uid}.json").write_text("{")
    assert keyring.shreddings() == {}


# --- a raid -----------------------------------------------------------------------------------------------------


def test_two_identities_where_the_keys_are_act_at_once(campaign, sign, staff, tmp_path, keyring):
    """Open, with signatures under way, and nobody asked on the desk."""
    sign(campaign)
    files = identity_files(tmp_path, an_officer(staff), an_officer(staff, Role.MODERATOR))
    assert "have been destroyed by" in said_by(campaign.slug, "--now", *files)
    assert f"{campaign.uid}.json" not in keyring.files()
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.CLOSED
    assert Shredding.objects.get().by_hand
    assert AuditEntry.objects.first().action == "shredding.by_hand"
    assert work() == 0


@pytest.mark.parametrize("spoil", ["one", "the same twice", "a stranger's", "no identity", "no file"])
def test_anything_less_destroys_nothing(closed, staff, tmp_path, spoil):
    import pyrage

    one, other = an_officer(staff), an_officer(staff)
    files = identity_files(tmp_path, one, other)
    if spoil == "one":
        files = files[:1]
    elif spoil == "the same twice":
        files = [files[0], files[0]]
    elif spoil == "a stranger's":
        files = identity_files(tmp_path, one, (other[0], pyrage.x25519.Identity.generate()))
    elif spoil == "no identity":
        (tmp_path / f"{other[0].username}.txt").write_text("hello")
    else:
        (tmp_path / f"{other[0].username}.txt").unlink()
    with pytest.raises(CommandError, match="Nothing was destroyed"):
        said_by(closed.slug, "--now", *files)
    assert keys_of(closed)


# --- the page -----------------------------------------------------------------------------------------------------


def test_the_page_leads_both_through_their_proofs(closed, staff, staff_client):
    asked, agreed = an_officer(staff, Role.DELIVERY_OFFICER), an_officer(staff)
    proposal = a_proposal("shredding", {"campaign": closed.pk}, asked[0], agreed[0])
    page = reverse("admin:staff_proposal_change", args=[proposal.pk])
    proving = reverse("admin:staff_proposal_prove", args=[proposal.pk])
    browser = staff_client(asked[0])
    assert proving in browser.get(page).text
    assert str(closed.uid) in browser.get(proving).text
    assert proving not in staff_client(staff(Role.DELIVERY_OFFICER)).get(page).text
    assert staff_client(staff(Role.DELIVERY_OFFICER)).get(proving).status_code == 404
    challenge = reverse("admin:staff_proposal_challenge", args=[proposal.pk])
    assert browser.post(challenge).json()["state"] == "asked"
    work()
    assert browser.get(challenge).json()["state"] == "answered"
    assert staff_client(agreed[0]).get(challenge).json()["answer"] == ""
    proof = reverse("admin:staff_proposal_proof", args=[proposal.pk])
    assert "did not match" in browser.post(proof, {"proof": "AAAA"}, follow=True).text
