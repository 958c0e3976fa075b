"""Keys of officers: one registers, another proves who they are and approves, a worker pins; and takes out of use."""

from __future__ import annotations

import base64
import json

import pyrage
import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, transaction

from signatures.desk import recipients
from signatures.models import Recipient
from signatures.register.own_keys import WrongKeyring, require_own_keyring
from signatures.register.recipients import pinned_key_of, settle_recipients
from staff import approvals
from staff.models import Proposal, Role
from staff.refusals import NotAllowed
from tests.support.fixtures import acting_as

STATE = Recipient.State


def as_desk(verb, *arguments):
    with acting_as(django_settings.DESK_ROLE):
        return verb(*arguments)


def settle():
    with acting_as(django_settings.WORKER_ROLE):
        settle_recipients()


@pytest.fixture
def newcomer(staff):
    """(user, identity, key) of somebody whose key waits for approval."""
    user, identity = staff(Role.MODERATOR, username="newcomer"), pyrage.x25519.Identity.generate()
    return user, identity, as_desk(recipients.register, user, str(identity.to_public()))


def fresh(key):
    return Recipient.objects.get(pk=key.pk)


def challenged(key, approver):
    as_desk(recipients.ask_challenge, key, approver)
    settle()
    return as_desk(recipients.challenge_for, key, approver)


def code_in(sealed, identity):
    told = json.loads(pyrage.decrypt(sealed, [identity]))
    return told, base64.b64decode(told["code"])


def test_a_key_is_pinned_once_another_officer_has_proven_and_approved(newcomer, officer, keyring):
    user, identity, key = newcomer
    approver, own = officer()
    settle()
    assert user.username not in keyring.recipients()
    sealed, problem = challenged(key, approver)
    assert problem == ""
    told, code = code_in(sealed, own)
    assert (told["officer"], told["recipient"]) == (user.username, key.recipient)
    as_desk(recipients.approve, fresh(key), approver, code)
    assert user.username not in keyring.recipients()
    settle()
    assert keyring.recipients()[user.username] == str(identity.to_public())
    assert fresh(key).state == STATE.PINNED
    assert as_desk(recipients.key_in_use, user) == key


@pytest.mark.parametrize("spoil", ["another code", "another approver"])
def test_without_the_proof_nothing_is_pinned(newcomer, officer, keyring, spoil):
    user, _, key = newcomer
    approver, own = officer()
    _, code = code_in(challenged(key, approver)[0], own)
    forged = {"proof": code, "challenge": None}
    if spoil == "another code":
        forged["proof"] = bytes(32)
    else:
        forged["approver"] = officer()[0]
    with acting_as(django_settings.DESK_ROLE):
        Recipient.objects.filter(pk=key.pk).update(**forged)
    settle()
    assert user.username not in keyring.recipients()
    assert fresh(key).problem == Recipient.Problem.NOT_PROVEN


def test_a_click_on_the_proposal_alone_approves_no_key(newcomer, officer, keyring):
    user, _, key = newcomer
    approver, _ = officer()
    with pytest.raises(NotAllowed, match="prove"):
        as_desk(approvals.approve, key.proposal, approver)
    settle()
    assert user.username not in keyring.recipients()
    assert fresh(key).state == STATE.WAITING


def test_a_proof_without_the_approved_proposal_pins_nothing(newcomer, officer, keyring):
    """A constraint in the database as well: a worker that is mistaken cannot bring it into use."""
    user, _, key = newcomer
    approver, own = officer()
    _, code = code_in(challenged(key, approver)[0], own)
    with acting_as(django_settings.DESK_ROLE):
        Recipient.objects.filter(pk=key.pk).update(proof=code, challenge=None)
    settle()
    assert user.username not in keyring.recipients()
    with pytest.raises(IntegrityError, match="nobody else has approved"), transaction.atomic():
        Recipient.objects.filter(pk=key.pk).update(state=STATE.PINNED, pinned_at=key.registered_at)


