"""Draws world.json from Natural Earth, once, by whoever changes the map: no part of the running site.

    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
    python -m signatures.public_figures.world.project package/countries-110m.json package/countries-50m.json

Reads TopoJSON, drops Antarctica, simplifies each border once (so that neighbours still touch), projects it by Equal
Earth (Šavrič, Patterson and Jenny, 2018), which shows areas as they are, and writes paths in whole numbers. Countries
too small to be drawn at this size become a dot.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import django

type Point = tuple[float, float]

WIDTH: Final = 1000
#: Degrees: the tip of South America and the north of Greenland.
SOUTH, NORTH = -56.0, 83.7
#: How far, in units of the drawing, a border may be off.
TOLERANCE: Final = 0.9
#: A ring whose box is smaller than this is left out where the country has a larger one.
SMALLEST: Final = 2.2
ANTARCTICA: Final = "010"
#: Kosovo has no number in ISO 3166-1: Natural Earth knows it by name, as it does others that have no code at all.
WITHOUT_NUMBER: Final = {"Kosovo": "XK"}
#: Natural Earth draws French Guiana as a part of France. ISO 3166-1, and so our figures, count it by itself.
GUIANA_OF: Final = "FR"

_A: Final = (1.340264, -0.081106, 0.000893, 0.003796)
_M: Final = math.sqrt(3) / 2


def equal_earth(longitude: float, latitude: float) -> Point:
    """Degrees to the plane; x within ±2.7066."""
    theta = math.asin(_M * math.sin(math.radians(latitude)))
    t2 = theta * theta
    t6 = t2**3
    slope = _A[0] + 3 * _A[1] * t2 + t6 * (7 * _A[2] + 9 * _A[3] * t2)
    x = math.radians(longitude) * math.cos(theta) / (_M * slope)
    y = theta * (_A[0] + _A[1] * t2 + t6 * (_A[2] + _A[3] * t2))
    return x, y


_EAST: Final = equal_earth(180, 0)[0]
_TOP: Final = equal_earth(0, NORTH)[1]
HEIGHT: Final = round((_TOP - equal_earth(0, SOUTH)[1]) * WIDTH / (2 * _EAST))


def on_paper(longitude: float, latitude: float) -> Point:
    x, y = equal_earth(longitude, max(SOUTH, min(NORTH, latitude)))
    scale = WIDTH / (2 * _EAST)
    return (x + _EAST) * scale, (_TOP - y) * scale


def arcs_of(topology: dict[str, Any]) -> list[list[Point]]:
    """The borders, as drawn: decoded, projected, simplified."""
    (kx, ky), (dx, dy) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = []
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for step_x, step_y in arc:
            x, y = x + step_x, y + step_y
            points.append(on_paper(x * kx + dx, y * ky + dy))
        arcs.append(simplified(points))
    return arcs


def simplified(points: list[Point]) -> list[Point]:
    """Douglas and Peucker's: without the points that are within TOLERANCE of the line without them."""
    if len(points) < 3:
        return points
    (x1, y1), (x2, y2) = points[0], points[-1]
    length = math.hypot(x2 - x1, y2 - y1)

    def off(point: Point) -> float:
        if length == 0:
            return math.hypot(point[0] - x1, point[1] - y1)
        return abs((x2 - x1) * (y1 - point[1]) - (x1 - point[0]) * (y2 - y1)) / length

    furthest = max(range(1, len(points) - 1), key=lambda index: off(points[index]))
    if off(points[furthest]) <= TOLERANCE:
        return [points[0], points[-1]]
    return [*simplified(points[: furthest + 1])[:-1], *simplified(points[furthest:])]


def rings_of(geometry: dict[str, Any], arcs: list[list[Point]]) -> list[list[Point]]:
    polygons = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
    rings = []
    for ring in (ring for polygon in polygons for ring in polygon):
        points: list[Point] = []
        for index in ring:
            arc = arcs[index] if index >= 0 else arcs[~index][::-1]
            points += arc[1:] if points else arc
        rings += cut_at_the_edge(points)
    large = [ring for ring in rings if _size(ring) >= SMALLEST]
    return large or [max(rings, key=_size)]


