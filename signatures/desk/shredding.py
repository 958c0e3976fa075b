"""Asking that a campaign be shredded, proving that one means it, and stopping it.

Web only writes down who wants what. A worker destroys the keys (register/shredding.py), once two people have proven
with their own keys that they want it, and nobody has stopped it for 72 hours.
"""

from __future__ import annotations

import datetime
import logging
from dataclasses import dataclass
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from petitions.models import Campaign
from signatures.desk.recipients import PROOF_BYTES, key_in_use
from signatures.models import Register, Shredding, ShreddingNotice, ShreddingProof, ShreddingStop
from signatures.notify_worker import notify_worker
from staff import approvals, audit
from staff.access import may
from staff.models import Proposal
from staff.refusals import NotAllowed

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an approved request is, and what somebody may do about it."""

    #: (who, whether a worker has seen their proof).
    proofs: list[tuple[User, bool]]
    #: When keys are destroyed; None before officers were told.
    due_at: datetime.datetime | None
    stopped: ShreddingStop | None
    #: Whether it is this person's turn to prove.
    may_prove: bool
    may_stop: bool


def propose_shredding(campaign: Campaign, by: User, reason: str) -> Proposal:
    """Ask that nobody can ever read again who signed. Raises NotAllowed."""
    if Shredding.objects.filter(campaign=campaign).exists():
        raise NotAllowed(_("Its keys have already been destroyed."))
    if not campaign.has_closed() or campaign.takes_confirmations():
        raise NotAllowed(_("Close it first, and wait until the period for late confirmations is over."))
    subject = {"campaign": campaign.pk}
    return approvals.propose(Proposal.Kind.SHREDDING, by, campaign.section, subject, reason)


def progress(proposal: Proposal, user: User) -> Progress | None:
    """Where an approved request of this kind is; None for any other."""
    if proposal.kind != Proposal.Kind.SHREDDING or proposal.state != Proposal.State.APPROVED:
        return None
    people = [person for person in (proposal.requested_by, proposal.decided_by) if person is not None]
    proven = set(
        ShreddingProof.objects.filter(proposal=proposal, proven_at__isnull=False).values_list("officer", flat=True)
    )
    notice = ShreddingNotice.objects.filter(proposal=proposal).first()
    stopped = ShreddingStop.objects.filter(proposal=proposal).select_related("by").first()
    open_still = proposal.done_at is None and stopped is None
    return Progress(
        proofs=[(person, person.pk in proven) for person in people],
        due_at=notice.due_at if notice else None,
        stopped=stopped,
        may_prove=open_still and user.pk in {person.pk for person in people} - proven,
        may_stop=open_still and may(user, "shred.stop", proposal.section),
    )


def ask_challenge(proposal: Proposal, officer: User) -> None:
    """The officer is about to prove that they want it: a worker encrypts a code to their key. Raises NotAllowed."""
    _refuse_prover(proposal, officer)
    ShreddingProof.objects.get_or_create(proposal=proposal, officer=officer)
    _unproven(proposal, officer).update(challenge=None, proof=None, problem="")
    notify_worker("shred_campaigns")


def expected_in_challenge(proposal: Proposal) -> dict[str, str]:
    """What a challenge says it is about: the page compares, so that nobody answers another question than it shows."""
    campaign = Campaign.objects.get(pk=proposal.subject["campaign"])
    return {"shred": str(campaign.uid), "request": str(proposal.pk)}


def challenge_for(proposal: Proposal, officer: User) -> tuple[bytes | None, str]:
    """(the encrypted code, "") once a worker has made it, (None, why not) where it did not, (None, "") before."""
    row = ShreddingProof.objects.filter(proposal=proposal, officer=officer).first()
    if row is not None and row.challenge is not None:
        return bytes(row.challenge), ""
    return None, row.get_problem_display() if row and row.problem else ""


def prove(proposal: Proposal, officer: User, proof: bytes) -> None:
    """Send back the code that only the officer's own key opens. Raises NotAllowed."""
    _refuse_prover(proposal, officer)
    if len(proof) != PROOF_BYTES:
        raise NotAllowed(str(ShreddingProof.Problem.NOT_PROVEN.label))
    with transaction.atomic():
        if not _unproven(proposal, officer).update(challenge=None, proof=proof, problem=""):
            raise NotAllowed(str(ShreddingProof.Problem.NOT_PROVEN.label))
        audit.append(officer, "shredding.prove", proposal.section, detail={"proposal": proposal.pk} | proposal.subject)
    notify_worker("shred_campaigns")


def stop(proposal: Proposal, by: User) -> None:
    """Stop it, for good: one officer is enough. Raises NotAllowed."""
    current = progress(proposal, by)
    if current is None or not current.may_stop:
        raise NotAllowed(_("Your role does not allow this."))
    with transaction.atomic():
        ShreddingStop.objects.create(proposal=proposal, by=by)
        audit.append(by, "shred.stop", proposal.section, detail={"proposal": proposal.pk} | proposal.subject)
    log.warning("shredding request %s was stopped by user %s", proposal.pk, by.pk)
    notify_worker("shred_campaigns")


def _unproven(proposal: Proposal, officer: User) -> QuerySet[ShreddingProof]:
    return ShreddingProof.objects.filter(proposal=proposal, officer=officer, proven_at=None)


def _refuse_prover(proposal: Proposal, officer: User) -> None:
    current = progress(proposal, officer)
    if current is None or not current.may_prove:
        raise NotAllowed(_("There is nothing here that you could prove."))
    if key_in_use(officer) is None:
        raise NotAllowed(str(ShreddingProof.Problem.NOT_PINNED.label))


def _in_words(proposal: Proposal) -> str:
    campaign = Campaign.objects.get(pk=proposal.subject["campaign"])
    register = Register.objects.filter(campaign=campaign).first()
    return _(
        "The keys of “%(campaign)s” are destroyed: nobody can ever read again who signed it (%(count)s "
        "signatures), not even from a backup. Totals, tally, manifests and delivered packets stay. "
        "After the approval you both have to prove with your own keys that you want it. Then all officers are told by "
        "e-mail, and each of them can stop it for 72 hours. "
        "Exported copies of the keyring must be destroyed by hand."
    ) % {"campaign": campaign, "count": f"{register.counted:,}" if register else "0"}


APPROVAL: Final = approvals.Rules(
    request="shred.request",
    approve="shred.approve",
    stop="shred.stop",
    words=_in_words,
    carry_out=lambda proposal: notify_worker("shred_campaigns"),
)
