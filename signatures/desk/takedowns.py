"""A petition that was taken down: a second person confirms it within 72 hours, and two bring it back.

Taking it down is a step of its life (petitions/desk/lifecycle.py), of one person and at once. What must hold whoever
writes is in config/database/takedowns.sql; a worker ends what nobody confirmed (register/takedowns.py).
"""

from __future__ import annotations

from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from petitions.models import Campaign, TakeDown
from staff import approvals, audit
from staff.access import may
from staff.models import Proposal
from staff.refusals import NotAllowed, refusals_in_words, words_of_constraints

TAKEDOWN_REFUSALS: Final = {
    **words_of_constraints(TakeDown),
    "takedown_again_by_another": gettext_lazy(
        "You took it down within the last 30 days and nobody confirmed it. Someone else has to do it this time."
    ),
    "takedown_of_what_is_public": gettext_lazy("Someone else changed it in the meantime. Check its current state."),
    "takedown_confirmed_once": gettext_lazy("Someone else changed it in the meantime. Check its current state."),
}


def standing_takedown(campaign: Campaign) -> TakeDown | None:
    """Because of which a campaign is not public."""
    return TakeDown.objects.standing().filter(campaign=campaign).select_related("made_by", "confirmed_by").first()


def may_confirm(takedown: TakeDown, user: User) -> bool:
    """Whether this person may make it last."""
    return (
        takedown.ends_at is not None
        and takedown.made_by_id != user.pk
        and may(user, "takedown.confirm", takedown.campaign)
    )


def confirm_takedown(takedown: TakeDown, by: User) -> None:
    """The second person: it stays down. Raises NotAllowed."""
    if takedown.made_by_id == by.pk:
        raise NotAllowed(str(TAKEDOWN_REFUSALS["takedown_needs_two_people"]))
    if not may(by, "takedown.confirm", takedown.campaign):
        raise NotAllowed(_("Your role does not allow this."))
    with refusals_in_words(TAKEDOWN_REFUSALS), transaction.atomic():
        # Conditional: a worker may be ending it at this moment.
        if not TakeDown.objects.unconfirmed().filter(pk=takedown.pk).update(confirmed_by=by):
            raise NotAllowed(str(TAKEDOWN_REFUSALS["takedown_confirmed_once"]))
        detail = {"campaign": takedown.campaign_id, "takedown": takedown.pk}
        audit.append(by, "takedown.confirm", takedown.campaign.section, detail=detail)


def propose_restoration(campaign: Campaign, by: User, reason: str) -> Proposal:
    """Ask that a petition that was taken down is public again. Raises NotAllowed."""
    takedown = standing_takedown(campaign)
    if takedown is None:
        raise NotAllowed(_("This step is not possible in the campaign’s current state."))
    subject = {"campaign": campaign.pk, "takedown": takedown.pk}
    return approvals.propose(Proposal.Kind.RESTORATION, by, campaign.section, subject, reason)


def _comes_back(proposal: Proposal) -> None:
    """The database spends the approval, and gives the petition its state and its time back."""
    standing = TakeDown.objects.standing().filter(pk=proposal.subject["takedown"])
    if not standing.update(ended_at=timezone.now()):
        raise NotAllowed(_("It is public again already."))


def _in_words(proposal: Proposal) -> str:
    takedown = TakeDown.objects.select_related("campaign").get(pk=proposal.subject["takedown"])
    return _("“%(campaign)s” is public again: %(state)s. It was taken down because: %(reason)s") % {
        "campaign": takedown.campaign,
        "state": takedown.get_state_before_display(),
        "reason": takedown.reason,
    }


APPROVAL: Final = approvals.Rules(
    request="restoration.request", approve="restoration.approve", words=_in_words, carry_out=_comes_back
)