@pytest.mark.parametrize("verb", [approvals.withdraw, approvals.refuse])
def test_a_key_whose_proposal_is_given_up_waits_no_longer(newcomer, officer, verb):
    user, _, key = newcomer
    as_desk(verb, key.proposal, user if verb is approvals.withdraw else officer()[0])
    assert fresh(key).state == STATE.REVOKED
    as_desk(recipients.register, user, str(pyrage.x25519.Identity.generate().to_public()))


def test_a_key_whose_proposal_expired_waits_no_longer(newcomer):
    _, _, key = newcomer
    Proposal.objects.update(state=Proposal.State.EXPIRED)
    settle()
    assert fresh(key).state == STATE.REVOKED


def test_revoking_a_key_that_waits_ends_its_proposal(newcomer):
    user, _, key = newcomer
    as_desk(recipients.revoke, key, user)
    assert Proposal.objects.get(recipient=key).state == Proposal.State.WITHDRAWN


def test_nobody_approves_their_own_key(newcomer, officer):
    user, _, key = newcomer
    with pytest.raises(NotAllowed, match="Someone else"):
        as_desk(recipients.ask_challenge, key, user)
    with pytest.raises(IntegrityError), transaction.atomic(), acting_as(django_settings.DESK_ROLE):
        Recipient.objects.filter(pk=key.pk).update(approver=user)


def test_whoever_has_no_key_in_use_cannot_approve(newcomer, staff):
    _, _, key = newcomer
    with pytest.raises(NotAllowed, match="You have no active key"):
        as_desk(recipients.ask_challenge, key, staff(Role.PRIVACY_OFFICER))


def test_a_worker_challenges_nobody_whose_role_does_not_approve(newcomer, officer):
    _, _, key = newcomer
    outsider, _ = officer(Role.CAMPAIGNER)
    with acting_as(django_settings.DESK_ROLE):
        Recipient.objects.filter(pk=key.pk).update(approver=outsider)
    settle()
    assert fresh(key).problem == Recipient.Problem.NOT_ALLOWED
    assert fresh(key).challenge is None


def test_web_cannot_bring_a_key_into_use(newcomer, officer):
    _, _, key = newcomer
    for change in ({"state": "pinned"}, {"by_hand": True}, {"recipient": "age1" + "q" * 58}, {"challenge": b"x"}):
        with pytest.raises(DatabaseError), transaction.atomic(), acting_as(django_settings.DESK_ROLE):
            Recipient.objects.filter(pk=key.pk).update(**change)


def test_a_row_that_calls_itself_pinned_does_not_make_it_so(newcomer, keyring):
    """Whoever writes to the database has no key in the keyring."""
    user, _, key = newcomer
    Recipient.objects.filter(pk=key.pk).update(state=STATE.PINNED, pinned_at=key.registered_at, by_hand=True)
    settle()
    assert user.username not in keyring.recipients()
    assert pinned_key_of(user) is None


def test_a_row_that_calls_itself_pinned_stays_and_no_worker_works_until_it_is_taken_out_by_hand(newcomer, keyring):
    """It may be the keyring that is wrong: then the row is all that is left of the officer's key."""
    user, _, key = newcomer
    Recipient.objects.filter(pk=key.pk).update(state=STATE.PINNED, pinned_at=key.registered_at, by_hand=True)
    settle()
    assert fresh(key).state == STATE.PINNED
    with pytest.raises(WrongKeyring, match="the pinned key of newcomer"):
        require_own_keyring()
    call_command("pin_recipient", user.username, "--remove")
    assert fresh(key).state == STATE.REVOKED
    require_own_keyring()


@pytest.mark.parametrize("text", ["", "age1", "AGE-SECRET-KEY-1" + "Q" * 58, "age1pq1" + "q" * 58, "ssh-ed25519 AAAA"])
def test_only_a_public_age_key_is_registered(staff, text):
    with pytest.raises(NotAllowed):
        as_desk(recipients.register, staff(Role.MODERATOR), text)
    assert not Recipient.objects.exists()


