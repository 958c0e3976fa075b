"""How long what is kept, as rules: each deletes by itself (pruning.py), and each can say what would go, and when.

The first list of a privacy notice and the last word of a record of processing are made of the same rows.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.db.models import Min, QuerySet
from django.utils import timezone

from signatures.models import (
    ANSWER_KEPT,
    LINK_LIVES,
    LabelCount,
    MailAnswer,
    MailboxPage,
    MailCount,
    NewsMail,
    Rejection,
    Reveal,
    Submission,
    Trace,
    Withdrawal,
)
from signatures.register.mail_answers import KEPT as ANSWERS_KEPT
from signatures.register.pruning import TRACES_KEPT
from signatures.register.reveal import KEPT as QUESTIONS_KEPT

DAY: Final = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Rule:
    """What is kept so long after `since`, a column of `rows`."""

    name: str
    what: str
    rows: Callable[[], QuerySet]
    since: str
    kept: datetime.timedelta


@dataclass(frozen=True, slots=True)
class Due:
    """What a rule would delete at a moment, and when it deletes next."""

    rule: Rule
    now: int
    there: int
    next: datetime.datetime | None


def rules() -> tuple[Rule, ...]:
    """All of them, with the periods that are configured."""
    pending, outcome = DAY * settings.PENDING_DAYS, DAY * settings.OUTCOME_DAYS
    taken = Submission.objects.filter(outcome__isnull=False)
    waiting = Submission.objects.filter(outcome__isnull=True, confirmed_at__isnull=True)
    withdrawn = Withdrawal.objects.filter(outcome__isnull=False)
    rejected = Rejection.objects.filter(done_at__isnull=False)
    given_up = NewsMail.objects.filter(due__isnull=True)
    answered = Reveal.objects.filter(answer__isnull=False)
    return (
        Rule("pending", "what was typed and never confirmed", lambda: waiting, "created_at", pending),
        Rule("outcomes", "what became of a confirmed entry", lambda: taken, "confirmed_at", outcome),
        Rule("traces", "how a signature came (labels)", Trace.objects.all, "hour", TRACES_KEPT),
        Rule("labels", "how often a label was seen", LabelCount.objects.all, "last_hour", TRACES_KEPT),
        Rule("withdrawals", "that a withdrawal link was pressed", lambda: withdrawn, "created_at", outcome),
        Rule("rejections", "that “That was not me” was pressed", lambda: rejected, "done_at", outcome),
        Rule("own pages", "pages of /my-signatures/", MailboxPage.objects.all, "created_at", LINK_LIVES),
        Rule("mail counts", "how many mails a mailbox got in a day (labels)", MailCount.objects.all, "on", DAY),
        Rule(
            "mail answers", "what mail providers made of our mails (sums)", MailAnswer.objects.all, "hour", ANSWERS_KEPT
        ),
        Rule("given up", "updates that reached nobody", lambda: given_up, "mailing__asked_at", pending),
        Rule("answers", "answers to signature lookups", lambda: answered, "answered_at", ANSWER_KEPT),
        Rule("lookups", "that a signature was looked up", Reveal.objects.all, "asked_at", QUESTIONS_KEPT),
    )


def due(now: datetime.datetime | None = None) -> list[Due]:
    """What each rule would delete, and when next. Changes nothing."""
    now = now or timezone.now()
    return [_due(rule, now) for rule in rules()]


def _due(rule: Rule, now: datetime.datetime) -> Due:
    rows = rule.rows()
    oldest = rows.aggregate(oldest=Min(rule.since))["oldest"]
    before = now - rule.kept
    is_day = isinstance(oldest, datetime.date) and not isinstance(oldest, datetime.datetime)
    overdue = rows.filter(**{f"{rule.since}__lt": before.date() if is_day else before}).count()
    if is_day:
        oldest = datetime.datetime.combine(oldest, datetime.time(), datetime.UTC)
    return Due(rule, overdue, rows.count(), oldest + rule.kept if oldest else None)
