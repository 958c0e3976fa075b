"""Keys of officers, the web's half: registered by one, approved by another, taken out of use by either.

Web only writes down who wants what; which key counts is decided in the keyring (register/recipients.py).
"""

from __future__ import annotations

import logging
import re
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from signatures.models import AGE_RECIPIENT, Recipient
from signatures.notify_worker import notify_worker
from staff import approvals, audit
from staff.access import may
from staff.models import Proposal
from staff.refusals import NotAllowed, refusals_in_words

log = logging.getLogger(__name__)

REFUSALS: Final[dict[str, str | Promise]] = {
    "recipient_once": gettext_lazy("This key was registered before. Create a new one."),
    "recipient_one_waiting_an_officer": gettext_lazy("You already have a key pending approval."),
    "recipient_approved_by_another": gettext_lazy("Someone else has to approve it."),
}

#: Bytes of the code with which an approver proves who they are.
PROOF_BYTES: Final = 32


def known_to(user: User) -> QuerySet[Recipient]:
    """The keys whose public half this person may see: their own, and everybody's where they may revoke."""
    keys = Recipient.objects.select_related("officer", "proposal")
    return keys if may(user, "recipient.revoke") else keys.filter(officer=user)


def key_in_use(officer: User) -> Recipient | None:
    """The officer's key that a worker has pinned."""
    return known_to(officer).filter(officer=officer, state=Recipient.State.PINNED).first()


def register(officer: User, recipient: str) -> Recipient:
    """Ask for a key of one's own to be used. Raises NotAllowed."""
    if not may(officer, "recipient.register"):
        raise NotAllowed(_("Your role does not need a key: it gives no access to personal data."))
    if not re.fullmatch(AGE_RECIPIENT, recipient):
        raise NotAllowed(_("This is not a public age key. It must look like age1…"))
    subject = {"officer": officer.pk, "recipient": recipient}
    with refusals_in_words(REFUSALS), transaction.atomic():
        proposal = approvals.propose(Proposal.Kind.RECIPIENT, officer, None, subject)
        made = Recipient.objects.create(officer=officer, recipient=recipient, proposal=proposal)
        audit.append(officer, "recipient.register", None, detail={"key": made.pk})
    log.info("key %s registered by user %s", made.pk, officer.pk)
    return made


def ask_challenge(key: Recipient, approver: User) -> None:
    """The approver is about to prove who they are: a worker encrypts a code to their own key. Raises NotAllowed."""
    _refuse_approver(key, approver)
    with refusals_in_words(REFUSALS), transaction.atomic():
        _update(key, Recipient.State.WAITING, approver=approver, challenge=None, proof=None, problem="")
    notify_worker("settle_recipients")


def challenge_for(key: Recipient, approver: User) -> tuple[bytes | None, str]:
    """(the encrypted code, "") once a worker has made it, (None, why not) where it did not, (None, "") before."""
    current = known_to(approver).get(pk=key.pk)
    if current.approver_id == approver.pk and current.challenge is not None:
        return bytes(current.challenge), ""
    return None, current.get_problem_display() if current.problem else ""


def approve(key: Recipient, approver: User, proof: bytes) -> None:
    """Send back the code that only the approver's own key opens; a worker pins the key then. Raises NotAllowed."""
    _refuse_approver(key, approver)
    if len(proof) != PROOF_BYTES or key.approver_id != approver.pk:
        raise NotAllowed(_("The proof did not match. Try again."))
    assert key.proposal is not None
    with refusals_in_words(REFUSALS), transaction.atomic():
        _update(key, Recipient.State.WAITING, approver=approver, challenge=None, proof=proof)
        approvals.approve(key.proposal, approver)


def revoke(key: Recipient, by: User) -> None:
    """Take a key out of use, one's own or another's: at once, and without a second person. Raises NotAllowed.

    One that waits for approval is withdrawn or refused with it.
    """
    if key.officer_id != by.pk and not may(by, "recipient.revoke"):
        raise NotAllowed(_("Your role does not allow this."))
    with transaction.atomic():
        _update(key, Recipient.State.REVOKED, revoked_at=timezone.now(), challenge=None)
        if key.proposal is not None and key.proposal.is_waiting():
            if key.officer_id == by.pk:
                approvals.withdraw(key.proposal, by)
            elif approvals.may_decide(key.proposal, by):
                approvals.refuse(key.proposal, by)
            # An administrator decides on no key; a worker sees that this one is revoked, and the proposal expires.
        audit.append(by, "recipient.revoke", None, detail={"key": key.pk, "officer": key.officer_id})
    log.info("key %s revoked by user %s", key.pk, by.pk)
    notify_worker("settle_recipients")


def is_agreed(key: Recipient) -> bool:
    """Whether a second person said yes and a worker has not seen it yet."""
    approved = key.proposal is not None and key.proposal.state == Proposal.State.APPROVED
    return approved and key.state == Recipient.State.WAITING and not key.problem


def may_approve(key: Recipient, user: User) -> bool:
    """Whether this person may agree to that key, if it still waits."""
    if key.state != Recipient.State.WAITING or key.proposal is None or not key.proposal.is_waiting():
        return False
    return approvals.may_decide(key.proposal, user)


def nobody_can_approve(key: Recipient) -> bool:
    """Whether no other officer has a key in use yet: the first ones are pinned on a worker's machine."""
    others = Recipient.objects.filter(state=Recipient.State.PINNED).exclude(officer=key.officer_id)
    return key.state == Recipient.State.WAITING and not others.exists()


def _in_words(proposal: Proposal) -> str:
    key = Recipient.objects.select_related("officer").get(proposal=proposal)
    return _("Personal data will be encrypted to the key %(key)s of %(officer)s.") % {
        "key": key.short,
        "officer": key.officer,
    }


def _only_proven(proposal: Proposal) -> None:
    """A click is not enough: the approver has to have opened a worker's challenge, on the key's own page."""
    proven = Recipient.objects.filter(proposal=proposal, proof__isnull=False, approver=proposal.decided_by_id)
    if not proven.exists():
        raise NotAllowed(_("Approve it on the key’s own page, where you prove your identity."))
    notify_worker("settle_recipients")


def _give_up(proposal: Proposal) -> None:
    waiting = Recipient.objects.filter(proposal=proposal, state=Recipient.State.WAITING)
    waiting.update(state=Recipient.State.REVOKED, revoked_at=timezone.now(), challenge=None)


APPROVAL: Final = approvals.Rules(
    request="recipient.register",
    approve="recipient.approve",
    words=_in_words,
    carry_out=_only_proven,
    give_up=_give_up,
)


def _refuse_approver(key: Recipient, approver: User) -> None:
    if key.officer_id == approver.pk:
        raise NotAllowed(str(REFUSALS["recipient_approved_by_another"]))
    if not may(approver, "recipient.approve"):
        raise NotAllowed(_("Your role does not allow this."))
    if key_in_use(approver) is None:
        raise NotAllowed(str(Recipient.Problem.NOT_PINNED.label))


def _update(key: Recipient, state: Recipient.State, **values: object) -> None:
    """Change what still lives; a key in use can only be revoked. Raises NotAllowed."""
    live = Recipient.objects.filter(pk=key.pk).exclude(state=Recipient.State.REVOKED)
    if state == Recipient.State.WAITING:
        live = live.filter(state=state)
    if not live.update(state=state, **values):
        current = Recipient.objects.get(pk=key.pk)
        raise NotAllowed(_("Nothing was changed. Current status: %s.") % current.get_state_display())
