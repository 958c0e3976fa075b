"""Pure: names of people as they compare: in either order, with and without middle names, in several spellings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final

from rapidfuzz.distance import OSA, JaroWinkler

from signatures.identity import words_of
from signatures.matching.scripts import Script, family_first, han, script_of, skeleton, spelling

#: Words of a name that are looked at. Of 500 characters somebody typed, the rest says nothing.
MAX_WORDS: Final = 8
#: Words that tell nobody from anybody, and come and go between papers.
_PARTICLES: Final = frozenset({
    "al", "el", "ibn", "bin", "bint", "de", "del", "la", "da", "di", "do", "dos", "van", "von", "der", "den", "the",
    "mr", "mrs", "ms", "dr", "prof", "ال", "بن",
})  # fmt: skip
_PATRONYMIC: Final = re.compile("(vic|vna|vitc|avic|icna|inicna)[ah]?$")


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a name. `spelled`: how it compares; `sound`: its skeleton, for keys."""

    text: str
    spelled: str
    sound: str
    script: Script
    patronymic: bool

    @property
    def is_initial(self) -> bool:
        return len(self.text) == 1 and self.script is not Script.HAN


@lru_cache(maxsize=50_000)
def word(text: str) -> Word:
    """One word, as `words_of` gives it."""
    spelled, script = spelling(text), script_of(text)
    patronymic = script is Script.ALPHABET and len(spelled) > 6 and bool(_PATRONYMIC.search(spelled))
    return Word(text, spelled, skeleton(spelled), script, patronymic)


@lru_cache(maxsize=20_000)
def words(name: str) -> tuple[Word, ...]:
    """The words of a name that tell people apart, in the order they were typed; () of one that has none."""
    texts = words_of(name)
    if texts and all(script_of(text) is Script.HAN for text in texts):
        texts = family_first([han(text) for text in texts])
    kept = [text for text in texts if text not in _PARTICLES] or texts
    return tuple(word(text) for text in _joined(kept)[:MAX_WORDS])


_SERVANT: Final = "عبد"


def _joined(texts: list[str]) -> list[str]:
    """عبد الله and عبدالله are one word; so are Abd Allah's in the article's Latin way."""
    joined: list[str] = []
    for text in texts:
        if joined and joined[-1] == _SERVANT:
            joined[-1] += text
        else:
            joined.append(text)
    return joined


class Like(IntEnum):
    """How alike two words are."""

    DIFFERENT = 0
    SOMEWHAT = 1
    INITIAL = 2
    CLOSE = 3
    SPELLING = 4
    SAME = 5


@lru_cache(maxsize=100_000)
def like(a: Word, b: Word) -> Like:
    """How alike two words are; DIFFERENT also where scripts cannot be compared."""
    if a.text == b.text:
        return Like.SAME
    if a.script is not b.script:
        return Like.DIFFERENT
    if a.is_initial or b.is_initial:
        same = a.text[0] == b.text[0] or a.spelled.lstrip("=")[:1] == b.spelled.lstrip("=")[:1]
        return Like.INITIAL if same else Like.DIFFERENT
    if a.spelled == b.spelled:
        return Like.SPELLING
    return _close(a, b)


def _close(a: Word, b: Word) -> Like:
    if a.script is Script.HAN:
        return Like.DIFFERENT  # one character more or less is another name
    # Of one alphabet as typed, too: sounds lose what a slip of the finger does not.
    spelled = a.spelled.lstrip("="), b.spelled.lstrip("=")
    near = max(JaroWinkler.similarity(*spelled), JaroWinkler.similarity(a.text, b.text))
    slips = min(OSA.distance(*spelled, score_cutoff=1), OSA.distance(a.text, b.text, score_cutoff=1))
    short = min(len(a.text), len(b.text))
    if near >= 0.92 or (short >= 4 and slips <= 1):
        return Like.CLOSE
    if short >= 4 and (near >= 0.8 or a.text.startswith(b.text) or b.text.startswith(a.text)):
        return Like.SOMEWHAT
    return Like.DIFFERENT


