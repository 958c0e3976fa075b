"""Looking at persons, where the keys are: check, write down, answer – to the asking officer's key alone.

Each question is one transaction: what is looked at is in the audit trail, or it was not told. An answer has
the same size and look whatever it says, so that web, which carries it, cannot tell found from not found.
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Final

import msgspec
import pyrage
from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from petitions.models import Campaign
from signatures.identity import NotAMailbox, canonical_mailbox, fingerprint
from signatures.models import Purpose, Reason, Refusal, Reveal, Signature, Trace
from signatures.register.keyring import ForeignPublicKey, KeysDamaged, KeysMissing, keyring, keys_of
from signatures.register.masking import masked_mailbox, masked_name
from signatures.register.recipients import pinned_key_of
from signatures.sealing import NotOpened, Person
from staff import audit
from staff.access import may
from web.redaction import describe

log = logging.getLogger(__name__)

#: Masked persons on one page of a review list.
PAGE: Final = 25
#: Campaigns that an answer names as not searched, of each kind: at most 34 KB of titles in all.
NAMED: Final = 20
#: How far back an officer's looks are counted.
DAY: Final = datetime.timedelta(hours=24)
#: Rows of questions are kept this long: the audit trail has what lasts.
KEPT: Final = datetime.timedelta(days=30)
#: Bytes of an answer, by kind, before it is encrypted. Whatever is told, the rest is spaces.
SIZES: Final = {Reveal.Kind.NUMBER: 32_768, Reveal.Kind.EMAIL: 65_536, Reveal.Kind.LIST: 32_768}
# Raw: a lock that the web tiers cannot take (recipients.py).
_LOCK: Final = "LOCK TABLE signatures_deskkey IN SHARE ROW EXCLUSIVE MODE"


class NotAnswered(Exception):
    """The question is refused; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


class Query(msgspec.Struct, frozen=True, gc=False):
    """What an officer's browser seals to the workers: the address, and who looks for it, so that web cannot
    hand one officer's question in as another's."""

    officer: str
    email: str


