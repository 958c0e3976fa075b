"""Asking for a finished packet to be encrypted anew, for a key to it was lost.

A worker does it (delivery/reissuing.py).
"""

from __future__ import annotations

from typing import Final

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from signatures.models import Delivery
from signatures.notify_worker import notify_worker
from staff import approvals
from staff.models import Proposal
from staff.refusals import NotAllowed


def request_reissue(delivery: Delivery, officer: User, reason: str) -> Proposal:
    """Ask for it to be encrypted to the keys that are in use when it is approved. Raises NotAllowed."""
    if not may_be_reissued(delivery):
        raise NotAllowed(_("There is no encrypted packet here."))
    if not reason.strip():
        raise NotAllowed(_("Say which key was lost, and how."))
    kind, section = Proposal.Kind.REISSUE, delivery.campaign.section
    return approvals.propose(kind, officer, section, {"delivery": delivery.pk}, reason.strip())


def may_be_reissued(delivery: Delivery) -> bool:
    return delivery.state == Delivery.State.READY and delivery.holds_persons


def waiting_for(delivery: Delivery) -> Proposal | None:
    """The latest request of this kind about it, as long as it is not carried out, refused, withdrawn or over."""
    asked = Proposal.objects.filter(kind=Proposal.Kind.REISSUE, subject={"delivery": delivery.pk}, done_at=None)
    found = asked.filter(state__in=(Proposal.State.WAITING, Proposal.State.APPROVED)).first()
    return None if found is None or found.is_overdue() else found


def _in_words(proposal: Proposal) -> str:
    delivery = Delivery.objects.select_related("campaign", "addressee").get(pk=proposal.subject["delivery"])
    return _(
        "Packet %(packet)s for %(addressee)s, which names people, is encrypted anew: to the keys of the two of you, "
        "and to the addressee’s own where they have one. Its content stays the same."
    ) % {"packet": delivery.reference, "addressee": delivery.addressee}


APPROVAL: Final = approvals.Rules(
    request="delivery.reissue",
    approve="delivery.reissue",
    words=_in_words,
    carry_out=lambda proposal: notify_worker("build_deliveries"),
)
