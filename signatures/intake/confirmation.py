"""(2) Confirmation and withdrawal, in the web: one row each, the one that the token names.

Row security shows this process no other row (config/database/row_security.sql): it has to say the token's hash first,
and a hash that it was not told cannot be listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from django.db import ProgrammingError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone
from psycopg.errors import InsufficientPrivilege

from petitions.models import CONFIRMATION_GRACE, Campaign
from signatures.intake.campaigns import campaign_for_confirming
from signatures.intake.submissions import forget_session_keys, seal_consents
from signatures.notify_worker import notify_worker
from signatures.sealing import Consents
from web.minute_counters import note_confirmed

NAME_THE_ROW: Final = "SELECT set_config('undersigned.token_hash', %s, true)"
# One call (config/database/confirmation.sql), for 500 presses a second: BEGIN, naming the row, UPDATE and COMMIT were
# four messages to wait for, and cost the web four times what a bare UPDATE does.
# When it was pressed is the database's clock, as a withdrawal's: which of the two came first decides. Whether that
# was in time is Campaign.takes_confirmations(), said once more there.
CONFIRM: Final = "SELECT confirm_with_consents(%s, %s, %s, %s::varchar[], %s, %s)"
LOOK: Final = "SELECT campaign_id, confirmed, withdrawn FROM submission_of_token(%s)"
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
# Only what nobody has confirmed, and only for whoever holds its link.
INSERT_REJECTION: Final = """
INSERT INTO signatures_rejection (token_hash)
SELECT token_hash FROM signatures_submission WHERE token_hash = %s AND confirmed_at IS NULL
    ON CONFLICT DO NOTHING
"""
REJECTED: Final = "SELECT EXISTS (SELECT FROM signatures_rejection WHERE token_hash = %s)"
# A request that waits for its signature to be admitted does not show: see may_lead_to_signature().
WITHDRAWAL: Final = """
SELECT coalesce(outcome, '') FROM signatures_withdrawal
 WHERE token_hash = %s AND (outcome IS NOT NULL OR leads_to_signature(token_hash))
"""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the holder of a confirmation link may know."""

    token_hash: bytes
    campaign: Campaign
    #: Whether the button was pressed. What became of it then is not told: counted, held and duplicate look alike.
    confirmed: bool
    #: Whether its mailbox withdrew since.
    withdrawn: bool


@contextmanager
def naming(hashed: bytes) -> Iterator[CursorWrapper]:
    """Shows this transaction the row that the token names."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(NAME_THE_ROW, [hashed.hex()])
        yield cursor


def look(hashed: bytes) -> Confirmation | None:
    """The submission whose token has this hash (32 bytes). Changes nothing."""
    with connection.cursor() as cursor:
        cursor.execute(LOOK, [hashed])
        row = cursor.fetchone()
    return Confirmation(hashed, campaign_for_confirming(row[0]), row[1], row[2]) if row else None


def confirm(found: Confirmation, consents: Consents) -> bool:
    """Confirm it, once, with what its mailbox's owner adds; says whether it is confirmed now. A repeated press changes
    nothing more, and adds nothing.

    False: the link is gone, or was pressed too late.
    """
    if not hasattr(found.campaign, "key"):  # shredded
        return False
    if not _confirm(found, consents):  # nothing was changed
        again = look(found.token_hash)
        return again is not None and again.confirmed
    notify_worker("admit")
    note_confirmed(found.campaign.pk)
    return True


def _confirm(found: Confirmation, consents: Consents) -> bool:
    """Whether the database changed the row."""
    try:
        return _call(found, consents)
    except ProgrammingError as error:
        # The session key is too old, or gone (config/database/row_security.sql): as in intake/submissions.py.
        if not isinstance(error.__cause__, InsufficientPrivilege):
            raise
        forget_session_keys()
        return _call(found, consents)


def _call(found: Confirmation, consents: Consents) -> bool:
    # Sealed also where nothing was added: the row must not tell.
    sealed = seal_consents(found.campaign, consents, found.token_hash)
    given: list[Any] = [sealed.token_hash, sealed.box, sealed.key_id]
    given += [list(Campaign.PUBLIC_STATES), timezone.now(), CONFIRMATION_GRACE]
    with connection.cursor() as cursor:
        cursor.execute(CONFIRM, given)
        (campaign_id,) = cursor.fetchone()
    return campaign_id is not None


def ask_withdrawal(hashed: bytes) -> None:
    """Have a worker withdraw the signature whose link this is, if there is one or may be in a moment."""
    with connection.cursor() as cursor:
        cursor.execute(INSERT_WITHDRAWAL, [hashed])
    notify_worker("withdraw")


def unsubscribe(hashed: bytes) -> None:
    """No more updates to the mailbox whose link this is, if any was sent one."""
    with connection.cursor() as cursor:
        cursor.execute(INSERT_UNSUBSCRIPTION, [hashed])


def reject(hashed: bytes) -> None:
    """Have a worker drop the submission whose link this is, and leave its mailbox alone."""
    with naming(hashed) as cursor:
        cursor.execute(INSERT_REJECTION, [hashed])
    notify_worker("apply_rejections")


def was_rejected(hashed: bytes) -> bool:
    """Whether its mailbox's owner said that it was not them."""
    with naming(hashed) as cursor:
        cursor.execute(REJECTED, [hashed])
        return bool(cursor.fetchone()[0])


def withdrawal_outcome(hashed: bytes) -> str | None:
    """ "" while a worker is about to withdraw the signature, its outcome then; None where there is nothing to tell."""
    with naming(hashed) as cursor:
        cursor.execute(WITHDRAWAL, [hashed])
        row = cursor.fetchone()
    return row[0] if row else None
