"""Pure: the letters that names begin with, wherever a name is shown in part: packets, mails, review lists."""

from __future__ import annotations

import unicodedata
from typing import Final

import regex

#: What a reader takes for one letter, with its marks; a vowel of Thai or Lao that stands before its consonant with it.
_LETTER: Final = regex.compile(r"\p{Logical_Order_Exception}?\X")
#: Neither a mark nor an apostrophe.
_IS_LETTER: Final = regex.compile(r"[\p{Lu}\p{Ll}\p{Lt}\p{Lo}]")
#: Scripts that write a name in so few signs that each is much of it.
_IS_SIGN: Final = regex.compile(r"[\p{Han}\p{Hangul}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Yi}\p{Tangut}\p{Nushu}]")


def first_letters(name: str, *, ends: bool = False) -> list[str]:
    """ "Ada B. Example" as A, B, E, with `ends` as A, E; of a name in signs the first alone; never the whole name."""
    # Compatibility forms are told by their letters: one sign can be a whole "Muhammad".
    found = [_letters(word) for word in unicodedata.normalize("NFKC", name).split()]
    words = [letters for letters in found if letters]
    shown = [words[0], words[-1]] if ends and len(words) > 2 else words
    in_signs = any(_IS_SIGN.match(letter) for letters in words for letter in letters)
    first = [letters[0] for letters in shown[: 1 if in_signs else None]]
    return first[:-1] if len(first) == sum(map(len, words)) else first


def _letters(word: str) -> list[str]:
    return [letter for letter in _LETTER.findall(word) if _IS_LETTER.match(letter)]
