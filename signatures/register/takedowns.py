"""What one person took down, and nobody else confirmed, comes back by itself."""

from __future__ import annotations

import logging

from django.db import transaction
from django.utils import timezone

from petitions.models import TakeDown
from staff import audit

log = logging.getLogger(__name__)


def end_unconfirmed_takedowns() -> int:
    """End those whose time is over; returns how many. The database puts each petition back (takedowns.sql)."""
    ended = 0
    for takedown in TakeDown.objects.over().select_related("campaign__section"):
        with transaction.atomic():
            # Somebody confirms it at this moment: whoever is second finds nothing to change.
            if TakeDown.objects.over().filter(pk=takedown.pk).update(ended_at=timezone.now()):
                detail = {"campaign": takedown.campaign_id, "takedown": takedown.pk}
                audit.append(None, "takedown.end", takedown.campaign.section, detail=detail)
                log.warning("petition %s is public again: nobody confirmed that it be taken down", takedown.campaign_id)
                ended += 1
    return ended
