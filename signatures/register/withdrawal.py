"""Withdrawal: whoever holds the link takes the name back. Nothing of the person is left in the row."""

from __future__ import annotations

import datetime
from collections import defaultdict
from typing import Final

from django.db import connection, transaction
from django.db.models.functions import TruncDay

from signatures.identity import links_label
from signatures.models import NewsMail, Register, Signature, Trace, Withdrawal, why_outside
from signatures.register import ledger, tombstones
from signatures.register.keyring import ForeignPublicKey, KeysMissing, keys_of
from signatures.register.tally import Departure, count_out, stand_outside

BATCH: Final = 500

# One that finds no signature waits while a submission confirmed before it may still become that signature.
# Settled on its own, before any register is locked: a signer who confirms meanwhile must not find the link dead.
# Nothing of it stays, for strangers can make up any number.
SETTLE_UNKNOWN: Final = """
DELETE FROM signatures_withdrawal w
 WHERE w.outcome IS NULL
   AND NOT EXISTS (SELECT FROM signatures_signature g WHERE g.withdrawal_hash = w.token_hash)
   AND NOT EXISTS (SELECT FROM signatures_submission s
                    WHERE s.confirmed_at IS NOT NULL AND s.outcome IS NULL AND s.confirmed_at <= w.created_at)
"""
# Those of a campaign whose packet cannot be sealed for all the withdrawals wait for it, two minutes at most
# (delivery/build.py): who signs and withdraws by the thousand must not keep a petition from being handed over.
TAKE: Final = """
SELECT w.token_hash
  FROM signatures_withdrawal w
 WHERE w.outcome IS NULL
   AND EXISTS (SELECT FROM signatures_signature g
                WHERE g.withdrawal_hash = w.token_hash
                  AND NOT EXISTS (SELECT FROM signatures_delivery d
                                   WHERE d.campaign_id = g.campaign_id AND d.state = 'approved'
                                     AND d.withdrawals_wait_until > now()))
 ORDER BY w.created_at
 LIMIT %s
   FOR UPDATE OF w SKIP LOCKED
"""
# What a confirmation link tells: of counted, held and duplicate alike, and of each where a supporter signed twice.
MARK_LINKS: Final = """
UPDATE signatures_submission SET withdrawn = true, number = NULL WHERE campaign_id = %s AND mailbox_label = ANY(%s)
"""


def apply_withdrawals() -> int:
    """Withdraw what supporters asked for; returns how many requests were settled.

    The number, the country, the day and the fact stay, everything that leads to the person goes.
    """
    with connection.cursor() as cursor:
        cursor.execute(SETTLE_UNKNOWN)
        settled: int = cursor.rowcount
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(TAKE, [BATCH])
        found = _withdraw([hashed for (hashed,) in cursor.fetchall()])
        Withdrawal.objects.filter(token_hash__in=found).update(
            outcome=Withdrawal.Outcome.WITHDRAWN, created_at=TruncDay("created_at", tzinfo=datetime.UTC)
        )
    return settled + len(found)


def _withdraw(hashes: list[bytes]) -> set[bytes]:
    named = Signature.objects.filter(withdrawal_hash__in=hashes)
    campaigns = sorted(set(named.values_list("campaign", flat=True)))
    # The registers' locks first, in one order, as admission takes them; then look again.
    locked = Register.objects.select_for_update().filter(pk__in=campaigns).order_by("pk")
    registers = {register.pk: register for register in locked}
    by_campaign: dict[int, list[Signature]] = defaultdict(list)
    for signature in named.defer("sealed"):
        by_campaign[signature.campaign_id].append(signature)
    for campaign in campaigns:
        erase_rows(registers[campaign], by_campaign[campaign])
    return {bytes(s.withdrawal_hash) for rows in by_campaign.values() for s in rows if s.withdrawal_hash}


def erase_rows(register: Register, signatures: list[Signature]) -> None:
    """Empty these rows of one register, which is locked; a tombstone first, so that no backup brings them back."""
    tombstones.bury(register.campaign, signatures)
    NewsMail.objects.filter(signature__in=signatures).delete()
    counted = [s for s in signatures if s.state == Signature.State.COUNTED]
    _mark_links(register, signatures)
    stood = [why_outside(s.state, s.removed_for) for s in signatures]
    Signature.objects.filter(pk__in=[s.pk for s in signatures]).update(
        state=Signature.State.WITHDRAWN, fingerprint=None, name_key=None, withdrawal_hash=None, sealed=None,
        share_name=False,
    )  # fmt: skip
    Trace.objects.filter(pk__in=[s.pk for s in signatures]).delete()
    count_out(register, [Departure(s.country, s.signed_on, s.source, s.version) for s in counted])
    stand_outside(register, stood, [Signature.State.WITHDRAWN.value] * len(signatures))
    excluded = sum(s.state == Signature.State.EXCLUDED for s in signatures)
    ledger.note(register.pk, withdrawn=len(signatures), removed=-excluded)


def _mark_links(register: Register, signatures: list[Signature]) -> None:
    """Their confirmation links say from here on that they were withdrawn."""
    try:
        mac = keys_of(register.campaign).mac
    except (KeysMissing, ForeignPublicKey):
        return  # shredded: nobody can tell any more whose link is whose
    labels = [links_label(mac, bytes(s.fingerprint)) for s in signatures if s.fingerprint]
    with connection.cursor() as cursor:
        cursor.execute(MARK_LINKS, [register.pk, labels])
