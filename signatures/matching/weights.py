"""Pure: match weights after Fellegi and Sunter: in bits, above 0 where two signatures are rather one person's.

A weight is the logarithm of odds: how often a pair of one person agrees like this (m), against how often two people
do (u), times the odds that two signatures are one person's at all. What a register shows is learned from it: m and
those odds by expectation maximisation over its candidate pairs, u from pairs drawn at random. Of names and places, u
is how common the very words are that both have: two Maria Garcías in Madrid are not one, two Eudoxia Quillfeathers are.

Chance is not the only other explanation. Kin share a family name, a town and a street, and are not one: against them
only the rest of the name, the mailbox and the year of birth speak.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from signatures.matching.details import LEVELS, MISSING, Comparison, Field, Pattern
from signatures.matching.names import NameLevel

#: How fast what is known beforehand is held, in pairs of one person. How people differ from themselves is much the
#: same everywhere; where few sign twice, "one person" would else come to mean whatever parts the candidates in two.
PRIOR_M: Final = 500.0
#: As often as this a rare agreement of two people counts as seen before the first pair.
PRIOR_U: Final = 2.0
#: Bits that being rare can add for one word: a sample knows no more.
RAREST: Final = 20.0
_ROUNDS: Final = 40
_SETTLED: Final = 1e-4

type Table = tuple[tuple[float, ...], ...]
"""A chance for each field and level."""
type Seen = tuple[Pattern, int]
"""How a candidate pair agrees: its pattern, and the bits that its common words are rare by, rounded."""

#: What kin share: of these fields, agreement says nothing against them.
SHARED_BY_KIN: Final = frozenset({Field.PLACE, Field.POSTCODE, Field.STREET, Field.COUNTRY})
#: How kin's names agree, as chances: one word does, the other is as likely close as two given names are by chance.
_KIN_NAMES: Final = {
    NameLevel.ONE: 0.93, NameLevel.TWO_OF_THREE: 0.93, NameLevel.ONE_AND_SOMEWHAT: 0.055,
    NameLevel.ONE_AND_CLOSE: 0.008, NameLevel.ONE_AND_INITIAL: 0.007,
}  # fmt: skip
#: Fields whose u is learned from random pairs. Of the others, words say it.
_LEARNED: Final = (Field.POSTCODE, Field.STREET, Field.BIRTH, Field.MAILBOX, Field.COUNTRY)


@dataclass(frozen=True, slots=True)
class Model:
    """m and u by field and level; how often a signature is somebody's second (`twice`), and there is
    one of the signer's kin (`kin`)."""

    m: Table
    u: Table
    twice: float
    kin: float

    def weight(self, pattern: Pattern, rare: float, signers: int) -> float:
        """Bits for a pair among so many signers whose common words are rare by `rare` bits: one person, against both
        chance and kin."""
        one, kin = self._odds(pattern, rare, signers)
        return one if kin is None else one - math.log2(1 + 2.0**kin)

    def shares(self, pattern: Pattern, rare: float, signers: int) -> tuple[float, float]:
        """How likely such a pair is one person, and kin; chance is the rest."""
        one, kin = self._odds(pattern, rare, signers)
        odds = 2.0**one, 0.0 if kin is None else 2.0**kin
        return odds[0] / (1 + sum(odds)), odds[1] / (1 + sum(odds))

    def _odds(self, pattern: Pattern, rare: float, signers: int) -> tuple[float, float | None]:
        """Bits for one person against chance, and for kin against chance: None where names are not such."""
        pairs = 2 / max(signers, 2)
        one = math.log2(pairs * self.twice) + rare + self._bits(pattern)
        level = NameLevel(pattern[Field.NAME]) if pattern[Field.NAME] != MISSING else None
        if level not in _KIN_NAMES:
            return min(one, _MOST), None
        name = math.log2(_KIN_NAMES[level] / self.u[Field.NAME][level])
        kin = math.log2(pairs * self.kin) + rare + name + self._bits(pattern, only=SHARED_BY_KIN)
        return min(one, _MOST), min(kin, _MOST)

    def _bits(self, pattern: Pattern, only: frozenset[Field] = frozenset(Field)) -> float:
        return sum(
            math.log2(self.m[field][level] / self.u[field][level])
            for field, level in zip(Field, pattern, strict=True)
            if level != MISSING and field in only
        )


