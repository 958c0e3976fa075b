"""The invented signers: exactly as many people as asked for, and believable ones."""

from __future__ import annotations

import datetime
import re
import tomllib
import unicodedata
from collections import Counter
from importlib import resources
from itertools import islice

import pytest

from signatures.demo.people import INTERNATIONAL, Signer, how_many, synthetic_signers, town
from signatures.identity import canonical_mailbox

_RESERVED = re.compile(r"[A-Za-z0-9._]+@([a-z]+\.)?example\.(org|com|net)")


@pytest.fixture(scope="module")
def crowd() -> list[Signer]:
    return list(synthetic_signers(191_000))


@pytest.mark.parametrize("count", [0, 1, 2, 49, 50, 51, 100, 2_000, 2_001, 9_999])
def test_as_many_mailboxes_as_people_asked_for(count: int) -> None:
    signers = list(synthetic_signers(count))
    assert len({canonical_mailbox(s.email) for s in signers}) == count
    assert len(signers) == how_many(count)


def test_as_many_mailboxes_as_people_at_full_size(crowd: list[Signer]) -> None:
    assert len({canonical_mailbox(s.email) for s in crowd}) == 191_000
    assert len(crowd) == how_many(191_000) == 194_820


def test_negative_count_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="-1"):
        synthetic_signers(-1)


def test_same_seed_makes_the_same_people() -> None:
    assert list(synthetic_signers(500, seed=1)) == list(synthetic_signers(500, seed=1))
    assert list(synthetic_signers(500, seed=1)) != list(synthetic_signers(500, seed=2))


def test_second_signature_comes_later_from_the_same_person() -> None:
    first: dict[str, Signer] = {}
    spelt_otherwise = 0
    for signer in synthetic_signers(20_000):
        before = first.setdefault(canonical_mailbox(signer.email), signer)
        if before is signer:
            continue
        assert signer.signed_at > before.signed_at
        assert signer.country == before.country
        spelt_otherwise += signer.email != before.email
    assert spelt_otherwise > 200


def test_second_signatures_are_spread_among_the_others() -> None:
    mailboxes = [canonical_mailbox(s.email) for s in synthetic_signers(20_000)]
    first: dict[str, int] = {}
    again = [n for n, mailbox in enumerate(mailboxes) if first.setdefault(mailbox, n) != n]
    assert again[0] < 1_000
    assert 9_000 < again[len(again) // 2] < 12_000


@pytest.mark.parametrize("count", [2_000, 2_345, 20_000])
def test_all_184_countries_appear(count: int) -> None:
    assert len({s.country for s in synthetic_signers(count)}) == 184


def test_countries_have_a_long_tail(crowd: list[Signer]) -> None:
    people = Counter({canonical_mailbox(s.email): s.country for s in crowd}.values())
    assert len(people) == 184
    assert sum(n < 10 for n in people.values()) >= 15
    assert sum(n for _, n in people.most_common(10)) > 0.5 * 191_000
    assert 100 < people["BY"] < 1_000


def test_days_have_a_launch_and_a_second_wave(crowd: list[Signer]) -> None:
    days = Counter(s.signed_at.date() for s in crowd)
    assert (min(days), max(days)) == (datetime.date(2020, 7, 27), datetime.date(2020, 10, 31))
    assert len(days) == 97
    assert days[datetime.date(2020, 8, 11)] > 5 * days[datetime.date(2020, 8, 8)]
    assert days[datetime.date(2020, 10, 20)] < 500


def test_nobody_signs_before_it_opens_or_in_local_time(crowd: list[Signer]) -> None:
    assert min(s.signed_at for s in crowd) >= INTERNATIONAL.opens
    assert all(s.signed_at.tzinfo is datetime.UTC for s in crowd)


def test_every_mailbox_is_on_a_reserved_domain(crowd: list[Signer]) -> None:
    assert all(_RESERVED.fullmatch(s.email.strip().lower()) for s in crowd)


def test_names_come_in_many_scripts(crowd: list[Signer]) -> None:
    scripts = {unicodedata.name(next(filter(str.isalpha, s.name))).split()[0] for s in crowd}
    assert scripts >= {
        "LATIN", "CYRILLIC", "GREEK", "GEORGIAN", "ARMENIAN", "HEBREW", "ARABIC", "DEVANAGARI", "BENGALI",
        "TAMIL", "SINHALA", "THAI", "LAO", "KHMER", "MYANMAR", "ETHIOPIC", "HANGUL", "CJK", "HIRAGANA",
        "KATAKANA", "TIBETAN", "THAANA",
    }  # fmt: skip


def test_what_people_type_fits_a_form(crowd: list[Signer]) -> None:
    assert max(len(s.name) for s in crowd) <= 100
    assert max(len(s.email) for s in crowd) <= 80
    assert all(s.name.strip() for s in crowd)
    assert 0.04 < sum(bool(s.comment) for s in crowd) / len(crowd) < 0.06


def test_town_is_one_country_and_one_language_in_its_own_days() -> None:
    opens, last = datetime.datetime(2026, 6, 15, 7, tzinfo=datetime.UTC), datetime.date(2026, 9, 30)
    neighbours = list(synthetic_signers(310, seed=7, crowd=town(opens, last)))
    assert {(s.country, s.language) for s in neighbours} == {("GB", "en")}
    assert min(s.signed_at for s in neighbours) >= opens
    assert max(s.signed_at for s in neighbours).date() <= last
    assert any(s.place == "Aldermere" for s in neighbours)


def test_town_that_closes_before_it_opens_is_refused() -> None:
    opens = datetime.datetime(2026, 6, 15, 7, tzinfo=datetime.UTC)
    with pytest.raises(ValueError, match="last day"):
        next(synthetic_signers(1, crowd=town(opens, datetime.date(2026, 6, 14))))


def test_people_stream() -> None:
    assert len(list(islice(synthetic_signers(10**12), 10))) == 10


def test_lists_of_names_are_long_enough_to_vary() -> None:
    file = resources.files("signatures.demo").joinpath("names.toml")
    groups = tomllib.loads(file.read_text(encoding="utf-8"))
    for group, entry in groups.items():
        pairs = [*entry.get("pools", ()), [entry[k] for k in ("given_f", "given_m", "family") if k in entry]]
        for line in (line for pair in pairs for line in pair):
            words = line.split()
            assert 20 <= len(set(words)) == len(words) <= 40, (group, line)
