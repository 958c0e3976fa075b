"""What is no longer needed goes: pending submissions, outcomes, drained session keys, old requests."""

from __future__ import annotations

import datetime
from typing import Final

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from signatures.models import (
    Delivery,
    Destruction,
    LabelCount,
    MailAnswer,
    MailCount,
    NewsMail,
    Rejection,
    RejectionCount,
    Withdrawal,
)
from signatures.register.mail_answers import KEPT as ANSWERS_KEPT
from staff import audit
from staff.models import Proposal

#: A web process uses a session key for five minutes (intake/submissions.py); far beyond that, an unused one is spent.
SESSION_KEY_SPENT: Final = datetime.timedelta(hours=1)

#: How long it is kept how signatures came (models/screening.py).
TRACES_KEPT: Final = datetime.timedelta(days=settings.TRACE_DAYS)

#: Rows a statement. A flood leaves hundreds of thousands, and no statement takes so many parameters.
BATCH: Final = 5000

# Raw: deleting, counting by campaign and writing that down in one statement. Rows are locked first: one that is
# confirmed at this very moment is either gone for both, or kept.
EXPIRE_PENDING: Final = """
WITH old AS (
    SELECT token_hash FROM signatures_submission
     WHERE confirmed_at IS NULL AND outcome IS NULL AND created_at < %s LIMIT %s FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM signatures_submission s USING old WHERE s.token_hash = old.token_hash
    RETURNING s.campaign_id, s.mailed_at
), noted AS (
    INSERT INTO signatures_ledgerentry AS l (campaign_id, "on", received, expired)
    SELECT campaign_id, (now() AT TIME ZONE 'UTC')::date, count(*) FILTER (WHERE mailed_at IS NULL), count(*)
      FROM gone GROUP BY campaign_id ORDER BY campaign_id
    ON CONFLICT (campaign_id, "on") DO UPDATE
       SET received = l.received + excluded.received, expired = l.expired + excluded.expired
)
SELECT count(*) FROM gone
"""
DELETE_OUTCOMES: Final = """
WITH old AS (
    SELECT token_hash FROM signatures_submission WHERE outcome IS NOT NULL AND confirmed_at < %s LIMIT %s
), gone AS (
    DELETE FROM signatures_submission s USING old WHERE s.token_hash = old.token_hash RETURNING 1
)
SELECT count(*) FROM gone
"""
DELETE_TRACES: Final = """
WITH old AS (
    SELECT signature_id FROM signatures_trace WHERE hour < %s LIMIT %s
), gone AS (
    DELETE FROM signatures_trace t USING old WHERE t.signature_id = old.signature_id RETURNING 1
)
SELECT count(*) FROM gone
"""
# Raw: NOT EXISTS on two tables. No submission can arrive meanwhile: row security takes none under a key that is older
# than ten minutes (config/database/row_security.sql).
DELETE_DRAINED_KEYS: Final = """
DELETE FROM signatures_sealingkey k
 WHERE k.created_at < %s AND NOT EXISTS (SELECT FROM signatures_submission s WHERE s.sealing_key_id = k.id)
   AND NOT EXISTS (SELECT FROM signatures_submission s WHERE s.consents_key_id = k.id)
"""


def prune(now: datetime.datetime | None = None) -> dict[str, int]:
    """Delete what is past its time; returns how much of what."""
    now = now or timezone.now()
    gone = _pruned(now)
    Destruction.note(now.date(), gone)
    return gone


def _pruned(now: datetime.datetime) -> dict[str, int]:
    return {
        "expired": _expire_pending(now - datetime.timedelta(days=settings.PENDING_DAYS)),
        "outcomes": _delete_outcomes(_outcomes_before(now)),
        "traces": _delete_traces(now - TRACES_KEPT),
        "labels": LabelCount.objects.filter(last_hour__lt=now - TRACES_KEPT).delete()[0],
        "given up": _delete_given_up(now - datetime.timedelta(days=settings.PENDING_DAYS)),
        "rejections": Rejection.objects.filter(
            done_at__lt=now - datetime.timedelta(days=settings.OUTCOME_DAYS)
        ).delete()[0],
        "rejection counts": RejectionCount.objects.filter(on__lt=(now - TRACES_KEPT).date()).delete()[0],
        "mail answers": MailAnswer.objects.filter(hour__lt=now - ANSWERS_KEPT).delete()[0],
        "mail counts": MailCount.objects.filter(on__lt=now.date()).delete()[0],
        "keys": _delete_drained_keys(now - SESSION_KEY_SPENT),
        "proposals": _expire_proposals(now),
        "sessions": _delete_sessions(),
    }


def _outcomes_before(now: datetime.datetime) -> datetime.datetime:
    return now - datetime.timedelta(days=settings.OUTCOME_DAYS)


def _expire_proposals(now: datetime.datetime) -> int:
    """Those that nobody decided on in time; the range of a delivery that was asked for is free again."""
    with transaction.atomic():
        overdue = list(Proposal.objects.overdue(now).select_for_update(skip_locked=True, of=("self",)))
        expired = Proposal.objects.filter(pk__in=[proposal.pk for proposal in overdue])
        expired.update(state=Proposal.State.EXPIRED, decided_at=now)
        Delivery.objects.filter(state=Delivery.State.REQUESTED, proposal__state=Proposal.State.EXPIRED).update(
            state=Delivery.State.EXPIRED
        )
        for proposal in overdue:
            detail = {"proposal": proposal.pk} | proposal.subject
            audit.append(None, f"{proposal.kind}.expire", proposal.section, detail=detail)
    return len(overdue)


def _delete_given_up(before: datetime.datetime) -> int:
    """Updates that reached nobody, once it is late to send them after all: a row tells who wanted updates."""
    return NewsMail.objects.filter(due=None, mailing__asked_at__lt=before).delete()[0]


def _expire_pending(before: datetime.datetime) -> int:
    with connection.cursor() as cursor:
        return _in_batches(cursor, EXPIRE_PENDING, before)


def _delete_traces(before: datetime.datetime) -> int:
    with connection.cursor() as cursor:
        return _in_batches(cursor, DELETE_TRACES, before)


def _delete_outcomes(before: datetime.datetime) -> int:
    with connection.cursor() as cursor:
        taken = _in_batches(cursor, DELETE_OUTCOMES, before)
    settled, _ = Withdrawal.objects.filter(outcome__isnull=False, created_at__lt=before).delete()
    return taken + settled


def _in_batches(cursor: CursorWrapper, statement: str, before: datetime.datetime) -> int:
    """Run a statement that deletes and returns how many, BATCH rows at a time, until there are none."""
    total = 0
    while True:
        cursor.execute(statement, [before, BATCH])
        deleted: int = cursor.fetchone()[0]
        total += deleted
        if deleted < BATCH:
            return total


def _delete_sessions() -> int:
    """Staff's sessions that are over. Of which, config/database/sessions.sql decides: a worker may see none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT delete_ended_sessions()")
        return int(cursor.fetchone()[0])


def _delete_drained_keys(before: datetime.datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(DELETE_DRAINED_KEYS, [before])
        return cursor.rowcount
