"""The next round number that a petition is on its way to."""

from __future__ import annotations

from itertools import count
from typing import Final

_STEPS: Final = (100, 250, 500)


def next_milestone(total: int) -> int:
    """100, 250, 500, 1,000, 2,500 …: the first that is above the total."""
    return next(step * 10**power for power in count() for step in _STEPS if step * 10**power > total)
