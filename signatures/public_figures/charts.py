"""Charts as plain geometry: templates draw them as SVG on the server, so they need no script."""

from __future__ import annotations

import datetime
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from signatures.public_figures.world import world

# --- days ---------------------------------------------------------------------------------------------------------

#: Percent of a day's width that stays empty, and of the height above the highest bar: room for the marks.
_GAP: Final = 15
_HEADROOM: Final = 14
#: Days, beyond which a bar is a week.
_MOST_BARS: Final = 370


class Counted(Protocol):
    @property
    def on(self) -> datetime.date: ...
    @property
    def count(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Bar:
    """One day, or the week that begins with it. Lengths are percent; the origin is the chart's upper left corner."""

    x: float
    y: float
    width: float
    height: float
    on: datetime.date
    count: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the grid, and what it stands for."""

    y: float
    count: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened on a day: numbered, for the list below the chart."""

    x: float
    on: datetime.date
    number: int
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class BarChart:
    bars: list[Bar]
    lines: list[Line]
    marks: list[Mark]
    #: Days a bar stands for: 1 or 7.
    days_a_bar: int = 1

    @property
    def first(self) -> datetime.date | None:
        return self.bars[0].on if self.bars else None

    @property
    def last(self) -> datetime.date | None:
        return self.bars[-1].on if self.bars else None


def day_bars(days: Sequence[Counted], events: Iterable[tuple[datetime.date, str, str]] = ()) -> BarChart:
    """A bar a day from the first to the last, days without a figure left empty; events (day, title, url) marked."""
    if not days:
        return BarChart([], [], [])
    first, span = days[0].on, (days[-1].on - days[0].on).days + 1
    size = 1 if span <= _MOST_BARS else 7
    counts: dict[int, int] = {}
    for day in days:
        place = (day.on - first).days // size
        counts[place] = counts.get(place, 0) + day.count
    step, highest = 100 / -(-span // size), max(counts.values())

    def bar(place: int, count: int) -> Bar:
        height = count / highest * (100 - _HEADROOM)
        x, width = place * step + step * _GAP / 200, step * (100 - _GAP) / 100
        on = first + datetime.timedelta(days=place * size)
        return Bar(round(x, 2), round(100 - height, 2), round(width, 2), round(height, 2), on, count)

    seen = [event for event in sorted(events) if 0 <= (event[0] - first).days < span]
    marks = [
        Mark(round(((on - first).days // size + 0.5) * step, 2), on, number, title, url)
        for number, (on, title, url) in enumerate(seen, start=1)
    ]
    return BarChart([bar(*item) for item in counts.items()], _grid(highest), marks, size)


def _grid(highest: int) -> list[Line]:
    """Two to five lines at round figures."""
    step = next(s for power in range(1, 12) for s in (10**power, 2 * 10**power, 5 * 10**power) if highest / s < 5)
    return [
        Line(round(100 - count / highest * (100 - _HEADROOM), 2), count) for count in range(step, highest + 1, step)
    ]


# --- countries ----------------------------------------------------------------------------------------------------

#: Where the shades of the map begin. Below the first, all land looks the same.
SHADES: Final = (10, 100, 1_000, 10_000)


@dataclass(frozen=True, slots=True)
class Land:
    """A country with a figure: its shape, or where it is too small a dot."""

    code: str
    name: str
    count: int
    #: 1 (fewest) to len(SHADES).
    shade: int
    path: str
    dot: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class WorldMap:
    width: int
    height: int
    #: All other land, in one path: what has too few signatures and what has none cannot be told apart.
    rest: str
    lands: list[Land]
    #: (shade, from, below; 0 for no end) of the shades that occur.
    legend: list[tuple[int, int, int]]


class Country(Protocol):
    @property
    def code(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def count(self) -> int: ...


def world_map(countries: Iterable[Country]) -> WorldMap:
    """The countries on the map, the largest last, so that a dot is never under a shape."""
    drawn, lands = world(), list[Land]()
    for country in countries:
        path, dot = drawn.shapes.get(country.code, ""), drawn.dots.get(country.code)
        if path or dot:
            shade = max(1, bisect_right(SHADES, country.count))  # exact figures, in the admin, may be smaller
            lands.append(Land(country.code, country.name, country.count, shade, path, dot))
    shown = {land.code for land in lands}
    rest = drawn.unclaimed + "".join(path for code, path in drawn.shapes.items() if code not in shown)
    ends = (*SHADES[1:], 0)
    used = {land.shade for land in lands}
    legend = [(n, SHADES[n - 1], ends[n - 1]) for n in range(1, len(SHADES) + 1) if n in used]
    return WorldMap(drawn.width, drawn.height, rest, sorted(lands, key=lambda land: land.dot is not None), legend)
