"""The benchmarks' result, as a table that docs/benchmarks.md can take over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median

HEADER = ("what", "ours", "yardstick", "ratio", "goal")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `held` says whether the goal is reached; None where there is none."""

    what: str
    ours: str
    yardstick: str = "–"
    ratio: str = "–"
    goal: str = "–"
    held: bool | None = None

    def cells(self) -> tuple[str, ...]:
        verdict = {True: " ✓", False: " **missed**", None: ""}[self.held]
        return (self.what, self.ours, self.yardstick, self.ratio, self.goal + verdict)


def markdown(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table that can be read in a terminal too."""
    lines = [HEADER, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    text.insert(1, " | ".join("-" * width for width in widths))
    return "\n".join(f"| {line} |" for line in text)


def interleaved(rounds: int, *measures: Callable[[], float]) -> list[float]:
    """The median of each measure; they take turns, so that a noisy neighbour disturbs all of them alike."""
    results: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for measure, figures in zip(measures, results, strict=True):
            figures.append(measure())
    return [median(figures) for figures in results]


def ms(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms"
