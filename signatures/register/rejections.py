""" "That was not me": the submission is dropped, its mailbox is left alone by that campaign, and one more is counted.

What was confirmed is not touched: whoever confirmed had the mailbox, and takes it back with the link for that.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Final

from django.db import connection, transaction
from django.db.models.functions import Now

from petitions.models import Campaign
from signatures.identity import Mac, NotAMailbox, canonical_mailbox, mailbox_family
from signatures.models import LeftAlone, Rejection, RejectionCount, Submission
from signatures.register import ledger
from signatures.register.keyring import ForeignPublicKey, KeysMissing
from signatures.register.mail_limits import LABEL_BYTES
from signatures.register.unsealing import Opener
from signatures.sealing import NotOpened

BATCH: Final = 200
#: Days of which moderators see how often it was said.
SHOWN: Final = 7

# Raw: added to what is there in one statement.
COUNT: Final = """
INSERT INTO signatures_rejectioncount AS c (campaign_id, "on", n)
VALUES (%s, (now() AT TIME ZONE 'UTC')::date, 1)
    ON CONFLICT (campaign_id, "on") DO UPDATE SET n = c.n + 1
"""


def left_alone_label(mac: Mac, mailbox: str) -> bytes:
    """The label of a canonical mailbox, whatever its +tag, under the campaign's pepper."""
    return mac(b"left alone\0" + mailbox_family(mailbox).encode())[:LABEL_BYTES]


def left_alone(labels: Iterable[bytes]) -> set[bytes]:
    """Those of these labels whose mailboxes are to get no mail."""
    return {bytes(label) for label in LeftAlone.objects.filter(pk__in=list(labels)).values_list("pk", flat=True)}


def apply_rejections() -> int:
    """Drop what its mailbox's owner never sent; returns how many were settled."""
    waiting, after, settled = Rejection.objects.filter(done_at__isnull=True).order_by("token_hash"), b"", 0
    # Each once: those of a campaign whose keys are away must not stand before the others.
    while keys := [bytes(key) for key in waiting.filter(pk__gt=after).values_list("pk", flat=True)[:BATCH]]:
        settled += sum(map(_applied, keys))
        after = keys[-1]
    return settled


@transaction.atomic
def _applied(hashed: bytes) -> bool:
    if not Rejection.objects.select_for_update(skip_locked=True).filter(pk=hashed, done_at__isnull=True).exists():
        return False
    pending = Submission.objects.select_for_update().filter(pk=hashed, confirmed_at__isnull=True, outcome__isnull=True)
    if submission := pending.first():
        try:
            _drop(submission)
        except (KeysMissing, ForeignPublicKey):
            return False  # the keys may be back in a moment; where they were destroyed, pruning takes the row
    Rejection.objects.filter(pk=hashed).update(done_at=Now())
    return True


def _drop(submission: Submission) -> None:
    opener = Opener(Campaign.objects.get(pk=submission.campaign_id))
    if submission.sealing_key_id and submission.sealed:
        opener.know([submission.sealing_key_id])
        try:
            person = opener.open(submission.sealing_key_id, bytes(submission.sealed), bytes(submission.token_hash))
            label = left_alone_label(opener.keys.mac, canonical_mailbox(person.email))
        except (NotOpened, NotAMailbox):
            pass
        else:
            LeftAlone.objects.get_or_create(label=label, defaults={"campaign": opener.campaign})
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [submission.campaign_id])
    submission.delete()
    ledger.note(submission.campaign_id, expired=1, received=int(submission.mailed_at is None))


def said_lately(campaign: Campaign, today: datetime.date) -> int:
    """How often it was said in the last days."""
    since = today - datetime.timedelta(days=SHOWN)
    return sum(RejectionCount.objects.filter(campaign=campaign, on__gt=since).values_list("n", flat=True))
