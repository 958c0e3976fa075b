"""Updates by mail, to those signers who asked for them: each mailbox once, whatever is killed meanwhile.

    list   go through the register by mailbox, in batches; whoever agreed gets a NewsMail row. Batch and cursor are
           one transaction, so a kill repeats nothing.
    send   claim rows by moving `due` a lease ahead, send outside any transaction, delete each row as it is sent.
           A kill repeats the one mail that was on the wire, at most, a worker. What is given up stays, without `due`.

Who subscribed stands only inside sealed signatures; in clear there is a number, until its mail is sent.
"""

from __future__ import annotations

import contextlib
import datetime
import itertools
import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from petitions.models import Campaign, Update
from signatures.identity import new_token, token_hash, unsubscription_hash, unsubscription_token, withdrawal_token
from signatures.models import Mailing, NewsMail, NewsReader, Signature, Suppression, Unsubscription
from signatures.models.mail import SUPPRESSION_BYTES
from signatures.models.news import NEVER
from signatures.news_links import foreign_links
from signatures.register import bounces
from signatures.register.form_letters import FormLetter, Letter, NotAnAddress, place
from signatures.register.keyring import CampaignKeys, ForeignPublicKey, KeysMissing, keyring, keys_of
from signatures.register.mail_senders import sender_of
from signatures.register.refusals import Refusals, paused
from signatures.register.relay import Answer, Away, Relay, Reply, Silent
from signatures.sealing import NotOpened, Person
from web.i18n.languages import address_in, known
from web.redaction import describe

log = logging.getLogger(__name__)

#: Signatures a transaction of listing, and mails a claim.
LIST_BATCH: Final = 2000
SEND_BATCH: Final = 100
#: How long a claim lasts, and how long of it a worker begins further mails (see mailing.py).
LEASE: Final = datetime.timedelta(seconds=55)
SEND_FOR: Final = 10.0
#: When to try again: after the server was away, and after it put this address off; and when to give an address up.
RETRY: Final = datetime.timedelta(seconds=20)
PUT_OFF: Final = datetime.timedelta(minutes=15)
GIVE_UP: Final = datetime.timedelta(days=2)
#: How long a mailing that was prepared may be sent.
PREPARED_FOR: Final = datetime.timedelta(hours=72)
KIND: Final = "updates"

# Raw: in order of mailboxes by the unique index, from where the last batch ended.
NEXT_MAILBOXES: Final = """
SELECT id, fingerprint, sealed
  FROM signatures_signature
 WHERE campaign_id = %s AND state = 'counted' AND fingerprint > %s
 ORDER BY fingerprint, slot
 LIMIT %s
"""
# Raw: claim with SKIP LOCKED in one statement.
CLAIM: Final = """
UPDATE signatures_newsmail SET due = now() + make_interval(secs => %s)
 WHERE id IN (SELECT id FROM signatures_newsmail WHERE due <= now() ORDER BY due LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING id, mailing_id, signature_id
"""
# Where the mail server refuses one of our two senders, the other's mails go on.
CLAIM_OF_OTHERS: Final = CLAIM.replace("due <= now()", "due <= now() AND mailing_id <> ALL(%s)")
# Raw: gone and counted in one statement, so that neither happens alone.
SENT: Final = """
WITH gone AS (DELETE FROM signatures_newsmail WHERE id = %s RETURNING mailing_id)
UPDATE signatures_mailing SET sent = sent + 1 FROM gone WHERE id = gone.mailing_id
"""


def spread_news(*, seconds: float = 20.0) -> int:
    """List and send what is asked for, until nothing is or the time is up. Returns how many mails were sent."""
    sent, end = 0, time.monotonic() + seconds
    send_tests()
    _begin_what_was_sent_off()
    _forget_what_was_not()
    while time.monotonic() < end:
        listed, went = list_batch(), send_batch()
        sent += went
        if not listed and not went:
            break
    _note_what_is_done()
    return sent


# --- listing ----------------------------------------------------------------------------------------------------


