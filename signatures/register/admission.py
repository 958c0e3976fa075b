"""(3) Admission: confirmed submissions become numbered signatures, in batches, exactly once.

    take rows (SKIP LOCKED) ─ unseal, canonicalise, fingerprint, seal again ─ lock the register ─ screen ─
    drop duplicates ─ number ─ COPY ─ tally ─ ledger ─ empty the submissions ─ commit

One transaction a batch: a worker that is killed leaves nothing behind but unlocked rows. The costly
part (unsealing, 20 µs a row) comes before the register's lock, so workers wait for each other only
for the part that has to be in order.
"""

from __future__ import annotations

import datetime
import itertools
import logging
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from django.db import DataError, IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import F
from django.utils import timezone

from petitions.models import CONFIRMATION_GRACE, Campaign, TextVersion
from signatures.identity import (
    NotAMailbox,
    canonical_mailbox,
    fingerprint,
    links_label,
    name_key,
    unsubscription_hash,
    withdrawal_hash,
)
from signatures.models import Outcome, Register, Signature, Submission
from signatures.models.mail import SUPPRESSION_BYTES
from signatures.models.published.channels import OTHER, known_channel
from signatures.register import ledger, screening
from signatures.register.keyring import ForeignPublicKey, KeysMissing
from signatures.register.publishing import publish_figures
from signatures.register.screening import Clues
from signatures.register.tally import Arrival, count_in, stand_outside
from signatures.register.time_buckets import hour_of, span_of
from signatures.register.unsealing import Opener
from signatures.sealing import Consents, NotOpened, Person
from web.i18n.languages import BY_CODE
from web.redaction import describe

log = logging.getLogger(__name__)

#: Rows a batch. Measured: 250 rows cost 1.3 times as much a row as 2,000; more gains nothing.
BATCH: Final = 2000

#: Outcomes of which nothing is in the register.
REFUSED: Final = (Outcome.LATE, Outcome.UNREADABLE)

# Raw SQL in this file: SKIP LOCKED with a limit, arrays and COPY move 2,000 rows in a dozen round trips,
# where the ORM's bulk_create alone took 4 times the whole batch. Arrays go as binary (%b): written as text, the
# escaping of 2,000 hashes cost a tenth of the batch.
TAKE: Final = """
SELECT token_hash, sealing_key_id, sealed, source, confirmed_at, created_at, mailed_at, consents_key_id, sealed_consents
  FROM signatures_submission
 WHERE campaign_id = %s AND confirmed_at IS NOT NULL AND outcome IS NULL
 ORDER BY confirmed_at
 LIMIT %s
   FOR UPDATE SKIP LOCKED
"""
ALREADY_THERE: Final = """
SELECT fingerprint, slot, name_key, number
  FROM signatures_signature
 WHERE campaign_id = %s AND fingerprint = ANY(%b)
"""
COPY_SIGNATURES: Final = """
COPY signatures_signature (id, campaign_id, number, signed_on, slot, share_name, country, source, state, version,
                           fingerprint, name_key, withdrawal_hash, sealed)
FROM STDIN (FORMAT BINARY)
"""
COPY_TYPES: Final = (
    "int8", "int8", "int8", "date", "int2", "bool", "varchar", "varchar", "varchar", "int2", "bytea", "bytea", "bytea",
    "bytea",
)  # fmt: skip
# Taken ahead, so that a signature and its trace are two COPYs and no row has to be asked for its key.
# The sequence is looked up once: its name costs more to find than its next value.
NEXT_IDS: Final = """
WITH ids AS MATERIALIZED (SELECT pg_get_serial_sequence('signatures_signature', 'id')::regclass AS sequence)
SELECT nextval(sequence) FROM ids, generate_series(1, %s)
"""
COPY_TRACES: Final = """
COPY signatures_trace (signature_id, campaign_id, hour, network, wide, domain, comment, reasons)
FROM STDIN (FORMAT BINARY)
"""
TRACE_TYPES: Final = ("int8", "int8", "timestamptz", "bytea", "bytea", "bytea", "bytea", "int4")
# Arrays, where the ORM's IN of 2,000 placeholders took longer to write than to carry out.
FORGET_WITHDRAWALS: Final = "DELETE FROM signatures_withdrawal WHERE outcome IS NOT NULL AND token_hash = ANY(%b)"
FORGET_UNSUBSCRIPTIONS: Final = "DELETE FROM signatures_unsubscription WHERE token_hash = ANY(%b)"
# Who has just confirmed has a mailbox, and agrees anew.
FORGET_SUPPRESSIONS: Final = "DELETE FROM signatures_suppression WHERE label = ANY(%b)"
# Times are cut to the day: together with the number they would say when a signer clicked.
EMPTY_SUBMISSIONS: Final = """
UPDATE signatures_submission AS s
   SET sealed = CASE WHEN kept THEN s.sealed END, sealing_key_id = CASE WHEN kept THEN s.sealing_key_id END,
       sealed_consents = CASE WHEN kept THEN s.sealed_consents END,
       consents_key_id = CASE WHEN kept THEN s.consents_key_id END,
       mail_due = NULL, outcome = done.outcome, number = done.number, mailbox_label = done.mailbox_label,
       created_at = date_trunc('day', s.created_at, 'UTC'), mailed_at = date_trunc('day', s.mailed_at, 'UTC'),
       confirmed_at = CASE WHEN kept THEN s.confirmed_at ELSE date_trunc('day', s.confirmed_at, 'UTC') END
  FROM unnest(%b::bytea[], %b::varchar[], %b::bigint[], %b::bytea[], %b::boolean[])
       AS done (token_hash, outcome, number, mailbox_label, kept)
 WHERE s.token_hash = done.token_hash
"""


