"""The mail with the link to a person's own page: the same for every mailbox, whether it signed anything or not.

A worker makes the link's token: the site, which takes what is typed, never knows it before somebody comes with it. So
whoever holds the site while a mailbox is typed learns nothing of it.
"""

from __future__ import annotations

import datetime
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.utils import timezone, translation

from signatures.identity import Mac, NotAMailbox, canonical_mailbox, mailbox_family, new_token, token_hash
from signatures.mailbox_boxes import Asked, Owner, open_to_workers, page_key, private_key_of, seal_page, seal_to_workers
from signatures.models import LINK_LIVES, MailboxPage, MailboxRequest, MailboxWish, RequestKey
from signatures.register.form_letters import FormLetter, Letter, NotAnAddress, place
from signatures.register.keyring import keyring
from signatures.register.mail_limits import ADD, LABEL_BYTES, LOCK
from signatures.register.mailbox_pages import Searched, page_of, searchable
from signatures.register.refusals import Refusals, paused
from signatures.register.relay import Answer, Away, Relay, Reply, Silent
from signatures.sealing import NotOpened, public_key_of
from web.i18n.languages import address_in, known

log = logging.getLogger(__name__)

#: Requests a claim; how long a claim lasts, and how long of it a worker begins further mails (see mailing.py).
BATCH: Final = 50
LEASE: Final = datetime.timedelta(seconds=55)
SEND_FOR: Final = 10.0
RETRY: Final = datetime.timedelta(seconds=20)
PUT_OFF: Final = datetime.timedelta(minutes=5)
#: A link lives an hour; who waits longer for the mail has asked again.
GIVE_UP: Final = datetime.timedelta(hours=6)
KIND: Final = "requests"
#: Of one mailbox, whatever its +tag: mails in an hour asked for from one network; mails in a day.
PER_NETWORK: Final = 3
PER_DAY: Final = 6

CLAIM: Final = """
UPDATE signatures_mailboxrequest SET mail_due = now() + make_interval(secs => %s)
 WHERE id IN (SELECT id FROM signatures_mailboxrequest
               WHERE mail_due <= now() ORDER BY mail_due LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING id, sealed, created_at, counted
"""


class Row(NamedTuple):
    """A request as it is claimed."""

    id: int
    sealed: bytes
    created_at: datetime.datetime
    counted: bool


@dataclass(frozen=True, slots=True)
class Request:
    """A claimed row, opened."""

    row: Row
    asked: Asked
    #: Without its +tag: for limits.
    family: str


def request_key() -> bytes:
    """The private key to what is asked and wanted. Raises KeysMissing."""
    return private_key_of(keyring().site_key())


def publish_request_key() -> None:
    """Its public half, where there is none. Another one is left: this worker may have the wrong keyring."""
    if not RequestKey.objects.exists():
        RequestKey.objects.get_or_create(id=1, defaults={"public_key": public_key_of(request_key())})


def answer_requests(limit: int = BATCH) -> int:
    """Make the page of each mailbox that was typed, and mail its link. Returns how many mails went out."""
    forget_pages()
    if not MailboxRequest.objects.filter(mail_due__lte=Now()).exists() or True in paused(KIND):
        return 0
    try:
        with Relay() as relay:
            return _answer_claim(relay, limit)
    except Away as error:
        log.warning("the mail server is unavailable (%s); mails to /my-signatures/ are delayed", error)
        return 0


def forget_pages() -> int:
    """Pages whose link is over; returns how many. One on which something was pressed stays until that is done: however
    long workers were away, what somebody asked for is not forgotten with it."""
    over = MailboxPage.objects.filter(created_at__lt=timezone.now() - LINK_LIVES)
    return over.exclude(wishes__in=MailboxWish.objects.filter(done_at__isnull=True)).delete()[0]


def _answer_claim(relay: Relay, limit: int) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(CLAIM, [LEASE.total_seconds(), limit])
        claimed = [Row(*row) for row in cursor.fetchall()]
        requests = list(_opened(claimed))
        allowed = {request.row.id for request in _within_limits(cursor, requests, timezone.now())}
        wanted = [request for request in requests if request.row.id in allowed]
        _forget(row.id for row in claimed if row.id not in allowed)
    return _send(relay, wanted, searchable() if wanted else [])


def _forget(ids: Iterable[int]) -> None:
    MailboxRequest.objects.filter(pk__in=list(ids)).delete()


def _opened(claimed: Sequence[Row]) -> Iterable[Request]:
    """Those that can be read; the others go, with those that are too old."""
    key, oldest = request_key(), timezone.now() - GIVE_UP
    for row in claimed:
        try:
            asked = open_to_workers(bytes(row.sealed), Asked, key, b"")
            family = mailbox_family(canonical_mailbox(asked.email))
        except (NotOpened, NotAMailbox):
            continue
        if row.created_at > oldest:
            yield Request(row, asked, family)