@transaction.atomic
def list_batch(limit: int = LIST_BATCH) -> int:
    """Go through the next mailboxes of one mailing. Returns how many signatures were looked at."""
    unlisted = Mailing.objects.select_for_update(skip_locked=True, of=("self",)).filter(listed_at=None, problem="")
    mailing = unlisted.select_related("update__campaign").order_by("pk").first()
    if mailing is None:
        return 0
    if foreign_links(mailing.update):
        log.warning("mailing %s leads to a host that is not allowed; it is not sent", mailing.pk)
        Mailing.objects.filter(pk=mailing.pk).update(problem=Mailing.Problem.LINKS)
        return 1  # the next one may be listed
    try:
        keys = keys_of(mailing.update.campaign)
    except (KeysMissing, ForeignPublicKey) as error:
        log.error("mailing %s is delayed: %s", mailing.pk, describe(error))
        return 0
    with connection.cursor() as cursor:
        cursor.execute(NEXT_MAILBOXES, [mailing.update.campaign_id, bytes(mailing.listed_to or b""), limit])
        rows = [(key, bytes(mailbox), bytes(sealed)) for key, mailbox, sealed in cursor.fetchall()]
    finished = len(rows) < limit
    # Persons of one mailbox stay together: the last one may go on beyond this batch.
    whole = rows if finished else [row for row in rows if row[1] != rows[-1][1]]
    readers = list(_subscribers(keys, _not_suppressed(keys, whole)))
    waits = {} if mailing.begun_at else {"due": NEVER}
    NewsMail.objects.bulk_create(
        [NewsMail(mailing=mailing, signature_id=key, **waits) for key, _ in readers], ignore_conflicts=True
    )
    # Before any mail with the link goes out. In the order of their keys: two campaigns' lists may be written at once.
    hashes = sorted(unsubscription_hash(keys.mac, mailbox) for _, mailbox in readers)
    NewsReader.objects.bulk_create([NewsReader(token_hash=hashed) for hashed in hashes], ignore_conflicts=True)
    mailing.listed_to = None if finished else whole[-1][1]
    mailing.listed_at = timezone.now() if finished else None
    mailing.recipients = NewsMail.objects.filter(mailing=mailing).count() if finished else None
    mailing.save(update_fields=["listed_to", "listed_at", "recipients"])
    return len(whole)


def _not_suppressed(keys: CampaignKeys, rows: list[tuple[int, bytes, bytes]]) -> list[tuple[int, bytes, bytes]]:
    """Without mailboxes that are not there any more, or whose owner complained."""
    labels = {mailbox: label_of(unsubscription_token(keys.mac, mailbox)) for _, mailbox, _ in rows}
    suppressed = _suppressed(labels.values())
    return [row for row in rows if labels[row[1]] not in suppressed]


def label_of(token: str) -> bytes:
    """What a mailbox is known by in notices of mail servers, and in Suppression: of its unsubscription token."""
    return token_hash(token)[:SUPPRESSION_BYTES]


def _suppressed(labels: Iterable[bytes]) -> set[bytes]:
    found = Suppression.objects.filter(pk__in=list(labels)).values_list("pk", flat=True)
    return {bytes(label) for label in found}


def _subscribers(keys: CampaignKeys, rows: list[tuple[int, bytes, bytes]]) -> Iterator[tuple[int, bytes]]:
    """One signature of each mailbox that wants updates, the first that agreed, with the mailbox."""
    for mailbox, group in itertools.groupby(rows, key=lambda row: row[1]):
        for key, _, sealed in group:
            with contextlib.suppress(NotOpened):
                if keys.register_box.open(sealed, mailbox).updates:
                    yield key, mailbox
                    break


# --- between the two --------------------------------------------------------------------------------------------


def send_tests() -> int:
    """Mail to whoever has a mailing prepared what its readers would get; their links lead nowhere. Returns how many."""
    sent = 0
    waiting = Mailing.objects.filter(test_for__isnull=False, tested_at=None, begun_at=None)
    for mailing in waiting.exclude(problem=Mailing.Problem.NO_ADDRESS).exclude(problem=Mailing.Problem.LINKS):
        sent += _send_test(mailing)
    return sent


