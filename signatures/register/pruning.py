"""What is no longer needed goes: pending submissions, outcomes, drained session keys, old requests."""

from __future__ import annotations

import datetime
from typing import Final

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from signatures.models import APPROVAL_EXPIRES, Delivery, LedgerEntry, Submission, Withdrawal

#: A web process uses a session key for five minutes (collect/intake.py); far beyond that, an unused one is spent.
SESSION_KEY_SPENT: Final = datetime.timedelta(hours=1)

# Raw: NOT EXISTS on two tables. A submission that arrives meanwhile fails on its foreign key, and
# intake seals it again under a new key.
DELETE_DRAINED_KEYS: Final = """
DELETE FROM signatures_sealingkey k
 WHERE k.created_at < %s AND NOT EXISTS (SELECT FROM signatures_submission s WHERE s.sealing_key_id = k.id)
"""


def prune(now: datetime.datetime | None = None) -> dict[str, int]:
    """Delete what is past its time; returns how much of what."""
    now = now or timezone.now()
    return {
        "expired": _expire_pending(now - datetime.timedelta(days=settings.PENDING_DAYS)),
        "outcomes": _delete_outcomes(now - datetime.timedelta(days=settings.OUTCOME_DAYS)),
        "keys": _delete_drained_keys(now - SESSION_KEY_SPENT),
        "requests": Delivery.objects.filter(
            state=Delivery.State.REQUESTED, requested_at__lt=now - APPROVAL_EXPIRES
        ).update(state=Delivery.State.EXPIRED),
    }


def _expire_pending(before: datetime.datetime) -> int:
    pending = Submission.objects.filter(confirmed_at__isnull=True, outcome__isnull=True, created_at__lt=before)
    with transaction.atomic():
        # Locked first: one that is confirmed at this very moment is either gone for both, or kept.
        locked = list(pending.select_for_update(skip_locked=True).values_list("token_hash", "campaign"))
        Submission.objects.filter(token_hash__in=[hashed for hashed, _ in locked]).delete()
        counts: dict[int, int] = {}
        for _, campaign in locked:
            counts[campaign] = counts.get(campaign, 0) + 1
        today = timezone.now().date()
        LedgerEntry.objects.bulk_create(
            LedgerEntry(campaign_id=campaign, on=today, expired=count) for campaign, count in sorted(counts.items())
        )
    return len(locked)


def _delete_outcomes(before: datetime.datetime) -> int:
    taken, _ = Submission.objects.filter(outcome__isnull=False, confirmed_at__lt=before).delete()
    settled, _ = Withdrawal.objects.filter(outcome__isnull=False, created_at__lt=before).delete()
    return taken + settled


def _delete_drained_keys(before: datetime.datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(DELETE_DRAINED_KEYS, [before])
        return cursor.rowcount
