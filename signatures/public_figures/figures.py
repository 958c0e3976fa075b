"""What of the tally is public: the one place that decides it. Page, JSON, CSV, embed, feed, share image and packet
tables read it here.

The law. The total is exact and live; where signers are at risk it is that of the last edition, in tens. Everything
else (countries; days, sources, channels, versions; the ledger) is published in *editions*, which carry the day and
which a worker writes (register/publishing.py):

1. An edition knows of whole tens of additions and whole tens of removals, and of nothing since.
2. It comes when at least ten of either, and a thousandth of the count, are new: when is told by the total alone.
3. A figure is shown from ten on and moves in tens.
4. The merged rest is never below ten once anything is shown.
5. From one edition to the next, figures together rise by no more than was added, and fall by no more than was
   removed. What has to wait is taken up by the next edition.

Why this is enough, against somebody who knows these rules and has every edition and every change of the total: take
what is shown as the exact count of each country, and give the rest (never below ten) to any countries, nine at most to
each. By (5) that is a possible history of the register from edition to edition, and these rules publish the very
same editions for it. In such histories a country that is not shown has anything from 0 to 9, and of what was added or
removed between two editions one can always be another country's. So no country still below ten is known more
tightly than by the total itself, and no signature's country is known.
tests/signatures/public_figures/test_adversary.py plays it, and shows what somebody sees who signs as well: they know
how many of what came is theirs.

How many countries there are is public only as how many are shown. An exact number would tell, when it moves, that one
of a few signatures came from a country that had none.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from django.db.models import BigIntegerField, Case, OuterRef, Subquery, When
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from petitions.models import Campaign, CampaignQuerySet
from signatures.models import PublishedFigures, Register
from web.i18n.cldr import country_name, number, sorting_key

#: The smallest figure that is shown, the step it moves in, the least that is merged, the least that makes an edition.
CELL: Final = 10
#: An edition waits for this part of the count: 1 ‰, so that a large campaign has thousands of editions, not millions.
NEW_PART: Final = 1000


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

    #: Exact and of now, if `is_exact`; else of the edition and in tens.
    total: int
    #: Largest first; in tens.
    countries: list[CountryFigure]
    #: How many countries are shown: each has ten signatures or more.
    country_count: int
    #: Signatures that no shown country accounts for.
    other: int
    days: list[DayFigure]
    as_of: datetime.datetime
    #: The edition that all but the total comes from, and its day; None: nothing finer is public yet.
    edition: int | None = None
    published_on: datetime.date | None = None
    #: {source: signatures}, {channel: signatures}; in tens.
    sources: Mapping[str, int] = field(default_factory=dict)
    channels: Mapping[str, int] = field(default_factory=dict)
    #: {number of a version of the text: signatures}; in tens.
    versions: Mapping[str, int] = field(default_factory=dict)
    is_exact: bool = True

    @property
    def is_few(self) -> bool:
        """Fewer than ten, and that is all that is said: it may be none."""
        return not self.is_exact and self.total < CELL

    @property
    def said(self) -> str:
        """The total as pages and pictures write it, in the language of the moment."""
        return f"<\u00a0{number(CELL)}" if self.is_few else number(self.total)


def public_figures(campaign: Campaign) -> Figures:
    """The campaign's public figures: two rows, whatever it counts."""
    # The edition first: what is counted a moment later can hardly be less than it shows, what was counted before can.
    edition = PublishedFigures.objects.latest_of(campaign)
    return figures_of(campaign, edition, counted_now(campaign))


def counted_now(campaign: Campaign) -> int:
    """What the register counts; 0 where signers are at risk: the public tier cannot read it then (row_security.sql)."""
    if campaign.at_risk:
        return 0
    return Register.objects.filter(campaign=campaign).values_list("counted", flat=True).first() or 0


def by_total(campaigns: CampaignQuerySet) -> CampaignQuerySet:
    """The most signed first, as far as that is public."""
    counted = Register.objects.filter(campaign=OuterRef("pk")).values("counted")
    latest = PublishedFigures.objects.filter(campaign=OuterRef("pk")).order_by("-edition")
    told = latest.annotate(told=Cast(KT("ledger__counted"), BigIntegerField())).values("told")[:1]
    public = Case(When(at_risk=True, then=Subquery(told)), default=Subquery(counted))
    return campaigns.order_by(Coalesce(public, 0).desc(), "-launched_on", "pk")


def public_figures_of(campaigns: Iterable[Campaign]) -> dict[int, Figures]:
    """{campaign's key: its figures}, for lists: two queries, however many campaigns."""
    listed = list(campaigns)
    keys = [campaign.pk for campaign in listed]
    latest = (
        PublishedFigures.objects.filter(campaign__in=keys).order_by("campaign_id", "-edition").distinct("campaign_id")
    )
    editions = {edition.campaign_id: edition for edition in latest}
    counted = dict(Register.objects.filter(pk__in=keys).values_list("pk", "counted"))
    return {
        campaign.pk: figures_of(campaign, editions.get(campaign.pk), counted.get(campaign.pk, 0)) for campaign in listed
    }


def figures_of(campaign: Campaign, edition: PublishedFigures | None, counted: int) -> Figures:
    """What an edition says, beside what is `counted` now; where signers are at risk, that says nothing."""
    if campaign.at_risk:
        counted = edition.ledger.get("counted", 0) if edition else 0
    return replace(figures_beside(counted, edition), is_exact=not campaign.at_risk)


