"""Confirmation mails: sent at least once, and at most once more for each time a worker is killed.

`mail_due` is queue and lease in one: a worker claims rows by moving it LEASE ahead, sends outside any
transaction, then clears it. If the worker dies, the rows are due again when the lease ends.

What is claimed is counted by mailbox in the same transaction (mail_limits.py). A submission is counted once a day:
`mail_counted_on` says that it was, so a mail that is tried again, because the server was away or a worker was
killed, uses up nothing more, and is never lost to a limit that it has already passed.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import smtplib
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import starmap
from typing import Final, NamedTuple

from django.conf import settings
from django.core.mail import mailers
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.template.loader import render_to_string
from django.utils import timezone, translation

from petitions.models import Campaign
from signatures.identity import Mac, NotAMailbox, canonical_mailbox, fingerprint, token_hash, withdrawal_token
from signatures.models import Signature, SigningRules, Submission
from signatures.register import bounces, form_letters, ledger, mail_limits
from signatures.register.form_letters import FormLetter, place
from signatures.register.keyring import ForeignPublicKey, KeysMissing, keyring
from signatures.register.unsealing import Opener
from signatures.sealing import NotOpened, Person
from web.i18n.languages import address_in, known

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

# Raw: claim with SKIP LOCKED in one statement.
CLAIM: Final = """
UPDATE signatures_submission SET mail_due = now() + make_interval(secs => %s)
 WHERE token_hash IN (SELECT token_hash FROM signatures_submission
                       WHERE mail_due <= now() ORDER BY mail_due LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING token_hash, campaign_id, sealing_key_id, sealed, created_at, mailed_at, confirmed_at, mail_counted_on
"""

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
    def fingerprint(self) -> bytes:
        return fingerprint(self.mac, self.mailbox)


class Forms(dict[tuple[int, str, int, bool], FormLetter]):
    """The forms of a claim, each set once: by campaign, language, days that are left, and whether it reminds."""


@dataclass(slots=True)
class Sent:
    """What became of a claim, by token hash. What is in no list is tried again soon."""

    mailed: list[bytes] = field(default_factory=list)
    refused: list[bytes] = field(default_factory=list)
    #: The server said "later" for this address.
    put_off: list[bytes] = field(default_factory=list)
    #: The server took the text and fell silent: sent or not, nobody knows.
    unclear: list[bytes] = field(default_factory=list)
    #: Its mailbox has had its mails of the day; or a reminder that nobody needs any more.
    withheld: list[bytes] = field(default_factory=list)
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


def send_batch(limit: int = BATCH) -> Sent:
    """Claim up to `limit` mails, send them, and record what became of each."""
    if not Submission.objects.filter(mail_due__lte=timezone.now()).exists():
        return Sent(over=True)
    server, result = mailers.default, Sent()
    try:
        server.open()  # before anything is claimed: a greeting may take longer than a lease
        _send_claim(server, result, limit)
    except (smtplib.SMTPException, OSError) as error:
        result.over = True
        log.warning("the mail server is unavailable (%s); e-mails are delayed", type(error).__name__)
    finally:
        _close(server)
    return result


def _send_claim(server: BaseEmailBackend, result: Sent, limit: int) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(CLAIM, [LEASE.total_seconds(), limit])
        claimed = list(starmap(Row, cursor.fetchall()))
        result.over = not claimed
        letters = _within_limits(cursor, _open(claimed, result), result)
    deadline, forms = time.monotonic() + SEND_FOR, Forms()
    try:
        for letter in letters:
            if time.monotonic() > deadline:
                break
            _send_one(server, result, letter, forms)
    finally:
        _record(result, {row.hashed: row for row in claimed})


def _record(result: Sent, claimed: Mapping[bytes, Row]) -> None:
    """Only of what is not admitted yet: beside a number, the time of a mail would be its signer's."""
    pending = Submission.objects.filter(outcome__isnull=True)
    _note_received(result.mailed)
    pending.filter(token_hash__in=result.mailed).update(mail_due=None, mailed_at=timezone.now())
    pending.filter(token_hash__in=[*result.refused, *result.withheld]).update(mail_due=None)
    soon = claimed.keys() - {*result.mailed, *result.refused, *result.withheld, *result.put_off, *result.unclear}
    with connection.cursor() as cursor:
        cursor.execute(LATER, [RETRY.total_seconds(), 0.0, list(soon)])
        cursor.execute(LATER, [RETRY.total_seconds(), PUT_OFF_PER_AGE, result.put_off])
        cursor.execute(LATER, [UNCLEAR.total_seconds(), UNCLEAR_PER_AGE, result.unclear])
        _plan_reminders(cursor, [claimed[hashed] for hashed in result.mailed])


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
            log.error("no e-mails can be sent for campaign %s: %s", campaign.slug, type(error).__name__)
            continue
        rows = [row for row in claimed if row.campaign_id == campaign.pk]
        opener.know(row.key_id for row in rows)
        for row in rows:
            try:
                person = opener.open(row.key_id, row.sealed, row.hashed)
                letters.append(Letter(row, campaign, person, opener.keys.mac, canonical_mailbox(person.email)))
            except (NotOpened, NotAMailbox):
                result.refused.append(row.hashed)
    return letters


def _within_limits(cursor: CursorWrapper, letters: list[Letter], result: Sent) -> list[Letter]:
    """The letters that may go today; the others are withheld for good: their owner can sign again."""
    wanted = _without_needless_reminders(letters, result)
    today = timezone.now().date()
    new = [letter for letter in wanted if letter.row.counted_on != today]
    site_mac = Mac(keyring().site_key() if new else b"")
    labels = [mail_limits.labels(letter.mac, site_mac, letter.mailbox, today) for letter in new]
    granted = mail_limits.grant(cursor, labels, today)
    refused = {letter.row.hashed for letter, may in zip(new, granted, strict=True) if not may}
    if refused:
        log.warning("%d e-mails held back: their recipients reached today's limit", len(refused))
        result.withheld += refused
    if counted := [letter.row.hashed for letter in new if letter.row.hashed not in refused]:
        cursor.execute(COUNTED, [today, counted])
    return [letter for letter in wanted if letter.row.hashed not in refused]


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


def _send_one(server: BaseEmailBackend, result: Sent, letter: Letter, forms: Forms) -> None:
    hashed = letter.row.hashed
    try:
        server.send_messages([_mail(letter, forms)])
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        (result.refused if all(code >= 500 for code in codes) else result.put_off).append(hashed)
    # ValueError: Django's word for an address that needs SMTPUTF8. One such row must not stop the others.
    except (smtplib.SMTPDataError, smtplib.SMTPNotSupportedError, ValueError) as error:
        permanent = not isinstance(error, smtplib.SMTPDataError) or error.smtp_code >= 500
        (result.refused if permanent else result.put_off).append(hashed)
    except smtplib.SMTPServerDisconnected as error:
        if isinstance(error.__context__, TimeoutError):  # smtplib's way to say that no answer came in time
            result.unclear.append(hashed)
        raise
    else:
        result.mailed.append(hashed)


def _close(server: BaseEmailBackend) -> None:
    with contextlib.suppress(smtplib.SMTPException, OSError):  # it was away already
        server.close()


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
    links = {
        "confirm": address_in(language, f"{settings.SITE_URL}/confirm/{person.token}/"),
        "withdraw": address_in(language, f"{settings.SITE_URL}/withdraw/{withdrawn_by}/"),
    }
    identifier = bounces.message_id(keyring().site_key(), letter.row.hashed, b"r" if reminds else b"c")
    return forms[key].to(person.email, links, {"Message-ID": identifier})


def _form(campaign: Campaign, language: str, days: int, reminds: bool) -> FormLetter:
    context = {
        "campaign": campaign,
        "confirm_url": place("confirm"),
        "withdraw_url": place("withdraw"),
        "site_url": address_in(language, f"{settings.SITE_URL}/"),
        "days": days,
        "reminds": reminds,
    }
    name = "mail/confirm_neutral" if campaign.at_risk else "mail/confirm"
    with translation.override(language):
        return FormLetter.of(
            " ".join(render_to_string(f"{name}_subject.txt", context).split()),
            render_to_string(f"{name}.txt", context),
            settings.NEUTRAL_FROM_EMAIL if campaign.at_risk else settings.DEFAULT_FROM_EMAIL,
            {"Auto-Submitted": "auto-generated"},
            render_to_string(f"{name}.html", context),
        )