class NameLevel(IntEnum):
    """How alike two names are, as one comparison: given and family name are not independent of each other."""

    NOTHING = 0
    A_LITTLE = 1
    ONE_CLOSE = 2
    ONE = 3
    TWO_OF_THREE = 4
    TWO_CLOSE = 5
    ONE_AND_SOMEWHAT = 6
    ONE_AND_CLOSE = 7
    ONE_AND_INITIAL = 8
    LESS_MIDDLE = 9
    SPELLING = 10
    SAME = 11


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison of names. `agreed`: the spellings that both have: how common they are enters the weight."""

    level: NameLevel
    agreed: tuple[str, ...]


def compare(a: tuple[Word, ...], b: tuple[Word, ...]) -> Compared | None:
    """How alike two names are; None where there is nothing to compare: a script that the other has no word of."""
    if not a or not b or not {mine.script for mine in a} & {theirs.script for theirs in b}:
        return None
    found = _aligned(a, b)
    agreed = tuple(spelled for grade, spelled in found if grade >= Like.SPELLING)
    grades = sorted((grade for grade, _ in found), reverse=True)
    return Compared(_level(a, b, grades), agreed)


def _aligned(a: tuple[Word, ...], b: tuple[Word, ...]) -> list[tuple[Like, str]]:
    """The likest words of both, each once. Patronymics come last: they make nobody one, or two."""
    if len(a) == len(b) == 2:  # nearly all
        straight = like(a[0], b[0]), like(a[1], b[1])
        crossed = like(a[0], b[1]), like(a[1], b[0])
        grades = straight if sum(straight) >= sum(crossed) else crossed
        return [(grade, mine.spelled) for grade, mine in zip(grades, a, strict=True)]
    graded = [
        (like(x, y), not (x.patronymic or y.patronymic), -abs(i - j), i, j)
        for i, x in enumerate(a)
        for j, y in enumerate(b)
    ]
    taken_a, taken_b, found = set[int](), set[int](), list[tuple[Like, str]]()
    for grade, _, _, i, j in sorted(graded, reverse=True):
        if i not in taken_a and j not in taken_b:
            taken_a.add(i)
            taken_b.add(j)
            if not (a[i].patronymic and b[j].patronymic and grade >= Like.SPELLING and len(found) < 2 < len(a)):
                found.append((grade, a[i].spelled))
    return found


def _level(a: tuple[Word, ...], b: tuple[Word, ...], grades: list[Like]) -> NameLevel:
    """`grades`: of each word of the shorter name, the likest first. Its worst word decides: a third one that differs
    tells two people apart, one that is only missing does not."""
    best, worst = grades[0], grades[-1] if len(grades) > 1 else Like.DIFFERENT
    if worst == Like.SAME and len(a) == len(b):
        return NameLevel.SAME
    if worst >= Like.SPELLING:
        return NameLevel.SPELLING if len(a) == len(b) else NameLevel.LESS_MIDDLE
    if best >= Like.SPELLING:
        if len(grades) == 1:  # of one of them nothing but this word is known
            return NameLevel.ONE_AND_SOMEWHAT
        if len(grades) == 2 or grades[1] < Like.SPELLING:
            return _WITH_ONE[worst]
        return _WITH_TWO[worst]
    if best == Like.CLOSE:
        return NameLevel.TWO_CLOSE if worst in (Like.CLOSE, Like.INITIAL) else NameLevel.ONE_CLOSE
    return NameLevel.A_LITTLE if best else NameLevel.NOTHING


_WITH_ONE: Final = {
    Like.CLOSE: NameLevel.ONE_AND_CLOSE,
    Like.INITIAL: NameLevel.ONE_AND_INITIAL,
    Like.SOMEWHAT: NameLevel.ONE_AND_SOMEWHAT,
    Like.DIFFERENT: NameLevel.ONE,
}
_WITH_TWO: Final = {
    Like.CLOSE: NameLevel.ONE_AND_CLOSE,
    Like.INITIAL: NameLevel.LESS_MIDDLE,
    Like.SOMEWHAT: NameLevel.ONE_AND_SOMEWHAT,
    Like.DIFFERENT: NameLevel.TWO_OF_THREE,
}


def main_words(name: tuple[Word, ...]) -> tuple[Word, ...]:
    """The words that keys are made of: three at most, without patronymics and initials where others are left."""
    plain = [one for one in name if not one.patronymic and not one.is_initial] or list(name)
    return tuple(plain[:3])
