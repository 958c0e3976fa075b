"""The demo's pictures, drawn by this program: no photograph of anybody, and nobody else's work.

Both are drawn from a fixed seed, so every installation of the demo has the same ones.
"""

from __future__ import annotations

import io
import math
import random
from collections.abc import Iterator
from typing import Final

from PIL import Image, ImageChops, ImageDraw, ImageFilter

SIZE: Final = (2400, 1600)
_SEAL: Final = (168, 30, 23)


def queue() -> bytes:
    """A long queue on a paved square, seen from above in a low sun. PNG."""
    dice = random.Random(27072020)
    ground = _paving(dice)
    shadows = Image.new("L", SIZE, 0)
    people = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    shade, draw = ImageDraw.Draw(shadows), ImageDraw.Draw(people)
    for place, (x, y) in enumerate(_along_the_queue(dice)):
        _shadow(shade, x, y, dice)
        _person(draw, x, y, dice, _SEAL if place % 23 == 11 else None)
    shadows = shadows.filter(ImageFilter.GaussianBlur(5))
    ground.paste((38, 34, 34), mask=shadows.point(lambda value: value * 150 // 255))
    ground.paste(people, mask=people.getchannel("A"))
    return _png(_finish(ground, dice))


def _paving(dice: random.Random) -> Image.Image:
    """Slabs, each a little lighter or darker than its neighbours, lighter towards the sun."""
    slabs = Image.new("L", (60, 40))
    slabs.putdata([dice.randint(117, 137) for _ in range(60 * 40)])
    stone = slabs.resize(SIZE, Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(stone)
    for x in range(0, SIZE[0], 40):
        draw.line([(x, 0), (x, SIZE[1])], fill=104, width=2)
    for y in range(0, SIZE[1], 40):
        draw.line([(0, y), (SIZE[0], y)], fill=104, width=2)
    light = Image.linear_gradient("L").resize(SIZE).point(lambda value: 255 - value // 3)
    stone = ImageChops.multiply(stone.filter(ImageFilter.GaussianBlur(1.2)), light)
    cold, warm = Image.new("RGB", SIZE, (34, 36, 42)), Image.new("RGB", SIZE, (238, 226, 208))
    return Image.composite(warm, cold, stone.point(lambda value: min(255, value * 3 // 2)))


def _along_the_queue(dice: random.Random) -> Iterator[tuple[float, float]]:
    """Where people stand: three abreast at most, along a line that winds across the whole square."""
    place = -40.0
    while place < 2480:
        middle = 800 + 330 * math.sin(place / 390) + 150 * math.sin(place / 173 + 1.3)
        for _ in range(dice.choice((1, 2, 2, 3))):
            yield place + dice.gauss(0, 7), middle + dice.gauss(0, 30)
        place += dice.uniform(15, 24)
    for _ in range(26):  # those who come to join it
        yield dice.uniform(80, 2320), dice.choice((dice.uniform(60, 330), dice.uniform(1330, 1560)))


def _shadow(draw: ImageDraw.ImageDraw, x: float, y: float, dice: random.Random) -> None:
    length = dice.uniform(76, 112)
    draw.line([(x, y), (x + length, y + length * 0.58)], fill=255, width=20)


def _person(
    draw: ImageDraw.ImageDraw, x: float, y: float, dice: random.Random, colour: tuple[int, int, int] | None
) -> None:
    """Shoulders and a head."""
    grey = dice.choice((28, 36, 46, 62, 86, 120, 214))
    coat = colour or (grey, max(0, grey - 3), max(0, grey - 6))
    turn = dice.uniform(-0.5, 0.5)
    dx, dy = 17 * math.cos(turn), 17 * math.sin(turn)
    draw.line([(x - dx, y - dy), (x + dx, y + dy)], fill=coat, width=23)
    for side in (-1, 1):
        _dot(draw, x + side * dx, y + side * dy, 11.5, coat)
    hair = dice.choice(((32, 26, 22), (70, 50, 34), (128, 98, 62), (24, 22, 22)))
    _dot(draw, x, y, 10.5, hair)


def _dot(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, fill: tuple[int, int, int]) -> None:
    draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=fill)


def windows() -> bytes:
    """A library at dusk: a wall of dark windows, and one row still lit. PNG."""
    dice = random.Random(1120)
    wall = Image.new("RGB", SIZE, (44, 48, 58))
    glow = Image.new("L", SIZE, 0)
    draw, shine = ImageDraw.Draw(wall), ImageDraw.Draw(glow)
    for row, top in enumerate((120, 600, 1080)):
        for column in range(8):
            left = 110 + column * 280
            pane = (left, top, left + 190, top + 350)
            lit = row == 1 and column in (2, 3, 4, 5)
            _window(draw, pane, dice, lit=lit)
            if lit:
                shine.rectangle((pane[0] - 26, pane[1] - 26, pane[2] + 26, pane[3] + 120), fill=150)
    wall.paste((255, 206, 128), mask=glow.filter(ImageFilter.GaussianBlur(90)).point(lambda value: value * 2 // 5))
    return _png(_finish(wall, dice))


def _window(draw: ImageDraw.ImageDraw, pane: tuple[int, int, int, int], dice: random.Random, *, lit: bool) -> None:
    left, top, right, bottom = pane
    dark = dice.randint(14, 26)
    draw.rectangle((left - 14, top - 14, right + 14, bottom + 14), fill=(62, 64, 72))
    draw.rectangle(pane, fill=(246, 206, 140) if lit else (dark, dark + 4, dark + 12))
    if lit:
        _shelves(draw, pane, dice)
    draw.line([(left + 95, top), (left + 95, bottom)], fill=(52, 54, 62), width=8)
    draw.line([(left, top + 120), (right, top + 120)], fill=(52, 54, 62), width=8)
    draw.rectangle((left - 24, bottom + 14, right + 24, bottom + 30), fill=(80, 82, 88))


def _shelves(draw: ImageDraw.ImageDraw, pane: tuple[int, int, int, int], dice: random.Random) -> None:
    left, _, right, bottom = pane
    for shelf in (bottom - 10, bottom - 110):
        x = left + 6
        while x < right - 14:
            width, height = dice.randint(8, 17), dice.randint(52, 84)
            colour = dice.choice(((120, 66, 40), (150, 96, 50), (92, 74, 60), _SEAL, (176, 128, 70)))
            draw.rectangle((x, shelf - height, x + width - 2, shelf), fill=colour)
            x += width
        draw.line([(left, shelf), (right, shelf)], fill=(110, 72, 40), width=6)


def _finish(picture: Image.Image, dice: random.Random) -> Image.Image:
    """A soft edge and some grain, so that flat colour does not look like a diagram."""
    tile = Image.frombytes("L", (400, 400), dice.randbytes(400 * 400)).point(lambda value: 112 + value // 8)
    grain = Image.new("L", SIZE)
    for x in range(0, SIZE[0], 400):
        for y in range(0, SIZE[1], 400):
            grain.paste(tile, (x, y))
    soft = picture.filter(ImageFilter.GaussianBlur(0.8))
    return ImageChops.soft_light(soft, Image.merge("RGB", (grain, grain, grain)))


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return file.getvalue()
