"""Confirmation mails: sent at least once, and at most once more for each time a worker is killed.

`mail_due` is queue and lease in one: a worker claims rows by moving it LEASE ahead, sends outside any
transaction, then clears it. If the worker dies, the rows are due again when the lease ends.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import smtplib
import time
import uuid
from dataclasses import dataclass, field
from email.utils import make_msgid
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, mailers
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation

from config.languages import address_in, known
from petitions.models import Campaign
from signatures.identity import NotAMailbox, canonical_mailbox, fingerprint, withdrawal_token
from signatures.models import Submission
from signatures.register.keyring import ForeignPublicKey, KeysMissing
from signatures.register.unsealing import Opener
from signatures.sealing import NotOpened, Person

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
RETURNING token_hash, campaign_id, sealing_key_id, sealed
"""

LATER: Final = """
UPDATE signatures_submission
   SET mail_due = now() + greatest(make_interval(secs => %s), (now() - created_at) * %s)
 WHERE token_hash = ANY(%s) AND outcome IS NULL
"""

#: Token hash, sealing key, sealed submission.
type Row = tuple[bytes, uuid.UUID, bytes]


@dataclass(slots=True)
class Sent:
    """What became of a claim, by token hash. What is in no list is tried again soon."""

    mailed: list[bytes] = field(default_factory=list)
    refused: list[bytes] = field(default_factory=list)
    #: The server said "later" for this address.
    put_off: list[bytes] = field(default_factory=list)
    #: The server took the text and fell silent: sent or not, nobody knows.
    unclear: list[bytes] = field(default_factory=list)
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
        log.warning("the mail server is away (%s); mails wait", type(error).__name__)
    finally:
        _close(server)
    return result


def _send_claim(server: BaseEmailBackend, result: Sent, limit: int) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(CLAIM, [LEASE.total_seconds(), limit])
        claimed = cursor.fetchall()
    result.over = not claimed
    by_campaign: dict[int, list[Row]] = {}
    for hashed, campaign_id, key_id, sealed in claimed:
        by_campaign.setdefault(campaign_id, []).append((hashed, key_id, sealed))
    deadline = time.monotonic() + SEND_FOR
    try:
        for campaign in Campaign.objects.filter(pk__in=by_campaign):
            _send_for(campaign, server, by_campaign[campaign.pk], result, deadline)
    finally:
        _record(result, {row[0] for row in claimed})


def _record(result: Sent, claimed: set[bytes]) -> None:
    """Only of what is not admitted yet: beside a number, the time of a mail would be its signer's."""
    pending = Submission.objects.filter(outcome__isnull=True)
    pending.filter(token_hash__in=result.mailed).update(mail_due=None, mailed_at=timezone.now())
    pending.filter(token_hash__in=result.refused).update(mail_due=None)
    soon = claimed.difference(result.mailed, result.refused, result.put_off, result.unclear)
    with connection.cursor() as cursor:
        cursor.execute(LATER, [RETRY.total_seconds(), 0.0, list(soon)])
        cursor.execute(LATER, [RETRY.total_seconds(), PUT_OFF_PER_AGE, result.put_off])
        cursor.execute(LATER, [UNCLEAR.total_seconds(), UNCLEAR_PER_AGE, result.unclear])


def _send_for(campaign: Campaign, server: BaseEmailBackend, rows: list[Row], result: Sent, deadline: float) -> None:
    try:
        opener = Opener(campaign)
    except (KeysMissing, ForeignPublicKey) as error:
        log.error("no mails for campaign %s: %s", campaign.slug, type(error).__name__)
        return
    opener.know(key_id for _, key_id, _ in rows)
    for row in rows:
        if time.monotonic() > deadline:
            return
        _send_one(campaign, opener, server, result, row)


def _send_one(campaign: Campaign, opener: Opener, server: BaseEmailBackend, result: Sent, row: Row) -> None:
    hashed, key_id, sealed = row
    try:
        mail = confirmation_mail(campaign, opener.open(key_id, sealed, hashed), opener)
    except (NotOpened, NotAMailbox):
        result.refused.append(hashed)
        return
    try:
        server.send_messages([mail])
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


def confirmation_mail(campaign: Campaign, person: Person, opener: Opener) -> EmailMultiAlternatives:
    """The mail with the two links, in the supporter's language; neutral where the campaign is at risk."""
    language = known(person.language)
    mailbox = fingerprint(opener.keys.pepper, canonical_mailbox(person.email))
    withdrawn_by = withdrawal_token(opener.keys.pepper, mailbox)
    context = {
        "campaign": campaign,
        "confirm_url": address_in(language, f"{settings.SITE_URL}/confirm/{person.token}/"),
        "withdraw_url": address_in(language, f"{settings.SITE_URL}/withdraw/{withdrawn_by}/"),
        "site_url": address_in(language, f"{settings.SITE_URL}/"),
        "days": settings.PENDING_DAYS,
    }
    name = "mail/confirm_neutral" if campaign.at_risk else "mail/confirm"
    with translation.override(language):
        subject = " ".join(render_to_string(f"{name}_subject.txt", context).split())
        mail = EmailMultiAlternatives(
            subject,
            render_to_string(f"{name}.txt", context),
            from_email=settings.NEUTRAL_FROM_EMAIL if campaign.at_risk else settings.DEFAULT_FROM_EMAIL,
            to=[person.email],
            headers={
                # Not the worker's host name, which make_msgid would look up.
                "Message-ID": make_msgid(domain=urlsplit(settings.SITE_URL).hostname),
                "Auto-Submitted": "auto-generated",
            },
        )
        mail.attach_alternative(render_to_string(f"{name}.html", context), "text/html")
    return mail
