"""Confirmation mails: sent at least once, and at most once more for each time a worker is killed.

`mail_due` is queue and lease in one: a worker claims rows by moving it LEASE ahead, sends outside any
transaction, then clears it. If the worker dies, the rows are due again when the lease ends.

What is claimed is counted by mailbox in the same transaction (mail_limits.py). A submission is counted once a day:
`mail_counted_on` says that it was, so a mail that is tried again, because the server was away or a worker was
killed, uses up nothing more, and is never lost to a limit that it has already passed.
"""

from __future__ import annotations

import datetime
import logging
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import starmap
from typing import Final, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.utils import timezone, translation

from petitions.models import Campaign
from signatures.identity import (
    Mac,
    NotAMailbox,
    canonical_mailbox,
    fingerprint,
    token_hash,
    unsubscription_hash,
    withdrawal_token,
)
from signatures.models import Signature, SigningRules, Submission
from signatures.models.mail import SUPPRESSION_BYTES
from signatures.register import bounces, form_letters, ledger, mail_limits
from signatures.register.form_letters import FormLetter, NotAnAddress, place
from signatures.register.keyring import ForeignPublicKey, KeysMissing, keyring
from signatures.register.mail_senders import sender_of
from signatures.register.masking import masked_initials
from signatures.register.refusals import Refusals, paused
from signatures.register.rejections import left_alone, left_alone_label
from signatures.register.relay import Answer, Away, Relay, Reply, Silent
from signatures.register.unsealing import Opener
from signatures.sealing import NotOpened, Person
from web.i18n.languages import address_in, known
from web.redaction import describe

log = logging.getLogger(__name__)

#: Mails a claim.
BATCH: Final = 100
#: How long a claim lasts, and how long of it a worker begins further mails. The rest is more than the four
#: steps of one mail may take (10 s each, settings.py), so a lease never ends under a living worker.
LEASE: Final = datetime.timedelta(seconds=55)
SEND_FOR: Final = 10.0
#: When to try again: after the server was away; after it put this address off; and where it fell silent after
#: the text, and may have taken the mail. The last two wait the longer the older the submission is.
RETRY: Final = datetime.timedelta(seconds=20)
PUT_OFF_PER_AGE: Final = 0.25
UNCLEAR: Final = datetime.timedelta(minutes=5)
UNCLEAR_PER_AGE: Final = 1.0
#: When a mail that the server refuses, though it takes others, is given up: so long after the form was sent.
GIVE_UP: Final = datetime.timedelta(days=2)
KIND: Final = "confirmations"

# Raw: claim with SKIP LOCKED in one statement.
CLAIM: Final = """
UPDATE signatures_submission SET mail_due = now() + make_interval(secs => %s)
 WHERE token_hash IN (SELECT token_hash FROM signatures_submission
                       WHERE mail_due <= now() ORDER BY mail_due LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING token_hash, campaign_id, sealing_key_id, sealed, created_at, mailed_at, confirmed_at, mail_counted_on
"""
# Where the mail server refuses one of our two senders, the other's mails go on.
CLAIM_OF_OTHERS: Final = CLAIM.replace("mail_due <= now()", "mail_due <= now() AND campaign_id <> ALL(%s)")

LATER: Final = """
UPDATE signatures_submission
   SET mail_due = now() + greatest(make_interval(secs => %s), (now() - created_at) * %s)
 WHERE token_hash = ANY(%s) AND outcome IS NULL
"""

COUNTED: Final = "UPDATE signatures_submission SET mail_counted_on = %s WHERE token_hash = ANY(%s)"
# A reminder waits for its day in the queue; what is confirmed meanwhile leaves the queue when it is admitted.
REMIND: Final = """
UPDATE signatures_submission SET mail_due = created_at + make_interval(days => %s)
 WHERE token_hash = ANY(%s) AND outcome IS NULL
"""


class Row(NamedTuple):
    """A submission as it is claimed. `mailed_at`: it has had its mail, what is due now is the reminder."""

    hashed: bytes
    campaign_id: int
    key_id: uuid.UUID
    sealed: bytes
    created_at: datetime.datetime
    mailed_at: datetime.datetime | None
    confirmed_at: datetime.datetime | None
    counted_on: datetime.date | None


