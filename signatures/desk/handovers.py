"""The handover log as officers write it: what happened to a packet, and what was entered wrongly before."""

from __future__ import annotations

import logging
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from signatures.models import Handover
from staff import audit
from staff.refusals import refusals_in_words, words_of_constraints

log = logging.getLogger(__name__)

#: What the database refuses where somebody was faster.
REFUSALS: Final[dict[str, str | Promise]] = {
    **words_of_constraints(Handover),
    "handover_of_a_packet": _("There is no packet of this delivery."),
    "handover_after_packet": _("On that day there was no such packet."),
    "signatures_handover_corrects_id_key": _("Someone else has corrected this entry. Correct theirs."),
}


def record(entry: Handover, officer: User) -> None:
    """Add an entry to the log, or one that takes another's place; the audit trail has it as well. Raises NotAllowed."""
    entry.recorded_by = officer
    with refusals_in_words(REFUSALS), transaction.atomic():
        entry.save(force_insert=True)
        action = "delivery.correct" if entry.corrects_id else "delivery.handover"
        campaign = entry.delivery.campaign
        audit.append(officer, action, campaign.section, purpose=entry.correction, detail=_told(entry))
    log.info("handover entry %s of delivery %s by user %s", entry.pk, entry.delivery_id, officer.pk)


def _told(entry: Handover) -> dict[str, str | int]:
    """What the trail says of an entry: no words, for in those a person could be named."""
    told: dict[str, str | int] = {
        "packet": entry.delivery.reference, "entry": entry.pk, "event": entry.kind, "on": entry.on.isoformat(),
        "public": "yes" if entry.is_public else "no",
    }  # fmt: skip
    return told | ({"corrects": entry.corrects_id} if entry.corrects_id else {})
