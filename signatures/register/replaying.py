"""After a restore: whoever withdrew or was erased since that backup is withdrawn and erased again, and what was
shredded is shredded again, before anything else runs. `restore` calls it; it may come twice."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from django.db import transaction
from django.db.models import Q

from petitions.models import Campaign
from signatures.identity import NotAMailbox, canonical_mailbox, fingerprint
from signatures.models import NewsReader, Register, Signature, Submission, Suppression, Unsubscription
from signatures.models.mail import SUPPRESSION_BYTES
from signatures.register.keyring import ForeignPublicKey, KeysMissing
from signatures.register.shredding import shred_again
from signatures.register.tombstones import ERASED, SHREDDED, Line, Marks, Tombstone, copied_lines, local_lines
from signatures.register.unsealing import Opener
from signatures.register.withdrawal import erase_rows
from signatures.sealing import NotOpened
from web.redaction import SafeWords

BATCH: Final = 5000


class TombstonesTooOld(SafeWords):
    """What was found ends before the anchor: somebody who was erased since would come back."""


@dataclass(slots=True)
class Buried:
    """What the tombstones of one campaign say."""

    rows: set[str] = field(default_factory=set)
    #: The latest of each mailbox: when it withdrew, and when it was erased.
    withdrawn: dict[str, datetime.datetime] = field(default_factory=dict)
    erased: dict[str, datetime.datetime] = field(default_factory=dict)
    links: dict[str, Tombstone] = field(default_factory=dict)
    news: set[str] = field(default_factory=set)
    #: When its keys were destroyed.
    shredded: datetime.datetime | None = None

    def add(self, tombstone: Tombstone) -> None:
        if tombstone.kind == SHREDDED:
            self.shredded = self.shredded or tombstone.moment
            return
        self.rows |= {tombstone.row} - {""}
        self.news |= {tombstone.news} - {""}
        for times in (self.withdrawn, *([self.erased] if tombstone.kind == ERASED else [])):
            times[tombstone.mailbox] = max(tombstone.moment, times.get(tombstone.mailbox, tombstone.moment))
        # Erasing withdraws as well, and writes two: what goes further counts.
        if tombstone.links and (tombstone.kind == ERASED or tombstone.links not in self.links):
            self.links[tombstone.links] = tombstone

    def holds(self, row: str, mailbox: str, signed_on: datetime.date) -> bool:
        """Whether this row was taken back. One of an earlier day is, whatever its key; one of a later day was signed
        anew."""
        until = self.withdrawn.get(mailbox)
        return row in self.rows or (until is not None and signed_on < until.date())


@dataclass(slots=True)
class Replayed:
    """What a replay changed."""

    tombstones: int = 0
    signatures: int = 0
    submissions: int = 0
    campaigns: int = 0


def union(copy: Path | None = None, identities: Sequence[str] = (), *, at_least: str = "") -> list[Line]:
    """All tombstones that are to be had, of this keyring and of the copy, each once.

    `at_least` is the head that the last anchor names ("12:4f…"). Raises TombstonesTooOld where it is in neither, and
    TombstonesDamaged.
    """
    lines = local_lines() + (copied_lines(copy, identities) if copy else [])
    heads = {line.head: line for line in lines}
    if at_least and at_least not in heads:
        last = max((line.n for line in lines), default=0)
        anchored = at_least.partition(":")[0]
        raise TombstonesTooOld(f"tombstones end at {last}, but the last anchor names {anchored}")
    return [heads[head] for head in sorted(heads, key=lambda head: heads[head].n)]


def replay_tombstones(lines: Iterable[Line]) -> Replayed:
    """Withdraw, erase and shred once more what these say. Needs a worker's keyring and rights."""
    done, by_campaign = Replayed(), dict[str, Buried]()
    for line in lines:
        by_campaign.setdefault(line.tombstone.campaign, Buried()).add(line.tombstone)
        done.tombstones += 1
    for campaign in Campaign.objects.filter(uid__in=by_campaign, register__isnull=False):
        buried = by_campaign[str(campaign.uid)]
        done.submissions += _replay_submissions(campaign, buried)
        done.signatures += _replay_signatures(campaign, buried)
        _replay_news(buried)
    # Last: what was erased beside it is found with the keys.
    shredded = {uid: buried.shredded for uid, buried in by_campaign.items() if buried.shredded}
    for campaign in Campaign.objects.filter(uid__in=shredded):
        done.campaigns += shred_again(campaign, shredded[str(campaign.uid)])
    return done


def _replay_signatures(campaign: Campaign, buried: Buried) -> int:
    marks, uid, found = Marks(), str(campaign.uid), list[int]()
    rows = Signature.objects.filter(campaign=campaign, fingerprint__isnull=False)
    for key, mark, signed_on in rows.values_list("pk", "fingerprint", "signed_on").iterator(chunk_size=BATCH):
        whose = bytes(mark or b"")
        if buried.holds(marks.of_row(uid, key, whose, signed_on), marks.of_mailbox(uid, whose), signed_on):
            found.append(key)
    for at in range(0, len(found), BATCH):
        with transaction.atomic():
            register = Register.objects.select_for_update().get(pk=campaign.pk)
            erase_rows(register, list(Signature.objects.filter(pk__in=found[at : at + BATCH]).defer("sealed")))
    return len(found)


def _replay_submissions(campaign: Campaign, buried: Buried) -> int:
    """What was typed before its mailbox withdrew must not be admitted now; nor may an erased one's outcome stay."""
    gone = _typed_before(campaign, buried)
    links = {bytes.fromhex(label): stone for label, stone in buried.links.items()}
    there = Submission.objects.filter(campaign=campaign, mailbox_label__in=list(links))
    for hashed, label in there.values_list("token_hash", "mailbox_label"):
        if links[bytes(label or b"")].kind == ERASED:
            gone.append(bytes(hashed))
    there.exclude(pk__in=gone).update(withdrawn=True, number=None)
    Submission.objects.filter(pk__in=gone).delete()
    return len(gone)


def _typed_before(campaign: Campaign, buried: Buried) -> list[bytes]:
    try:
        opener = Opener(campaign)
    except (KeysMissing, ForeignPublicKey):
        return []  # shredded: nobody can open what is left, nor admit it
    marks, uid, found = Marks(), str(campaign.uid), list[bytes]()
    columns = ("token_hash", "sealing_key", "sealed", "created_at", "confirmed_at")
    sealed = Submission.objects.filter(campaign=campaign, sealed__isnull=False)
    for hashed, key, box, created_at, confirmed_at in sealed.values_list(*columns).iterator(chunk_size=BATCH):
        opener.know({key} if key else ())
        try:
            mailbox = canonical_mailbox(opener.open(key, bytes(box or b""), bytes(hashed)).email)
        except (NotOpened, NotAMailbox):
            continue
        mark = marks.of_mailbox(uid, fingerprint(opener.keys.mac, mailbox))
        withdrawn, erased = buried.withdrawn.get(mark), buried.erased.get(mark)
        if (erased and created_at <= erased) or (withdrawn and confirmed_at and confirmed_at <= withdrawn):
            found.append(bytes(hashed))
    return found


def _replay_news(buried: Buried) -> None:
    hashes = [bytes.fromhex(one) for one in buried.news]
    which = Q(token_hash__in=hashes)
    for lists in (NewsReader, Unsubscription):
        lists.objects.filter(which).delete()
    Suppression.objects.filter(label__in=[hashed[:SUPPRESSION_BYTES] for hashed in hashes]).delete()