def cut_at_the_edge(ring: list[Point]) -> list[list[Point]]:
    """Where a ring crosses the 180th meridian it jumps over the whole map: it is one ring on each side."""
    jumps = [i for i in range(1, len(ring)) if abs(ring[i][0] - ring[i - 1][0]) > WIDTH / 2]
    if not jumps:
        return [ring]
    parts = [ring[start:end] for start, end in itertools.pairwise([0, *jumps, len(ring)])]
    parts[0] = parts.pop() + parts[0][1:] if len(parts) > 1 else parts[0]  # the ring's end is where it began
    sides = [[p for part in parts if (part[0][0] > WIDTH / 2) == east for p in part] for east in (False, True)]
    return [[*side, side[0]] for side in sides if len(side) > 2]


def _size(ring: list[Point]) -> float:
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    return max(max(xs) - min(xs), max(ys) - min(ys))


def path_of(rings: Iterable[list[Point]]) -> str:
    """An SVG path in whole numbers, each point relative to the last: short, and it compresses well."""
    parts = []
    for ring in rings:
        whole = [(round(x), round(y)) for x, y in ring]
        steps = []
        for (x1, y1), (x2, y2) in itertools.pairwise(whole[:-1]):
            if (x1, y1) != (x2, y2):
                steps.append(f"{x2 - x1} {y2 - y1}")
        if len(steps) >= 2:
            parts.append(f"M{whole[0][0]} {whole[0][1]}l{' '.join(steps)}z".replace(" -", "-"))
    return "".join(parts)


def draw(coarse: dict[str, Any], fine: dict[str, Any]) -> dict[str, Any]:
    from django_countries import countries

    codes = {countries.numeric(code, padded=True): code for code, _ in countries}
    arcs, shapes, unclaimed = arcs_of(coarse), dict[str, str](), ""
    for geometry in coarse["objects"]["countries"]["geometries"]:
        if geometry.get("id") == ANTARCTICA:
            continue
        for code, rings in _by_code(_code_of(geometry, codes), rings_of(geometry, arcs)):
            path = path_of(rings)
            if code and path:
                shapes[code] = shapes.get(code, "") + path
            else:
                unclaimed += path
    arcs, dots = arcs_of(fine), dict[str, list[int]]()
    for geometry in fine["objects"]["countries"]["geometries"]:
        code = _code_of(geometry, codes)
        if code and code not in shapes and geometry.get("id") != ANTARCTICA and geometry.get("arcs"):
            ring = max(rings_of(geometry, arcs), key=_size)
            dots[code] = [round(sum(axis) / len(ring)) for axis in zip(*ring, strict=True)]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "shapes": dict(sorted(shapes.items())),
        "unclaimed": unclaimed,
        "dots": dict(sorted(dots.items())),
    }


def _code_of(geometry: dict[str, Any], codes: dict[Any, str]) -> str | None:
    return codes.get(geometry.get("id", "")) or WITHOUT_NUMBER.get(geometry["properties"]["name"])


def _by_code(code: str | None, rings: list[list[Point]]) -> list[tuple[str | None, list[list[Point]]]]:
    """A geometry's rings by the country that they are counted for."""
    if code != GUIANA_OF:
        return [(code, rings)]
    over_there = [ring for ring in rings if ring[0][0] < WIDTH * 0.4]
    return [(code, [ring for ring in rings if ring not in over_there]), ("GF", over_there)]


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    drawn = draw(*(json.loads(Path(name).read_text()) for name in sys.argv[1:3]))
    (Path(__file__).parent / "world.json").write_text(json.dumps(drawn, separators=(",", ":"), indent=None) + "\n")
