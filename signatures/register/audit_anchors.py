"""Proving the audit trail: its chain, its anchors, and the mail that carries an anchor out of reach.

Each entry's hash covers the entry before it, so one that was altered, taken out or put elsewhere shows. Who
may rewrite the whole table could chain it anew; then it differs from the anchors that were mailed.
"""

from __future__ import annotations

import datetime
import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation

from signatures.identity import mailable
from signatures.register.audit_notes import (
    Anchor,
    note_hour,
    packets,
    problems_beside,
    read_notes,
    signing_keys,
)
from staff.models import AuditAnchor
from web.redaction import describe

log = logging.getLogger(__name__)

#: What comes before the first entry.
GENESIS: Final = bytes(32)

# Raw: each field as the text that was hashed (config/database/audit_trail.sql), read in one snapshot and in chunks.
READ: Final = """
SELECT seq, previous, hash, ARRAY[
           seq::text, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), tier, actor_id::text,
           action, section_id::text, purpose, detail::text]
  FROM staff_auditentry ORDER BY seq
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it is stored; `fields` are the texts that its hash covers."""

    seq: int
    previous: bytes
    hash: bytes
    fields: Sequence[str | None]


def entry_hash(previous: bytes, fields: Sequence[str | None]) -> bytes:
    """SHA-256 over the hash before and each field with its length, "-" for none. The same in SQL: audit_hash()."""
    framed = (b"-" if field is None else b"%d:%s" % (len(text := field.encode()), text) for field in fields)
    return hashlib.sha256(previous + b",".join(framed)).digest()


def problems_of(entries: Iterable[Entry], anchors: Iterable[Anchor] = ()) -> Iterator[str]:
    """What is wrong with a trail, in words that name the entries; nothing where all is as it was written."""
    wanted = sorted(set(anchors), key=lambda anchor: anchor.seq)
    seq, before, proven = 0, GENESIS, 0
    for entry in entries:
        if entry.seq > seq + 1:
            yield _missing(seq + 1, entry.seq - 1)
        elif entry.previous != before:
            yield f"Entry {entry.seq} does not follow entry {seq}: one of them was altered or inserted."
        if entry_hash(entry.previous, entry.fields) != entry.hash:
            yield f"Entry {entry.seq} was altered."
        while wanted and wanted[0].seq <= entry.seq:
            anchor = wanted.pop(0)
            if anchor.seq != entry.seq:
                continue  # it is among the missing, which were named
            if anchor.hash == entry.hash:
                proven = anchor.seq
            else:
                yield f"Entry {anchor.seq} differs from its anchor: something after entry {proven} was altered."
        seq, before = entry.seq, entry.hash
    if wanted:
        yield _missing(seq + 1, wanted[-1].seq)


def _missing(first: int, last: int) -> str:
    return f"Entry {first} is missing." if first == last else f"Entries {first} to {last} are missing."


def verify_trail(pasted: Iterable[Anchor] = ()) -> tuple[int, list[str]]:
    """(how many entries, what is wrong) of the trail against the anchors kept here and in the file, and those that are
    pasted; with what the file knows of packets and signing keys."""
    kept = [Anchor(anchor.seq, bytes(anchor.hash)) for anchor in AuditAnchor.objects.all()]
    noted, problems = read_notes(settings.ANCHORS_DIR)
    kept += [note.anchor for note in noted]
    count = 0

    def counted() -> Iterator[Entry]:
        nonlocal count
        for entry in _entries():
            count += 1
            yield entry

    found = list(problems_of(counted(), [*kept, *pasted]))
    return count, [*found, *problems, *problems_beside(noted)]


def _entries() -> Iterator[Entry]:
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(READ)
        while rows := cursor.fetchmany(5000):
            for seq, previous, digest, fields in rows:
                yield Entry(seq, bytes(previous), bytes(digest), fields)


# --- anchors ------------------------------------------------------------------------------------------------

# Raw: reads the last entry and keeps it, in one statement; two workers at once keep it once.
KEEP: Final = """
INSERT INTO staff_auditanchor (seq, hash)
SELECT seq, hash FROM staff_auditentry ORDER BY seq DESC LIMIT 1
ON CONFLICT DO NOTHING
"""


def anchor_trail(now: datetime.datetime | None = None) -> int:
    """Once an hour, note the trail's last entry in the file; once a day, keep it as an anchor, and mail what was not
    mailed yet. Returns how many mails."""
    now = now or timezone.now()
    note_hour(settings.ANCHORS_DIR, now)
    if not AuditAnchor.objects.filter(taken_at__date=now.astimezone(datetime.UTC).date()).exists():
        with connection.cursor() as cursor:
            cursor.execute(KEEP)
    if not settings.AUDIT_ANCHOR_TO:
        return 0
    return sum(_mail(anchor) for anchor in AuditAnchor.objects.filter(mailed_at=None))


def _mail(anchor: AuditAnchor) -> bool:
    """At least once: the mail first, then the note of it. A second copy says the same."""
    context = {"anchor": anchor, "site_url": settings.SITE_URL, "keys": signing_keys(), "packets": packets()}
    with translation.override("en"):
        subject = f"Audit trail anchor: entry {anchor.seq}"
        text = render_to_string("mail/audit_anchor.txt", context)
    try:
        EmailMessage(
            subject,
            text,
            mailable(settings.DEFAULT_FROM_EMAIL),
            [mailable(settings.AUDIT_ANCHOR_TO)],
            headers={"Auto-Submitted": "auto-generated"},
        ).send()
    except OSError as error:  # smtplib's errors are OSErrors, too
        log.warning("the anchor of entry %s was not e-mailed (%s); it will be retried", anchor.seq, describe(error))
        return False
    AuditAnchor.objects.filter(pk=anchor.pk).update(mailed_at=timezone.now())
    return True
