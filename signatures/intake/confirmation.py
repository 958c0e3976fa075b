"""(2) Confirmation and withdrawal, in the web: one row each, the one that the token names.

Row security shows this process no other row (config/database/row_security.sql): it has to say the token's hash first,
and a hash that it was not told cannot be listed.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from petitions.models import CONFIRMATION_GRACE, Campaign
from signatures.models import Submission
from signatures.notify_worker import notify_worker
from web.minute_counters import note_confirmed

NAME_THE_ROW: Final = "SELECT set_config('undersigned.token_hash', %s, true)"
# One call (config/database/confirmation.sql), for 500 presses a second: BEGIN, naming the row, UPDATE and COMMIT were
# four messages to wait for, and cost the web four times what a bare UPDATE does.
# When it was pressed is the database's clock, as a withdrawal's: which of the two came first decides. Whether that
# was in time is Campaign.takes_confirmations(), said once more there.
CONFIRM: Final = "SELECT confirm_submission(%s, %s::varchar[], %s, %s)"
# Raw, as in intake: the ORM would name columns that web has no right on.
# What leads nowhere is not stored (config/database/links.sql), so that nobody need be limited.
INSERT_WITHDRAWAL: Final = """
INSERT INTO signatures_withdrawal (token_hash)
SELECT hashed FROM (SELECT %s::bytea) AS given (hashed) WHERE may_lead_to_signature(hashed)
    ON CONFLICT DO NOTHING
"""
INSERT_UNSUBSCRIPTION: Final = """
INSERT INTO signatures_unsubscription (token_hash)
SELECT hashed FROM (SELECT %s::bytea) AS given (hashed) WHERE leads_to_reader(hashed)
    ON CONFLICT DO NOTHING
"""
# A request that waits for its signature to be admitted does not show: see may_lead_to_signature().
WITHDRAWAL: Final = """
SELECT coalesce(outcome, '') FROM signatures_withdrawal
 WHERE token_hash = %s AND (outcome IS NOT NULL OR leads_to_signature(token_hash))
"""


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

    @property
    def withdrawn(self) -> bool:
        """Whether it was withdrawn since; never known of a campaign at risk, whose links lead to no number."""
        return self.number == Submission.WITHDRAWN


@contextmanager
def _naming(hashed: bytes) -> Iterator[CursorWrapper]:
    """Shows this transaction the row that the token names."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(NAME_THE_ROW, [hashed.hex()])
        yield cursor


def look(hashed: bytes) -> Confirmation | None:
    """The submission whose token has this hash (32 bytes). Changes nothing."""
    with _naming(hashed):
        row = _row(hashed)
    return Confirmation(row.campaign, row.confirmed_at, row.number) if row else None


def confirm(hashed: bytes) -> bool:
    """Confirm it, once; says whether it is confirmed now. A repeated press changes nothing more.

    False: there is no such link, or it was pressed too late.
    """
    given: list[Any] = [hashed, list(Campaign.PUBLIC_STATES), timezone.now(), CONFIRMATION_GRACE]
    with connection.cursor() as cursor:
        cursor.execute(CONFIRM, given)
        (campaign_id,) = cursor.fetchone()
    if campaign_id is None:  # nothing was changed
        found = look(hashed)
        return found is not None and found.confirmed
    notify_worker("admit")
    note_confirmed(campaign_id)
    return True


def _row(hashed: bytes) -> Submission | None:
    readable = Submission.objects.select_related("campaign").only("campaign", "confirmed_at", "number")
    return readable.filter(token_hash=hashed).first()


def ask_withdrawal(hashed: bytes) -> None:
    """Have a worker withdraw the signature whose link this is, if there is one or may be in a moment."""
    with connection.cursor() as cursor:
        cursor.execute(INSERT_WITHDRAWAL, [hashed])
    notify_worker("withdraw")


def unsubscribe(hashed: bytes) -> None:
    """No more updates to the mailbox whose link this is, if any was sent one."""
    with connection.cursor() as cursor:
        cursor.execute(INSERT_UNSUBSCRIPTION, [hashed])


def withdrawal_outcome(hashed: bytes) -> str | None:
    """ "" while a worker is about to withdraw the signature, its outcome then; None where there is nothing to tell."""
    with _naming(hashed) as cursor:
        cursor.execute(WITHDRAWAL, [hashed])
        row = cursor.fetchone()
    return row[0] if row else None
