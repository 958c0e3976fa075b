"""Keys, levels and weights together: who is found, who is not, and what a weight means."""

from collections import Counter
from functools import cache
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from signatures.matching import blocking, weights
from signatures.matching.details import Field, compare, prepare
from signatures.matching.in_memory import CROWD, find_pairs
from tests.benchmarks import invented

#: Fifty that no slip of the finger makes one.
TAILS = ("ford", "wick", "burgh", "hampton", "minster", "castle", "ley", "port", "bridge", "gate")
TOWNS = [f"{first}{last}" for first in ("Ash", "Elm", "Oak", "Wind", "Mar") for last in TAILS]
SOMEBODY = prepare("Ada Lovelace", place="London", mailbox="ada@example.org", country="GB")


def _local(text):
    return sha256(text.encode()).hexdigest()[:9]


@cache
def crowd(n=400):
    people = invented.signers("latin", n)
    return {f"x{i}": prepare(p.name, place=p.place, mailbox=p.mailbox, country="GB") for i, p in enumerate(people)}


def test_every_key_joins_two_fields():
    lone = [prepare("Ada"), prepare("", place="London"), prepare("", country="GB"), prepare("J", place="")]
    assert [blocking.keys(person) for person in lone] == [frozenset()] * 4
    assert blocking.keys(SOMEBODY)


def test_a_person_at_two_mailboxes_is_found_among_others():
    people = crowd() | {
        "a": prepare("Сяргей Каваленка", place="Мінск", mailbox="siarhei.k@example.org", country="BY"),
        "b": prepare("Kavalenka Siarhei", place="Minsk", mailbox="siarheik@example.net", country="BY"),
    }
    found = find_pairs(people)
    assert found.weights["a", "b"] > 0


def test_a_common_name_elsewhere_is_not_one_person():
    people = crowd() | {
        f"m{i}": prepare("María García", place=town, mailbox=f"{_local(town)}@example.org", country="ES")
        for i, town in enumerate(TOWNS)
    }
    found = find_pairs(people)
    assert max(weight for (a, b), weight in found.weights.items() if a[0] == b[0] == "m") < 0


def test_relatives_of_one_street_are_not_one_person():
    people = crowd() | {
        "a": prepare("Anna Quillfeather", place="Riverton", mailbox="anna.q@example.org", country="GB"),
        "b": prepare("Peter Quillfeather", place="Riverton", mailbox="peterq@example.net", country="GB"),
    }
    assert find_pairs(people).weights.get(("a", "b"), -99) < 0


def test_a_key_that_everybody_holds_is_split_until_it_parts_them():
    namesakes = {f"{i}": prepare("Li Wei", place=TOWNS[i % 50], mailbox=f"{i}xyz@example.org") for i in range(1000)}
    found = find_pairs(namesakes)
    assert 0 < len(found.candidates) <= 1000 * CROWD / 2
    assert any(int(a) % 50 == int(b) % 50 for a, b in found.candidates)


def test_what_no_field_parts_nominates_nobody():
    assert not find_pairs({f"{i}": prepare("Li Wei") for i in range(CROWD + 1)}).candidates


def test_a_pattern_says_levels_only():
    other = prepare("Lovelace Ada", place="london", mailbox="a.da@example.net", country="GB")
    compared = compare(SOMEBODY, other)
    assert all(isinstance(level, int) for level in compared.pattern)
    assert len(compared.pattern) == len(Field)
    assert set(compared.agreed) == {"ada", "lovelace", "@london"} or len(compared.agreed) == 3


def test_with_nothing_to_learn_from_the_model_is_the_one_known_beforehand():
    learned = weights.learn(Counter(), Counter(), 0)
    assert learned.m == weights.PRIOR_MODEL.m
    assert abs(learned.twice - weights.PRIOR_MODEL.twice) < 1e-9


def test_rare_words_weigh_more_than_common_ones():
    exponents = {"smit": 12, "quilfeater": 0}
    assert weights.rarity(["quilfeater"], exponents, 10_000) > weights.rarity(["smit"], exponents, 10_000) + 10


fields = st.builds(
    prepare,
    st.text(max_size=60),
    place=st.text(max_size=20),
    postcode=st.text(max_size=8),
    street=st.text(max_size=20),
    birth=st.sampled_from(["", "1970", "1971"]),
    mailbox=st.sampled_from(["", "a@b", "john.smith@x.org", "johnsmith@y.org"]),
    country=st.sampled_from(["", "BY", "PL"]),
)


@given(fields, fields)
def test_whatever_was_typed_compares_alike_both_ways_and_weighs_something(one, other):
    assert compare(one, other).pattern == compare(other, one).pattern
    assert abs(weights.PRIOR_MODEL.weight(compare(one, other).pattern, 0, 1000)) < 1000
    for person in (one, other):
        for key in blocking.keys(person):
            assert blocking.split(key, 0, person) != key


def test_weights_are_finite_at_any_size():
    pattern = compare(SOMEBODY, SOMEBODY).pattern
    assert weights.PRIOR_MODEL.weight(pattern, 40, 1) > weights.PRIOR_MODEL.weight(pattern, 40, 6_000_000)
