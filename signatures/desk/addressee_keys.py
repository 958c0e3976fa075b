"""Public keys of addressees, the web's half: entered by one officer, approved by another, taken out of use by either.

Web only writes down who wants what; which key counts is decided in the keyring (register/addressee_keys.py).
"""

from __future__ import annotations

import logging
import re
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from petitions.models import Addressee
from signatures import bech32
from signatures.desk.recipients import PROOF_BYTES, key_in_use
from signatures.models import AGE_RECIPIENT, AddresseeKey, DeskKey, Recipient
from signatures.notify_worker import notify_worker
from staff import approvals, audit
from staff.access import may
from staff.models import Proposal
from staff.refusals import NotAllowed, refusals_in_words, words_of_constraints

log = logging.getLogger(__name__)

REFUSALS: Final[dict[str, str | Promise]] = {
    **words_of_constraints(AddresseeKey),
    "addressee_key_revoked_stays": gettext_lazy("This key was revoked."),
}
_STATE: Final = AddresseeKey.State


def recipient_typed(text: str) -> str:
    """The public age key that somebody typed or pasted. Raises NotAllowed, which says what it is instead."""
    key = "".join(text.split())
    if key.upper().startswith("AGE-SECRET-KEY-"):
        raise NotAllowed(
            _("This is the secret half of a key. Whoever sent it has to make another one, and send the line that "
              "starts with age1.")
        )  # fmt: skip
    if key.startswith(("ssh-", "age1pq1", "age1tag1", "age1tagpq1", "age1yubikey1")) or "BEGIN PGP" in text:
        raise NotAllowed(_("Only keys of age itself can be used: the line that starts with age1, made by age-keygen."))
    key = key.lower() if key.isupper() else key
    if not re.fullmatch(AGE_RECIPIENT, key):
        raise NotAllowed(_("This is not a public age key: it starts with age1 and has 62 characters."))
    if not bech32.is_whole(key):
        raise NotAllowed(
            _("A character of this key is wrong or missing. Copy the line again, or compare it by telephone.")
        )
    return key


def enter(addressee: Addressee, typed: str, agreement: str, officer: User) -> AddresseeKey:
    """Ask for packets to this addressee to be encrypted to that key as well. Raises NotAllowed."""
    recipient, agreement = recipient_typed(typed), " ".join(agreement.split())
    if not agreement:
        raise NotAllowed(_("Enter the reference of what you agreed on with them."))
    if Recipient.objects.filter(recipient=recipient).exists() or DeskKey.objects.filter(recipient=recipient).exists():
        raise NotAllowed(_("This key is used by somebody here. An addressee’s key is one that only they have."))
    subject = {"addressee": addressee.pk, "recipient": recipient, "agreement": agreement}
    with refusals_in_words(REFUSALS), transaction.atomic():
        proposal = approvals.propose(Proposal.Kind.THEIR_KEY, officer, None, subject)
        made = AddresseeKey.objects.create(
            addressee=addressee, recipient=recipient, agreement=agreement, proposal=proposal
        )
    log.info("addressee key %s entered by user %s", made.pk, officer.pk)
    return made


def ask_challenge(key: AddresseeKey, approver: User) -> None:
    """The approver is about to prove who they are: a worker encrypts a code to their own key. Raises NotAllowed."""
    _refuse_approver(key, approver)
    with refusals_in_words(REFUSALS), transaction.atomic():
        _update(key, _STATE.WAITING, approver=approver, challenge=None, proof=None, problem="")
    notify_worker("settle_recipients")


def challenge_for(key: AddresseeKey, approver: User) -> tuple[bytes | None, str]:
    """(the encrypted code, "") once a worker has made it, (None, why not) where it did not, (None, "") before."""
    current = AddresseeKey.objects.get(pk=key.pk)
    if current.approver_id == approver.pk and current.challenge is not None:
        return bytes(current.challenge), ""
    return None, current.get_problem_display() if current.problem else ""


def expected_in_challenge(key: AddresseeKey) -> dict[str, str]:
    """What a challenge says it is about: the page compares, so that nobody agrees to another key than it shows."""
    return {"addressee": key.addressee.original("name"), "recipient": key.recipient, "agreement": key.agreement}


