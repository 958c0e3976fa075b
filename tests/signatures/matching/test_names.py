"""Names as they compare: pure, so every case is one call."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signatures.matching.names import NameLevel, compare, words


def level(one, other):
    compared = compare(words(one), words(other))
    return None if compared is None else compared.level


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada Lovelace", "lovelace ADA"),
        ("Lovelace, Ada", "Ada Lovelace"),
        ("O'Brien Mary", "Mary O’Brien"),
        ("李小龍", "李小龙"),
        ("小龙 李", "李小龍"),
        ("歐陽菲菲", "欧阳 菲菲"),
    ],
)
def test_order_case_and_characters_make_no_other_name(one, other):
    assert level(one, other) == NameLevel.SAME


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Siarhei Ivanou", "Сергей Иванов"),
        ("Сяргей Іваноў", "Sergei Ivanov"),
        ("Аляксандр Мікалаеў", "Alexander Mikalaev"),
        ("Yury Shcherbakov", "Юрий Щербаков"),
        ("Жанна Зайцева", "Zhanna Zaytseva"),
        ("Ян Купала", "Yan Kupala"),
        ("Müller Jürgen", "Juergen Mueller"),
        ("José García", "Garcia Jose"),
        ("مُحَمَّد العربي", "محمد عربي"),
        ("عبد الله الحسن", "عبدالله حسن"),
        ("أحمد علي", "احمد على"),
    ],
)
def test_spellings_of_one_name_are_found(one, other):
    assert level(one, other) == NameLevel.SPELLING


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Иванов Сергей Петрович", "Siarhei Ivanou"),
        ("John Q. Smith", "John Smith"),
        ("María García López", "Maria Garcia"),
    ],
)
def test_what_is_missing_in_one_tells_nobody_apart(one, other):
    assert level(one, other) == NameLevel.LESS_MIDDLE


def test_an_initial_agrees_with_the_name_it_begins():
    assert level("J. Smith", "John Smith") == NameLevel.ONE_AND_INITIAL
    assert level("K. Smith", "John Smith") == NameLevel.ONE


def test_a_slip_of_the_finger_is_close():
    assert level("Margaret Thompson", "Margaret Thmopson") == NameLevel.ONE_AND_CLOSE
    assert level("Кавалёў Мікалай", "Nikolai Kovalev") == NameLevel.ONE_AND_CLOSE


@pytest.mark.parametrize(
    ("one", "other"), [("Anna Smith", "Peter Smith"), ("李小龙", "李大龙"), ("Ana García López", "Luis García López")]
)
def test_relatives_are_not_one(one, other):
    assert level(one, other) in {NameLevel.ONE, NameLevel.TWO_OF_THREE}


@pytest.mark.parametrize(
    ("one", "other"), [("Иван", "محمد"), ("محمد", "李"), ("李", "Иван"), ("", "Ada"), ("!!", "Ada")]
)
def test_what_cannot_be_compared_says_nothing(one, other):
    assert level(one, other) is None


anything = st.text(max_size=40) | st.sampled_from(["李小龍", "Сяргей", "محمد", "J. Smith", "a" * 500, " ", "12", "ß"])


@given(anything, anything)
def test_any_two_names_compare_alike_both_ways(one, other):
    assert level(one, other) == level(other, one)


@given(anything)
def test_a_name_is_like_itself(name):
    if words(name):
        assert level(name, name) in {NameLevel.SAME, NameLevel.ONE_AND_SOMEWHAT, NameLevel.TWO_CLOSE}
