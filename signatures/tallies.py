"""The exact figures of a campaign, for campaigners. What of them is public: figures.py."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext as _
from django_countries import countries

from petitions.models import Campaign
from signatures.charts import BarChart, day_bars
from signatures.figures import CountryFigure, DayFigure
from signatures.models import Dimension, LedgerEntry, Source, TallySum


@dataclass(frozen=True, slots=True)
class Share:
    """A country's figure, and its part of the whole in percent."""

    figure: CountryFigure
    percent: float


@dataclass(frozen=True, slots=True)
class ExactTally:
    """One campaign's figures at one moment. Days are UTC, as in the register."""

    total: int
    today: int
    yesterday: int
    #: Largest first.
    countries: list[Share]
    #: Newest first; days without a signature are left out.
    days: list[DayFigure]
    chart: BarChart
    #: (label, signatures), largest first.
    sources: list[tuple[str, int]]
    #: (label, number) in the order of a signature's way.
    ledger: list[tuple[str, int]]


def exact_tally(campaign: Campaign) -> ExactTally:
    """The campaign's exact figures: its sums, a row a key, and the ledger's, a row a day."""
    sums = TallySum.objects.by(campaign)
    by_country = sums[Dimension.COUNTRY]
    by_day = {datetime.date.fromisoformat(day): count for day, count in sorted(sums[Dimension.DAY].items())}
    total, today = sum(by_country.values()), timezone.now().date()
    days = [DayFigure(day, count) for day, count in by_day.items()]
    return ExactTally(
        total=total,
        today=by_day.get(today, 0),
        yesterday=by_day.get(today - datetime.timedelta(days=1), 0),
        countries=[
            Share(CountryFigure(code, countries.name(code) or code, count), 100 * count / total)
            for code, count in by_country.items()
        ],
        days=days[::-1],
        chart=day_bars(days),
        sources=[(_source_label(source), count) for source, count in sums[Dimension.SOURCE].items()],
        ledger=_ledger(campaign),
    )


def _source_label(source: str) -> str:
    return str(Source(source).label) if source in Source else source


def _ledger(campaign: Campaign) -> list[tuple[str, int]]:
    totals = LedgerEntry.totals(campaign)
    words = {
        "taken": _("Confirmed and looked at"),
        "admitted": _("Admitted and counted"),
        "duplicate": _("Duplicates"),
        "held": _("Held for review"),
        "late": _("Confirmed too late"),
        "unreadable": _("Unreadable"),
        "withdrawn": _("Withdrawn"),
        "expired": _("Never confirmed, deleted"),
    }
    return [(label, totals[key]) for key, label in words.items()]
