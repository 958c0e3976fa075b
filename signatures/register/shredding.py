"""Shredding: a campaign's keys are destroyed, and with them what is sealed to them, in every backup.

Tally, register numbers, ledger and manifests stay, and still verify: none of them needs a key. First the row that
says so, with the approval it spends, then the keys; a worker that is killed in between is followed by one that
finds the row and the keys.
"""

from __future__ import annotations

import logging
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from petitions.models import Campaign
from signatures.models import Shredding, Submission
from signatures.register import ledger
from signatures.register.admission import admit_all
from signatures.register.keyring import ForeignPublicKey, KeysMissing, keyring
from staff import audit
from staff.access import may
from staff.models import APPROVAL_EXPIRES, Proposal
from web.redaction import describe

log = logging.getLogger(__name__)

NOT_WANTED: Final = (
    "Nothing was destroyed: one of the two people no longer has the role for it, or three days had "
    "passed. Send a new request."
)


def shred_campaigns() -> int:
    """Shred what two people want shredded, and destroy keys that a killed worker left. Returns how many."""
    for proposal in filter(_is_still_wanted, Proposal.objects.to_carry_out(Proposal.Kind.SHREDDING)):
        _note(Campaign.objects.get(pk=proposal.subject["campaign"]), proposal)
    destroyed = 0
    for shredding in Shredding.objects.select_related("campaign"):
        if keyring().destroy(shredding.campaign.uid):
            destroyed += 1
            log.warning("the keys of campaign %s were destroyed", shredding.campaign.slug)
    return destroyed


def _is_still_wanted(proposal: Proposal) -> bool:
    """It cannot be undone. So both have to be people who may still want it, and their yes has to be fresh."""
    if Shredding.objects.filter(campaign=proposal.subject["campaign"]).exists():
        return False
    people = User.objects.only("id", "username", "is_active")  # a worker may read no others (database/grants.py)
    assert proposal.decided_by_id is not None
    assert proposal.decided_at is not None
    asked, agreed = people.get(pk=proposal.requested_by_id), people.get(pk=proposal.decided_by_id)
    wanted = (
        may(asked, "shred.request", proposal.section)
        and may(agreed, "shred.approve", proposal.section)
        and timezone.now() - proposal.decided_at < APPROVAL_EXPIRES
    )
    if not wanted and proposal.problem != NOT_WANTED:
        Proposal.objects.filter(pk=proposal.pk).update(problem=NOT_WANTED)
        log.warning("approval request %s was not carried out: its conditions no longer hold", proposal.pk)
    return wanted


def _note(campaign: Campaign, proposal: Proposal) -> None:
    try:
        admit_all(campaign)  # what was confirmed in time counts
    except (KeysMissing, ForeignPublicKey) as error:
        log.error(
            "campaign %s was shredded before all its signatures were admitted: %s", campaign.slug, describe(error)
        )
    with transaction.atomic():
        # Two workers at once: the second waits here, and then finds that the approval is spent.
        if not Proposal.objects.select_for_update().filter(pk=proposal.pk, done_at=None).exists():
            return
        Shredding.objects.create(campaign=campaign)
        # What nobody confirmed cannot be read any more, so nobody can be asked.
        pending = Submission.objects.filter(campaign=campaign, outcome__isnull=True)
        unmailed = pending.filter(mailed_at__isnull=True).count()
        ledger.note(campaign.pk, received=unmailed, expired=pending.delete()[0])
        detail = {"campaign": campaign.pk, "proposal": proposal.pk}
        audit.append(None, "shredding.carry_out", campaign.section, detail=detail)