@dataclass(slots=True)
class Candidate:
    """One submission on its way into the register."""

    token_hash: bytes
    source: str
    signed_on: datetime.date
    outcome: Outcome | None = None
    number: int | None = None
    slot: int = 0
    country: str = ""
    share_name: bool = False
    #: Which of the campaign's texts it is to; 0 where that is not known.
    version: int = 0
    fingerprint: bytes = b""
    name_key: bytes = b""
    withdrawal_hash: bytes = b""
    #: Of its mailbox, beside its link.
    mailbox_label: bytes | None = None
    #: Of the link that ends updates; only where they are wanted.
    unsubscription_hash: bytes = b""
    sealed: bytes = b""
    #: How it came, for sums only: nothing of it is kept beside the signature.
    channel: str = ""
    language: str = ""
    delay: str = ""
    #: Whether a mail went to it, so that it is in the ledger as received.
    mailed: bool = False
    #: The hour it was confirmed in, and how it came; for thirty days, beside the signature (screening.py).
    hour: datetime.datetime | None = None
    clues: Clues | None = None


def admit_all(campaign: Campaign, *, seconds: float = 20.0, batch: int = BATCH) -> int:
    """Admit what is confirmed, batch by batch, until nothing is left or the time is up.

    Returns how many submissions were taken; raises KeysMissing or ForeignPublicKey.
    """
    taken, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        count = admit_batch(campaign, batch)
        taken += count
        if count < batch:
            break
    publish_figures(campaign)
    return taken


def admit_everything(*, seconds: float = 20.0) -> int:
    """Admit what is confirmed in every campaign; one that cannot be admitted does not stop the others."""
    waiting = Submission.objects.filter(confirmed_at__isnull=False, outcome__isnull=True)
    taken = 0
    # What still comes for a campaign whose keys were destroyed cannot be read; pruning takes it away.
    campaigns = Campaign.objects.filter(shredding=None)
    for campaign in campaigns.filter(pk__in=waiting.values("campaign").distinct()):
        try:
            taken += admit_all(campaign, seconds=seconds)
        except (KeysMissing, ForeignPublicKey) as error:
            log.error("signatures of campaign %s cannot be admitted: %s", campaign.slug, describe(error))
        except (DataError, IntegrityError):
            log.exception("signatures of campaign %s cannot be admitted: a batch was refused", campaign.slug)
    return taken


def admit_batch(campaign: Campaign, limit: int = BATCH) -> int:
    """Admit up to `limit` submissions in one transaction. Returns how many were taken (0: nothing to do)."""
    with transaction.atomic(), connection.cursor() as cursor:
        # Past Django's wrapper, which cannot ask for binary answers: half the bytes, and no hex to decode.
        cursor.cursor.execute(TAKE, [campaign.pk, limit], binary=True)
        rows = cursor.fetchall()
        if not rows:
            return 0
        candidates = _read(campaign, rows)
        register = Register.objects.select_for_update().get(campaign=campaign)
        clues = [c.clues for c in candidates if c.clues]
        screening.screen(cursor, campaign.pk, hour_of(timezone.now()), clues)
        newcomers = _tell_apart(cursor, campaign, register.last_number, candidates)
        _insert(cursor, campaign, newcomers)
        _forget_withdrawals(cursor, newcomers)
        admitted = [c for c in newcomers if c.outcome is Outcome.COUNTED]
        Register.objects.filter(pk=register.pk).update(last_number=F("last_number") + len(admitted))
        count_in(register, [_arrival(c) for c in admitted])
        stand_outside(register, [], [_STATES[Outcome.HELD]] * (len(newcomers) - len(admitted)))
        _write_ledger(campaign, candidates)
        _empty(cursor, campaign, candidates)
    return len(rows)


