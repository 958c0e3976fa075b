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

from petitions.models import Campaign
from signatures.identity import NotAMailbox, canonical_mailbox, fingerprint, withdrawal_token
from signatures.models import Submission
from signatures.register.keyring import ForeignPublicKey, KeysMissing
from signatures.register.unsealing import Opener
from signatures.sealing import NotOpened, Person

log = logging.getLogger(__name__)

#: Mails a claim.
BATCH: Final = 100
#: How long a claim lasts, and how long of it a worker goes on sending: the difference is more than the
#: SMTP time-out of one mail (10 s), so a lease never ends under a living worker.
LEASE: Final = datetime.timedelta(seconds=45)
SEND_FOR: Final = 25.0
#: When to try again after the mail server was away or said "later".
RETRY: Final = datetime.timedelta(seconds=20)

# Raw: claim with SKIP LOCKED in one statement.
CLAIM: Final = """
UPDATE signatures_submission SET mail_due = now() + make_interval(secs => %s)
 WHERE token_hash IN (SELECT token_hash FROM signatures_submission
                       WHERE mail_due <= now() ORDER BY mail_due LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING token_hash, campaign_id, sealing_key_id, sealed
"""

#: Token hash, sealing key, sealed submission.
type Row = tuple[bytes, uuid.UUID, bytes]


@dataclass(slots=True)
class Sent:
    """What became of a claim, by token hash."""

    mailed: list[bytes] = field(default_factory=list)
    refused: list[bytes] = field(default_factory=list)
    later: list[bytes] = field(default_factory=list)


def send_mails(*, seconds: float = 20.0) -> int:
    """Send what is due, until nothing is or the time is up. Returns how many mails were sent."""
    sent, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        result = send_batch()
        sent += len(result.mailed)
        if not (result.mailed or result.refused):  # nothing is due, or the mail server is away
            break
    return sent


def send_batch(limit: int = BATCH) -> Sent:
    """Claim up to `limit` mails, send them, and record what became of each."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(CLAIM, [LEASE.total_seconds(), limit])
        claimed = cursor.fetchall()
    result = Sent()
    if not claimed:
        return result
    by_campaign: dict[int, list[Row]] = {}
    for hashed, campaign_id, key_id, sealed in claimed:
        by_campaign.setdefault(campaign_id, []).append((hashed, key_id, sealed))
    deadline = time.monotonic() + SEND_FOR
    try:
        for campaign in Campaign.objects.filter(pk__in=by_campaign):
            _send_for(campaign, by_campaign[campaign.pk], result, deadline)
    finally:
        _record(result, {row[0] for row in claimed})
    return result


def _record(result: Sent, claimed: set[bytes]) -> None:
    """Unclear ones (neither sent nor refused) are due again soon."""
    now = timezone.now()
    result.later = list(claimed.difference(result.mailed, result.refused))
    pending = Submission.objects.filter(outcome__isnull=True)
    Submission.objects.filter(token_hash__in=result.mailed).update(mail_due=None, mailed_at=now)
    pending.filter(token_hash__in=result.refused).update(mail_due=None)
    pending.filter(token_hash__in=result.later).update(mail_due=now + RETRY)


def _send_for(campaign: Campaign, rows: list[Row], result: Sent, deadline: float) -> None:
    try:
        opener = Opener(campaign)
    except (KeysMissing, ForeignPublicKey) as error:
        log.error("no mails for campaign %s: %s", campaign.slug, type(error).__name__)
        return
    opener.know(key_id for _, key_id, _ in rows)
    server = mailers.default
    try:
        server.open()
        for row in rows:
            if time.monotonic() > deadline:
                return
            _send_one(campaign, opener, server, result, row)
    except (smtplib.SMTPException, OSError) as error:
        log.warning("the mail server is away (%s); mails wait", type(error).__name__)
    finally:
        _close(server)


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
        (result.refused if all(code >= 500 for code in codes) else result.later).append(hashed)
    # ValueError: Django's word for an address that needs SMTPUTF8. One such row must not stop the others.
    except (smtplib.SMTPDataError, smtplib.SMTPNotSupportedError, ValueError) as error:
        permanent = not isinstance(error, smtplib.SMTPDataError) or error.smtp_code >= 500
        (result.refused if permanent else result.later).append(hashed)
    else:
        result.mailed.append(hashed)


def _close(server: BaseEmailBackend) -> None:
    with contextlib.suppress(smtplib.SMTPException, OSError):  # it was away already
        server.close()


def confirmation_mail(campaign: Campaign, person: Person, opener: Opener) -> EmailMultiAlternatives:
    """The mail with the two links, in the supporter's language; neutral where the campaign is at risk."""
    mailbox = fingerprint(opener.keys.pepper, canonical_mailbox(person.email))
    context = {
        "campaign": campaign,
        "confirm_url": f"{settings.SITE_URL}/confirm/{person.token}/",
        "withdraw_url": f"{settings.SITE_URL}/withdraw/{withdrawal_token(opener.keys.pepper, mailbox)}/",
        "site_url": settings.SITE_URL,
        "days": settings.PENDING_DAYS,
    }
    name = "mail/confirm_neutral" if campaign.at_risk else "mail/confirm"
    with translation.override(person.language):
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
