"""Mails that did not go: how many wait and why, which are given up, and trying them again.

Counted by petition and reason; of nobody is said whose mail it is.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Min, Q, QuerySet, Value
from django.db.models.functions import Coalesce, Now

from petitions.models import Campaign
from signatures.identity import unsubscription_hash
from signatures.models import Mailing, MailTrouble, NewsMail, Submission, Suppression
from signatures.models.mail import SUPPRESSION_BYTES
from signatures.register import mailing, news
from signatures.register.keyring import ForeignPublicKey, KeysMissing, keys_of


@dataclass(frozen=True, slots=True)
class Stuck:
    """So many mails of one petition, of one kind, that fare alike."""

    slug: str
    kind: str
    #: "given up", "bounced", "waits".
    state: str
    #: What the mail server, or we, said: "554 5.7.1", "" where nothing is wrong.
    problem: str
    count: int
    since: datetime.datetime


def stuck_mails(campaign: Campaign | None = None) -> Iterator[Stuck]:
    """What waits and what is given up, by petition, kind, state and reason. `campaign`: of that one alone."""
    for kind, path, mails, since in (
        (mailing.KIND, "campaign", _confirmations(), "created_at"),
        (news.KIND, "mailing__update__campaign", NewsMail.objects.all(), "mailing__asked_at"),
    ):
        mine = mails.filter(**{path: campaign}) if campaign else mails
        for state, chosen in _states(kind).items():
            for row in _grouped(mine.filter(chosen), f"{path}__slug", kind, since):
                yield Stuck(row["slug"], kind, state, row["why"], row["n"], row["first"])


def _confirmations() -> QuerySet[Submission]:
    return Submission.objects.filter(outcome=None)


def _states(kind: str) -> dict[str, Q]:
    if kind == news.KIND:
        return {"waits": ~Q(due=None), "given up": Q(due=None)}
    # One without a mail that no reason is written of was given up before reasons were.
    given_up = Q(mail_due=None) & (~Q(mail_problem="") | Q(mailed_at=None, confirmed_at=None))
    return {
        "waits": ~Q(mail_due=None) & (Q(mailed_at=None) | ~Q(mail_problem="")),  # a reminder waits for its day
        "given up": given_up & Q(bounced_on=None),
        "bounced": ~Q(bounced_on=None),
    }


def _grouped(mails: QuerySet[Any], slug: str, kind: str, since: str) -> Iterator[dict[str, Any]]:
    problem = "problem" if kind == news.KIND else "mail_problem"
    named = mails.values(slug=F(slug), why=Coalesce(F(problem), Value("")))
    yield from named.annotate(n=Count("pk"), first=Min(since)).order_by("slug", "why")


def troubles() -> QuerySet[MailTrouble]:
    """Of which kinds the mail server wants none just now."""
    return MailTrouble.objects.exclude(since=None).order_by("since")


# --- once more --------------------------------------------------------------------------------------------------


def requeue(campaign: Campaign | None = None, problem: str = "") -> int:
    """Have what is given up or put off sent now: of one petition, or of all; with one reason, or any. Returns how many.

    Also to mailboxes of which a mail server said that they are not there. Not to who complained.
    """
    MailTrouble.objects.update(next_try=None)
    return _requeue_confirmations(campaign, problem) + _requeue_updates(campaign, problem)


def _requeue_confirmations(campaign: Campaign | None, problem: str) -> int:
    states = _states(mailing.KIND)
    mails = _confirmations().filter(states["given up"] | states["waits"] & ~Q(mail_problem=""))
    mails = mails.exclude(mail_problem=Suppression.Why.COMPLAINED)
    if campaign:
        mails = mails.filter(campaign=campaign)
    if problem:
        mails = mails.filter(mail_problem=problem)
    # Counted anew against the mailbox: what was withheld for its limit may go on another day.
    return mails.update(mail_due=Now(), mail_problem="")


@transaction.atomic
def _requeue_updates(campaign: Campaign | None, problem: str) -> int:
    mails = NewsMail.objects.exclude(problem="")
    if campaign:
        mails = mails.filter(mailing__update__campaign=campaign)
    if problem:
        mails = mails.filter(problem=problem)
    given_up = mails.filter(due=None)
    for mailing_id, count in given_up.values_list("mailing").annotate(n=Count("pk")):
        _trust_again(Mailing.objects.select_related("update__campaign").get(pk=mailing_id), given_up)
        Mailing.objects.filter(pk=mailing_id).update(given_up=F("given_up") - count, done_at=None)
    return mails.update(due=Now(), problem="")


def _trust_again(of: Mailing, mails: QuerySet[NewsMail]) -> None:
    """Their mailboxes are there after all: they get later updates, too."""
    try:
        mac = keys_of(of.update.campaign).mac
    except (KeysMissing, ForeignPublicKey):
        return
    mailboxes = mails.filter(mailing=of, signature__fingerprint__isnull=False)
    found = mailboxes.values_list("signature__fingerprint", flat=True)
    labels = [unsubscription_hash(mac, bytes(mailbox))[:SUPPRESSION_BYTES] for mailbox in found if mailbox]
    Suppression.objects.filter(pk__in=labels, why=Suppression.Why.BOUNCED).delete()
