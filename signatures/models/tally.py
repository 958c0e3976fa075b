"""What is counted: the tally and the ledger. Reading a tally is queryset vocabulary."""

from __future__ import annotations

import datetime
from typing import Any

from django.db import models
from django.db.models import F, Q, Sum

from petitions.models import Campaign


class TallyQuerySet(models.QuerySet["Tally"]):
    """Reading a tally is queryset vocabulary."""

    def of(self, campaign: Campaign) -> TallyQuerySet:
        return self.filter(campaign=campaign)

    def total(self) -> int:
        return self.aggregate(total=Sum("n"))["total"] or 0

    def by_country(self) -> dict[str, int]:
        """{country code: signatures}, largest first."""
        rows = self.values_list("country").annotate(total=Sum("n")).order_by("-total", "country")
        return {country: total for country, total in rows if total}

    def by_day(self) -> dict[datetime.date, int]:
        """{day: signatures}, in order of days."""
        rows = self.values_list("signed_on").annotate(total=Sum("n")).order_by("signed_on")
        return {day: total for day, total in rows if total}

    def by_source(self) -> dict[str, int]:
        """{source: signatures}, largest first."""
        rows = self.values_list("source").annotate(total=Sum("n")).order_by("-total", "source")
        return {source: total for source, total in rows if total}


class Tally(models.Model):
    """How many counted signatures per country, day and source. A derivative: see register/tally.py."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="tally", db_index=False)
    country = models.CharField(max_length=2)
    signed_on = models.DateField()
    source = models.CharField(max_length=8)
    n = models.IntegerField()

    objects = TallyQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "country", "signed_on", "source"], name="tally_cell_once"),
            models.CheckConstraint(name="tally_not_negative", condition=Q(n__gte=0)),
        ]


class LedgerEntry(models.Model):
    """What one batch of work did to a campaign's register: the public ledger is their sum."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="ledger")
    #: The day only: with one signature a batch, a finer time would be that signature's.
    on = models.DateField()
    taken = models.IntegerField(db_default=0)
    admitted = models.IntegerField(db_default=0)
    duplicate = models.IntegerField(db_default=0)
    held = models.IntegerField(db_default=0)
    late = models.IntegerField(db_default=0)
    unreadable = models.IntegerField(db_default=0)
    withdrawn = models.IntegerField(db_default=0)
    expired = models.IntegerField(db_default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="ledger_entry_adds_up",
                condition=Q(taken=F("admitted") + F("duplicate") + F("held") + F("late") + F("unreadable")),
            )
        ]

    @classmethod
    def totals(cls, campaign: Campaign) -> dict[str, int]:
        """The sums of a campaign's ledger, by column."""
        columns = ("taken", "admitted", "duplicate", "held", "late", "unreadable", "withdrawn", "expired")
        sums: dict[str, Any] = cls.objects.filter(campaign=campaign).aggregate(**{c: Sum(c) for c in columns})
        return {column: sums[column] or 0 for column in columns}