def approve(key: AddresseeKey, approver: User, proof: bytes) -> None:
    """Send back the code that only the approver's own key opens; a worker pins the key then. Raises NotAllowed."""
    _refuse_approver(key, approver)
    if len(proof) != PROOF_BYTES or key.approver_id != approver.pk:
        raise NotAllowed(str(AddresseeKey.Problem.NOT_PROVEN.label))
    with refusals_in_words(REFUSALS), transaction.atomic():
        _update(key, _STATE.WAITING, approver=approver, challenge=None, proof=proof)
        approvals.approve(key.proposal, approver)


def revoke(key: AddresseeKey, by: User) -> None:
    """Take a key out of use, or a request back: at once, and without a second person. Raises NotAllowed."""
    if not may(by, "addressee_key.revoke"):
        raise NotAllowed(_("Your role does not allow this."))
    with refusals_in_words(REFUSALS), transaction.atomic():
        _update(key, _STATE.REVOKED, revoked_at=timezone.now(), challenge=None)
        if key.proposal.is_waiting():
            if key.proposal.requested_by_id == by.pk:
                approvals.withdraw(key.proposal, by)
            elif approvals.may_decide(key.proposal, by):
                approvals.refuse(key.proposal, by)
        audit.append(by, "addressee_key.revoke", None, detail={"key": key.pk, "addressee": key.addressee_id})
    log.info("addressee key %s revoked by user %s", key.pk, by.pk)
    notify_worker("settle_recipients")


def is_agreed(key: AddresseeKey) -> bool:
    """Whether a second person said yes and a worker has not seen it yet."""
    return key.proposal.state == Proposal.State.APPROVED and key.state == _STATE.WAITING and not key.problem


def may_approve(key: AddresseeKey, user: User) -> bool:
    """Whether this person may agree to that key, if it still waits."""
    return key.state == _STATE.WAITING and key.proposal.is_waiting() and approvals.may_decide(key.proposal, user)


def key_used_for(addressee: Addressee) -> AddresseeKey | None:
    """The addressee's own key that a worker has pinned."""
    return AddresseeKey.objects.filter(addressee=addressee, state=_STATE.PINNED).first()


def _in_words(proposal: Proposal) -> str:
    key = AddresseeKey.objects.select_related("addressee").get(proposal=proposal)
    return _(
        "Packets with personal data for %(addressee)s will be encrypted to the key %(key)s as well, as agreed in "
        "%(agreement)s."
    ) % {"addressee": key.addressee, "key": key.short, "agreement": key.agreement}


def _only_proven(proposal: Proposal) -> None:
    """A click is not enough: the approver has to have opened a worker's challenge, on the key's own page."""
    proven = AddresseeKey.objects.filter(proposal=proposal, proof__isnull=False, approver=proposal.decided_by_id)
    if not proven.exists():
        raise NotAllowed(_("Approve it on the key’s own page, where you prove your identity."))
    notify_worker("settle_recipients")


def _give_up(proposal: Proposal) -> None:
    waiting = AddresseeKey.objects.filter(proposal=proposal, state=_STATE.WAITING)
    waiting.update(state=_STATE.REVOKED, revoked_at=timezone.now(), challenge=None)


APPROVAL: Final = approvals.Rules(
    request="addressee_key.request",
    approve="addressee_key.approve",
    words=_in_words,
    carry_out=_only_proven,
    give_up=_give_up,
)


def _refuse_approver(key: AddresseeKey, approver: User) -> None:
    if key.proposal.requested_by_id == approver.pk:
        raise NotAllowed(str(approvals.REFUSALS["proposal_needs_two_people"]))
    if not may(approver, "addressee_key.approve"):
        raise NotAllowed(_("Your role does not allow this."))
    if key_in_use(approver) is None:
        raise NotAllowed(str(AddresseeKey.Problem.NOT_PINNED.label))


def _update(key: AddresseeKey, state: AddresseeKey.State, **values: object) -> None:
    """Change what still lives; a key in use can only be revoked. Raises NotAllowed."""
    live = AddresseeKey.objects.filter(pk=key.pk).exclude(state=_STATE.REVOKED)
    if state == _STATE.WAITING:
        live = live.filter(state=state)
    if not live.update(state=state, **values):
        current = AddresseeKey.objects.get(pk=key.pk)
        raise NotAllowed(_("Nothing was changed. Current status: %s.") % current.get_state_display())
