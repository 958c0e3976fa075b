"""What is counted: the tally, its sums, the ledger, and what of them has been made public."""

from __future__ import annotations

import datetime
from typing import Any, Final

from django.db import models
from django.db.models import F, Q, Sum, Value
from django.utils.translation import gettext_lazy as _

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


class Dimension(models.TextChoices):
    """What signatures are summed by."""

    COUNTRY = "country", _("Country")
    DAY = "day", _("Day")
    SOURCE = "source", _("Source")
    CHANNEL = "channel", _("Channel")
    LANGUAGE = "language", _("Language of the page")
    DELAY = "delay", _("Time to confirm")
    OUTSIDE = "outside", _("Not counted")
    VERSION = "version", _("Version of the text")


#: Sums of the tally: what is withdrawn is taken from them.
OF_THE_REGISTER: Final = (Dimension.COUNTRY, Dimension.DAY, Dimension.SOURCE, Dimension.VERSION)
#: Counted once, when a signature is admitted, and kept nowhere beside it: what is withdrawn stays in them.
OF_ARRIVALS: Final = (Dimension.CHANNEL, Dimension.LANGUAGE, Dimension.DELAY)


class TallySumQuerySet(models.QuerySet["TallySum"]):
    def by(self, campaign: Campaign, *dimensions: str) -> dict[str, dict[str, int]]:
        """{dimension: {key: signatures}}, the asked for or all; largest first, then by key."""
        found = self.filter(campaign=campaign, n__gt=0)
        if dimensions:
            found = found.filter(dimension__in=dimensions)
        sums: dict[str, dict[str, int]] = {name: {} for name in dimensions or Dimension.values}
        for dimension, key, n in found.order_by("-n", "key").values_list("dimension", "key", "n"):
            sums[dimension][key] = n
        return sums


class TallySum(models.Model):
    """One margin of the count: what a page needs, however long the campaign and however large the register."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="tally_sums", db_index=False)
    dimension = models.CharField(max_length=8, choices=Dimension)
    #: A country's code, a day as ISO 8601, a source, a channel, a version's number, why_outside() …
    key = models.CharField(max_length=16)
    n = models.BigIntegerField()

    objects = TallySumQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "dimension", "key"], name="tally_sum_once"),
            models.CheckConstraint(name="tally_sum_not_negative", condition=Q(n__gte=0)),
        ]


class PublishedFiguresQuerySet(models.QuerySet["PublishedFigures"]):
    def latest_of(self, campaign: Campaign) -> PublishedFigures | None:
        return self.filter(campaign=campaign).order_by("-edition").first()

    def covering(self, campaign: Campaign, number: int) -> PublishedFigures | None:
        """The latest edition that no later signature than this number is in."""
        return self.filter(campaign=campaign, added__lte=number).order_by("-edition").first()


class PublishedFigures(models.Model):
    """One edition of a campaign's public figures: what figures.py lets be said, written by a worker, never changed.

    Nothing finer than the total is exact in it. Web, packets and feeds read the latest, so what they say is the same.
    """

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="editions", db_index=False)
    edition = models.PositiveIntegerField()
    #: The day only (UTC): a finer time would be that of the signature that made it due.
    published_on = models.DateField()
    #: Additions to the count, and removals from it, that this edition knows of: both in tens.
    added = models.BigIntegerField()
    removed = models.BigIntegerField()
    #: {key: signatures}, each from ten on and in tens.
    countries = models.JSONField()
    days = models.JSONField()
    sources = models.JSONField()
    channels = models.JSONField()
    versions = models.JSONField(db_default=Value({}, models.JSONField()))
    #: What became of all that was confirmed by then: {part: signatures} (public_figures/ledger.py). Exact; in tens
    #: where signers are at risk.
    ledger = models.JSONField(db_default=Value({}, models.JSONField()))

    objects = PublishedFiguresQuerySet.as_manager()

    class Meta:
        constraints = [
            # read by latest_of() and covering() as well
            models.UniqueConstraint(fields=["campaign", "edition"], name="published_edition_once"),
        ]

    def __str__(self) -> str:
        return f"edition {self.edition} of {self.campaign_id}"


class LedgerEntry(models.Model):
    """What one day did to a campaign's register: the public ledger is their sum.

    Guards: config/database/ledger.sql.
    """

    COLUMNS: Final = (
        "received", "taken", "admitted", "duplicate", "held", "late", "unreadable", "removed", "withdrawn", "expired",
    )  # fmt: skip

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="ledger", db_index=False)
    #: The day only: with one signature a batch, a finer time would be that signature's.
    on = models.DateField()
    #: Submissions that a worker saw for the first time: to mail to them, or confirmed already.
    received = models.IntegerField(db_default=0)
    taken = models.IntegerField(db_default=0)
    admitted = models.IntegerField(db_default=0)
    duplicate = models.IntegerField(db_default=0)
    held = models.IntegerField(db_default=0)
    late = models.IntegerField(db_default=0)
    unreadable = models.IntegerField(db_default=0)
    #: Excluded by a ruling; what was given back is taken off again, so a day may be below zero.
    removed = models.IntegerField(db_default=0)
    withdrawn = models.IntegerField(db_default=0)
    expired = models.IntegerField(db_default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "on"], name="ledger_one_row_a_day"),
            models.CheckConstraint(
                name="ledger_entry_adds_up",
                condition=Q(taken=F("admitted") + F("duplicate") + F("held") + F("late") + F("unreadable")),
            ),
        ]

    @classmethod
    def totals(cls, campaign: Campaign) -> dict[str, int]:
        """The sums of a campaign's ledger, by column: a row a day."""
        sums: dict[str, Any] = cls.objects.filter(campaign=campaign).aggregate(**{c: Sum(c) for c in cls.COLUMNS})
        return {column: sums[column] or 0 for column in cls.COLUMNS}
