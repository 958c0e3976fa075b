"""Plays the adversary against the law of figures.py: somebody who knows the rules, has every edition, and saw every
change of the total.

The small games are exhaustive. With steps of three instead of ten and five countries, all histories of the register are
kept that would have published just what was published; what is true of all of them is what the adversary knows. The
large game, at steps of ten and over thirty editions, takes the histories that figures.py says are possible and looks
whether they publish the same.

That adversary reads. One who also signs knows more, and the last part shows how much (docs/threat-model.md, "What it
does not protect from").
"""

from __future__ import annotations

import itertools
from collections import Counter
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signatures.public_figures.figures import CELL, is_due, renew

STEP = 3
#: Where nobody has signed is not known: two of these never do.
WORLD = ("A", "B", "C", "D", "E")
SIGN_FROM = ("A", "B", "C")
NOBODY = (0,) * len(WORLD)

type Counts = tuple[int, ...]
"""Signatures a country, in the order of WORLD."""


@cache
def _ways(number: int) -> tuple[Counts, ...]:
    """So many signatures spread over the world, in all ways."""
    found = []
    for bars in itertools.combinations(range(number + len(WORLD) - 1), len(WORLD) - 1):
        edges = (-1, *bars, number + len(WORLD) - 1)
        found.append(tuple(right - left - 1 for left, right in itertools.pairwise(edges)))
    return tuple(found)


def _by_law(shown, counts, added, removed):
    return renew(shown, dict(zip(WORLD, counts, strict=True)), added, removed, STEP)