#: More bits than these say nothing more.
_MOST: Final = 200.0


def rarity(words: Iterable[str], exponents: Mapping[str, int], total: int) -> float:
    """Bits by which words are rare together. `exponents`: 2 to their power is about how many of `total` have each."""
    most = math.log2(total) if total > 1 else 0.0
    return sum(max(0.0, min(RAREST, most - exponents.get(word, 0))) for word in words)


# --- learning -----------------------------------------------------------------------------------------------


def learn(
    candidates: Mapping[Seen, int], at_random: Mapping[Pattern, int], signers: int, prior: Model | None = None
) -> Model:
    """The model of a register: u of pairs drawn at random, then m and `twice` by expectation maximisation over all
    its candidate pairs. With neither, `prior`."""
    prior = prior or PRIOR_MODEL
    model = replace(prior, u=_random_agreement(at_random, prior.u))
    for _ in range(_ROUNDS):
        before = model.twice
        model = _next(candidates, signers, model, prior)
        if abs(model.twice - before) < _SETTLED * before:
            break
    return model


def _random_agreement(at_random: Mapping[Pattern, int], prior: Table) -> Table:
    u = list(prior)
    for field in _LEARNED:
        seen = [0] * LEVELS[field]
        for pattern, n in at_random.items():
            if pattern[field] != MISSING:
                seen[pattern[field]] += n
        pairs = sum(seen)
        u[field] = tuple(
            (n + PRIOR_U) / (pairs + PRIOR_U / chance) for n, chance in zip(seen, prior[field], strict=True)
        )
    return tuple(u)


def _next(candidates: Mapping[Seen, int], signers: int, model: Model, prior: Model) -> Model:
    sums = [[PRIOR_M * chance for chance in levels] for levels in prior.m]
    matches = relatives = 0.0
    for (pattern, rare), n in candidates.items():
        one, kin = model.shares(pattern, rare, signers)
        matches += n * one
        relatives += n * kin
        for field, level in enumerate(pattern):
            if level != MISSING:
                sums[field][level] += n * one
    m = tuple(tuple(n / sum(levels) for n in levels) for levels in sums)
    return Model(m, model.u, _rate(matches, signers, prior.twice), _rate(relatives, signers, prior.kin))


def _rate(pairs: float, signers: int, known: float) -> float:
    """Pairs a signer, from 50 signers known beforehand on."""
    return min(max((pairs + 50 * known) / (signers + 50), 1e-4), 2.0)


def seen(comparison: Comparison, rare: float) -> Seen:
    """What is counted of a candidate pair: nothing of who they are."""
    return comparison.pattern, round(rare)


# --- what is known beforehand -------------------------------------------------------------------------------


def _chances(text: str, of: Field) -> tuple[float, ...]:
    row = [float(part) for part in text.split()]
    if len(row) != LEVELS[of]:
        raise ValueError(of)
    return tuple(row)


def _table(**fields: str) -> Table:
    return tuple(_chances(fields[field.name.lower()], field) for field in Field)


def _normal(table: Table) -> Table:
    return tuple(tuple(chance / sum(levels) for chance in levels) for levels in table)


#: Where a register starts from: m as learned from Febrl 2, and for what that lacks (mailbox, country, spellings) a
#: guess. u of names and places is beside the words that agree: how often the rest of a name is so by chance.
PRIOR_MODEL: Final = Model(
    m=_normal(
        _table(
            name="2 1 2 6 1 4 6 14 5 7 10 43", place="7 5 10 78", postcode="6 3 9 82", street="7 3 4 26 60",
            birth="5 10 85", mailbox="55 12 10 21 2", country="4 96",
        )
    ),
    u=_table(
        name="0.6 0.2 0.03 0.9 0.9 0.0004 0.1 0.02 0.0015 0.15 0.4 0.6", place="0.9 0.04 0.3 0.7",
        postcode="0.9 0.1 0.01 0.002", street="0.92 0.07 0.01 0.0001 0.00002", birth="0.95 0.03 0.02",
        mailbox="0.998 0.001 0.00002 0.00005 0.000001", country="0.5 0.5",
    ),
    twice=0.05,
    kin=0.1,
)  # fmt: skip
