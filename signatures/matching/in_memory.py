"""Pure: likely duplicates of people that all fit into memory: the matcher without register and database.

What a worker will do for a register of any size, a few thousand signatures at a time, this does for a set at once.
"""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from signatures.matching import blocking, details, weights
from signatures.matching.details import Details, Pattern
from signatures.matching.weights import Model

#: A key that more hold than so many is split.
CROWD: Final = 100
#: Pairs drawn at random for each person, to see how two people agree.
RANDOM: Final = 10


@dataclass(frozen=True, slots=True)
class Found:
    """Pairs of ids, the lesser first: all that a key brings together, and the weight of each."""

    candidates: frozenset[tuple[str, str]]
    weights: Mapping[tuple[str, str], float]
    model: Model


def find_pairs(people: Mapping[str, Details], seed: int = 1) -> Found:
    """Every likely pair among these people, with a model learned from them; `seed` draws the random pairs."""
    candidates = {pair for held in _blocks(people) for pair in combinations(sorted(held), 2)}
    compared = {(a, b): details.compare(people[a], people[b]) for a, b in candidates}
    exponents, total = _exponents(people), len(people)
    rare = {pair: weights.rarity(one.agreed, exponents, total) for pair, one in compared.items()}
    model = weights.learn(
        Counter(weights.seen(one, rare[pair]) for pair, one in compared.items()), _at_random(people, seed), total
    )
    return Found(
        frozenset(candidates),
        {pair: model.weight(one.pattern, rare[pair], total) for pair, one in compared.items()},
        model,
    )


def _at_random(people: Mapping[str, Details], seed: int) -> Counter[Pattern]:
    drawn, everybody = random.Random(seed), list(people.values())
    if len(everybody) < 2:
        return Counter()
    return Counter(details.compare(*drawn.sample(everybody, 2)).pattern for _ in range(RANDOM * len(everybody)))


def _blocks(people: Mapping[str, Details]) -> list[list[str]]:
    held: dict[str, list[str]] = defaultdict(list)
    for key, person in people.items():
        if person.has_a_name:
            for text in blocking.keys(person):
                held[text].append(key)
    for level in range(blocking.SPLITS):
        for text in [text for text, members in held.items() if len(members) > CROWD]:
            for member in held.pop(text):
                held[blocking.split(text, level, people[member])].append(member)
    return [members for members in held.values() if 1 < len(members) <= CROWD]


def _exponents(people: Mapping[str, Details]) -> dict[str, int]:
    """How common each word is, as a power of two."""
    counts = Counter(word for person in people.values() for word in details.rare_words(person))
    return {word: int(math.log2(n)) for word, n in counts.items()}