def _by_rounding(shown, counts, added, removed):
    """What most sites do: from three on, in threes, and nothing else."""
    return {code: n // STEP * STEP for code, n in zip(WORLD, counts, strict=True) if n >= STEP}


def _after(counts, came, went):
    result = tuple(c + a - w for c, a, w in zip(counts, came, went, strict=True))
    return result if min(result) >= 0 else None


class Adversary:
    """Every history that publishes what was published. A step is (counts before, came, went, counts
    after); came is without the adversary's own."""

    def __init__(self, law=_by_law):
        self.law = law
        self.layers = [{(0,) * len(WORLD)}]
        self.windows = []
        self.shown = [{}]

    def see(self, added, removed, published, mine=NOBODY):
        """`mine` of those that came are the adversary's own; what is possible is said of the others."""
        arrivals = [(others, tuple(map(sum, zip(others, mine, strict=True)))) for others in _ways(added - sum(mine))]
        verdicts, possible, reached = {}, [], set()
        for counts in self.layers[-1]:
            for (others, came), went in itertools.product(arrivals, _ways(removed)):
                after = _after(counts, came, went)
                if after is None:
                    continue
                if after not in verdicts:
                    verdicts[after] = self.law(self.shown[-1], after, added, removed) == published
                if verdicts[after]:
                    possible.append((counts, others, went, after))
                    reached.add(after)
        self.layers.append(reached)
        self.windows.append(possible)
        self.shown.append(published)

    def conclude(self):
        """What can no longer be continued to the last edition was not the history."""
        alive = self.layers[-1]
        for index in range(len(self.windows) - 1, -1, -1):
            self.windows[index] = [step for step in self.windows[index] if step[3] in alive]
            self.layers[index] = alive = {step[0] for step in self.windows[index]}

    def values_of(self, country):
        return {counts[WORLD.index(country)] for counts in self.layers[-1]}


def _homogeneous(spread):
    """The one country that all of these signatures are from, or None."""
    return spread.index(sum(spread)) if sum(spread) and max(spread) == sum(spread) else None


def _certain(windows, place):
    """For each window, the country that every possible history gives to all that came (1) or went (2) in it, if any."""
    for possible in windows:
        found = {_homogeneous(step[place]) for step in possible}
        if len(found) == 1 and found != {None} and any(sum(step[place]) for step in possible):
            yield found.pop()


def _spread(countries):
    signed = Counter(countries)
    return tuple(signed[country] for country in WORLD)


def _play(windows, law=_by_law, mine=()):
    """Editions of a true history: [(came from, went from)], three of each at a time; `mine` of them, window by window,
    are the adversary's own. Returns adversary and truth."""
    adversary, truth, shown = Adversary(law), Counter(), {}
    for (came, went), own in itertools.zip_longest(windows, mine, fillvalue=()):
        truth.update(came)
        went = [country for country in went if truth[country]]
        went = went[: len(went) // STEP * STEP]
        kept = Counter(truth)
        kept.subtract(went)
        if min(kept.values(), default=0) < 0:
            went, kept = [], truth
        truth = kept
        shown = law(shown, _spread(truth), len(came), len(went))
        adversary.see(len(came), len(went), shown, _spread(own))
    adversary.conclude()
    return adversary, truth, shown


def _window(countries):
    return st.lists(st.sampled_from(countries), min_size=STEP, max_size=STEP)


def _check(adversary, truth, shown):
    assert tuple(truth[country] for country in WORLD) in adversary.layers[-1]  # the truth is among what is possible
    # The total alone says that nobody has more than it.
    most = min(STEP - 1, sum(truth.values()))
    for country in WORLD:
        if country not in shown and 0 < truth[country] < STEP:
            values = adversary.values_of(country)
            assert min(values) <= 1, f"{country} is known to be {sorted(values)}"
            assert max(values) >= most, f"{country} is known to be {sorted(values)}"
    assert not list(_certain(adversary.windows, 1)), "the country of a signature is known"
    assert not list(_certain(adversary.windows, 2)), "the country of a withdrawal is known"


@settings(max_examples=60, deadline=None)
@given(st.lists(_window(SIGN_FROM), min_size=1, max_size=6))
def test_no_small_country_and_no_signature_is_known_while_signatures_come(windows):
    _check(*_play([(came, []) for came in windows]))


@settings(max_examples=30, deadline=None)
@given(_window(SIGN_FROM), st.integers(2, 6))
def test_not_even_where_the_same_countries_sign_again_and_again(window, times):
    _check(*_play([(window, [])] * times))


@settings(max_examples=15, deadline=None)
@given(
    st.lists(_window(SIGN_FROM), min_size=2, max_size=4),
    st.lists(st.tuples(st.just([]) | _window(SIGN_FROM), _window(SIGN_FROM)), min_size=1, max_size=2),
)
def test_nor_where_signatures_are_withdrawn(before, after):
    _check(*_play([(came, []) for came in before] + after))


@pytest.mark.parametrize(
    ("windows", "what"),
    [
        ([(["A", "A", "A"], [])], "the country of a signature is known"),
        ([(["A", "A", "A"], []), (["A", "A", "B"], [])], "is known"),
        ([(["A", "A", "A"], []), (["B", "C", "A"], []), ([], ["A", "A", "A"])], "is known"),
    ],
)
def test_the_adversary_is_no_straw_man_rounding_alone_falls_to_it(windows, what):
    with pytest.raises(AssertionError, match=what):
        _check(*_play(windows, law=_by_rounding))


# --- at the true scale --------------------------------------------------------------------------------------------

MANY = [f"{a}{b}" for a in "ABCDEFGH" for b in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
weights = st.lists(st.integers(1, 400), min_size=2, max_size=60)


def _history(random, shares, windows):
    """(added, removed, exact) of each edition, in whole tens."""
    countries = MANY[: len(shares)]
    counts, register = Counter(), []
    for size, removals in windows:
        came = random.choices(countries, shares, k=size * CELL)
        register += came
        counts.update(came)
        went = [
            register.pop(random.randrange(len(register))) for _ in range(min(removals, len(register) // CELL) * CELL)
        ]
        counts.subtract(went)
        yield len(came), len(went), +counts


windows_of_tens = st.lists(st.tuples(st.integers(1, 12), st.sampled_from([0, 0, 0, 1, 3])), min_size=1, max_size=30)


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False), weights, windows_of_tens)
def test_over_thirty_editions_whatever_is_not_shown_may_be_anything_from_nothing_to_nine(random, shares, windows):
    """The proof in figures.py, done: the shown figures as exact ones, the rest spread over others, publish the same."""
    history = list(_history(random, shares, windows))
    editions, shown = [], {}
    for added, removed, exact in history:
        shown = renew(shown, exact, added, removed)
        editions.append(shown)
        assert not shown or sum(exact.values()) - sum(shown.values()) >= CELL
        assert all(figure >= CELL and figure % CELL == 0 for figure in shown.values())
    never_shown = next(code for code in MANY if not any(code in edition for edition in editions))
    for wanted in (0, 1, 9):
        supposed: dict[str, int] = {}
        for (added, removed, exact), published in zip(history, editions, strict=True):
            rest = sum(exact.values()) - sum(published.values())
            other = Counter(published)
            other[never_shown] += min(wanted, rest)
            rest -= min(wanted, rest)
            for code in MANY:
                part = min(9, rest) if code != never_shown else 0
                other[code] += part
                rest -= part
            assert rest == 0
            supposed = renew(supposed, +other, added, removed)
            assert supposed == published


@given(st.integers(0, 10_000_000), st.integers(0, 9), st.integers(0, 9))
def test_fewer_than_ten_of_either_make_no_edition(count, added, removed):
    assert not is_due(count, added, removed)


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False), weights, windows_of_tens)
def test_figures_keep_up_with_the_register(random, shares, windows):
    """What waits is little: safe and useless would be no law."""
    shown: dict[str, int] = {}
    for added, removed, exact in _history(random, shares, [(size, 0) for size, _ in windows]):
        shown = renew(shown, exact, added, removed)
    waiting = sum(exact.values()) - sum(shown.values())
    assert all(figure <= exact[code] for code, figure in shown.items())
    assert waiting <= 2 * CELL + 9 * len(shares)


# --- whoever also signs -------------------------------------------------------------------------------------------


def test_whoever_makes_all_of_a_step_but_one_sees_where_that_one_was():
    windows = [("ABA", []), ("CCC", [])]
    reader, *_ = _play(windows)
    assert not list(_certain(reader.windows, 1)), "whoever reads sees nothing in the same editions"
    signer, *_ = _play(windows, mine=["ABA", "CC"])
    assert list(_certain(signer.windows, 1)) == [WORLD.index("C")]


def _editions(*signed):
    """The last edition of a register in which they came in this order, ten at a time; and the register."""
    shown, exact = {}, Counter()
    for at in range(0, len(signed), CELL):
        window = signed[at : at + CELL]
        exact.update(window)
        shown = renew(shown, exact, len(window), 0)
    return shown, exact


#: Own signatures from ten countries, too few of each to be shown, between which others can be placed.
_SMALL = [f"S{n}" for n in range(CELL)] * 5


def test_nine_of_ten_of_ones_own_tell_the_country_of_the_tenth():
    """Three countries are brought to the edge of their next ten, and a fourth by the nine themselves: whichever of the
    four the tenth is from rises by ten, and if it is from none of them, none does."""
    before, register = _editions(*(["A"] * 29 + ["B"] * 29 + ["C"] * 29 + ["F"] * 20 + ["S0"] * 3))
    assert {code: before[code] for code in "ABCF"} == dict.fromkeys("ABCF", 20)
    for tenth in "ABCFG":
        after = renew(before, register + Counter(["F"] * 9 + [tenth]), CELL, 0)
        assert {code for code in after if after[code] != before.get(code, 0)} == {tenth} - {"G"}


@pytest.mark.parametrize("own", range(CELL))
def test_with_fewer_of_ones_own_an_edition_tells_whether_a_country_has_so_many_of_the_others_and_no_more(own):
    """One edition answers one question about each country: the asker chooses the number. Asked for all of the others,
    the answer is yes only where all are from that country; with nine of one's own there is one other."""
    others = CELL - own
    for asked in range(1, others + 1):
        mine = ["A"] * (30 - asked) + ["F"] * (20 + asked) + _SMALL
        before, register = _editions(*mine)
        assert before["A"] == 20
        told = []
        for there in range(others + 1):
            elsewhere = [f"V{n}" for n in range(others - there)]
            came = [f"T{n}" for n in range(own)] + ["A"] * there + elsewhere
            told.append(renew(before, register + Counter(came), CELL, 0))
        assert [after["A"] for after in told] == [20] * asked + [30] * (others + 1 - asked)
        assert all(after == told[0] for after in told[:asked]), "none or all but one: the same edition"
        assert all(after == told[asked] for after in told[asked:])
