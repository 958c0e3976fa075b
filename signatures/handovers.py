"""What readers learn of deliveries: what happened, and for how many days nobody has answered."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from django.utils import timezone

from petitions.models import Campaign
from signatures.models import Handover, unanswered_since


@dataclass(frozen=True, slots=True)
class Standing:
    """The public handover log of a campaign."""

    #: Newest first.
    entries: list[Handover]
    #: Since when its own addressee owes an answer, and for how many days; None: it answered, or was given nothing.
    since: datetime.date | None
    days: int | None


def handover_standing(campaign: Campaign, today: datetime.date | None = None) -> Standing:
    """What the public is told; the days count themselves (UTC)."""
    entries = list(Handover.objects.public(campaign))
    own = [entry for entry in entries if entry.delivery.addressee_id == campaign.addressee_id]
    since = unanswered_since(own)
    days = ((today or timezone.now().date()) - since).days if since else None
    return Standing(entries[::-1], since, days)
