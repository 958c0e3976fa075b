"""The map of the world as paths, drawn once by project.py from Natural Earth (public domain; see LICENSE here)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class World:
    """Lengths are units of the view box, whose origin is its upper left corner."""

    width: int
    height: int
    #: {ISO 3166-1 alpha-2: SVG path}
    shapes: Mapping[str, str]
    #: Land that no country of the list is.
    unclaimed: str
    #: {code: (x, y)} of what is too small to be drawn.
    dots: Mapping[str, tuple[int, int]]


@cache
def world() -> World:
    found = json.loads((Path(__file__).parent / "world.json").read_text())
    dots = {code: (x, y) for code, (x, y) in found.pop("dots").items()}
    return World(**found, dots=dots)
