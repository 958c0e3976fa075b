"""Numbers, dates and countries as readers of a language write them: from CLDR, by Babel.

Digits are 0–9 everywhere. Readers of Arabic from Morocco to the Gulf read them, and one petition's total then looks
the same in every language.
"""

from __future__ import annotations

import datetime
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Final

from babel import Locale
from babel.dates import format_date, format_datetime, get_date_format, get_datetime_format, get_time_format
from babel.lists import format_list
from babel.numbers import format_decimal
from django.utils import timezone, translation

from web.i18n.languages import DEFAULT, known

#: Where a language's readers differ, whose habits: the English here is that of Europe.
_LOCALES: Final = {"en": "en_GB"}


@cache
def locale_of(code: str) -> Locale:
    """The CLDR locale of one of the site's languages; English where there is no such language."""
    code = known(code)
    return Locale.parse(_LOCALES.get(code, code))


def current() -> Locale:
    """The locale of the language that is active in this thread."""
    return locale_of(translation.get_language() or DEFAULT)


# --- numbers and dates ------------------------------------------------------------------------------------


def number(value: float) -> str:
    """191000 as "191,000", "191 000" or "191.000"."""
    return str(format_decimal(value, locale=current()))


def listing(words: Sequence[str]) -> str:
    """ "4, 9 and 17"."""
    return str(format_list(words, locale=current()))


def day(value: datetime.date) -> str:
    """A date in words: "27 July 2020". A moment's date is the one in UTC."""
    return str(format_date(_in_utc(value), "long", locale=current()))


def moment(value: datetime.datetime) -> str:
    """A date in words and the time to the minute, in UTC, which whoever shows it has to say."""
    return str(format_datetime(_in_utc(value), _moment_pattern(current()), tzinfo=None, locale=current()))


def _in_utc[D: datetime.date](value: D) -> D:
    if isinstance(value, datetime.datetime) and timezone.is_aware(value):
        return value.astimezone(datetime.UTC)
    return value


@cache
def _moment_pattern(locale: Locale) -> str:
    joined = str(get_datetime_format("long", locale=locale))
    date, time = get_date_format("long", locale=locale), get_time_format("short", locale=locale)
    return joined.replace("{1}", date.pattern).replace("{0}", time.pattern)


# --- countries ----------------------------------------------------------------------------------------------


def country_name(code: str, language: str = "") -> str:
    """The country with this ISO 3166-1 code, in the language (the active one); the code where it is unknown."""
    locale = locale_of(language) if language else current()
    return _SHORT_NAMES.get(code, {}).get(locale.language) or str(locale.territories.get(code, code))


#: CLDR's short names, which Babel leaves out, of those whose long ones begin with a word that nobody looks under:
#: "Sonderverwaltungsregion Hongkong", "Territoires palestiniens".
_SHORT_NAMES: Final = {
    "HK": {
        "en": "Hong Kong", "be": "Ганконг", "ru": "Гонконг", "uk": "Гонконг", "pl": "Hongkong", "de": "Hongkong",
        "fr": "Hong Kong", "es": "Hong Kong", "ar": "هونغ كونغ",
    },
    "MO": {
        "en": "Macao", "be": "Макаа", "ru": "Макао", "uk": "Макао", "pl": "Makau", "de": "Macau", "fr": "Macao",
        "es": "Macao", "ar": "ماكاو",
    },
    "PS": {
        "en": "Palestine", "be": "Палесціна", "ru": "Палестина", "uk": "Палестина", "pl": "Palestyna",
        "de": "Palästina", "fr": "Palestine", "es": "Palestina", "ar": "فلسطين",
    },
}  # fmt: skip

_LATIN: Final = "abcdefghijklmnopqrstuvwxyz"
#: Alphabets, for languages in which a letter with a mark is a letter of its own or the order of Unicode is not
#: theirs. What stands in brackets counts as the letter before it.
_ALPHABETS: Final = {
    "be": "абвгдеёжзійклмнопрстуўфхцчшыьэюя",
    "ru": "абвгде(ё)жзийклмнопрстуфхцчшщъыьэюя",
    "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "pl": "aąbcćdeęfghijklłmnńoópqrsśtuvwxyzźż",
    "es": "abcdefghijklmnñopqrstuvwxyz",
    "ar": "آا(أإٱ)بتثجحخدذرزسشصضطظعغفقكلمنه(ة)و(ؤ)ي(ىئ)",
}


def sorting_key(text: str, language: str = "") -> tuple[tuple[int, ...], str]:
    """Sorts words as dictionaries of the language (the active one) do. For names of places: we have no ICU.

    Letters count by the alphabet, marks that make no letter of their own do not, blanks and then hyphens come first,
    apostrophes nowhere.
    """
    ranks = _ranks(language or translation.get_language() or DEFAULT)
    return tuple(rank for letter in text.casefold() for rank in _rank(letter, ranks)), text


@cache
def _ranks(language: str) -> dict[str, int]:
    ranks: dict[str, int] = {}
    rank, beside = 2, False
    for sign in _ALPHABETS.get(language, _LATIN):
        if sign in "()":
            beside = sign == "("
            continue
        rank += not beside
        ranks[sign] = rank
    return ranks


def _rank(letter: str, ranks: dict[str, int]) -> list[int]:
    if letter in ranks:
        return [ranks[letter]]
    if letter.isspace():
        return [0]
    if unicodedata.category(letter) == "Pd":
        return [1]
    # An umlaut or an accent that this alphabet does not count: as the bare letter.
    bare = [part for part in unicodedata.normalize("NFKD", letter) if part.isalnum()]
    return [ranks.get(part, len(ranks) + 3 + ord(part)) for part in bare]
