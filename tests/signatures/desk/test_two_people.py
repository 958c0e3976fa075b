"""What takes two people, carried out: promises narrowed, roles given, campaigns shredded, keyrings kept."""

import datetime
import io

import pyrage
import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from petitions.models import Campaign, Disclosure
from signatures.desk import disclosure, shredding
from signatures.models import LedgerEntry, Outcome, Register, Shredding, Signature, Submission
from signatures.register import admission, mailing, pruning
from signatures.register import shredding as shredder
from signatures.register.audit_anchors import verify_trail
from signatures.register.keyring import KeysMissing, keys_of, provision_campaigns
from signatures.register.tally import check_tally
from signatures.register.unsealing import Opener
from staff import approvals, memberships
from staff.approvals import NotAllowed
from staff.models import AuditEntry, Membership, Proposal, Role
from tests.support.fixtures import a_proposal, acting_as
from tests.support.packets import path_of
from tests.support.shredding import shred


def approved(proposal, by):
    with acting_as(settings.DESK_ROLE):
        approvals.approve(proposal, by)
    proposal.refresh_from_db()
    return proposal


def as_role(role, sql, *params):
    with transaction.atomic(), acting_as(role), connection.cursor() as cursor:
        cursor.execute(sql, params)


# --- promises ---------------------------------------------------------------------------------------------------


@pytest.fixture
def signed(campaign, sign):
    sign(campaign)
    admission.admit_all(campaign)
    return campaign


def test_a_promise_is_narrowed_by_two(signed, staff):
    anna, boris = staff(Role.CAMPAIGNER), staff(Role.MODERATOR)
    with acting_as(settings.DESK_ROLE):
        asked = disclosure.propose_disclosure(signed, "count", False, anna, "It became dangerous.")
    assert "Totals only" in approvals.what_happens(asked)
    done = approved(asked, boris)
    signed.refresh_from_db()
    assert (signed.disclosure, done.done_at is not None) == ("count", True)


def test_marking_at_risk_means_totals_only(signed, staff):
    asked = disclosure.propose_disclosure(signed, "named", True, staff(Role.CAMPAIGNER), "It became dangerous.")
    approved(asked, staff(Role.MODERATOR))
    signed.refresh_from_db()
    assert (signed.disclosure, signed.at_risk) == ("count", True)


@pytest.mark.parametrize(("profile", "match"), [("full", "only be reduced"), ("named", "already")])
def test_a_promise_is_never_asked_to_be_widened(signed, staff, profile, match):
    with pytest.raises(NotAllowed, match=match):
        disclosure.propose_disclosure(signed, profile, False, staff(Role.CAMPAIGNER), "More, please.")


def test_an_approval_to_narrow_is_good_for_that_alone(signed, staff):
    a_proposal(
        "disclosure", {"campaign": signed.pk, "disclosure": "initials", "at_risk": False},
        staff(Role.CAMPAIGNER), staff(Role.MODERATOR),
    )  # fmt: skip
    with pytest.raises(IntegrityError, match="nobody else has approved"):
        as_role(settings.DESK_ROLE, "UPDATE petitions_campaign SET disclosure = 'count' WHERE id = %s", signed.pk)


# --- roles ------------------------------------------------------------------------------------------------------


def enrolled(person):
    """With a second factor, as everybody has who can be given a role."""
    TOTP.activate(person, "JBSWY3DPEHPK3PXP")
    return person


def is_row(action):
    """Whether the database wrote it down by itself."""
    return action.endswith((".added", ".changed", ".deleted"))


@pytest.fixture
def administrators(staff):
    return staff(Role.ADMINISTRATOR), staff(Role.ADMINISTRATOR)


def test_a_role_is_given_by_two_and_taken_by_one(administrators, staff, section):
    (asks, decides), anna = administrators, enrolled(staff(Role.CAMPAIGNER))
    asked = memberships.propose_membership(anna, Role.MODERATOR, section, asks, "She knows how.")
    approved(asked, decides)
    given = Membership.objects.get(user=anna, role=Role.MODERATOR)
    with acting_as(settings.DESK_ROLE):
        memberships.end_membership(given, asks)
    assert not anna.memberships.filter(role=Role.MODERATOR).exists()
    said = list(AuditEntry.objects.order_by("seq").values_list("action", flat=True))
    acts, rows = [one for one in said if not is_row(one)], [one for one in said if is_row(one)]
    assert acts == ["people.manage", "people.approve", "membership.end"]
    assert rows == ["membership.added", "membership.deleted"]


