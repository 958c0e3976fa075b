"""Asking for a delivery, and saying yes or no to it: what officers do. A worker builds it (delivery/).

Two people are needed: each delivery has a proposal (staff/approvals.py), and what two people agreed to is
exactly what the delivery says, or the database refuses to have it built.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from petitions.models import Addressee, Campaign, Disclosure
from signatures.models import AddresseeKey, Delivery, Recipient, Register
from signatures.notify_worker import notify_worker
from staff import approvals, audit
from staff.models import Proposal
from staff.refusals import NotAllowed, refusals_in_words

log = logging.getLogger(__name__)


#: What the database refuses where two people act at once, or where the rules changed in between.
REFUSALS: Final[dict[str, str | Promise]] = {
    "delivery_ranges_disjoint": gettext_lazy("Someone else has just requested these signatures."),
    "delivery_within_disclosure": gettext_lazy("This campaign does not allow this much disclosure to this addressee."),
    "delivery_needs_two_people": gettext_lazy("Someone else has to approve it."),
    "delivery_handed_over_stays": gettext_lazy(
        "The handover log tells of this packet, so it stays. If an entry is wrong, correct that."
    ),
    "delivery_followed_stays": gettext_lazy("A later packet follows this one and names it, so it stays."),
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


def request_delivery(
    campaign: Campaign, addressee: Addressee, profile: str, officer: User, *, anew: bool = False
) -> Delivery:
    """Ask for what this addressee has not been given yet, in its latest series; or for everything `anew`, in a new one.

    Raises NotAllowed.
    """
    if not possible_addressees(campaign).filter(pk=addressee.pk).exists():
        raise NotAllowed(_("This campaign is not addressed to them, and they are not a trusted third party."))
    if profile not in allowed_profiles(campaign, addressee):
        raise NotAllowed(str(REFUSALS["delivery_within_disclosure"]))
    with refusals_in_words(REFUSALS), transaction.atomic():
        # Two requests at once could both see a hole in the ranges, and fill it twice. So a campaign's
        # requests come one after another. NO KEY: signing, whose foreign key takes a share, goes on.
        Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
        series, first, last = _next_range(campaign, addressee, anew=anew)
        if last < first:
            raise NotAllowed(
                _("There is nothing new to deliver: every signature up to number %d is already in a delivery.") % last
            )
        return _propose(
            officer,
            Delivery(
                campaign=campaign,
                addressee=addressee,
                profile=profile,
                series=series,
                first_number=first,
                last_number=last,
            ),
        )


def change_letter(delivery: Delivery, letter: str, officer: User) -> None:
    """Other words in the letter of a delivery that waits: a request of its own, for two people agree to its words as
    well. Raises NotAllowed."""
    kind, section = Proposal.Kind.DELIVERY, delivery.campaign.section
    with refusals_in_words(REFUSALS), transaction.atomic():
        waiting = Delivery.objects.filter(state=Delivery.State.REQUESTED)
        current = waiting.select_for_update(of=("self",)).filter(pk=delivery.pk).first()
        if current is None or is_expired(current):
            raise NotAllowed(_why_not(delivery))
        if current.proposal.requested_by_id != officer.pk:
            raise NotAllowed(_("Only whoever requested it changes the letter. You can refuse it."))
        if current.letter == letter:
            return
        before, current.letter = current.proposal, letter
        proposal = approvals.propose(kind, officer, section, current.agreed_terms)
        Delivery.objects.filter(pk=current.pk).update(letter=letter, proposal=proposal)
        approvals.withdraw(before, officer)
    log.info("letter of delivery %s changed by user %s", delivery.pk, officer.pk)
    notify_worker("preview_letters")


def _propose(officer: User, delivery: Delivery) -> Delivery:
    kind, section = Proposal.Kind.DELIVERY, delivery.campaign.section
    delivery.proposal = approvals.propose(kind, officer, section, delivery.agreed_terms)
    delivery.save(force_insert=True)
    notify_worker("preview_letters")
    return delivery


def approve_delivery(delivery: Delivery, officer: User) -> None:
    """The second officer says yes, to what `delivery.proposal` says: as they saw it. Raises NotAllowed."""
    if not Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.REQUESTED).exists():
        raise NotAllowed(_why_not(delivery))
    with refusals_in_words(REFUSALS):
        approvals.approve(delivery.proposal, officer)


def withdraw_delivery(delivery: Delivery, officer: User) -> None:
    """Take a request back, or refuse it, or give up what failed; its range is free again. Raises NotAllowed."""
    if delivery.state == Delivery.State.REQUESTED:
        if delivery.proposal.requested_by_id == officer.pk:
            approvals.withdraw(delivery.proposal, officer)
        else:
            approvals.refuse(delivery.proposal, officer)
        return
    with transaction.atomic():
        failed = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.FAILED)
        if not failed.update(state=Delivery.State.WITHDRAWN):
            raise NotAllowed(_why_not(delivery))
        _note(officer, "delivery.withdraw", delivery)
    log.info("delivery %s withdrawn by user %s", delivery.reference, officer.pk)


def discard_delivery(delivery: Delivery, officer: User) -> None:
    """Give up a packet that was not handed over: its range is free again, its file is deleted. Raises NotAllowed."""
    ready = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.READY)
    with refusals_in_words(REFUSALS), transaction.atomic():
        if not ready.update(state=Delivery.State.DISCARDED):
            raise NotAllowed(_why_not(delivery))
        _note(officer, "delivery.discard", delivery, sha256=delivery.archive_sha256)
    log.info("packet %s discarded by user %s", delivery.reference, officer.pk)


def may_be_discarded(delivery: Delivery) -> bool:
    """Whether it was not handed over yet, and no packet follows it. The same rule in SQL: delivery_guard()."""
    followed = Delivery.objects.live().filter(
        campaign=delivery.campaign_id,
        addressee=delivery.addressee_id,
        series=delivery.series,
        first_number__gt=delivery.last_number,
    )
    told_of = delivery.handovers.all().standing()
    return delivery.state == Delivery.State.READY and not told_of.exists() and not followed.exists()


def retry_delivery(delivery: Delivery, officer: User) -> None:
    """Have a worker build a failed delivery again; its approval stands. Raises NotAllowed."""
    failed = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.FAILED)
    with refusals_in_words(REFUSALS), transaction.atomic():
        if not failed.update(state=Delivery.State.APPROVED, problem=""):
            raise NotAllowed(_why_not(delivery))
        _note(officer, "delivery.retry", delivery)
    log.info("delivery %s retried by user %s", delivery.reference, officer.pk)
    notify_worker("build_deliveries")


def key_holders(delivery: Delivery, officers: Iterable[User]) -> list[User]:
    """Those of the officers who can open the packet: whose key was in use when it was built, or is while it is not."""
    keys = Recipient.objects.filter(officer__in=officers)
    if delivery.built_at:
        never_revoked = Q(revoked_at__isnull=True) | Q(revoked_at__gt=delivery.built_at)
        keys = keys.filter(never_revoked, pinned_at__lte=delivery.built_at)
    else:
        keys = keys.filter(state=Recipient.State.PINNED)
    holders = set(keys.values_list("officer", flat=True))
    return [officer for officer in officers if officer.pk in holders]


def key_of(officer: User) -> Recipient | None:
    """The key of an officer that is in use."""
    return Recipient.objects.filter(officer=officer, state=Recipient.State.PINNED).first()


def addressee_key_of(delivery: Delivery) -> AddresseeKey | None:
    """The addressee's own key that the packet is encrypted to, or would be while it is not built."""
    keys = AddresseeKey.objects.filter(addressee=delivery.addressee_id)
    if not delivery.holds_persons:
        return None
    made_at = delivery.latest_copy.made_at if delivery.latest_copy else delivery.built_at
    if made_at is None:
        return keys.filter(state=AddresseeKey.State.PINNED).first()
    never_revoked = Q(revoked_at__isnull=True) | Q(revoked_at__gt=made_at)
    return keys.filter(never_revoked, pinned_at__lte=made_at).first()


