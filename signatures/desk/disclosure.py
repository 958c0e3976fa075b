"""Narrowing what signers were promised, once somebody has signed: it takes two people, and is never undone."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from petitions.models import Campaign, Disclosure
from staff import approvals
from staff.models import Proposal
from staff.refusals import NotAllowed, refusals_in_words

ONLY_NARROWER: Final = gettext_lazy("People have already signed, so disclosure can only be reduced.")
REFUSALS: Final = {"campaign_disclosure_only_narrows": ONLY_NARROWER}


def propose_disclosure(campaign: Campaign, disclosure: str, at_risk: bool, by: User, reason: str) -> Proposal:
    """Ask that a campaign tells its addressee less, or counts as one at risk. Raises NotAllowed."""
    new = Disclosure.COUNT if at_risk else Disclosure(disclosure)
    if new.rank > Disclosure(campaign.disclosure).rank or (campaign.at_risk and not at_risk):
        raise NotAllowed(str(ONLY_NARROWER))
    if (new, at_risk) == (campaign.disclosure, campaign.at_risk):
        raise NotAllowed(_("These settings are already in place."))
    subject = {"campaign": campaign.pk, "disclosure": new.value, "at_risk": at_risk}
    return approvals.propose(Proposal.Kind.DISCLOSURE, by, campaign.section, subject, reason)


def _is_narrowed(proposal: Proposal) -> None:
    said = proposal.subject
    with refusals_in_words(REFUSALS):
        Campaign.objects.filter(pk=said["campaign"]).update(disclosure=said["disclosure"], at_risk=said["at_risk"])


def _in_words(proposal: Proposal) -> str:
    said = proposal.subject
    campaign = Campaign.objects.get(pk=said["campaign"])
    words = _("Disclosure to the addressee of “%(campaign)s” is limited to: %(disclosure)s.") % {
        "campaign": campaign,
        "disclosure": Disclosure(said["disclosure"]).label,
    }
    risk = _("Its signers are treated as at risk: e-mails are neutral, and no details of signers are public.")
    never = _("It can never be increased again.")
    return " ".join([words, risk, never] if said["at_risk"] else [words, never])


APPROVAL: Final = approvals.Rules(
    request="disclosure.request", approve="disclosure.approve", words=_in_words, carry_out=_is_narrowed
)
