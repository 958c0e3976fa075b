"""Colours that can be read, by WCAG's own figures and by laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.models.contrast import (
    DARK,
    ENOUGH,
    LIGHT,
    behind_white_in_the_dark,
    contrast,
    is_colour,
    most_like,
    passes,
)

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48), ("#a81e17", "#ffffff", 7.33), ("#00f", "#fff", None)],
)
def test_contrast_is_wcags(one: str, other: str, ratio: float | None) -> None:
    if ratio is None:
        assert not is_colour(one)
    else:
        assert contrast(one, other) == pytest.approx(ratio, abs=0.1)


@given(colours, colours)
def test_contrast_is_the_same_both_ways_and_has_bounds(one: str, other: str) -> None:
    assert contrast(one, other) == contrast(other, one)
    assert 1 <= contrast(one, other) <= 21


@given(colours, st.sampled_from([LIGHT, DARK]))
def test_every_colour_has_a_shade_that_can_be_read_and_what_can_be_read_stays(
    colour: str, grounds: tuple[str, ...]
) -> None:
    shade = most_like(colour, grounds)
    assert passes(shade, grounds)
    assert is_colour(shade)
    assert not passes(colour, grounds) or shade == colour


@given(colours)
def test_white_can_be_read_on_every_button_of_the_dark_theme(colour: str) -> None:
    assert contrast(behind_white_in_the_dark(colour), "#ffffff") >= ENOUGH