def note_download(delivery: Delivery, officer: User, sha256: str) -> None:
    """Write down that this officer takes the packet, before they do: the file of that checksum."""
    _note(officer, "delivery.download", delivery, sha256=sha256)


def _note(officer: User, action: str, delivery: Delivery, **more: str) -> None:
    detail = {"packet": delivery.reference, "delivery": delivery.pk} | delivery.agreed_terms | more
    audit.append(officer, action, delivery.campaign.section, detail=detail)


def is_expired(delivery: Delivery) -> bool:
    """Whether it waited too long for a second officer. A worker marks it so a little later."""
    return delivery.state == Delivery.State.REQUESTED and delivery.proposal.is_overdue()


def _next_range(campaign: Campaign, addressee: Addressee, *, anew: bool) -> tuple[int, int, int]:
    """(series, first number, last number) of what the addressee's latest series lacks; empty where last < first."""
    earlier = Delivery.objects.filter(campaign=campaign, addressee=addressee)
    series = earlier.order_by("-series").values_list("series", flat=True).first() or 1
    if anew and earlier.live().filter(series=series).exists():
        series += 1
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
        return _("The request was not approved in time and has expired. Send a new one.")
    return _("Nothing was changed. Current status: %s.") % current.get_state_display()


def _is_to_be_built(proposal: Proposal) -> None:
    """What an approval makes happen: a worker builds it."""
    approved = Delivery.objects.filter(proposal=proposal, state=Delivery.State.REQUESTED)
    if not approved.update(state=Delivery.State.APPROVED):
        raise NotAllowed(_why_not(proposal.delivery))
    _refuse_without_a_key(proposal)
    notify_worker("build_deliveries")


def _refuse_without_a_key(proposal: Proposal) -> None:
    """A packet with persons that neither of the two could open would only fail later."""
    two = User.objects.filter(
        pk__in=Proposal.objects.filter(pk=proposal.pk).values_list("requested_by", "decided_by")[0]
    )
    delivery = proposal.delivery
    if delivery.holds_persons and not key_holders(delivery, two) and not addressee_key_of(delivery):
        raise NotAllowed(
            _("Neither %s has a key in use. Make one under Officer keys, then approve.")
            % " nor ".join(officer.username for officer in two.order_by("username"))
        )


def _is_given_up(proposal: Proposal) -> None:
    Delivery.objects.filter(proposal=proposal, state=Delivery.State.REQUESTED).update(state=Delivery.State.WITHDRAWN)


def _in_words(proposal: Proposal) -> str:
    delivery = Delivery.objects.filter(proposal=proposal).select_related("campaign", "addressee").first()
    if delivery is None:
        return _("A delivery whose letter was changed after this request.")
    return _(
        "Signatures %(first)s to %(last)s of “%(campaign)s” are handed to %(addressee)s. Disclosure: %(profile)s."
    ) % {
        "first": f"{delivery.first_number:,}",
        "last": f"{delivery.last_number:,}",
        "campaign": delivery.campaign,
        "addressee": delivery.addressee,
        "profile": delivery.get_profile_display(),
    }


APPROVAL: Final = approvals.Rules(
    request="delivery.request",
    approve="delivery.approve",
    words=_in_words,
    carry_out=_is_to_be_built,
    give_up=_is_given_up,
)
