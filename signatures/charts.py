"""Charts as plain geometry: templates draw them as SVG on the server, so they need no script."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

_WIDTH: Final = 720
_HEIGHT: Final = 200
_GAP: Final = 0.15


class Counted(Protocol):
    @property
    def on(self) -> datetime.date: ...
    @property
    def count(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Bar:
    """One day. Lengths in units of the view box; the origin is its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    on: datetime.date
    count: int


@dataclass(frozen=True, slots=True)
class BarChart:
    bars: list[Bar]
    width: int = _WIDTH
    height: int = _HEIGHT


def day_bars(days: Sequence[Counted]) -> BarChart:
    """A bar a day from the first to the last, days without a figure left empty."""
    if not days:
        return BarChart([])
    first, highest = days[0].on, max(day.count for day in days)
    step = _WIDTH / ((days[-1].on - first).days + 1)
    bars = []
    for day in days:
        height = round(day.count / highest * _HEIGHT, 2)
        x = round((day.on - first).days * step + step * _GAP / 2, 2)
        bars.append(Bar(x, round(_HEIGHT - height, 2), round(step * (1 - _GAP), 2), height, day.on, day.count))
    return BarChart(bars)
