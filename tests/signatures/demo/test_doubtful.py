"""What the demo holds for review: of every kind something, and too little for an alarm."""

from __future__ import annotations

from functools import reduce
from operator import or_

from django.utils import timezone

from petitions.models import Campaign
from signatures.demo.doubtful import doubtful_signers
from signatures.demo.filling import fill
from signatures.models import Monitor, Reason, Trace
from signatures.register.monitoring import MUCH_HELD, monitor_campaigns


def test_all_are_held_for_reasons_of_every_kind_and_nobody_is_alarmed(campaign: Campaign) -> None:
    signers = list(doubtful_signers(timezone.now()))
    assert sum(fill(campaign, signers)) == len(signers) < MUCH_HELD
    assert set(campaign.signatures.values_list("state", flat=True)) == {"quarantined"}
    found = reduce(or_, map(Reason, Trace.objects.values_list("reasons", flat=True)))
    assert Reason.NETWORK | Reason.COMMENT | Reason.TRAP | Reason.TAGS | Reason.QUICK | Reason.UNTIMED in found
    assert monitor_campaigns() == 0
    assert Monitor.objects.get(campaign=campaign).alarmed_at is None