def _within_limits(cursor: CursorWrapper, requests: Sequence[Request], now: datetime.datetime) -> list[Request]:
    """Limits of their own, under labels as in mail_limits.py. However often strangers type a mailbox, its owner is not
    shut out: one mail an hour always goes, and its link is theirs, whoever asked for it."""
    new = [request for request in requests if not request.row.counted]
    if not new:
        return list(requests)
    mac = Mac(keyring().site_key())
    labels = {request.row.id: _labels(mac, request, now) for request in new}
    today = now.date()
    cursor.execute(LOCK, [today, sorted({label for three in labels.values() for label in three})])
    counted = {bytes(label): n for label, n in cursor.fetchall()}
    granted, more = set(), dict.fromkeys(counted, 0)
    for request in new:
        network, hour, day = labels[request.row.id]
        if counted[network] < PER_NETWORK and (counted[day] < PER_DAY or counted[hour] == 0):
            granted.add(request.row.id)
            for label in (network, hour, day):
                counted[label] += 1
                more[label] += 1
    cursor.execute(ADD, [list(more), list(more.values())])
    MailboxRequest.objects.filter(pk__in=granted).update(counted=True)
    if held := len(new) - len(granted):
        log.warning("%d mails to /my-signatures/ held back: their mailboxes reached a limit", held)
    return [request for request in requests if request.row.counted or request.row.id in granted]


def _labels(mac: Mac, request: Request, now: datetime.datetime) -> tuple[bytes, bytes, bytes]:
    """Of its mailbox: in this hour from this network, in this hour, on this day."""
    day, hour = now.strftime("%Y-%m-%d %H").split()
    whose = (f"pages from\0{day} {hour}\0{request.asked.network}", f"pages\0{day} {hour}", f"pages\0{day}")
    network, of_hour, of_day = (mac(f"{one}\0{request.family}".encode())[:LABEL_BYTES] for one in whose)
    return network, of_hour, of_day


def _send(relay: Relay, requests: Sequence[Request], searched: Sequence[Searched]) -> int:
    refusals, forms, sent = Refusals[int](KIND), dict[str, FormLetter](), 0
    left, deadline = {request.row.id for request in requests}, time.monotonic() + SEND_FOR
    try:
        for request in requests:
            if time.monotonic() > deadline:
                break
            if not refusals.may_try(True, request.asked.email):
                continue
            answer = _send_one(relay, request, searched, forms)
            refusals.note(request.row.id, True, request.asked.email, answer)
            sent += answer.reply is Reply.TAKEN
            if answer.reply in (Reply.TAKEN, Reply.NOBODY):
                left.discard(request.row.id)
                _forget([request.row.id])
            elif answer.reply is Reply.LATER:
                left.discard(request.row.id)
                MailboxRequest.objects.filter(pk=request.row.id).update(mail_due=Now() + PUT_OFF)
    except Silent:
        left.clear()  # it may have taken the mail: not again before the lease ends
        raise
    finally:
        settled = refusals.settle()
        MailboxRequest.objects.filter(pk__in=[*settled.unwanted, *settled.later]).update(mail_due=Now() + PUT_OFF)
        soon = left.difference(settled.unwanted, settled.later)
        MailboxRequest.objects.filter(pk__in=soon).update(mail_due=Now() + RETRY)
    return sent


def _send_one(relay: Relay, request: Request, searched: Sequence[Searched], forms: dict[str, FormLetter]) -> Answer:
    """The page first: a link that leads nowhere yet would be a stranger's and a signer's alike, but of no use."""
    language = known(request.asked.language)
    token = make_page(request.asked.email, language, searched)
    if language not in forms:
        forms[language] = _form(language)
    try:
        answer = relay.send(_letter(forms[language], request.asked.email, language, token))
    except NotAnAddress:
        answer = Answer(Reply.NOBODY, "no address that mail can carry")
    if answer.reply is not Reply.TAKEN:
        MailboxPage.objects.filter(pk=token_hash(token)).delete()
    return answer


def make_page(email: str, language: str, searched: Sequence[Searched]) -> str:
    """Store this mailbox's page; returns the token that opens it. Raises NotAMailbox."""
    token = new_token()
    key, hashed = page_key(token), token_hash(token)
    owner = seal_to_workers(Owner(email, language, key), public_key_of(request_key()), hashed)
    MailboxPage.objects.create(
        token_hash=hashed, sealed=seal_page(page_of(email, language, searched), key, hashed), owner=owner
    )
    return token


def _letter(form: FormLetter, email: str, language: str, token: str) -> Letter:
    return form.to(email, {"page": address_in(language, f"{settings.SITE_URL}/mine/{token}/")}, {})


def _form(language: str) -> FormLetter:
    """Neutral: it says the same to who signed nothing, and to who signed what must not be known."""
    context = {"page_url": place("page")}
    with translation.override(language):
        return FormLetter.of(
            " ".join(render_to_string("mail/my_signatures_subject.txt", context).split()),
            render_to_string("mail/my_signatures.txt", context),
            settings.NEUTRAL_FROM_EMAIL,
            {"Auto-Submitted": "auto-generated"},
        )
