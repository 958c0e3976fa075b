"""The exact figures of a campaign, for campaigners: sums only, never a person. What of them is public: figures.py."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from petitions.models import Campaign, Update
from signatures.models import Dimension, LedgerEntry, TallySum
from signatures.public_figures.charts import BarChart, WorldMap, day_bars, world_map
from signatures.public_figures.figures import CountryFigure, DayFigure
from signatures.public_figures.ledger import Ledger, ledger_of, parts_of
from signatures.public_figures.open_data import CHANNEL_LABELS, SOURCE_LABELS, labelled
from web.i18n.cldr import country_name
from web.i18n.languages import BY_CODE

LANGUAGE_LABELS: Final[dict[str, str | Promise]] = {
    **{code: language.name for code, language in BY_CODE.items()}, "other": _("Other"), "unknown": _("Unknown"),
}  # fmt: skip
#: From signing to confirming, in the order of time (register/time_buckets.py).
SPANS: Final[dict[str, str | Promise]] = {
    "1m": _("Within a minute"), "5m": _("Within five minutes"), "1h": _("Within an hour"),
    "6h": _("Within six hours"), "1d": _("Within a day"), "7d": _("Within a week"), "longer": _("Later"),
    "unknown": _("Unknown"),
}  # fmt: skip


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
    map: WorldMap
    #: (label, signatures), largest first.
    sources: list[tuple[str, int]]
    channels: list[tuple[str, int]]
    languages: list[tuple[str, int]]
    #: (label, signatures), in the order of time.
    delays: list[tuple[str, int]]
    #: Of those whose mail went out: how many pressed the link, in percent; None before the first.
    confirmed_percent: float | None
    #: (label, number) in the order of a signature's way.
    ledger: list[tuple[str, int]]


def exact_tally(campaign: Campaign) -> ExactTally:
    """The campaign's exact figures: its sums, a row a key, and the ledger's, a row a day."""
    sums, flows = TallySum.objects.by(campaign), LedgerEntry.totals(campaign)
    by_country = sums[Dimension.COUNTRY]
    by_day = {datetime.date.fromisoformat(day): count for day, count in sorted(sums[Dimension.DAY].items())}
    total, today = sum(by_country.values()), timezone.now().date()
    days = [DayFigure(day, count) for day, count in by_day.items()]
    countries = [CountryFigure(code, country_name(code), count) for code, count in by_country.items()]
    delays = sums[Dimension.DELAY]
    return ExactTally(
        total=total,
        today=by_day.get(today, 0),
        yesterday=by_day.get(today - datetime.timedelta(days=1), 0),
        countries=[Share(figure, 100 * figure.count / total) for figure in countries],
        days=days[::-1],
        chart=day_bars(days, _events(campaign)),
        map=world_map(countries),
        sources=labelled(SOURCE_LABELS, sums[Dimension.SOURCE]),
        channels=labelled(CHANNEL_LABELS, sums[Dimension.CHANNEL]),
        languages=labelled(LANGUAGE_LABELS, sums[Dimension.LANGUAGE]),
        delays=[(str(words), delays[span]) for span, words in SPANS.items() if span in delays],
        confirmed_percent=100 * flows["taken"] / flows["received"] if flows["received"] else None,
        ledger=_ledger(ledger_of(campaign, parts_of(campaign))),
    )


def tally_rows(campaign: Campaign) -> Iterator[tuple[str, str, int]]:
    """Every sum as (dimension, key, signatures), and the ledger's."""
    for dimension, sums in TallySum.objects.by(campaign).items():
        for key in sorted(sums):
            yield dimension, key, sums[key]
    for column, count in LedgerEntry.totals(campaign).items():
        yield "ledger", column, count


def _events(campaign: Campaign) -> Iterator[tuple[datetime.date, str, str]]:
    for update in Update.objects.published().of(campaign):
        if update.published_at:
            yield update.published_at.date(), str(update.title), update.get_absolute_url()


def _ledger(ledger: Ledger) -> list[tuple[str, int]]:
    """The lines of the public one, as they are now; and under "removed" why."""
    rows = []
    for line in ledger.lines:
        rows.append((f"{line.sign} {line.label}".strip(), line.count))
        if line.key == "removed":
            rows += [(f"   {words}", count) for _why, words, count in ledger.removals]
    return rows
