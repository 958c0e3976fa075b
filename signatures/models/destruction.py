"""What was destroyed, when and by which rule: what a privacy officer can certify, and an auditor count."""

from __future__ import annotations

import datetime
from typing import Final

from django.db import models
from django.db.models import F
from django.utils.translation import gettext_lazy as _

#: How long backups and the database's log are kept (docs/operations.md): until then they still hold it.
BACKUPS_KEPT: Final = datetime.timedelta(days=35)


class Destruction(models.Model):
    """How much of one kind was destroyed on one day. Written by workers, once for each deletion; nobody changes it."""

    class Rule(models.TextChoices):
        PENDING = "expired", _("Never confirmed")
        OUTCOMES = "outcomes", _("Outcomes of confirmed entries")
        TRACES = "traces", _("How signatures came")
        LABELS = "labels", _("How often a label was seen")
        GIVEN_UP = "given up", _("Updates that reached nobody")
        REJECTIONS = "rejections", _("“That was not me”")
        MAIL_COUNTS = "mail counts", _("Mails of a day")
        KEYS = "keys", _("Session keys that seal nothing any more")
        SESSIONS = "sessions", _("Staff’s sessions that are over")

    on = models.DateField(_("day"))
    rule = models.CharField(_("what, by which rule"), max_length=16, choices=Rule)
    n = models.BigIntegerField(_("rows"), db_default=0)

    class Meta:
        verbose_name = _("destroyed data")
        verbose_name_plural = _("destroyed data")
        ordering = ["-on", "rule"]
        constraints = [models.UniqueConstraint(fields=["on", "rule"], name="destruction_per_day")]

    def __str__(self) -> str:
        return f"{self.get_rule_display()}, {self.on}"

    @property
    def in_backups_until(self) -> datetime.date:
        return self.on + BACKUPS_KEPT

    @classmethod
    def note(cls, on: datetime.date, counts: dict[str, int]) -> None:
        """Add what went on that day, by rule; what is none of these rules, and nothing, is not noted."""
        for rule in sorted(set(cls.Rule.values) & counts.keys()):
            if counts[rule]:
                cls.objects.get_or_create(on=on, rule=rule)
                cls.objects.filter(on=on, rule=rule).update(n=F("n") + counts[rule])