def _send_test(mailing: Mailing) -> bool:
    address = User.objects.filter(pk=mailing.test_for_id or 0, is_active=True).values_list("email", flat=True).first()
    editions = _editions({mailing.pk})
    if not address or not editions:
        if not address:
            Mailing.objects.filter(pk=mailing.pk).update(problem=Mailing.Problem.NO_ADDRESS)
        return False
    person = Person(email=address, name="", country="", language=mailing.update.language)
    letter = news_mail(editions[mailing.pk], Reader(person, new_token(), new_token()))
    try:
        with Relay() as relay:
            answer = relay.send(letter)
    except (Away, NotAnAddress) as error:
        log.warning("the test of mailing %s was not sent: %s", mailing.pk, describe(error))
        return False
    if answer.reply is not Reply.TAKEN:
        log.warning("the test of mailing %s was not taken: %s", mailing.pk, answer.words)
        return False
    # Only for who asked: another may have asked for one meanwhile.
    return bool(Mailing.objects.filter(pk=mailing.pk, test_for=mailing.test_for_id).update(tested_at=timezone.now()))


def _begin_what_was_sent_off() -> None:
    """What was prepared, and may go now."""
    NewsMail.objects.filter(due=NEVER, mailing__begun_at__isnull=False).update(due=Now())


def _forget_what_was_not() -> None:
    """Who asked for news stands in clear only while there is a mail to send."""
    old = Mailing.objects.filter(begun_at=None, listed_at__lte=timezone.now() - PREPARED_FOR, problem="")
    for mailing in old:
        with transaction.atomic():
            if Mailing.objects.filter(pk=mailing.pk, begun_at=None).update(problem=Mailing.Problem.OLD):
                NewsMail.objects.filter(mailing=mailing, due=NEVER).delete()


# --- sending ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Edition:
    """A mailing with its form letters, set once a language."""

    mailing: Mailing
    keys: CampaignKeys
    letters: dict[str, FormLetter] = field(default_factory=dict)

    @property
    def update(self) -> Update:
        return self.mailing.update

    @property
    def campaign(self) -> Campaign:
        return self.mailing.update.campaign


def send_batch(limit: int = SEND_BATCH) -> int:
    """Claim up to `limit` mails and send them. Returns how many went out."""
    waiting = paused(KIND)
    # By the database's clock, as claiming goes: this machine's may be another.
    if len(waiting) == 2 or not NewsMail.objects.filter(due__lte=Now()).exists():
        return 0
    try:
        # Opened before anything is claimed: a greeting may take longer than a lease.
        with Relay() as relay, _without_waiting_for_the_disk():
            return _send_claim(relay, limit, waiting)
    except Away as error:
        log.warning("the mail server is unavailable (%s); update e-mails are delayed", error)
        return 0


