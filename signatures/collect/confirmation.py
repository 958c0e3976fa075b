"""(2) Confirmation and withdrawal, in the web: one row each, the one that the token names.

Row security shows this process no other row (config/grants.py): it has to say the token's hash first,
and a hash that it was not told cannot be listed.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from petitions.models import Campaign
from signatures.collect.campaigns import campaign_that_decides
from signatures.doorbell import ring
from signatures.models import Submission, Withdrawal

# Raw, for 500 presses a second: reading the row and its campaign first, by the ORM, was half of a press's time.
# The database's clock, as a withdrawal's: which of the two came first decides.
CONFIRM: Final = """
UPDATE signatures_submission SET confirmed_at = statement_timestamp()
 WHERE token_hash = %s AND confirmed_at IS NULL RETURNING campaign_id
"""
# Raw, as in intake: the ORM would name columns that web has no right on.
INSERT_WITHDRAWAL: Final = "INSERT INTO signatures_withdrawal (token_hash) VALUES (%s) ON CONFLICT DO NOTHING"

INSERT_UNSUBSCRIPTION: Final = "INSERT INTO signatures_unsubscription (token_hash) VALUES (%s) ON CONFLICT DO NOTHING"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the holder of a confirmation link may know."""

    campaign: Campaign
    #: When the button was pressed; None: not yet.
    confirmed_at: datetime.datetime | None
    number: int | None

    @property
    def confirmed(self) -> bool:
        return self.confirmed_at is not None


@contextmanager
def _naming(hashed: bytes) -> Iterator[CursorWrapper]:
    """Shows this transaction the row that the token names."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('undersigned.token_hash', %s, true)", [hashed.hex()])
        yield cursor


def look(hashed: bytes) -> Confirmation | None:
    """The submission whose token has this hash (32 bytes). Changes nothing."""
    with _naming(hashed):
        row = _row(hashed)
    return Confirmation(row.campaign, row.confirmed_at, row.number) if row else None


def confirm(hashed: bytes) -> Confirmation | None:
    """Confirm it, once; a repeated press changes nothing more. None: no such link, or it came too late."""
    now = timezone.now()
    with _naming(hashed) as cursor:
        cursor.execute(CONFIRM, [hashed])
        row = cursor.fetchone()
        campaign = campaign_that_decides(row[0]) if row else None
        if campaign and not campaign.takes_confirmations(now):
            transaction.set_rollback(True)
            return None
    ring("admit")
    # Where nothing was changed, it was pressed before, or there is no such link.
    return Confirmation(campaign, now, None) if campaign else _confirmed_before(hashed)


def _confirmed_before(hashed: bytes) -> Confirmation | None:
    found = look(hashed)
    return found if found and found.confirmed else None


def _row(hashed: bytes) -> Submission | None:
    readable = Submission.objects.select_related("campaign").only("campaign", "confirmed_at", "number")
    return readable.filter(token_hash=hashed).first()


def ask_withdrawal(hashed: bytes) -> None:
    """Have a worker withdraw the signature whose link this is. Web cannot know whether there is one."""
    with connection.cursor() as cursor:
        cursor.execute(INSERT_WITHDRAWAL, [hashed])
    ring("withdraw")


def unsubscribe(hashed: bytes) -> None:
    """No more updates to the mailbox whose link this is. Web cannot know whether there is one."""
    with connection.cursor() as cursor:
        cursor.execute(INSERT_UNSUBSCRIPTION, [hashed])


def withdrawal_outcome(hashed: bytes) -> str | None:
    """ "" while a worker has not looked yet, its outcome then; None where nobody pressed the button."""
    with _naming(hashed):
        row = Withdrawal.objects.only("outcome").filter(token_hash=hashed).first()
    return None if row is None else row.outcome or ""
