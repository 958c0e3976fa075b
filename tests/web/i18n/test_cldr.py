"""Numbers, dates and countries as each language writes them."""

from __future__ import annotations

import datetime

import pytest
from django.utils.translation import override

from signatures.sign_form.form import country_choices
from web.i18n import cldr
from web.i18n.languages import LANGUAGES

CODES = [language.code for language in LANGUAGES]
MOMENT = datetime.datetime(2020, 7, 27, 8, 5, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("code", "number", "day", "moment"),
    [
        ("en", "191,000", "27 July 2020", "27 July 2020, 08:05"),
        ("be", "191\u00a0000", "27 ліпеня 2020\u202fг.", "27 ліпеня 2020\u202fг., 08:05"),
        ("ru", "191\u00a0000", "27 июля 2020\u202fг.", "27 июля 2020\u202fг., 08:05"),
        ("uk", "191\u00a0000", "27 липня 2020\u202fр.", "27 липня 2020\u202fр., 08:05"),
        ("pl", "191\u00a0000", "27 lipca 2020", "27 lipca 2020 08:05"),
        ("de", "191.000", "27. Juli 2020", "27. Juli 2020, 08:05"),
        ("fr", "191\u202f000", "27 juillet 2020", "27 juillet 2020, 08:05"),
        ("es", "191.000", "27 de julio de 2020", "27 de julio de 2020, 8:05"),
        ("ar", "191,000", "27 يوليو 2020", "27 يوليو 2020، 8:05 ص"),
    ],
)
def test_numbers_and_dates(code: str, number: str, day: str, moment: str) -> None:
    with override(code):
        assert (cldr.number(191000), cldr.day(MOMENT), cldr.moment(MOMENT)) == (number, day, moment)
        assert cldr.day(MOMENT.date()) == day


def test_moments_are_told_in_utc() -> None:
    late = datetime.datetime(2020, 7, 28, 1, 30, tzinfo=datetime.timezone(datetime.timedelta(hours=3)))
    assert cldr.day(late) == "27 July 2020"
    assert cldr.moment(late) == "27 July 2020, 22:30"


@pytest.mark.parametrize("code", CODES)
def test_every_country_has_a_name_in_every_language(code: str) -> None:
    names = [name for _, name in country_choices(code)]
    assert len(set(names)) == len(names) == 250
    assert not [name for name in names if len(name) < 3 or (name.isascii() and code in {"be", "ru", "uk", "ar"})]


#: The letters that they begin with in any of the languages.
LOOKED_FOR_UNDER = {"HK": "HГه", "MO": "MМم", "PS": "PПف", "XK": "KКك"}


@pytest.mark.parametrize("language", CODES)
@pytest.mark.parametrize("code", LOOKED_FOR_UNDER)
def test_a_country_stands_under_the_letter_that_it_is_looked_for(code: str, language: str) -> None:
    assert dict(country_choices(language))[code].upper()[0] in LOOKED_FOR_UNDER[code]


@pytest.mark.parametrize(
    ("code", "ordered"),
    [
        (
            "en",
            "Åland Islands, Albania, Algeria, Côte d’Ivoire, Cuba, São Tomé & Príncipe, Saudi Arabia, Türkiye",
        ),
        ("be", "Ганконг, Ізраіль, Італія, Косава, Кот-д’Івуар, Макаа, Палесціна, Польшча, Уганда, Украіна, Ямайка"),
        ("ru", "Австралия, Беларусь, Египет, Йемен, Ямайка"),
        ("uk", "Австралія, Єгипет, Індія, Йорданія, Казахстан, Україна, Ямайка"),
        ("pl", "Hongkong, Kosowo, Kostaryka, Litwa, Łotwa, Macedonia, Serbia, Słowacja, Świętego, Ukraina"),
        ("de", "Afghanistan, Ägypten, Albanien, Oman, Österreich, Pakistan"),
        ("fr", "Égypte, Équateur, Érythrée, Espagne, Îles, Italie"),
        ("es", "Namibia, Nepal, Ñandú, Omán"),
        ("ar", "آيسلندا, إثيوبيا, أذربيجان, الأردن, البحرين, بلجيكا, تونس"),
    ],
)
def test_names_are_in_the_order_of_the_languages_alphabet(code: str, ordered: str) -> None:
    names = ordered.split(", ")
    assert sorted(names, key=lambda name: cldr.sorting_key(name, code)) == names