def figures_beside(total: int, edition: PublishedFigures | None) -> Figures:
    """What an edition says, beside this total."""
    now = timezone.now()
    if edition is None:
        return Figures(total, [], 0, total, [], now)
    shown = _country_figures(edition.countries, total)
    return Figures(
        total=total,
        countries=shown,
        country_count=len(shown),
        other=total - sum(figure.count for figure in shown),
        days=[DayFigure(datetime.date.fromisoformat(day), count) for day, count in sorted(edition.days.items())],
        as_of=now,
        edition=edition.edition,
        published_on=edition.published_on,
        sources=edition.sources,
        channels=edition.channels,
        versions=edition.versions,
    )


def figures_of_range(campaign: Campaign, first: int, last: int, total: int) -> Figures:
    """The figures of the signatures numbered so, of which `total` count: what a packet may tell of them.

    They are the difference of two editions, so that a packet tells its addressee nothing that was not public.
    """
    upto = PublishedFigures.objects.covering(campaign, last)
    since = PublishedFigures.objects.covering(campaign, first - 1)
    before: Mapping[str, int] = since.countries if since else {}
    shown = _country_figures(_grown(before, upto.countries if upto else {}), total)
    return Figures(
        total=total,
        countries=shown,
        country_count=len(shown),
        other=total - sum(figure.count for figure in shown),
        days=[],
        as_of=timezone.now(),
        edition=upto.edition if upto else None,
        published_on=upto.published_on if upto else None,
    )


def versions_of_range(campaign: Campaign, first: int, last: int, total: int) -> dict[str, int]:
    """{number of a version: signatures} of the signatures numbered so, by the same rule; the rest is not told apart."""
    upto = PublishedFigures.objects.covering(campaign, last)
    since = PublishedFigures.objects.covering(campaign, first - 1)
    grown = _grown(since.versions if since else {}, upto.versions if upto else {})
    return grown if sum(grown.values()) <= total else {}


def _grown(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """What came between two editions, from ten on."""
    grown = {key: count - before.get(key, 0) for key, count in after.items()}
    return {key: count for key, count in grown.items() if count >= CELL}


def figures_of_listed(countries: Mapping[str, int], total: int) -> Figures:
    """The figures of a packet that lists persons with their countries: exactly those of the persons listed. Of the
    others, who are counted only, nothing: `other` is how many they are."""
    shown = _country_figures({code: count for code, count in countries.items() if code}, total)
    return Figures(
        total=total,
        countries=shown,
        country_count=len(shown),
        other=total - sum(figure.count for figure in shown),
        days=[],
        as_of=timezone.now(),
    )


def _country_figures(counts: Mapping[str, int], total: int) -> list[CountryFigure]:
    """Largest first, then by name. None where more was withdrawn since than was merged: all are merged then."""
    if sum(counts.values()) > total:
        return []
    shown = [CountryFigure(code, country_name(code), count) for code, count in counts.items()]
    return sorted(shown, key=lambda figure: (-figure.count, sorting_key(figure.name)))


# --- the law ------------------------------------------------------------------------------------------------------


def whole(count: int, cell: int = CELL) -> int:
    """The count down to whole tens."""
    return count // cell * cell


def is_due(count: int, added: int, removed: int) -> bool:
    """Whether so many additions and removals since the last edition make another (1, 2)."""
    return max(whole(added), whole(removed)) >= max(CELL, count // NEW_PART)


def renew(
    shown: Mapping[str, int], exact: Mapping[str, int], added: int, removed: int, cell: int = CELL
) -> dict[str, int]:
    """The next edition's figures of one dimension, from the last one's and the exact ones (3, 4, 5).

    `added` and `removed` are whole tens, and `exact` knows of just so much more. Returns {key: shown}, by key.
    """
    figures = dict(shown)
    _lower(figures, exact, removed, cell)
    _raise(figures, exact, added, cell)
    return {key: figures[key] for key in sorted(figures) if figures[key]}


def _lower(figures: dict[str, int], exact: Mapping[str, int], removed: int, cell: int) -> None:
    """What is above the exact figure comes down: those that should not be shown first, then the furthest off."""
    too_high = {key: figure - whole(exact.get(key, 0), cell) for key, figure in figures.items()}
    order = sorted(too_high, key=lambda key: (exact.get(key, 0) >= cell, exact.get(key, 0) - figures[key], key))
    for key in order:
        step = min(max(too_high[key], 0), removed)
        figures[key] -= step
        removed -= step
    missing = cell - (sum(exact.values()) - sum(figures.values()))
    for key in sorted(figures, key=lambda key: (-figures[key], key)):
        # The rest has become too small: the largest, to which ten are least, gives to it.
        step = min(-(-max(missing, 0) // cell) * cell, figures[key], removed)
        figures[key] -= step
        removed, missing = removed - step, missing - step


def _raise(figures: dict[str, int], exact: Mapping[str, int], added: int, cell: int) -> None:
    """What is below comes up while the rest stays ten: those not yet shown first, then the furthest off."""
    room = min(added, whole(sum(exact.values()) - sum(figures.values()) - cell, cell))
    wanted = {key: whole(count, cell) - figures.get(key, 0) for key, count in exact.items()}
    order = sorted(wanted, key=lambda key: (figures.get(key, 0) > 0, -wanted[key], key))
    for key in order:
        step = min(max(wanted[key], 0), max(room, 0))
        if step:
            figures[key] = figures.get(key, 0) + step
            room -= step
