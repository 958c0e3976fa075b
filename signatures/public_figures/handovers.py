"""What readers learn of deliveries: what happened, and for how many days nobody has answered."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone

from petitions.models import Campaign
from signatures.models import Delivery, Handover, unanswered_since


@dataclass(frozen=True, slots=True)
class Standing:
    """The public handover log of a campaign."""

    #: Newest first.
    entries: list[Handover]
    #: Since when its own addressee owes an answer, and for how many days; None: it answered, or was given nothing.
    since: datetime.date | None
    days: int | None


@dataclass(frozen=True, slots=True)
class Told:
    """One packet: what was made for whom, and what became of it."""

    #: With `signatures`.
    delivery: Delivery
    #: In the order of the days.
    entries: list[Handover]
    #: Since when its addressee has not answered, and for how many days; None: it did.
    since: datetime.date | None
    days: int | None


def handover_standing(campaign: Campaign, today: datetime.date | None = None) -> Standing:
    """What the public is told; the days count themselves (UTC)."""
    entries = list(Handover.objects.public(campaign))
    own = [entry for entry in entries if entry.delivery.addressee_id == campaign.addressee_id]
    since = unanswered_since(own)
    return Standing(entries[::-1], since, _days(since, today))


def told_deliveries(campaign: Campaign, today: datetime.date | None = None) -> list[Told]:
    """Every packet of the campaign that was handed over, or tried to be, the newest first: two queries."""
    entries = list(Handover.objects.public(campaign))
    told = []
    packets = Delivery.objects.told().filter(campaign=campaign).select_related("addressee", "campaign")
    for delivery in packets.order_by("-pk"):
        since = _silent_since(delivery, entries)
        own = [entry for entry in entries if entry.delivery_id == delivery.pk]
        told.append(Told(delivery, own, since, _days(since, today)))
    return told


def _silent_since(delivery: Delivery, entries: Sequence[Handover]) -> datetime.date | None:
    """The day of the first try. An answer to a later packet is one to this as well. `entries` by day."""
    since = None
    for entry in entries:
        if entry.delivery.addressee_id == delivery.addressee_id and entry.kind == Handover.Kind.ANSWERED:
            since = None
        elif entry.delivery_id == delivery.pk:
            since = since or entry.on
    return since


def _days(since: datetime.date | None, today: datetime.date | None) -> int | None:
    return ((today or timezone.now().date()) - since).days if since else None
