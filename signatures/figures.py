"""What of the tally is public: the one place that decides it. Page, JSON, embed and packet tables read it here.

The total is exact and live. A country or a day is shown from ten signatures on, in tens, so that no
figure can point at one person; what is left is one merged figure.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.utils import timezone

from config.cldr import country_name, sorting_key
from petitions.models import Campaign
from signatures.models import Tally

#: The smallest cell that is shown, and the step it moves in.
CELL: Final = 10


@dataclass(frozen=True, slots=True)
class CountryFigure:
    code: str
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class DayFigure:
    on: datetime.date
    count: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The public figures of one campaign at one moment."""

    total: int
    #: Largest first; a country's count is rounded down to tens.
    countries: list[CountryFigure]
    #: How many countries signatures came from, those too small to be shown included.
    country_count: int
    #: Signatures that no shown country accounts for.
    other: int
    days: list[DayFigure]
    as_of: datetime.datetime


def rounded(count: int) -> int:
    """The count as the public sees it: down to tens; 0 means "not shown"."""
    return count // CELL * CELL


def public_figures(campaign: Campaign) -> Figures:
    """The campaign's public figures, from its tally."""
    tally = Tally.objects.of(campaign)
    return figures_of(tally.by_country(), tally.by_day())


def figures_of(by_country: Mapping[str, int], by_day: Mapping[datetime.date, int]) -> Figures:
    """The public figures of exact ones. Their totals are the same: they count the same signatures."""
    total = sum(by_country.values())
    shown = [
        CountryFigure(code, country_name(code), rounded(count)) for code, count in by_country.items() if rounded(count)
    ]
    # By what is shown, then by name: the order of two equal figures must not tell which was larger.
    shown.sort(key=lambda figure: (-figure.count, sorting_key(figure.name)))
    return Figures(
        total=total,
        countries=shown,
        country_count=sum(1 for count in by_country.values() if count),
        other=total - sum(figure.count for figure in shown),
        days=[DayFigure(day, rounded(count)) for day, count in sorted(by_day.items()) if rounded(count)],
        as_of=timezone.now(),
    )
