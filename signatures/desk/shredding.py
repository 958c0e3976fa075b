"""Asking that a campaign be shredded. A worker destroys its keys (register/shredding.py), once two people want it."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from petitions.models import Campaign
from signatures.models import Register, Shredding
from signatures.notify_worker import notify_worker
from staff import approvals
from staff.models import Proposal
from staff.refusals import NotAllowed


def propose_shredding(campaign: Campaign, by: User, reason: str) -> Proposal:
    """Ask that nobody can ever read again who signed. Raises NotAllowed."""
    if Shredding.objects.filter(campaign=campaign).exists():
        raise NotAllowed(_("Its keys have already been destroyed."))
    if not campaign.has_closed() or campaign.takes_confirmations():
        raise NotAllowed(_("Close it first, and wait until the period for late confirmations is over."))
    subject = {"campaign": campaign.pk}
    return approvals.propose(Proposal.Kind.SHREDDING, by, campaign.section, subject, reason)


def _in_words(proposal: Proposal) -> str:
    campaign = Campaign.objects.get(pk=proposal.subject["campaign"])
    register = Register.objects.filter(campaign=campaign).first()
    return _(
        "The keys of “%(campaign)s” are destroyed: nobody can ever read again who signed it (%(count)s "
        "signatures), not even from a backup. Totals, tally, manifests and delivered packets stay. "
        "Exported copies of the keyring must be destroyed by hand."
    ) % {"campaign": campaign, "count": f"{register.counted:,}" if register else "0"}


APPROVAL: Final = approvals.Rules(
    request="shred.request",
    approve="shred.approve",
    words=_in_words,
    carry_out=lambda proposal: notify_worker("shred_campaigns"),
)