#: {number of a version: {language: SHA-256 of its text}}.
type Texts = Mapping[int, Mapping[str, str]]
#: A submission as TAKE gives it.
type Row = tuple[
    bytes, uuid.UUID, bytes, str, datetime.datetime, datetime.datetime, datetime.datetime | None, uuid.UUID | None,
    bytes | None,
]  # fmt: skip


def _read(campaign: Campaign, rows: list[Row]) -> list[Candidate]:
    opener = Opener(campaign)
    opener.know(key for row in rows for key in (row[1], row[7]) if key)
    deadline = campaign.closes_at + CONFIRMATION_GRACE if campaign.closes_at else None
    texts = dict(TextVersion.objects.filter(campaign=campaign).values_list("number", "hashes"))
    return [_candidate(opener, deadline, texts, *row) for row in rows]


def _candidate(
    opener: Opener, deadline: datetime.datetime | None, texts: Texts,
    hashed: bytes, key_id: uuid.UUID, sealed: bytes, source: str,
    confirmed_at: datetime.datetime, created_at: datetime.datetime, mailed_at: datetime.datetime | None,
    consents_key: uuid.UUID | None, consents: bytes | None,
) -> Candidate:  # fmt: skip
    candidate = Candidate(hashed, source, confirmed_at.astimezone(datetime.UTC).date(), mailed=mailed_at is not None)
    try:
        person = opener.open(key_id, sealed, hashed)
        if consents_key and consents:
            person = _with_consents(person, opener, consents_key, consents, hashed)
        mailbox = canonical_mailbox(person.email)
    except (NotOpened, NotAMailbox):
        # A row that nobody sealed, or that was altered: it must not hold up the others.
        candidate.outcome = Outcome.UNREADABLE
        return candidate
    if deadline and opener.campaign.on_its_clock(confirmed_at) >= deadline:
        candidate.outcome = Outcome.LATE
        return candidate
    mac = opener.keys.mac
    candidate.country = person.country
    candidate.share_name = bool(person.share_name)
    candidate.version = _version_signed(person, texts)
    candidate.channel = known_channel(person.signals.get("via"))
    # Of a closed list, as channels are: whoever seals may not be ours, and must not make rows without end.
    candidate.language = person.language if person.language in BY_CODE else OTHER
    candidate.delay = span_of(confirmed_at - created_at)
    candidate.fingerprint = fingerprint(mac, mailbox)
    candidate.name_key = name_key(mac, person.name)
    candidate.withdrawal_hash = withdrawal_hash(mac, candidate.fingerprint)
    candidate.mailbox_label = links_label(mac, candidate.fingerprint)
    if person.updates:
        candidate.unsubscription_hash = unsubscription_hash(mac, candidate.fingerprint)
    candidate.hour = hour_of(confirmed_at)
    candidate.clues = screening.observe(mac, person, mailbox, confirmed_at, mailed_at)
    # What was seen of the sender is not sealed again: thirty days, and it is gone.
    kept = msgspec.structs.replace(person, signals={}) if person.signals else person
    candidate.sealed = opener.keys.register_box.seal(kept, candidate.fingerprint)
    return candidate


def _version_signed(person: Person, texts: Texts) -> int:
    """Which text it is to: one that this campaign had, by its hash; 0 for anything else that was sealed."""
    return person.version if person.text_sha256 in texts.get(person.version, {}).values() else 0


def _with_consents(person: Person, opener: Opener, key_id: uuid.UUID, sealed: bytes, hashed: bytes) -> Person:
    """What was typed, with what the mailbox's owner added when confirming and nothing that the form may have claimed.
    A box that does not open holds no consent; the signature stands."""
    try:
        added = opener.open_consents(key_id, sealed, hashed)
    except NotOpened:
        log.warning("consents of a signature of campaign %s cannot be opened: none is taken", opener.campaign.slug)
        added = Consents()
    if added.name and added.country:
        person = msgspec.structs.replace(person, name=added.name, country=added.country, place=added.place)
    return msgspec.structs.replace(
        person, comment=added.comment, share_name=added.share_name, share_comment=added.share_comment,
        updates=added.updates,
    )  # fmt: skip


