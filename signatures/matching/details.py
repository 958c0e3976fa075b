"""Pure: what of a person is compared, field by field; in a worker's memory only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA, JaroWinkler

from signatures.identity import words_of
from signatures.matching import names
from signatures.matching.names import Like, Word


class Field(IntEnum):
    """The fields in the order of a pattern."""

    NAME = 0
    PLACE = 1
    POSTCODE = 2
    STREET = 3
    BIRTH = 4
    MAILBOX = 5
    COUNTRY = 6


#: Levels of each field, from 0 (differs) upwards.
LEVELS: Final = {
    Field.NAME: len(names.NameLevel),
    Field.PLACE: 4,
    Field.POSTCODE: 4,
    Field.STREET: 5,
    Field.BIRTH: 3,
    Field.MAILBOX: 5,
    Field.COUNTRY: 2,
}
#: A field of which one of the two has nothing, or nothing that can be compared.
MISSING: Final = -1

#: One level a field: how a pair agrees. Tells no person.
type Pattern = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Details:
    """A person, ready to be compared. Fields that a campaign does not ask for are empty."""

    name: tuple[Word, ...]
    place: tuple[Word, ...] = ()
    postcode: str = ""
    street: str = ""
    birth: str = ""
    mailbox: str = ""
    country: str = ""

    @property
    def local(self) -> str:
        """The mailbox's local part, as it would be typed again at another provider."""
        return _SEPARATORS.sub("", self.mailbox.rpartition("@")[0])

    @property
    def has_a_name(self) -> bool:
        """Whether there is enough of a name to be compared: more than one letter of an alphabet."""
        return any(len(word.text) > 1 or word.script is names.Script.HAN for word in self.name)


_SEPARATORS: Final = re.compile("[-._]+")
_NUMBER: Final = re.compile(r"\d")


def prepare(
    name: str, *, place: str = "", postcode: str = "", street: str = "", birth: str = "", mailbox: str = "",
    country: str = "",
) -> Details:  # fmt: skip
    """Details from what was typed. A postcode that stands in the place is one."""
    named = _place(place)
    if not postcode:
        postcode = "".join(word.text for word in named if len(word.text) > 3 and _NUMBER.search(word.text))
    return Details(
        names.words(name),
        tuple(word for word in named if not _NUMBER.search(word.text)),
        "".join(words_of(postcode)),
        " ".join(words_of(street)[:12]),
        birth.strip(),
        mailbox,
        country,
    )


@lru_cache(maxsize=20_000)
def _place(place: str) -> tuple[Word, ...]:
    return tuple(names.word(text) for text in words_of(place)[: names.MAX_WORDS])


# --- comparing ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a pair agrees. `agreed`: what both have in common of `rare_words`."""

    pattern: Pattern
    agreed: tuple[str, ...] = ()


def compare(a: Details, b: Details) -> Comparison:
    """Field by field, each level in its place."""
    name = names.compare(a.name, b.name)
    place = _compare_places(a.place, b.place)
    pattern = (
        MISSING if name is None else int(name.level),
        place,
        _compare_postcodes(a.postcode, b.postcode),
        _compare_streets(a.street, b.street),
        _compare_births(a.birth, b.birth),
        _compare_mailboxes(a.mailbox, b.mailbox),
        int(a.country == b.country) if a.country and b.country else MISSING,
    )
    agreed = name.agreed if name else ()
    return Comparison(pattern, (*agreed, place_key(a)) if place >= 2 else agreed)


def rare_words(person: Details) -> tuple[str, ...]:
    """The words whose frequency counts, each once: those of a name, and the place's."""
    place = place_key(person)
    return tuple({word.spelled for word in person.name} | ({place} if place else set()))


def place_key(person: Details) -> str:
    """How a place counts when its frequency is told: its longest word, marked so that it is no name."""
    return max(("@" + word.spelled for word in person.place), key=len, default="")


def _compare_places(a: tuple[Word, ...], b: tuple[Word, ...]) -> int:
    """3 the same, 2 another spelling or one names more, 1 close, 0 differs."""
    if not a or not b or not {word.script for word in a} & {word.script for word in b}:
        return MISSING
    if a == b:
        return 3
    shorter, longer = (a, b) if len(a) <= len(b) else (b, a)
    grades = [max(names.like(x, y) for y in longer) for x in shorter]
    if min(grades) >= Like.SPELLING:
        return 2
    whole = JaroWinkler.similarity("".join(w.spelled for w in a), "".join(w.spelled for w in b))
    return 1 if whole >= 0.88 or min(grades) >= Like.CLOSE or max(grades) >= Like.SPELLING else 0


def _compare_postcodes(a: str, b: str) -> int:
    """3 the same, 2 one slip (a digit or two neighbours exchanged), 1 the same district, 0 differs."""
    if not a or not b:
        return MISSING
    if a == b:
        return 3
    if min(len(a), len(b)) >= 4 and OSA.distance(a, b, score_cutoff=1) <= 1:
        return 2
    return 1 if len(a) >= 4 and (a[:2] == b[:2] or sorted(a) == sorted(b)) else 0


def _compare_streets(a: str, b: str) -> int:
    """4 the same, 3 slips, 2 alike, 1 somewhat, 0 differs. House numbers are words of it."""
    if not a or not b:
        return MISSING
    if a == b:
        return 4
    alike = fuzz.token_sort_ratio(a, b)
    return 3 if alike >= 90 else 2 if alike >= 78 else 1 if alike >= 62 else 0


def _compare_births(a: str, b: str) -> int:
    """2 the same, 1 one slip, 0 differs. A year, or a date as digits."""
    if not a or not b:
        return MISSING
    return 2 if a == b else int(OSA.distance(a, b, score_cutoff=1) <= 1)


def _compare_mailboxes(a: str, b: str) -> int:
    """4 one mailbox, 3 the same local part elsewhere, 2 but for dots and a slip, 1 alike, 0 differs."""
    if not a or not b:
        return MISSING
    if a == b:
        return 4
    x, y = a.rpartition("@")[0], b.rpartition("@")[0]
    if x == y:
        return 3
    x, y = _SEPARATORS.sub("", x), _SEPARATORS.sub("", y)
    if min(len(x), len(y)) < 4:
        return 0
    if x == y or OSA.distance(x, y, score_cutoff=1) <= 1:
        return 2
    return int(JaroWinkler.similarity(x, y) >= 0.88)
