"""Erasing whatever leads to a mailbox, beyond its signatures (withdrawal.py): what nobody confirmed, what waits to be
admitted, what was refused, outcomes, and the lists of who gets news.

What was typed is sealed, so finding it means opening what is pending; it is done where keys are, a campaign at a time.
"""

from __future__ import annotations

import uuid
from collections import Counter
from typing import Final

from django.db.models import Q

from signatures.identity import NotAMailbox, canonical_mailbox, links_label, unsubscription_hash, withdrawal_hash
from signatures.models import LeftAlone, NewsReader, Signature, Submission, Suppression, Unsubscription, Withdrawal
from signatures.models.mail import SUPPRESSION_BYTES
from signatures.register import ledger, tombstones
from signatures.register.mailbox_pages import Mailbox, Searched
from signatures.register.rejections import left_alone_label
from signatures.register.unsealing import Opener
from signatures.sealing import NotOpened

#: Submissions opened at a time.
BATCH: Final = 2000


def erase_the_rest(mailbox: Mailbox) -> int:
    """Erase it in the campaigns of this mailbox; returns how many submissions went. Safe to come twice."""
    allow_mails(mailbox)
    return sum(_erase_in(searched, mailbox) for searched in mailbox.searched)


def forget_requests(mailbox: Mailbox) -> None:
    """That its withdrawal link was pressed, once it is withdrawn: the row is the hash of that link."""
    hashes = [withdrawal_hash(s.keys.mac, mailbox.fingerprint(s.keys.mac)) for s in mailbox.searched]
    Withdrawal.objects.filter(pk__in=hashes, outcome__isnull=False).delete()


def allow_mails(mailbox: Mailbox) -> None:
    """Forget that it said "That was not me" (rejections.py)."""
    labels = [left_alone_label(s.keys.mac, mailbox.canonical) for s in mailbox.searched]
    LeftAlone.objects.filter(pk__in=labels).delete()


def _erase_in(searched: Searched, mailbox: Mailbox) -> int:
    mac = searched.keys.mac
    mark = mailbox.fingerprint(mac)
    hashed = unsubscription_hash(mac, mark)
    for lists in (NewsReader, Unsubscription):
        lists.objects.filter(token_hash=hashed).delete()
    Suppression.objects.filter(label=hashed[:SUPPRESSION_BYTES]).delete()
    held = Signature.objects.filter(campaign=searched.campaign, fingerprint=mark)
    theirs = Q(mailbox_label=links_label(mac, mark)) | Q(token_hash__in=_sealed_with(searched, mailbox))
    mine = Submission.objects.filter(theirs, campaign=searched.campaign)
    if held.exists() or mine.exists():
        tombstones.bury_mailbox(searched.campaign, mark)
    return _delete(searched.campaign.pk, theirs)


def _delete(campaign: int, which: Q) -> int:
    """What was never taken leaves the ledger as what expires does."""
    gone = list(
        Submission.objects.select_for_update()
        .filter(which, campaign=campaign)
        .values_list("token_hash", "outcome", "mailed_at")
    )
    if not gone:
        return 0
    kinds = Counter((outcome is None, mailed is None) for _, outcome, mailed in gone)
    Submission.objects.filter(pk__in=[hashed for hashed, _, _ in gone]).delete()
    untaken = kinds[True, True] + kinds[True, False]
    if untaken:
        ledger.note(campaign, expired=untaken, received=kinds[True, True])
    return len(gone)


def _sealed_with(searched: Searched, mailbox: Mailbox) -> list[bytes]:
    """The token hashes of submissions that still hold what was typed, and this address in it."""
    opener, found, after = Opener(searched.campaign), list[bytes](), b""
    sealed = Submission.objects.filter(campaign=searched.campaign, sealed__isnull=False).order_by("token_hash")
    while True:
        rows = list(sealed.filter(token_hash__gt=after).values_list("token_hash", "sealing_key", "sealed")[:BATCH])
        opener.know({key for _, key, _ in rows if key})
        found += [bytes(hashed) for hashed, key, box in rows if _is_of(opener, mailbox, bytes(hashed), key, box)]
        if len(rows) < BATCH:
            return found
        after = bytes(rows[-1][0])


def _is_of(
    opener: Opener, mailbox: Mailbox, hashed: bytes, key: uuid.UUID | None, box: bytes | memoryview | None
) -> bool:
    if key is None or box is None:
        return False
    try:
        return canonical_mailbox(opener.open(key, bytes(box), hashed).email) == mailbox.canonical
    except (NotOpened, NotAMailbox):
        return False