@pytest.mark.parametrize("role", [Role.MODERATOR, Role.ADMINISTRATOR])
def test_web_gives_no_role_past_a_second_person(administrators, staff, section, role):
    anna, newcomer = enrolled(staff(Role.CAMPAIGNER)), enrolled(User.objects.create(username="newcomer"))
    where = None if role == Role.ADMINISTRATOR else section.pk
    with pytest.raises(IntegrityError, match="nobody else has approved"):
        as_role(
            settings.DESK_ROLE,
            "INSERT INTO staff_membership (user_id, section_id, role) VALUES (%s, %s, %s)",
            newcomer.pk, where, role.value,
        )  # fmt: skip
    with pytest.raises(IntegrityError, match="nobody else has approved"):
        as_role(settings.DESK_ROLE, "UPDATE staff_membership SET role = 'moderator' WHERE user_id = %s", anna.pk)


def test_a_role_that_makes_no_sense_is_not_asked_for(administrators, staff, section):
    anna = enrolled(staff(Role.CAMPAIGNER))
    for role, where, match in (
        (Role.MODERATOR, None, "Choose a section"),
        (Role.ADMINISTRATOR, section, "Leave the section empty"),
        (Role.CAMPAIGNER, section, "already"),
    ):
        with pytest.raises(NotAllowed, match=match):
            memberships.propose_membership(anna, role, where, administrators[0], "")


def test_the_persons_page_takes_roles_and_gives_none(administrators, staff, staff_client, section):
    anna, client = staff(Role.CAMPAIGNER), staff_client(administrators[0])
    held = anna.memberships.get()
    url = reverse("admin:auth_user_change", args=[anna.pk])
    page = {
        "username": anna.username, "is_active": "on", "memberships-TOTAL_FORMS": 2, "memberships-INITIAL_FORMS": 1,
        "memberships-0-id": held.pk, "memberships-0-user": anna.pk, "memberships-1-user": anna.pk,
        "memberships-1-role": "moderator", "memberships-1-section": section.pk,
    }  # fmt: skip
    client.post(url, page)
    assert [membership.role for membership in anna.memberships.all()] == [Role.CAMPAIGNER]
    client.post(url, page | {"memberships-0-DELETE": "on", "memberships-TOTAL_FORMS": 1})
    assert not anna.memberships.exists()
    assert AuditEntry.objects.first().action == "membership.end"


