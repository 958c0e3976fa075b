"""What tells operators how it runs: figures of the machine room, never of a person."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db import models
from django.db.models import Sum
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

#: Of so many mails a provider took less than this part: something is wrong between it and us.
ENOUGH: Final = 5
LEAST_TAKEN: Final = 0.5


class Heartbeat(models.Model):
    """When a notice of the schedule last reached a worker, by queue: beat, Redis and a worker of that queue live."""

    queue = models.CharField(primary_key=True, max_length=8)
    at = models.DateTimeField(db_default=Now())


@dataclass(frozen=True, slots=True)
class ProviderStanding:
    """What became of the mails to one provider in some time: {answer: mails}."""

    provider: str
    answers: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.answers.values())

    @property
    def is_troubled(self) -> bool:
        taken = self.answers.get(MailAnswer.Answer.TAKEN, 0)
        return self.total >= ENOUGH and taken < LEAST_TAKEN * self.total


class MailAnswerQuerySet(models.QuerySet["MailAnswer"]):
    def standings(self, since: datetime.timedelta) -> list[ProviderStanding]:
        """Of each provider that had a mail in this time, the most first."""
        rows = self.filter(hour__gt=timezone.now() - since - datetime.timedelta(hours=1))
        found: dict[str, Counter[str]] = {}
        for provider, answer, n in rows.values_list("provider", "answer").annotate(sum=Sum("n")):
            found.setdefault(provider, Counter())[answer] = n
        standings = [ProviderStanding(provider, answers) for provider, answers in found.items()]
        return sorted(standings, key=lambda one: (-one.total, one.provider))


class MailAnswer(models.Model):
    """How many mails a provider's servers took, put off or refused in one hour, and how many came back.

    Providers are those of signatures/mail_providers.py; all other domains are one: a domain can be one person's.
    """

    class Answer(models.TextChoices):
        TAKEN = "taken", _("Accepted")
        LATER = "later", _("Put off")
        REFUSED = "refused", _("Refused")
        NOBODY = "nobody", _("No such mailbox")
        BOUNCED = "bounced", _("Came back")

    hour = models.DateTimeField()
    provider = models.CharField(max_length=40)
    answer = models.CharField(max_length=8, choices=Answer)
    n = models.IntegerField(db_default=0)

    objects = MailAnswerQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["hour", "provider", "answer"], name="mail_answer_once"),
        ]