class Told(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What an answer says of one signature. Of one that was withdrawn nothing is left but its place."""

    campaign: str
    state: str
    signed_on: str
    source: str
    country: str
    number: int | None = None
    reference: int | None = None
    name: str = ""
    email: str = ""
    place: str = ""
    comment: str = ""
    share_name: bool = False
    language: str = ""
    #: It is there, and could not be opened: it was altered.
    unreadable: bool = False
    #: In a review list: what speaks against it, in words, and by which labels others came alike; {} after thirty days.
    reasons: list[str] = []
    labels: dict[str, str] = {}


class Answer(msgspec.Struct, frozen=True, gc=False):
    """The whole of an answer. It names its question, so that web cannot show it under another."""

    reveal: str
    kind: str
    asked: str
    found: list[Told]
    #: How many more there are than fit.
    left: int = 0
    pages: int = 0
    #: Titles of the campaigns that could not be searched: their keys were destroyed, or are not to be had now.
    shredded: list[str] = []
    unavailable: list[str] = []


def answer_reveals() -> int:
    """Answer or refuse each waiting question, whatever becomes of the one before; returns how many.

    A bug of ours is raised when all had their turn.
    """
    waiting = Reveal.objects.waiting().order_by("asked_at")
    settled: list[Any] = []
    with ExitStack() as queue:  # calls them last in, first out, and the rest also where one raises
        for pk in reversed(list(waiting.values_list("pk", flat=True))):
            queue.callback(_try, pk, settled)
    return len(settled)


def _try(pk: Any, settled: list[Any]) -> None:
    """Note it where it was settled. What the database or a damaged file do to one may be over with the next."""
    try:
        if answer_reveal(pk):
            settled.append(pk)
    except (DatabaseError, OSError, ValueError, msgspec.MsgspecError, pyrage.EncryptError) as error:
        log.error("a lookup could not be answered (%s); it will be retried", describe(error))


def answer_reveal(pk: Any) -> bool:
    """Answer one question, unless another worker is at it. Says if it was settled."""
    with transaction.atomic():
        waiting = Reveal.objects.waiting().select_for_update(skip_locked=True, of=("self",))
        reveal = waiting.select_related("section", "campaign").filter(pk=pk).first()
        if reveal is None:
            return False
        try:
            sealed = _answered(reveal)
        except NotAnswered as refused:
            _settle(reveal, state=Reveal.State.REFUSED, refusal=refused.refusal)
        else:
            _settle(reveal, state=Reveal.State.ANSWERED, answer=sealed, answered_at=timezone.now())
    return True


def _settle(reveal: Reveal, **values: Any) -> None:
    Reveal.objects.filter(pk=reveal.pk).update(query=None, **values)


def _answered(reveal: Reveal) -> bytes:
    """The encrypted answer, once it is written down that it is given. Raises NotAnswered."""
    officer = User.objects.only("id", "username", "is_active").get(pk=reveal.officer_id)
    if not may(officer, f"reveal.{reveal.kind}", reveal.campaign or reveal.section):
        raise NotAnswered(Refusal.NOT_ALLOWED)
    if reveal.campaign and reveal.campaign.section_id != reveal.section_id:
        raise NotAnswered(Refusal.NOT_ALLOWED)
    recipient = _recipient_of(officer)
    _within_limit(officer)
    answer = ANSWERS[Reveal.Kind(reveal.kind)](reveal, officer)
    sealed = pyrage.encrypt(_padded(answer), [recipient])
    _write_down(reveal, officer)
    return sealed


def _recipient_of(officer: User) -> pyrage.x25519.Recipient:
    try:
        pinned = pinned_key_of(officer)
        if pinned is None:
            raise NotAnswered(Refusal.NOT_PINNED)
        return pyrage.x25519.Recipient.from_str(pinned)
    except (KeysDamaged, pyrage.RecipientError):
        raise NotAnswered(Refusal.NO_KEYS) from None


def _within_limit(officer: User) -> None:
    """Two workers at once would both see the last look as free: questions come one by one."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK)
    looks = Reveal.objects.filter(officer=officer, answered_at__gt=timezone.now() - DAY).count()
    if looks >= settings.REVEALS_PER_DAY:
        raise NotAnswered(Refusal.LIMIT)


def _write_down(reveal: Reveal, officer: User) -> None:
    """Who, why, and what was asked for; not whether anything was found, for web may read the trail."""
    detail: dict[str, Any] = {"reveal": str(reveal.pk), "purpose": Purpose(reveal.purpose).value}
    if reveal.campaign:
        detail["campaign"] = reveal.campaign.slug
    if reveal.number:
        detail["number"] = reveal.number
    if reveal.page:
        detail["page"] = reveal.page
    audit.append(officer, f"reveal.{reveal.kind}", reveal.section, reveal.reason, detail)


# --- what is told ---------------------------------------------------------------------------------------------


def _by_number(reveal: Reveal, officer: User) -> Answer:
    assert reveal.campaign is not None
    found = Signature.objects.filter(campaign=reveal.campaign, number=reveal.number)
    told = list(_told(reveal.campaign, found))
    return Answer(str(reveal.pk), reveal.kind, f"{reveal.number}", told)


def _by_email(reveal: Reveal, officer: User) -> Answer:
    """One campaign without keys keeps nobody from the others; it is named as not searched."""
    address, mailbox = _address(reveal, officer)
    told: list[Told] = []
    shredded, unavailable = list[str](), list[str]()
    searched = Campaign.objects.filter(section=reveal.section, register__isnull=False)
    for campaign in searched.select_related("shredding").order_by("pk"):
        try:
            mark = fingerprint(_keys(campaign).mac, mailbox)
        except NotAnswered:
            (shredded if hasattr(campaign, "shredding") else unavailable).append(campaign.title)
            continue
        told += _told(campaign, Signature.objects.filter(campaign=campaign, fingerprint=mark).order_by("slot"))
    where = str(reveal.pk), reveal.kind, address
    return Answer(*where, told, shredded=_named(shredded), unavailable=_named(unavailable))


def _named(titles: list[str]) -> list[str]:
    """So many of them that the answer has room for what was found."""
    more = len(titles) - NAMED
    return titles[:NAMED] + ([f"… +{more}"] if more > 0 else [])


def _address(reveal: Reveal, officer: User) -> tuple[str, str]:
    """(the address as typed, its canonical mailbox), from the box that the officer's browser made."""
    try:
        plain = pyrage.decrypt(bytes(reveal.query or b""), [keyring().desk_identity()])
        query = msgspec.json.decode(plain, type=Query)
        mailbox = canonical_mailbox(query.email)
    except (pyrage.DecryptError, msgspec.MsgspecError, NotAMailbox, KeysMissing):
        raise NotAnswered(Refusal.UNREADABLE) from None
    if query.officer != officer.username:
        raise NotAnswered(Refusal.UNREADABLE)
    return query.email, mailbox


def _a_page(reveal: Reveal, officer: User) -> Answer:
    assert reveal.campaign is not None
    assert reveal.page is not None
    held = Signature.objects.filter(campaign=reveal.campaign, state=Signature.State.QUARANTINED)
    pages = -(-held.count() // PAGE)
    rows = held.order_by("pk")[(reveal.page - 1) * PAGE : reveal.page * PAGE]
    traces = {trace.signature_id: trace for trace in Trace.objects.filter(signature__in=[row.pk for row in rows])}
    told = [_with_clues(_masked(one), traces.get(one.reference or 0)) for one in _told(reveal.campaign, rows)]
    return Answer(str(reveal.pk), reveal.kind, f"{reveal.page}", told, pages=pages)


ANSWERS: Final[dict[Reveal.Kind, Callable[[Reveal, User], Answer]]] = {
    Reveal.Kind.NUMBER: _by_number,
    Reveal.Kind.EMAIL: _by_email,
    Reveal.Kind.LIST: _a_page,
}


def _told(campaign: Campaign, signatures: Any) -> Iterator[Told]:
    box = _keys(campaign).register_box
    for signature in signatures:
        place = {
            "campaign": campaign.title,
            "state": str(signature.get_state_display()),
            "signed_on": signature.signed_on.isoformat(),
            "source": str(signature.get_source_display()),
            "country": signature.country,
            "number": signature.number,
            "reference": signature.pk,
        }
        if signature.sealed is None:
            yield Told(**place)
            continue
        try:
            person = box.open(bytes(signature.sealed), bytes(signature.fingerprint))
        except NotOpened:
            yield Told(**place, unreadable=True)
        else:
            yield Told(**place, **_details(person))


def _details(person: Person) -> dict[str, Any]:
    return {
        "name": person.name,
        "email": person.email,
        "place": person.place,
        "comment": person.comment,
        "share_name": bool(person.share_name),
        "language": person.language,
    }


def _masked(told: Told) -> Told:
    """The title as well goes: it is that of all, and a page of long ones would leave no room for the last rows."""
    return msgspec.structs.replace(
        told, campaign="", name=masked_name(told.name), email=masked_mailbox(told.email), place="", comment="",
        language="",
    )  # fmt: skip


def _with_clues(told: Told, trace: Trace | None) -> Told:
    """What held it back, and the labels by which a ruling finds those that came alike."""
    if trace is None:
        return told
    labels = {"network": trace.network, "domain": trace.domain, "comment": trace.comment}
    return msgspec.structs.replace(
        told,
        reasons=[str(reason.words) for reason in Reason(trace.reasons)],
        labels={name: bytes(label).hex() for name, label in labels.items() if label is not None},
    )


def _keys(campaign: Campaign) -> Any:
    try:
        return keys_of(campaign)
    except (KeysMissing, ForeignPublicKey):
        raise NotAnswered(Refusal.NO_KEYS) from None


def _padded(answer: Answer) -> bytes:
    """As JSON of exactly its kind's size: JSON may end in spaces. What does not fit is left out, and counted."""
    size, found = SIZES[Reveal.Kind(answer.kind)], list(answer.found)
    while len(plain := msgspec.json.encode(_with(answer, found))) > size:
        found.pop()
    return plain.ljust(size)


def _with(answer: Answer, found: Sequence[Told]) -> Answer:
    return msgspec.structs.replace(answer, found=list(found), left=len(answer.found) - len(found))


# --- what goes again --------------------------------------------------------------------------------------------


def clear_reveals(now: datetime.datetime | None = None) -> dict[str, int]:
    """Delete answers and questions that are past their time; returns how many of which."""
    now = now or timezone.now()
    return {
        "answers": Reveal.objects.outlived(now).update(state=Reveal.State.CLOSED, answer=None),
        "questions": Reveal.objects.overdue(now).update(
            state=Reveal.State.REFUSED, refusal=Refusal.EXPIRED, query=None
        ),
        "rows": Reveal.objects.filter(asked_at__lt=now - KEPT).delete()[0],
    }
