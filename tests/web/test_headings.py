"""Headings fit: a class says how long the longest word is; other scripts and lazy texts as well."""

from __future__ import annotations

import re

import pytest
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st

from web.templatetags.headings import FROM, WORDS, heading


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("Keep the library open", ""),
        ("Verantwortung", "w14"),
        ("Donaudampfschifffahrtsgesellschaft", "w24"),
        ("Зупиніть насильство проти протестувальників!", "w18"),
        ("Wir – und Arbeitnehmer-Überlassung", "w14"),  # a line may end at the hyphen
        ("/", ""),
        ("東京都知事は図書館を開けてください今すぐに", ""),  # and between any two of these
        ("ห้องสมุดประชาชนต้องเปิดทุกวัน", ""),
        ("والمستشفيات", ""),
        ("e\u0301" * 11, ""),  # marks are no letters
        (" ".join(["word"] * 20), "long"),
        ("Selbstverwaltungskörperschaft " + "und so weiter " * 6, "long w24"),
        ("", ""),
        (gettext_lazy("Privacy"), ""),
    ],
)
def test_the_longest_word_decides(text: str, classes: str) -> None:
    assert heading(text) == (f' class="{classes}"' if classes else "")


@given(st.text(max_size=120))
def test_whatever_is_written_the_class_is_one_of_ours(text: str) -> None:
    assert re.fullmatch(rf'(?: class="(?:long)? ?(?:w(?:{"|".join(map(str, WORDS))}))?")?', heading(text))


@given(st.integers(1, 60), st.sampled_from("aяżωსع"))
def test_the_class_is_of_a_size_in_which_the_word_fits(length: int, letter: str) -> None:
    found = re.search(r"w(\d+)", heading(letter * length))
    assert (found is not None) == (length >= FROM)
    assert found is None or int(found[1]) >= min(length, WORDS[-1])
