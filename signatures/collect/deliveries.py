"""Asking for a delivery, and saying yes or no to it: what officers do. A worker builds it (delivery/).

Two people are needed. Each step is one conditional UPDATE, so a second click, or a colleague who was
faster, finds nothing to change and is told so.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from petitions.models import Addressee, Campaign, Disclosure
from signatures.doorbell import ring
from signatures.models import APPROVAL_EXPIRES, Delivery, Register

log = logging.getLogger(__name__)


class NotAllowed(Exception):
    """The step cannot be taken; the message says why, in words for an officer."""


#: What the database refuses where two people act at once, or where the rules changed in between.
REFUSALS: Final[dict[str, str | Promise]] = {
    "delivery_ranges_disjoint": gettext_lazy("Somebody else has just requested these signatures."),
    "delivery_within_disclosure": gettext_lazy("This campaign does not allow that profile for this addressee."),
    "delivery_needs_two_people": gettext_lazy("Somebody else has to approve it."),
}


def possible_addressees(campaign: Campaign) -> QuerySet[Addressee]:
    """Whom this campaign's signatures may be handed to: its own addressee, and those who verify."""
    return Addressee.objects.filter(Q(pk=campaign.addressee_id) | Q(trusted_third_party=True))


def allowed_profiles(campaign: Campaign, addressee: Addressee) -> list[Disclosure]:
    """What a delivery may tell, narrowest first. The authority addressed never gets more than was promised.

    At risk, a third party gets totals only, too: a list that does not exist cannot be taken from anybody.
    """
    if campaign.at_risk:
        return [Disclosure.COUNT]
    if addressee.trusted_third_party and addressee.pk != campaign.addressee_id:
        return list(Disclosure)
    return [profile for profile in Disclosure if profile.rank <= Disclosure(campaign.disclosure).rank]


def request_delivery(campaign: Campaign, addressee: Addressee, profile: str, officer: User) -> Delivery:
    """Ask for what this addressee has not been given yet, in its latest series. Raises NotAllowed."""
    if not possible_addressees(campaign).filter(pk=addressee.pk).exists():
        raise NotAllowed(_("This campaign is not addressed to them, and they do not verify signatures."))
    if profile not in allowed_profiles(campaign, addressee):
        raise NotAllowed(str(REFUSALS["delivery_within_disclosure"]))
    with _refusals_in_words(), transaction.atomic():
        # Two requests at once could both see a hole in the ranges, and fill it twice. So a campaign's
        # requests come one after another. NO KEY: signing, whose foreign key takes a share, goes on.
        Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
        series, first, last = _next_range(campaign, addressee)
        if last < first:
            raise NotAllowed(_("There is nothing new to deliver: every number up to %d is in a delivery.") % last)
        return Delivery.objects.create(
            campaign=campaign,
            addressee=addressee,
            profile=profile,
            series=series,
            first_number=first,
            last_number=last,
            requested_by=officer,
        )


def approve_delivery(delivery: Delivery, officer: User) -> None:
    """The second officer says yes. Raises NotAllowed."""
    if delivery.requested_by_id == officer.pk:
        raise NotAllowed(str(REFUSALS["delivery_needs_two_people"]))
    now = timezone.now()
    waiting = Delivery.objects.filter(
        pk=delivery.pk, state=Delivery.State.REQUESTED, requested_at__gt=now - APPROVAL_EXPIRES
    ).exclude(requested_by=officer)
    with _refusals_in_words(), transaction.atomic():
        approved = waiting.update(state=Delivery.State.APPROVED, approved_by=officer, approved_at=now)
    if not approved:
        raise NotAllowed(_why_not(delivery))
    log.info("delivery %s approved by user %s", delivery.reference, officer.pk)
    ring("build_deliveries")


def withdraw_delivery(delivery: Delivery, officer: User) -> None:
    """Take a request back, or refuse it; its range is free again. Raises NotAllowed."""
    undecided = Delivery.objects.filter(pk=delivery.pk, state__in=[Delivery.State.REQUESTED, Delivery.State.FAILED])
    if not undecided.update(state=Delivery.State.WITHDRAWN):
        raise NotAllowed(_why_not(delivery))
    log.info("delivery %s withdrawn by user %s", delivery.reference, officer.pk)


def retry_delivery(delivery: Delivery, officer: User) -> None:
    """Have a worker build a failed delivery again; its approval stands. Raises NotAllowed."""
    failed = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.FAILED)
    with _refusals_in_words(), transaction.atomic():
        again = failed.update(state=Delivery.State.APPROVED, problem="")
    if not again:
        raise NotAllowed(_why_not(delivery))
    log.info("delivery %s tried again by user %s", delivery.reference, officer.pk)
    ring("build_deliveries")


def is_expired(delivery: Delivery) -> bool:
    """Whether it waited too long for a second officer. A worker marks it so a little later."""
    return delivery.state == Delivery.State.REQUESTED and delivery.requested_at <= timezone.now() - APPROVAL_EXPIRES


def _next_range(campaign: Campaign, addressee: Addressee) -> tuple[int, int, int]:
    """(series, first number, last number) of what the addressee's latest series lacks; empty where last < first."""
    earlier = Delivery.objects.filter(campaign=campaign, addressee=addressee)
    series = earlier.order_by("-series").values_list("series", flat=True).first() or 1
    taken = earlier.live().filter(series=series).order_by("first_number").values_list("first_number", "last_number")
    register = Register.objects.filter(campaign=campaign).first()
    return series, *first_gap(taken, register.last_number if register else 0)


def first_gap(taken: Iterable[tuple[int, int]], last_number: int) -> tuple[int, int]:
    """The first numbers in no range: what follows the last one, or the hole a withdrawn request left.

    `taken` is disjoint and in order. Without holes a series would be disjoint, but not complete.
    """
    expected = 1
    for first, last in taken:
        if first > expected:
            return expected, first - 1
        expected = last + 1
    return expected, last_number


def _why_not(delivery: Delivery) -> str:
    current = Delivery.objects.get(pk=delivery.pk)
    if is_expired(current):
        return _("It waited for approval for too long, and has expired. Request it anew.")
    return _("Nothing was changed. Its state is: %s.") % current.get_state_display()


@contextmanager
def _refusals_in_words() -> Iterator[None]:
    """Turn what the database refuses into NotAllowed. Goes around an atomic(), which rolls back first."""
    try:
        yield
    except IntegrityError as error:
        message = REFUSALS.get(violated_constraint(error))
        if message is None:
            raise
        raise NotAllowed(str(message)) from error


def violated_constraint(error: IntegrityError) -> str:
    """The name of the constraint or guard that refused; "" where the driver does not say."""
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", None) or ""
