"""Pure: keys under which two persons find each other. Each joins two fields or more; workers store HMACs of them.

A key that very many hold is split by a further field (`split`), level by level, so that a big city still finds its
own. What is then still held by too many nominates nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Final

from signatures.matching.details import Details
from signatures.matching.names import Word, main_words

#: How often a key can be split.
SPLITS: Final = 5


def keys(person: Details) -> frozenset[str]:
    """The keys of a person, as text; none of one with nothing to be found by."""
    return frozenset(_keys(person))


def _keys(person: Details) -> Iterator[str]:
    main = main_words(person.name)
    where = person.country
    for one, other in combinations(main, 2):
        # In one order: what is typed as given and as family name changes places.
        first, second = sorted((one.sound, other.sound))
        yield f"nn|{first}|{second}"
        first, second = sorted((_start(one, 3), _start(other, 3)))
        yield f"pp|{first}|{second}|{where}|{person.postcode[:1]}"
    place = max((word.sound for word in person.place), key=len, default="")
    for one in main:
        if place:
            yield f"np|{one.sound}|{place[:4]}|{where}"
            yield f"ep|{one.spelled[-4:]}|{place[:4]}|{where}"
        if person.postcode:
            yield f"nc|{one.sound}|{person.postcode}"
            yield f"ec|{_start(one, 3)}|{''.join(sorted(person.postcode))}"
        if person.birth:
            yield f"nb|{one.sound}|{person.birth}|{where}"
        if person.street:
            yield f"ns|{one.sound[:3]}|{person.street[:6]}"
    if person.postcode and place:
        yield f"cp|{person.postcode}|{place[:4]}|{min((word.sound[:1] for word in main), default='')}"
    if person.postcode and person.street:
        yield f"cs|{person.postcode}|{person.street[:8]}"
    if len(person.local) > 3:
        yield f"mc|{person.local}|{where}"
    if person.mailbox:
        yield f"mm|{person.mailbox}"


def _start(word: Word, length: int) -> str:
    return word.spelled.lstrip("=")[:length]


def split(key: str, level: int, person: Details) -> str:
    """The key together with one more field of the person: the level-th, from 0. Two who differ in it part; whoever
    lacks it stays among those who lack it."""
    further = (
        person.country,
        "".join(word.sound for word in person.place),
        "|".join(sorted(word.spelled for word in main_words(person.name))),
        f"{person.postcode}{person.birth}",
        person.local[:3],
    )[level]
    return f"{key}\x00{level}{further}"