def test_who_is_let_in_and_shut_out_is_in_the_trail(administrators, staff, staff_client):
    anna, client = staff(Role.CAMPAIGNER), staff_client(administrators[0])
    page = {"username": anna.username, "memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
    for given in ({}, {"is_active": "on"}):
        client.post(reverse("admin:auth_user_change", args=[anna.pk]), page | given)
    client.post(reverse("admin:auth_user_link", args=[anna.pk]))
    entries = list(AuditEntry.objects.order_by("seq"))
    acts = [entry for entry in entries if not is_row(entry.action)]
    assert [entry.action for entry in acts] == ["membership.end", "people.close", "people.reopen", "people.link"]
    assert all(entry.detail["user"] == anna.pk for entry in acts)
    assert [entry.action for entry in entries if is_row(entry.action)] == [
        "login.changed", "membership.deleted", "login.changed",
    ]  # fmt: skip
    assert all(entry.actor == administrators[0] for entry in entries)


# --- shredding ----------------------------------------------------------------------------------------------------


@pytest.fixture
def closed(signed, sign):
    """Signed by two, one of them not admitted yet; and one who never confirmed."""
    sign(signed)
    sign(signed, confirmed=False)
    Campaign.objects.filter(pk=signed.pk).update(
        state=Campaign.State.CLOSED, closes_at=timezone.now() + datetime.timedelta(minutes=1)
    )
    signed.refresh_from_db()
    return signed


def over(campaign):
    Campaign.objects.filter(pk=campaign.pk).update(closes_at=timezone.now() - datetime.timedelta(days=2))
    campaign.refresh_from_db()


def test_what_was_sealed_cannot_be_read_any_more_and_what_was_counted_stays(closed, staff, keyring):
    sealed = Signature.objects.filter(campaign=closed).first()
    assert keys_of(closed).register_box.open(sealed.sealed, sealed.fingerprint).name == "Ada Example"
    assert shred(closed, staff) == 1
    with pytest.raises(KeysMissing):
        keys_of(closed)
    with pytest.raises(KeysMissing):
        Opener(closed)
    assert f"{closed.uid}.json" not in keyring.files()
    assert Register.objects.get(campaign=closed).counted == 2
    assert check_tally(closed) == []
    assert LedgerEntry.totals(closed)["expired"] == 1
    assert not Submission.objects.filter(campaign=closed, outcome=None).exists()
    assert verify_trail()[1] == []
    assert AuditEntry.objects.first().action == "shredding.carry_out"


def test_nothing_is_shredded_without_two_people_whoever_tries(closed, keyring):
    for role in (settings.WORKER_ROLE, settings.DESK_ROLE):
        with pytest.raises((IntegrityError, ProgrammingError)):
            as_role(role, "INSERT INTO signatures_shredding (campaign_id) VALUES (%s)", closed.pk)
    with pytest.raises(IntegrityError, match="nobody else has approved"), transaction.atomic():
        Shredding.objects.create(campaign=closed)  # the owner
    assert shredder.shred_campaigns() == 0
    assert keys_of(closed)


def test_a_packet_still_verifies_when_its_campaign_was_shredded(
    closed, staff, deliver, identity, keyring, tmp_path, capsys
):
    secret = tmp_path / "identity.txt"
    secret.write_text(identity)
    delivery = deliver(closed, "named")
    assert shred(closed, staff) == 1
    key = delivery.manifest["signed_by"]
    call_command("verify_delivery", str(path_of(delivery)), "--identity", str(secret), "--key", key)
    assert "verifies" in capsys.readouterr().out


def test_after_shredding_workers_go_on_quietly(closed, sign, staff, keyring, caplog):
    shred(closed, staff)
    caplog.clear()
    Submission.objects.filter(campaign=closed).delete()
    sign(closed)  # what a seized web host could still send
    admission.admit_everything()
    mailing.send_mails()
    pruning.prune()
    provision_campaigns()
    assert caplog.records == []
    assert not keyring.files().get(f"{closed.uid}.json")
    assert Submission.objects.filter(campaign=closed).get().outcome in (None, Outcome.UNREADABLE)


def test_a_shredded_campaign_says_so_and_never_opens_again(closed, client, staff):
    over(closed)
    shred(closed, staff)
    page = client.get(closed.get_absolute_url()).content.decode()
    assert "the keys were destroyed" in page
    with pytest.raises(IntegrityError, match="never opens again"):
        as_role(settings.DESK_ROLE, "UPDATE petitions_campaign SET state = 'open' WHERE id = %s", closed.pk)
    with pytest.raises(IntegrityError, match="stays destroyed"), transaction.atomic():
        Shredding.objects.all().delete()


def test_only_a_campaign_that_is_over_is_asked_to_be_shredded(closed, staff):
    officer = staff(Role.DELIVERY_OFFICER)
    with pytest.raises(NotAllowed, match="Close it first"):
        shredding.propose_shredding(closed, officer, "It is over.")
    over(closed)
    asked = shredding.propose_shredding(closed, officer, "It is over.")
    assert "nobody can ever read again" in approvals.what_happens(asked)
    with acting_as(settings.DESK_ROLE):
        approvals.withdraw(asked, officer)
    shred(closed, staff)
    with pytest.raises(NotAllowed, match="already been destroyed"):
        shredding.propose_shredding(closed, officer, "Again.")


def test_the_command_shreds_nothing_by_itself(closed):
    with pytest.raises(CommandError, match="two people have to agree"):
        call_command("shred_campaign", closed.slug)
    with pytest.raises(CommandError, match="No such campaign"):
        call_command("shred_campaign", "nowhere")


# --- keeping the keyring ------------------------------------------------------------------------------------------


@pytest.fixture
def offline(tmp_path):
    """Two identities that two people keep, each in a file."""
    identities = [pyrage.x25519.Identity.generate() for _ in range(2)]
    files = [tmp_path / f"identity-{n}.txt" for n in range(2)]
    for identity, file in zip(identities, files, strict=True):
        file.write_text(f"# made offline\n{identity}\n")
    return [str(identity.to_public()) for identity in identities], files


def export(path, recipients):
    call_command("export_keyring", str(path), *(f"--recipient={one}" for one in recipients), stdout=io.StringIO())


def restore(path, identity):
    out = io.StringIO()
    call_command("import_keyring", str(path), f"--identity={identity}", stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("which", [0, 1])
def test_either_of_two_people_brings_the_keyring_back(campaign, keyring, offline, tmp_path, which):
    recipients, identities = offline
    before, path = keyring.files(), tmp_path / "keyring.age"
    export(path, recipients)
    secrets = [content for content in before.values() if len(content) > 16]  # "{}" may stand in any ciphertext
    assert secrets
    assert not any(content in path.read_bytes() for content in secrets)
    assert path.stat().st_mode & 0o077 == 0
    for name in before:
        (keyring.directory / name).unlink()
    assert "restored" in restore(path, identities[which])
    assert keyring.files() == before
    assert keys_of(campaign)
    assert [entry.action for entry in AuditEntry.objects.order_by("seq")] == ["keyring.export", "keyring.import"]


def test_an_import_overwrites_nothing_and_brings_nothing_back_that_was_shredded(
    closed, make_campaign, keyring, offline, tmp_path, staff
):
    other, path = make_campaign(), tmp_path / "keyring.age"
    export(path, offline[0])
    shred(closed, staff)
    (keyring.directory / f"{other.uid}.json").write_text("{}")
    with pytest.raises(CommandError, match=str(other.uid)):
        restore(path, offline[1][0])
    assert (keyring.directory / f"{other.uid}.json").read_text() == "{}"
    assert f"{closed.uid}.json" not in keyring.files()


def test_what_cannot_be_kept_or_brought_back_is_said_in_one_line(campaign, keyring, offline, tmp_path):
    recipients, identities = offline
    path = tmp_path / "keyring.age"
    for wrong in ([], recipients[:1], recipients[:1] * 2, [recipients[0], "age1nonsense"]):
        with pytest.raises(CommandError, match="Nothing was exported"):
            export(path, wrong)
    export(path, recipients)
    with pytest.raises(CommandError, match="File exists"):
        export(path, recipients)
    stranger = tmp_path / "stranger.txt"
    stranger.write_text(str(pyrage.x25519.Identity.generate()))
    for identity in (stranger, path.with_name("nowhere.txt")):
        with pytest.raises(CommandError) as error:
            restore(path, identity)
        assert len(str(error.value).splitlines()) == 1
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CommandError, match="Nothing was imported"):
        restore(path, identities[0])


# --- asking, on the page ------------------------------------------------------------------------------------------


def ask(client, kind, **said):
    return client.post(reverse("admin:staff_proposal_ask", args=[kind]), said, follow=True).content.decode()


def test_each_asks_for_what_their_role_allows(staff, staff_client):
    offered = {
        Role.CAMPAIGNER: {"disclosure"},
        Role.ADMINISTRATOR: {"membership", "factors"},
        Role.DELIVERY_OFFICER: {"shredding"},
        Role.PRIVACY_OFFICER: {"shredding"},
        Role.MODERATOR: set(),
    }
    for role, kinds in offered.items():
        client = staff_client(staff(role))
        for kind in ("disclosure", "membership", "factors", "shredding", "delivery"):
            status = client.get(reverse("admin:staff_proposal_ask", args=[kind])).status_code
            assert status == (200 if kind in kinds else 404), (role, kind)


def test_asking_changes_nothing_and_names_what_will_happen(signed, staff, staff_client):
    client = staff_client(staff(Role.CAMPAIGNER))
    page = ask(client, "disclosure", campaign=signed.pk, disclosure="count", reason="It became dangerous.")
    assert "is limited to: Totals only" in page.replace("\n", " ")
    signed.refresh_from_db()
    assert signed.disclosure == Disclosure.NAMED
    assert Proposal.objects.get().state == Proposal.State.WAITING


def test_what_cannot_be_asked_for_is_told_on_the_form(closed, staff, staff_client):
    page = ask(staff_client(staff(Role.DELIVERY_OFFICER)), "shredding", campaign=closed.pk, reason="It is over.")
    assert "Close it first" in page
    assert not Proposal.objects.exists()


def test_a_campaign_of_another_section_is_not_offered(closed, staff, staff_client, other_section):
    client = staff_client(staff(Role.DELIVERY_OFFICER, other_section))
    assert closed.title not in client.get(reverse("admin:staff_proposal_ask", args=["shredding"])).content.decode()
    ask(client, "shredding", campaign=closed.pk, reason="Elsewhere.")
    assert not Proposal.objects.exists()