@contextlib.contextmanager
def _without_waiting_for_the_disk() -> Iterator[None]:
    """Commits return before they are on disk, for each mail is one: waiting cost more than sending.

    What a crash of PostgreSQL itself can undo is the last moment's, and those mails go out once more.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit TO off")
        try:
            yield
        finally:
            cursor.execute("RESET synchronous_commit")


def _claim(limit: int, waiting: set[bool]) -> list[tuple[int, int, int]]:
    """(mail, mailing, signature), leased. `waiting`: the senders (whether neutral) whose mails are not to be tried."""
    with connection.cursor() as cursor:
        if waiting:
            those = Mailing.objects.filter(update__campaign__at_risk__in=waiting).values_list("pk", flat=True)
            cursor.execute(CLAIM_OF_OTHERS, [LEASE.total_seconds(), list(those), limit])
        else:
            cursor.execute(CLAIM, [LEASE.total_seconds(), limit])
        return cursor.fetchall()


def _send_claim(relay: Relay, limit: int, waiting: set[bool]) -> int:
    claimed = _claim(limit, waiting)
    editions = _editions({mailing for _, mailing, _ in claimed})
    signatures = Signature.objects.filter(state=Signature.State.COUNTED).only("fingerprint", "sealed")
    people = signatures.in_bulk([signature for _, _, signature in claimed])
    readers = {key: _reader(editions.get(mailing), people.get(signature)) for key, mailing, signature in claimed}
    left = _who_left(reader for reader in readers.values() if reader)
    sent, deadline, unsent = 0, time.monotonic() + SEND_FOR, {key: mailing for key, mailing, _ in claimed}
    refusals = Refusals[int](KIND)
    try:
        for key, mailing, _ in claimed:
            if time.monotonic() > deadline or mailing not in editions:
                continue
            reader = readers[key]
            edition = editions[mailing]
            taken_down = edition.update.taken_down or not edition.campaign.is_public  # meanwhile
            wanted = reader if reader and not taken_down and token_hash(reader.token) not in left else None
            if wanted and not refusals.may_try(edition.campaign.at_risk, wanted.person.email):
                continue
            try:
                reply = _send_one(relay, key, edition, wanted, refusals)
            except Silent:
                del unsent[key]
                raise
            sent += reply is Reply.TAKEN
            if reply is not Reply.REFUSED:
                del unsent[key]
    finally:
        _settle(refusals, editions, unsent)
    return sent


def _settle(refusals: Refusals[int], editions: dict[int, Edition], unsent: dict[int, int]) -> None:
    """What becomes of mails that were not sent, {mail: mailing}: those that the server does not want, though it takes
    others, are put off and given up in the end; all others are tried again soon.
    """
    settled = refusals.settle()
    for key, words in (settled.soon | settled.later).items():
        NewsMail.objects.filter(pk=key).update(problem=words)
    for key, words in settled.unwanted.items():
        _put_off(key, editions[unsent[key]], words)
    NewsMail.objects.filter(pk__in=settled.later).update(due=Now() + PUT_OFF)
    soon = unsent.keys() - settled.unwanted.keys() - settled.later.keys()
    NewsMail.objects.filter(pk__in=soon).update(due=Now() + RETRY)


def _editions(mailings: set[int]) -> dict[int, Edition]:
    """By mailing; without those whose campaign's keys are not here."""
    found = {}
    for mailing in Mailing.objects.filter(pk__in=mailings).select_related("update__campaign"):
        if mailing.problem == Mailing.Problem.TEXT or not _says_what_was_approved(mailing):
            continue
        try:
            found[mailing.pk] = Edition(mailing, keys_of(mailing.update.campaign))
        except (KeysMissing, ForeignPublicKey) as error:
            log.error("mailing %s is delayed: %s", mailing.pk, describe(error))
    return found


