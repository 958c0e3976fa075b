"""Whether a colour can be read: WCAG 2.2's contrast, and the nearest shade of a colour that has enough of it.

Pure: strings "#rrggbb" in and out.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Iterator
from typing import Final

#: AA, for words of any size (success criterion 1.4.3).
ENOUGH: Final = 4.5
#: Of a surface against the page: its words say where it is, this is for the eye.
STANDS_OUT: Final = 1.8
#: What a strong colour stands on, or white words on it (static/css/site.css: --paper, --panel, --on-seal), by theme.
LIGHT: Final = ("#ffffff", "#f4f3f1")
DARK: Final = ("#131211", "#201e1c")
_COLOUR: Final = re.compile("#[0-9a-f]{6}")


def is_colour(written: str) -> bool:
    return _COLOUR.fullmatch(written) is not None


def contrast(one: str, other: str) -> float:
    """1 (the same) to 21 (black on white), as WCAG defines it."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def passes(colour: str, grounds: tuple[str, ...]) -> bool:
    """Whether it can be read on each of these grounds."""
    return all(contrast(colour, ground) >= ENOUGH for ground in grounds)


def most_like(colour: str, grounds: tuple[str, ...]) -> str:
    """The shade of the same hue, as near in lightness as can be, that passes."""
    return next(shade for shade in _shades(colour) if passes(shade, grounds))


def behind_white_in_the_dark(colour: str) -> str:
    """The shade that a button has in the dark theme: white words can be read on it, and it stands out from the page."""
    return next(s for s in _shades(colour) if contrast(s, LIGHT[0]) >= ENOUGH and contrast(s, DARK[0]) >= STANDS_OUT)


def _shades(colour: str) -> Iterator[str]:
    """The colour, then others of its hue, the nearest in lightness first."""
    yield colour
    hue, lightness, saturation = colorsys.rgb_to_hls(*_channels(colour))
    for step in sorted(range(256), key=lambda step: abs(step / 255 - lightness)):
        yield _written(colorsys.hls_to_rgb(hue, step / 255, saturation))


def darker(colour: str, by: float = 0.8) -> str:
    """A deeper shade, for what is pressed."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*_channels(colour))
    return _written(colorsys.hls_to_rgb(hue, lightness * by, saturation))


def _channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _written(channels: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(channel * 255):02x}" for channel in channels)


def _luminance(colour: str) -> float:
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in _channels(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
