"""Asking to look at a person, the web's half: a row goes in, ciphertext comes out.

Nothing here can tell what was found: the address looked for comes sealed from the officer's browser, and
every answer of one kind has the same size.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from petitions.models import Campaign
from signatures.desk.recipients import key_in_use
from signatures.models import DeskKey, Refusal, Reveal
from signatures.notify_worker import notify_worker
from staff.access import may, sections_of
from staff.refusals import NotAllowed, refusals_in_words
from web.models import Section

log = logging.getLogger(__name__)

#: Questions of one officer that may wait at once: a worker that is away is not buried under them.
WAITING: Final = 5

REFUSALS: Final[dict[str, str | Promise]] = {
    "reveal_reason_names_no_mailbox": gettext_lazy(
        "Do not enter e-mail addresses here: the reason is stored and others read it."
    ),
}
REVOKED: Final = gettext_lazy("Your key has been revoked in the meantime, so this answer is closed.")
GONE: Final = gettext_lazy("This answer is closed: answers are deleted after ten minutes. Send the request again.")


@dataclass(frozen=True, slots=True)
class Question:
    """What an officer asks: one of number, query and page, by kind. `query` is sealed in the browser."""

    kind: Reveal.Kind
    where: Section | Campaign
    purpose: str
    reason: str
    number: int | None = None
    query: bytes | None = None
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a question is: asked, answered, refused, closed or revoked; the answer sealed, or why there is none."""

    state: str
    answer: bytes | None = None
    words: str = ""


def kinds_for(officer: User) -> list[Reveal.Kind]:
    """What this officer may ask anywhere at all."""
    return [kind for kind in Reveal.Kind if may(officer, f"reveal.{kind}")]


def campaigns_for(officer: User, kind: Reveal.Kind) -> QuerySet[Campaign]:
    return Campaign.objects.filter(section__in=sections_for(officer, kind), register__isnull=False).order_by("title")


def sections_for(officer: User, kind: Reveal.Kind) -> QuerySet[Section]:
    return sections_of(officer, f"reveal.{kind}")


def desk_key() -> str:
    """The workers' recipient, to which a browser seals what is looked for; "" before a worker has made it."""
    return DeskKey.objects.values_list("recipient", flat=True).first() or ""


def ask(officer: User, question: Question) -> Reveal:
    """Put the question down for a worker. Raises NotAllowed."""
    if not may(officer, f"reveal.{question.kind}", question.where):
        raise NotAllowed(str(Refusal.NOT_ALLOWED.label))
    if key_in_use(officer) is None:
        raise NotAllowed(str(Refusal.NOT_PINNED.label))
    if Reveal.objects.waiting().filter(officer=officer).count() >= WAITING:
        raise NotAllowed(_("Several of your lookups are still waiting for an answer. Wait for those first."))
    campaign = question.where if isinstance(question.where, Campaign) else None
    reveal = Reveal(
        id=uuid.uuid4(),
        officer=officer,
        section_id=campaign.section_id if campaign else question.where.pk,
        campaign=campaign,
        kind=question.kind,
        purpose=question.purpose,
        reason=question.reason,
        number=question.number,
        query=question.query,
        page=question.page,
    )
    with refusals_in_words(REFUSALS), transaction.atomic():
        reveal.save(force_insert=True)
    log.info("lookup %s (%s) requested by user %s", reveal.pk, reveal.kind, officer.pk)
    notify_worker("answer_reveals")
    return reveal


def progress(reveal: Reveal, officer: User) -> Progress:
    """How far it is, for the officer who asked and still may. Changes nothing."""
    where = reveal.campaign or reveal.section
    if not may(officer, f"reveal.{reveal.kind}", where):
        return Progress(Reveal.State.REFUSED, words=str(Refusal.NOT_ALLOWED.label))
    if key_in_use(officer) is None:
        return Progress("revoked", words=str(REVOKED))
    if reveal.state == Reveal.State.ANSWERED and reveal.answer is not None and not reveal.has_outlived():
        return Progress(Reveal.State.ANSWERED, answer=bytes(reveal.answer))
    if reveal.is_waiting():
        return Progress(Reveal.State.ASKED)
    if reveal.state in (Reveal.State.ASKED, Reveal.State.REFUSED):
        refusal = Refusal(reveal.refusal or Refusal.EXPIRED)
        return Progress(Reveal.State.REFUSED, words=str(refusal.label))
    return Progress(Reveal.State.CLOSED, words=str(GONE))


def close(reveal: Reveal) -> None:
    """The officer has seen it: the answer is gone at once, without waiting for a worker."""
    answered = Reveal.objects.filter(pk=reveal.pk, state=Reveal.State.ANSWERED)
    answered.update(state=Reveal.State.CLOSED, answer=None)