def _says_what_was_approved(mailing: Mailing) -> bool:
    """Whether its words are those that were prepared. Nobody changes them meanwhile (config/database/mailings.sql) but
    who may drop that guard."""
    if not mailing.text_sha256:
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT mailing_text(%s)", [mailing.update_id])
        (now,) = cursor.fetchone()
    if now != mailing.text_sha256:
        log.error("mailing %s is not sent: its words have changed since it was prepared", mailing.pk)
        Mailing.objects.filter(pk=mailing.pk).update(problem=Mailing.Problem.TEXT)
    return bool(now == mailing.text_sha256)


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom a mail goes to, and the tokens of their links: `token` ends the updates, `withdrawn_by` withdraws."""

    person: Person
    token: str
    withdrawn_by: str


def _reader(edition: Edition | None, signature: Signature | None) -> Reader | None:
    """None for who withdrew meanwhile."""
    if edition is None or signature is None or signature.fingerprint is None or signature.sealed is None:
        return None
    mailbox = bytes(signature.fingerprint)
    try:
        person = edition.keys.register_box.open(bytes(signature.sealed), mailbox)
    except NotOpened:
        return None
    mac = edition.keys.mac
    return Reader(person, unsubscription_token(mac, mailbox), withdrawal_token(mac, mailbox))


def _who_left(readers: Iterable[Reader]) -> set[bytes]:
    """The hashes of those who want no more; two queries a claim, for one a mail cost half the rate."""
    hashes = [token_hash(reader.token) for reader in readers]
    found = Unsubscription.objects.filter(pk__in=hashes).values_list("pk", flat=True)
    suppressed = _suppressed(hashed[:SUPPRESSION_BYTES] for hashed in hashes)
    return {bytes(hashed) for hashed in found} | {h for h in hashes if h[:SUPPRESSION_BYTES] in suppressed}


def _send_one(relay: Relay, key: int, edition: Edition, reader: Reader | None, refusals: Refusals[int]) -> Reply | None:
    """Send one mail; None where nobody wants it any more. What was refused is noted for later. Raises Away."""
    if reader is None:
        NewsMail.objects.filter(pk=key).delete()
        return None
    try:
        answer = relay.send(news_mail(edition, reader))
    except NotAnAddress:
        answer = Answer(Reply.NOBODY, "no address that mail can carry")
    except Silent:
        # It may have taken it: every few seconds again would bury the mailbox.
        NewsMail.objects.filter(pk=key).update(due=Now() + PUT_OFF)
        raise
    refusals.note(key, edition.campaign.at_risk, reader.person.email, answer)
    if answer.reply is Reply.TAKEN:
        with connection.cursor() as cursor:
            cursor.execute(SENT, [key])
    elif answer.reply is Reply.LATER:
        _put_off(key, edition, answer.words)
    elif answer.reply is Reply.NOBODY:
        bounces.suppress(label_of(reader.token), Suppression.Why.BOUNCED)
        _give_up(key, edition, answer.words)
    return answer.reply


def _put_off(key: int, edition: Edition, words: str) -> None:
    if timezone.now() - (edition.mailing.begun_at or edition.mailing.asked_at) > GIVE_UP:
        _give_up(key, edition, words)
    else:
        NewsMail.objects.filter(pk=key).update(due=Now() + PUT_OFF, problem=words)


@transaction.atomic
def _give_up(key: int, edition: Edition, words: str) -> None:
    if NewsMail.objects.filter(pk=key).exclude(due=None).update(due=None, problem=words):
        Mailing.objects.filter(pk=edition.mailing.pk).update(given_up=F("given_up") + 1)
        log.warning("mailing %s: a mail is given up (%s); list_mails shows it", edition.mailing.pk, words)


def news_mail(edition: Edition, reader: Reader) -> Letter:
    """The update for this reader, in their language; neutral where the campaign is at risk. Raises ValueError."""
    language = known(reader.person.language)
    if language not in edition.letters:
        edition.letters[language] = _form_letter(edition, language)
    origin = sender_of(edition.campaign).origin
    leave = address_in(language, f"{origin}/unsubscribe/{reader.token}/")
    withdraw = address_in(language, f"{origin}/withdraw/{reader.withdrawn_by}/")
    return edition.letters[language].to(
        reader.person.email,
        {"leave": leave, "withdraw": withdraw},
        # RFC 8058: the mail program's own button is one POST to this address.
        {"List-Unsubscribe": f"<{leave}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
        | bounces.headers(keyring().site_key(), bounces.of_update(label_of(reader.token), edition.mailing.pk)),
    )


def _form_letter(edition: Edition, language: str) -> FormLetter:
    at_risk, sender = edition.campaign.at_risk, sender_of(edition.campaign)
    name = "mail/news_neutral" if at_risk else "mail/news"
    with translation.override(language):
        # The short address names nothing: whoever reads over a shoulder sees a number.
        path = reverse("news", args=[edition.update.pk]) if at_risk else edition.update.get_absolute_url()
        context = {
            "update": edition.update,
            "campaign": edition.campaign,
            "url": f"{sender.origin}{path}",
            "unsubscribe_url": place("leave"),
            "withdraw_url": place("withdraw"),
            "my_signatures_url": f"{sender.origin}{reverse('my_signatures')}",
        }
        return FormLetter.of(
            " ".join(render_to_string(f"{name}_subject.txt", context).split()),
            render_to_string(f"{name}.txt", context),
            sender.from_email,
            {"Auto-Submitted": "auto-generated", "Precedence": "bulk", **sender.headers},
        )


def _note_what_is_done() -> None:
    waiting = NewsMail.objects.exclude(due=None).values("mailing")
    Mailing.objects.filter(listed_at__isnull=False, begun_at__isnull=False, done_at=None).exclude(
        pk__in=waiting
    ).update(done_at=Now())