def test_one_key_of_an_officer_waits_at_a_time_and_none_comes_twice(newcomer, staff):
    user, identity, _ = newcomer
    with pytest.raises(NotAllowed, match="pending approval"):
        as_desk(recipients.register, user, str(pyrage.x25519.Identity.generate().to_public()))
    with pytest.raises(NotAllowed, match="before"):
        as_desk(recipients.register, staff(Role.MODERATOR), str(identity.to_public()))


def test_administrators_and_campaigners_register_no_key(staff):
    for role in (Role.ADMINISTRATOR, Role.CAMPAIGNER):
        with pytest.raises(NotAllowed):
            as_desk(recipients.register, staff(role), str(pyrage.x25519.Identity.generate().to_public()))


# --- out of use -----------------------------------------------------------------------------------------------


def test_a_revoked_key_is_unpinned(officer, keyring):
    user, _ = officer()
    (key,) = Recipient.objects.filter(officer=user)
    as_desk(recipients.revoke, key, user)
    settle()
    assert keyring.recipients() == {}
    assert as_desk(recipients.key_in_use, user) is None
    with pytest.raises(NotAllowed):
        as_desk(recipients.revoke, fresh(key), user)


def test_whoever_may_approve_may_revoke_anothers_key_and_nobody_else(officer, staff):
    user, _ = officer()
    (key,) = Recipient.objects.filter(officer=user)
    with pytest.raises(NotAllowed):
        as_desk(recipients.revoke, key, staff(Role.CAMPAIGNER))
    as_desk(recipients.revoke, key, staff(Role.MODERATOR))
    assert fresh(key).state == STATE.REVOKED


def test_a_deactivated_officers_key_is_unpinned(officer, keyring):
    (left, _), (stays, _) = officer(), officer()
    User.objects.filter(pk=left.pk).update(is_active=False)
    settle()
    assert list(keyring.recipients()) == [stays.username]
    assert Recipient.objects.get(officer=left).state == STATE.REVOKED


def test_a_name_that_changed_hands_keeps_no_key(officer, staff, keyring):
    """Otherwise the next "anna" would have the last one's key."""
    user, _ = officer(username="anna")
    User.objects.filter(pk=user.pk).update(username="anna-2")
    staff(Role.MODERATOR, username="anna")
    settle()
    assert keyring.recipients() == {}


def test_a_new_key_replaces_the_old_one(officer, keyring):
    (user, _), (approver, own) = officer(), officer()
    new = pyrage.x25519.Identity.generate()
    key = as_desk(recipients.register, user, str(new.to_public()))
    _, code = code_in(challenged(key, approver)[0], own)
    as_desk(recipients.approve, fresh(key), approver, code)
    settle()
    assert keyring.recipients()[user.username] == str(new.to_public())
    assert {key.state for key in Recipient.objects.filter(officer=user)} == {STATE.PINNED, STATE.REVOKED}
    settle()
    assert keyring.recipients()[user.username] == str(new.to_public())


# --- by hand --------------------------------------------------------------------------------------------------


def test_the_command_pins_and_unpins(staff, keyring):
    user, public = staff(Role.DELIVERY_OFFICER), str(pyrage.x25519.Identity.generate().to_public())
    call_command("pin_recipient", user.username, public)
    assert keyring.recipients() == {user.username: public}
    settle()
    assert as_desk(recipients.key_in_use, user).by_hand
    call_command("pin_recipient", user.username, "--remove")
    assert keyring.recipients() == {}
    assert Recipient.objects.get(officer=user).state == STATE.REVOKED
    with pytest.raises(CommandError, match="no active user"):
        call_command("pin_recipient", "stranger", public)


def test_a_key_pinned_before_there_were_rows_stays(staff, keyring):
    user, public = staff(Role.DELIVERY_OFFICER), str(pyrage.x25519.Identity.generate().to_public())
    keyring.pin_recipient(user.username, public)
    settle()
    assert keyring.recipients() == {user.username: public}
    assert as_desk(recipients.key_in_use, user).recipient == public