def _tell_apart(
    cursor: CursorWrapper, campaign: Campaign, last_number: int, candidates: list[Candidate]
) -> list[Candidate]:
    """Give each newcomer a slot and a number, and each duplicate the number it already has.

    A mailbox has `persons_per_mailbox` slots; the same name in it is the same person. Who confirmed
    first counts. What judgement holds gets no number. Needs the register's lock. Returns the newcomers, in order
    of confirmation.
    """
    readable = [c for c in candidates if c.outcome is None]
    cursor.execute(ALREADY_THERE, [campaign.pk, [c.fingerprint for c in readable]])
    mailboxes: dict[bytes, list[tuple[int, bytes, int | None]]] = defaultdict(list)
    for mailbox, *person in cursor.fetchall():
        mailboxes[mailbox].append(tuple(person))
    numbers = itertools.count(last_number + 1)
    newcomers: list[Candidate] = []
    for candidate in readable:
        persons = mailboxes[candidate.fingerprint]
        same = next((person for person in persons if person[1] == candidate.name_key), None)
        if same or len(persons) >= campaign.persons_per_mailbox:
            candidate.outcome, candidate.number = Outcome.DUPLICATE, (same or persons[0])[2]
            continue
        taken = {slot for slot, _, _ in persons}
        candidate.slot = next(slot for slot in range(campaign.persons_per_mailbox) if slot not in taken)
        if candidate.clues and screening.is_held(candidate.clues.reasons):
            candidate.outcome = Outcome.HELD
        else:
            candidate.outcome, candidate.number = Outcome.COUNTED, next(numbers)
        persons.append((candidate.slot, candidate.name_key, candidate.number))
        newcomers.append(candidate)
    return newcomers


_STATES: Final = {Outcome.COUNTED: Signature.State.COUNTED.value, Outcome.HELD: Signature.State.QUARANTINED.value}


def _insert(cursor: CursorWrapper, campaign: Campaign, newcomers: list[Candidate]) -> None:
    cursor.execute(NEXT_IDS, [len(newcomers)])
    ids = [key for (key,) in cursor.fetchall()]
    with cursor.copy(COPY_SIGNATURES) as copy:
        copy.set_types(COPY_TYPES)
        for key, c in zip(ids, newcomers, strict=True):
            copy.write_row((
                key, campaign.pk, c.number, c.signed_on, c.slot, c.share_name, c.country, c.source,
                _STATES[c.outcome or Outcome.COUNTED], c.version, c.fingerprint, c.name_key, c.withdrawal_hash,
                c.sealed,
            ))  # fmt: skip
    traced = [(key, c.hour, c.clues) for key, c in zip(ids, newcomers, strict=True) if c.clues]
    if not traced:
        return
    with cursor.copy(COPY_TRACES) as copy:
        copy.set_types(TRACE_TYPES)
        for key, hour, clues in traced:
            copy.write_row((
                key, campaign.pk, hour, clues.network, clues.wide, clues.domain, clues.comment, clues.reasons.value,
            ))  # fmt: skip


def _forget_withdrawals(cursor: CursorWrapper, newcomers: list[Candidate]) -> None:
    """Who withdrew and signed again has the same links: a settled request must not swallow the next press, nor an
    earlier "no more updates" what is agreed to now."""
    cursor.execute(FORGET_WITHDRAWALS, [[c.withdrawal_hash for c in newcomers]])
    again = [c.unsubscription_hash for c in newcomers if c.unsubscription_hash]
    if again:
        cursor.execute(FORGET_UNSUBSCRIPTIONS, [again])
        cursor.execute(FORGET_SUPPRESSIONS, [[hashed[:SUPPRESSION_BYTES] for hashed in again]])


def _arrival(candidate: Candidate) -> Arrival:
    c = candidate
    return Arrival(c.country, c.signed_on, c.source, c.channel, c.language, c.delay, c.version)


def _write_ledger(campaign: Campaign, candidates: list[Candidate]) -> None:
    outcomes = Counter(candidate.outcome for candidate in candidates)
    ledger.note(
        campaign.pk,
        received=sum(not candidate.mailed for candidate in candidates),
        taken=len(candidates),
        admitted=outcomes[Outcome.COUNTED],
        duplicate=outcomes[Outcome.DUPLICATE],
        held=outcomes[Outcome.HELD],
        late=outcomes[Outcome.LATE],
        unreadable=outcomes[Outcome.UNREADABLE],
    )


def _empty(cursor: CursorWrapper, campaign: Campaign, candidates: list[Candidate]) -> None:
    """Keep the outcome, drop the person. A campaign at risk tells nobody a number.

    What was refused (late, unreadable) stays sealed until it is pruned: a closing date set by mistake, or by
    whoever holds the web, must not be able to erase signatures.
    """
    cursor.execute(
        EMPTY_SUBMISSIONS,
        [
            [c.token_hash for c in candidates],
            [c.outcome.value for c in candidates if c.outcome],
            [None if campaign.at_risk else c.number for c in candidates],
            [c.mailbox_label for c in candidates],
            [c.outcome in REFUSED for c in candidates],
        ],
    )