@dataclass(frozen=True, slots=True)
class Letter:
    """A claimed row, opened."""

    row: Row
    campaign: Campaign
    person: Person
    mac: Mac
    #: Canonical; for labels, never for sending.
    mailbox: str

    @property
    def network(self) -> str:
        """Of whoever sent the form, under web's label; "" where it saw none."""
        return str(self.person.signals.get("network", ""))

    @property
    def fingerprint(self) -> bytes:
        return fingerprint(self.mac, self.mailbox)


class Forms(dict[tuple[int, str, int, bool], FormLetter]):
    """The forms of a claim, each set once: by campaign, language, days that are left, and whether it reminds."""


@dataclass(slots=True)
class Sent:
    """What became of a claim, by token hash. What is in no list is tried again soon."""

    mailed: list[bytes] = field(default_factory=list)
    #: Given up for good.
    refused: list[bytes] = field(default_factory=list)
    #: The server said "later" for this address.
    put_off: list[bytes] = field(default_factory=list)
    #: The server took the text and fell silent: sent or not, nobody knows.
    unclear: list[bytes] = field(default_factory=list)
    #: Its mailbox has had its mails of the day; or a reminder that nobody needs any more.
    withheld: list[bytes] = field(default_factory=list)
    #: Why: of what is given up, withheld, or was refused or put off and waits.
    problems: dict[bytes, str] = field(default_factory=dict)
    #: The server cannot be reached, or there was nothing to send: no use in going on now.
    over: bool = False


def send_mails(*, seconds: float = 20.0) -> int:
    """Send what is due, until nothing is or the time is up. Returns how many mails were sent."""
    sent, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        result = send_batch()
        sent += len(result.mailed)
        if result.over:
            break
    return sent


def _is_due() -> bool:
    """By the database's clock, as claiming goes: this machine's may be another."""
    return Submission.objects.filter(mail_due__lte=Now()).exists()


def send_batch(limit: int = BATCH) -> Sent:
    """Claim up to `limit` mails, send them, and record what became of each."""
    waiting = paused(KIND)
    if len(waiting) == 2 or not _is_due():
        return Sent(over=True)
    result = Sent()
    try:
        with Relay() as relay:  # before anything is claimed: a greeting may take longer than a lease
            _send_claim(relay, result, limit, waiting)
    except Away as error:
        result.over = True
        log.warning("the mail server is unavailable (%s); e-mails are delayed", error)
    return result


