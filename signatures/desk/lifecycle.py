"""A campaign's steps and maintenance mode, taken by staff: each is in the audit trail, or was not taken."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction

from petitions.desk.lifecycle import Step, pause_site, resume_site, take
from petitions.models import Campaign
from signatures.desk.takedowns import TAKEDOWN_REFUSALS
from staff import approvals, audit
from staff.refusals import refusals_in_words

#: The times by which a campaign opens and closes by itself.
TIMES: Final = ("opens_at", "closes_at")


def take_step(campaign: Campaign, step: Step, by: User, reason: str) -> None:
    """Take the step. Raises NotNow, and NotAllowed where the reason names a mailbox."""
    reason = reason.strip()
    with refusals_in_words({**approvals.REFUSALS, **TAKEDOWN_REFUSALS}), transaction.atomic():
        take(campaign, step, by, reason)
        audit.append(by, f"campaign.{step.name}", campaign.section, reason, {"campaign": campaign.pk})


def note_times(campaign: Campaign, by: User) -> None:
    """Write down that somebody planned when the campaign opens and closes: in the transaction that saves it."""
    times = {name: value.isoformat() if (value := getattr(campaign, name)) else None for name in TIMES}
    detail: dict[str, Any] = {"campaign": campaign.pk, **times}
    audit.append(by, "campaign.plan", campaign.section, detail=detail)


def halt(by: User, mode: str, note: str) -> None:
    """Let the whole site stand still. The note is public, and stays out of the trail. Raises NotNow."""
    with transaction.atomic():
        pause_site(by, mode, note)
        audit.append(by, "site.halt", None, detail={"mode": str(mode)})


def restart(by: User) -> None:
    """Let the site go on. Raises NotNow."""
    with transaction.atomic():
        resume_site(by)
        audit.append(by, "site.restart", None)