def _send_claim(relay: Relay, result: Sent, limit: int, waiting: set[bool]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        if waiting:
            those = list(Campaign.objects.filter(at_risk__in=waiting).values_list("pk", flat=True))
            cursor.execute(CLAIM_OF_OTHERS, [LEASE.total_seconds(), those, limit])
        else:
            cursor.execute(CLAIM, [LEASE.total_seconds(), limit])
        claimed = list(starmap(Row, cursor.fetchall()))
        result.over = not claimed
        letters = _within_limits(cursor, _open(claimed, result), result)
    deadline, forms, refusals = time.monotonic() + SEND_FOR, Forms(), Refusals[bytes](KIND)
    try:
        for letter in letters:
            if time.monotonic() > deadline:
                break
            if refusals.may_try(letter.campaign.at_risk, letter.person.email):
                answer = _send_one(relay, result, letter, forms)
                refusals.note(letter.row.hashed, letter.campaign.at_risk, letter.person.email, answer)
    finally:
        rows = {row.hashed: row for row in claimed}
        _settle(result, refusals, rows)
        _record(result, rows)


def _settle(result: Sent, refusals: Refusals[bytes], claimed: Mapping[bytes, Row]) -> None:
    """What becomes of mails that the server refuses: those that it does not want are given up after days of trying."""
    settled = refusals.settle()
    result.problems |= settled.words
    result.over |= bool(settled.soon) and not result.mailed
    result.put_off += settled.later
    for hashed in settled.unwanted:
        old = timezone.now() - claimed[hashed].created_at > GIVE_UP
        (result.refused if old else result.put_off).append(hashed)


def _record(result: Sent, claimed: Mapping[bytes, Row]) -> None:
    """Only of what is not admitted yet: beside a number, the time of a mail would be its signer's."""
    pending = Submission.objects.filter(outcome__isnull=True)
    _note_received(result.mailed)
    pending.filter(token_hash__in=result.mailed).update(mail_due=None, mailed_at=Now(), mail_problem="")
    pending.filter(token_hash__in=[*result.refused, *result.withheld]).update(mail_due=None)
    _note_problems(result)
    soon = claimed.keys() - {*result.mailed, *result.refused, *result.withheld, *result.put_off, *result.unclear}
    with connection.cursor() as cursor:
        cursor.execute(LATER, [RETRY.total_seconds(), 0.0, list(soon)])
        cursor.execute(LATER, [RETRY.total_seconds(), PUT_OFF_PER_AGE, result.put_off])
        cursor.execute(LATER, [UNCLEAR.total_seconds(), UNCLEAR_PER_AGE, result.unclear])
        _plan_reminders(cursor, [claimed[hashed] for hashed in result.mailed])


def _note_problems(result: Sent) -> None:
    """In their rows, and of what is given up in the log: by reason, without whose it was."""
    by_problem: dict[str, list[bytes]] = {}
    for hashed, problem in result.problems.items():
        by_problem.setdefault(problem, []).append(hashed)
    for problem, hashes in by_problem.items():
        Submission.objects.filter(token_hash__in=hashes, outcome__isnull=True).update(mail_problem=problem)
        if given_up := len({*hashes} & {*result.refused}):
            log.warning("%d mails are given up (%s); list_mails shows them", given_up, problem)


def _plan_reminders(cursor: CursorWrapper, mailed: list[Row]) -> None:
    """One, where the campaign wants one, for those that have just had their first mail."""
    first = [row for row in mailed if row.mailed_at is None]
    days_of = SigningRules.reminders({row.campaign_id for row in first})
    for campaign_id, days in days_of.items():
        cursor.execute(REMIND, [days, [row.hashed for row in first if row.campaign_id == campaign_id]])


def _note_received(mailed: list[bytes]) -> None:
    """In the ledger, once each: when its first mail went out. Who confirmed meanwhile is noted by admission."""
    new = Submission.objects.filter(token_hash__in=mailed, outcome__isnull=True, mailed_at__isnull=True)
    for campaign, count in Counter(new.values_list("campaign", flat=True)).items():
        ledger.note(campaign, received=count)


def _open(claimed: list[Row], result: Sent) -> list[Letter]:
    """The letters of a claim; what cannot be opened is refused, what has no keys here waits."""
    letters: list[Letter] = []
    # Nobody reads, or mails, what was sealed to keys that were destroyed.
    campaigns = Campaign.objects.filter(shredding=None)
    for campaign in campaigns.filter(pk__in={row.campaign_id for row in claimed}):
        try:
            opener = Opener(campaign)
        except (KeysMissing, ForeignPublicKey) as error:
            log.error("no e-mails can be sent for campaign %s: %s", campaign.slug, describe(error))
            continue
        rows = [row for row in claimed if row.campaign_id == campaign.pk]
        opener.know(row.key_id for row in rows)
        for row in rows:
            try:
                person = opener.open(row.key_id, row.sealed, row.hashed)
                letters.append(Letter(row, campaign, person, opener.keys.mac, canonical_mailbox(person.email)))
            except (NotOpened, NotAMailbox):
                result.refused.append(row.hashed)
                result.problems[row.hashed] = "unreadable"
    return letters


def _within_limits(cursor: CursorWrapper, letters: list[Letter], result: Sent) -> list[Letter]:
    """The letters that may go now; the others are withheld for good: their owner has earlier ones, or signs again."""
    wanted = _without_left_alone(_without_needless_reminders(letters, result), result)
    now = timezone.now()
    today = now.date()
    new = [letter for letter in wanted if letter.row.counted_on != today]
    site_mac = Mac(keyring().site_key() if new else b"")
    labels = [mail_limits.labels(letter.mac, site_mac, letter.mailbox, letter.network, now) for letter in new]
    granted = mail_limits.grant(cursor, labels, today)
    refused = {letter.row.hashed for letter, may in zip(new, granted, strict=True) if not may}
    if refused:
        log.warning("%d e-mails held back: their recipients reached today's limit", len(refused))
        result.withheld += refused
        result.problems |= dict.fromkeys(refused, "no mails left today")
    if counted := [letter.row.hashed for letter in new if letter.row.hashed not in refused]:
        cursor.execute(COUNTED, [today, counted])
    return [letter for letter in wanted if letter.row.hashed not in refused]


def _without_left_alone(letters: list[Letter], result: Sent) -> list[Letter]:
    """No mail to who said of this campaign "That was not me" (rejections.py)."""
    labels = {letter.row.hashed: left_alone_label(letter.mac, letter.mailbox) for letter in letters}
    alone = left_alone(labels.values())
    withheld = [hashed for hashed, label in labels.items() if label in alone]
    result.withheld += withheld
    result.problems |= dict.fromkeys(withheld, "left alone")
    return [letter for letter in letters if labels[letter.row.hashed] not in alone]


def _without_needless_reminders(letters: list[Letter], result: Sent) -> list[Letter]:
    """Nobody is reminded who has confirmed, also by another submission."""
    reminders = [letter for letter in letters if letter.row.mailed_at]
    if not reminders:
        return letters
    there = Signature.objects.filter(
        campaign__in={letter.row.campaign_id for letter in reminders},
        fingerprint__in=[letter.fingerprint for letter in reminders],
    )
    signed = {bytes(found) for found in there.values_list("fingerprint", flat=True) if found}
    needless = {r.row.hashed for r in reminders if r.row.confirmed_at or r.fingerprint in signed}
    result.withheld += needless
    return [letter for letter in letters if letter.row.hashed not in needless]


def _send_one(relay: Relay, result: Sent, letter: Letter, forms: Forms) -> Answer:
    """Send one mail, and note what became of it. Raises Away."""
    hashed = letter.row.hashed
    try:
        answer = relay.send(_mail(letter, forms))
    except NotAnAddress:  # one such row must not stop the others
        answer = Answer(Reply.NOBODY, "no address that mail can carry")
    except Silent:
        result.unclear.append(hashed)
        raise
    if answer.reply is Reply.TAKEN:
        result.mailed.append(hashed)
    elif answer.reply is Reply.LATER:
        result.put_off.append(hashed)
        result.problems[hashed] = answer.words
    elif answer.reply is Reply.NOBODY:
        result.refused.append(hashed)
        result.problems[hashed] = answer.words
    return answer


def confirmation_mail(campaign: Campaign, person: Person, opener: Opener) -> form_letters.Letter:
    """The mail with the two links, in the supporter's language; neutral where the campaign is at risk."""
    now = timezone.now()
    row = Row(token_hash(person.token), campaign.pk, uuid.UUID(int=0), b"", now, None, None, None)
    return _mail(Letter(row, campaign, person, opener.keys.mac, canonical_mailbox(person.email)), Forms())


def _mail(letter: Letter, forms: Forms) -> form_letters.Letter:
    """The letter's copy of its form. `forms` keeps those that were set already."""
    person, reminds = letter.person, letter.row.mailed_at is not None
    language = known(person.language)
    days = max(1, settings.PENDING_DAYS - (timezone.now() - letter.row.created_at).days)
    key = (letter.campaign.pk, language, days, reminds)
    if key not in forms:
        forms[key] = _form(letter.campaign, language, days, reminds)
    withdrawn_by = withdrawal_token(letter.mac, letter.fingerprint)
    origin = sender_of(letter.campaign).origin
    links = {
        "confirm": address_in(language, f"{origin}/confirm/{person.token}/"),
        "withdraw": address_in(language, f"{origin}/withdraw/{withdrawn_by}/"),
        "not me": address_in(language, f"{origin}/not-me/{person.token}/"),
    }
    carried = bounces.of_submission(letter.row.hashed, reminds=reminds)
    updates = bounces.of_update(unsubscription_hash(letter.mac, letter.fingerprint)[:SUPPRESSION_BYTES], 0)
    # Whoever typed the address is a stranger until it is confirmed: nothing else that was typed stands in the mail.
    words = {} if letter.campaign.at_risk else {"initials": masked_initials(person.name)}
    return forms[key].to(person.email, links, bounces.headers(keyring().site_key(), carried, updates), words)


def _form(campaign: Campaign, language: str, days: int, reminds: bool) -> FormLetter:
    sender = sender_of(campaign)
    context = {
        "campaign": campaign,
        "initials": place("initials"),
        "confirm_url": place("confirm"),
        "withdraw_url": place("withdraw"),
        "not_me_url": place("not me"),
        "site_url": address_in(language, f"{sender.origin}/"),
        "colour": sender.colour,
        "days": days,
        "reminds": reminds,
    }
    name = "mail/confirm_neutral" if campaign.at_risk else "mail/confirm"
    with translation.override(language):
        return FormLetter.of(
            " ".join(render_to_string(f"{name}_subject.txt", context).split()),
            render_to_string(f"{name}.txt", context),
            sender.from_email,
            {"Auto-Submitted": "auto-generated", **sender.headers},
            render_to_string(f"{name}.html", context),
        )
