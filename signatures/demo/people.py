"""Invented people who sign: as many as asked for, in believable proportions, some of them more than once.

Pure: no Django, no database. Names come from names.toml, countries from countries.toml, comments from
comments.toml. Every mailbox is on a domain that RFC 2606 keeps free, so no mail can ever reach anybody.
"""

from __future__ import annotations

import datetime
import heapq
import math
import random
import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from itertools import accumulate
from typing import Any

#: One person in so many signs again later, with another spelling: what admission has to refuse.
SIGNS_AGAIN = 50
#: From this many people on, every country of a crowd appears. Below it, one of each would bend the picture.
ROLL_CALL = 2_000
_BATCH = 4_096
_DAY_HOURS = (3, 2, 1, 1, 1, 2, 4, 7, 10, 11, 11, 11, 12, 12, 11, 11, 12, 13, 15, 17, 18, 16, 11, 6)  # UTC
_WEEK = (1.10, 1.12, 1.08, 1.04, 0.95, 0.76, 0.86)  # Monday first
_HOUR = datetime.timedelta(hours=1)
_MAIL_DOMAINS = (
    ("example.org", 22), ("example.com", 26), ("example.net", 14), ("mail.example.org", 12),
    ("post.example.net", 8), ("inbox.example.com", 8), ("webmail.example.com", 5), ("uni.example.org", 5),
)  # fmt: skip
#: For names in scripts that ROMAN below cannot spell; their owners often have a nickname in their address.
_NICKNAMES = (
    "bluebird", "riverside", "moonlight", "lotus", "tiger", "sunrise", "maple", "jasmine", "north.star",
    "kite", "green.tea", "mountain", "paperboat", "swallow", "bamboo", "cinnamon", "harbour", "lantern",
    "violet", "cedar", "firefly", "pomegranate", "snowdrop", "seven.hills", "olive.tree", "windmill",
    "amber", "rainyday", "songbird", "bookworm",
)  # fmt: skip
_INITIALS = "ABCDEFGHIJKLMNOPRSTVW"
#: Letters and how mailboxes spell them, without accents, in pairs.
_ROMAN_LETTERS = """
а a б b в v г g ґ g д d е e ё yo є ye ж zh з z и i і i ї yi й y к k л l м m н n о o п p р r с s т t у u
ў u ф f х kh ц ts ч ch ш sh щ shch ы y э e ю yu я ya ђ dj ј j љ lj њ nj ћ c џ dz ѓ gj ќ kj ѕ dz ә a ғ gh
қ q ң ng ө o ұ u ү u һ h ӯ u ҳ h ҷ j ӣ i α a β v γ g δ d ε e ζ z η i θ th ι i κ k λ l μ m ν n ξ x ο o π p
ρ r σ s ς s τ t υ y φ f χ ch ψ ps ω o ა a ბ b გ g დ d ე e ვ v ზ z თ t ი i კ k ლ l მ m ნ n ო o პ p ჟ zh
რ r ს s ტ t უ u ფ p ქ k ღ gh ყ q შ sh ჩ ch ც ts ძ dz წ ts ჭ ch ხ kh ჯ j ჰ h ա a բ b գ g դ d ե e զ z է e
ը y թ t ժ zh ի i լ l խ kh ծ ts կ k հ h ձ dz ղ gh ճ ch մ m յ y ն n շ sh ո o չ ch պ p ջ j ռ r ս s վ v տ t
ր r ց ts ւ v փ p ք k և ev օ o ֆ f ł l ø o đ d ð d þ th ß ss æ ae œ oe ı i ə a
"""
_PAIRS = _ROMAN_LETTERS.split()
ROMAN = str.maketrans({**dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True)), "ь": "", "ъ": ""})


@dataclass(frozen=True, slots=True)
class Signer:
    """What one person typed into the form, and when they confirmed it.

    country: ISO 3166-1 alpha-2. language: BCP 47 primary subtag. signed_at: UTC, whole seconds. Two signers
    are one person if their mailboxes are one (signatures.identity.canonical_mailbox).
    """

    name: str
    email: str
    country: str
    place: str
    comment: str
    share_name: bool
    updates: bool
    language: str
    signed_at: datetime.datetime
    share_comment: bool = False
    #: What the public tier would have seen of the sender; None: nothing, and nobody screens it.
    signals: dict[str, str | int | bool] | None = None


@dataclass(frozen=True)
class Crowd:
    """Who signs a petition: where they live, when they come, how open they are.

    countries: ISO codes, or empty for all of countries.toml, by its weights. opens: aware. last: the last
    day, in UTC. interest: how many sign on the n-th day (from 0), to no unit, before weekday and hour.
    places: instead of the country's. comments: a table of comments.toml. The others: shares from 0 to 1.
    """

    opens: datetime.datetime
    last: datetime.date
    interest: Callable[[int], float]
    countries: Sequence[str] = ()
    places: Sequence[str] = ()
    comments: str = "protest"
    gives_place: float = 0.6
    comments_share: float = 0.05
    shares_name: float = 0.4
    wants_updates: float = 0.45
    shares_comment: float = 0.6


def _summer_and_autumn_2020(day: int) -> float:
    """Launch, violence after the vote of 9 August, the update of 4 September, the last call in October."""
    launch = 9 * math.exp(-day / 2.2)
    vote = 8 * (1 - math.exp(-(day - 12) / 1.5)) * math.exp(-(day - 13) / 9) if day > 12 else 0
    update = 2 * math.exp(-(day - 39) / 3) if day >= 39 else 0
    last_call = 1.2 if day >= 93 else 0
    return launch + vote + update + last_call + 0.7 * math.exp(-day / 60)


INTERNATIONAL = Crowd(
    opens=datetime.datetime(2020, 7, 27, 8, tzinfo=datetime.UTC),
    last=datetime.date(2020, 10, 31),
    interest=_summer_and_autumn_2020,
)


def town(opens: datetime.datetime, last: datetime.date, countries: Sequence[str] = ("GB",)) -> Crowd:
    """The neighbours who sign for their library, until `last` inclusive, most of them in the first weeks."""
    return Crowd(
        opens=opens,
        last=last,
        interest=lambda day: 0.4 + 5 * math.exp(-day / 6),
        countries=countries,
        places=("Aldermere", "Aldermere", "Aldermere", "Upper Tansley", "Tansley Bridge", "Fenwick Cross"),
        comments="library",
        gives_place=0.85,
        comments_share=0.12,
        shares_name=0.82,
    )


def synthetic_signers(count: int, seed: int = 2020, crowd: Crowd = INTERNATIONAL) -> Iterator[Signer]:
    """`count` different people, and second signatures of one in SIGNS_AGAIN of them: how_many(count) items.

    A second signature comes after the first, in the sequence and in time, from the same mailbox and country;
    name, place and the mailbox's spelling may differ. The sequence is not in order of time. The same
    arguments give the same people. Streams: memory does not grow with count.

    Raises ValueError if count is negative.
    """
    if count < 0:
        raise ValueError(f"cannot invent {count} people")
    return _with_second_signatures(_people(count, random.Random(seed), crowd), random.Random(~seed), crowd)


def how_many(count: int) -> int:
    """How many items synthetic_signers(count) yields, for a progress bar."""
    return count + count // SIGNS_AGAIN


# --- one after the other ---------------------------------------------------------------------------------


def _people(count: int, rng: random.Random, crowd: Crowd) -> Iterator[Signer]:
    """`count` people, each with a mailbox of their own: its running number makes it so."""
    homes = _homes(tuple(crowd.countries))
    home_weights = list(accumulate(home.weight for home in homes))
    roll = _roll(homes, count)
    hours, hour_weights = _hours(crowd)
    domains, domain_weights = [d for d, _ in _MAIL_DOMAINS], list(accumulate(w for _, w in _MAIL_DOMAINS))
    comments = _table("comments.toml")[crowd.comments]
    chance = rng.random
    for start in range(0, count, _BATCH):
        size = min(_BATCH, count - start)
        drawn_homes = rng.choices(homes, cum_weights=home_weights, k=size)
        drawn_hours = rng.choices(hours, cum_weights=hour_weights, k=size)
        drawn_domains = rng.choices(domains, cum_weights=domain_weights, k=size)
        for number, home, hour, domain in zip(
            range(start, start + size), drawn_homes, drawn_hours, drawn_domains, strict=True
        ):
            home = roll.get(number, home)
            name, handle = home.names.draw(chance)
            places = crowd.places or home.places
            comment = ""
            if chance() < crowd.comments_share:
                comment = rng.choice(comments.get(home.names.language) or comments["en"])
            yield Signer(
                name=name,
                email=f"{handle}{number + 1}@{domain}",
                country=home.country,
                place=places[int(chance() * len(places))] if chance() < crowd.gives_place else "",
                comment=comment,
                share_name=chance() < crowd.shares_name,
                updates=chance() < crowd.wants_updates,
                language=home.names.language,
                # never the hour's last minute, so that a second signature still finds a later second that day
                signed_at=hour + datetime.timedelta(seconds=int(chance() * 3540)),
                share_comment=bool(comment) and chance() < crowd.shares_comment,
            )


def _with_second_signatures(people: Iterator[Signer], rng: random.Random, crowd: Crowd) -> Iterator[Signer]:
    """The same people; every SIGNS_AGAIN-th comes back, at the latest after everybody else."""
    end = datetime.datetime.combine(crowd.last, datetime.time(23, 59, 59), tzinfo=datetime.UTC)
    coming: list[tuple[float, int, Signer]] = []  # a heap: when in the sequence, who
    for number, signer in enumerate(people, start=1):
        yield signer
        if number % SIGNS_AGAIN == 0:
            heapq.heappush(coming, (number + 1 + rng.expovariate(1 / 300), number, _again(signer, rng, end)))
        while coming and coming[0][0] <= number:
            yield heapq.heappop(coming)[2]
    while coming:
        yield heapq.heappop(coming)[2]


def _again(first: Signer, rng: random.Random, end: datetime.datetime) -> Signer:
    """The same person later: sooner rather than much later, and never after `end`.

    The country stays, so that counts by country do not depend on which of the two is admitted.
    """
    left = (end - first.signed_at) // datetime.timedelta(seconds=1)
    later = datetime.timedelta(seconds=1 + int(rng.random() ** 3 * (left - 1)))
    return replace(
        first,
        name=rng.choice(_NAME_SPELLINGS)(first.name),
        email=rng.choice(_MAILBOX_SPELLINGS)(first.email),
        place=first.place.upper() if first.place and rng.random() < 0.3 else first.place,
        comment="" if rng.random() < 0.5 else first.comment,
        updates=first.updates or rng.random() < 0.2,
        signed_at=first.signed_at + later,
    )


_MAILBOX_SPELLINGS: tuple[Callable[[str], str], ...] = (
    lambda email: email,
    str.upper,
    str.capitalize,  # what a phone's keyboard does
    str.title,
    lambda email: f" {email}",
    lambda email: f"{email} ",
    lambda email: f"\t{email.capitalize()}",
)
_NAME_SPELLINGS: tuple[Callable[[str], str], ...] = (
    lambda name: name,
    lambda name: name,
    str.lower,
    str.upper,
    lambda name: name.replace(" ", "  "),
    lambda name: unicodedata.normalize("NFD", name),  # what some keyboards and file systems make of it
    lambda name: _plain(name),
)


def _plain(name: str) -> str:
    """Without accents on Latin letters, as people type on a foreign keyboard; other scripts stay."""
    bare = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return bare if sum(map(str.isalpha, bare)) == sum(map(str.isalpha, name)) else name


# --- names -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Names:
    """One group of names.toml. Each pool: [(given, its letters in an address)], [(family, …)]."""

    language: str
    pools: tuple[tuple[list[tuple[str, str]], list[tuple[str, str]]], ...]
    family_first: bool
    joint: str
    two_families: bool
    initials: bool

    def draw(self, chance: Callable[[], float]) -> tuple[str, str]:
        """A full name, and the start of its owner's mailbox, which never ends in a digit."""
        givens, families = self.pools[int(chance() * len(self.pools))]
        given, given_handle = givens[int(chance() * len(givens))]
        family, family_handle = families[int(chance() * len(families))]
        if self.two_families:
            family = f"{family} {families[int(chance() * len(families))][0]}"
        elif self.initials and (more := chance()) < 0.4:
            # Two lists of thirty make nine hundred names, and a country has more: without these, dozens would
            # bear each name, and the search for resemblances would find nothing else.
            if more < 0.25:
                given = f"{given} {_INITIALS[int(more * 1_000_003) % len(_INITIALS)]}."
            else:
                family = f"{family}-{families[int(chance() * len(families))][0]}"
        name = f"{family}{self.joint}{given}" if self.family_first else f"{given}{self.joint}{family}"
        style = chance()
        if not (given_handle and family_handle) or style < 0.08:
            return name, _NICKNAMES[int(style * 1_000_003) % len(_NICKNAMES)]
        if style < 0.5:
            return name, f"{given_handle}.{family_handle}"
        if style < 0.68:
            return name, f"{given_handle[0]}.{family_handle}"
        if style < 0.84:
            return name, f"{family_handle}_"
        # three in a hundred begin with a capital: all spellings of a mailbox are one
        return name, given_handle if style < 0.97 else given_handle.capitalize()


@dataclass(frozen=True, slots=True)
class _Home:
    """Where somebody lives and in which language they are called."""

    country: str
    weight: float
    names: _Names
    places: list[str]


@cache
def _names(group: str) -> _Names:
    entry = _table("names.toml")[group]
    pools = [(_words(given), _words(family)) for given, family in entry.get("pools", ())]
    if "given_f" in entry:
        families = _words(entry["family"])
        pools.append((_words(entry["given_m"]), families))
        pools.append((_words(entry["given_f"]), [_feminine(name, entry["feminine"]) for name in families]))
    return _Names(
        language=entry["language"],
        pools=tuple(([(n, _handle(n)) for n in g], [(n, _handle(n)) for n in f]) for g, f in pools),
        family_first=entry.get("order") == "family-first",
        joint=entry.get("joint", " "),
        two_families=entry.get("families") == 2,
        initials=entry.get("initials", False),
    )


def _words(line: str) -> list[str]:
    return [word.replace("_", " ") for word in line.split()]


def _feminine(family: str, rules: Sequence[str]) -> str:
    for rule in rules:
        ending, instead = rule.split(">")
        if family.endswith(ending):
            return family[: len(family) - len(ending)] + instead
    return family


def _handle(name: str) -> str:
    """The name in the letters a to z, for a mailbox; empty for scripts that ROMAN does not spell."""
    plain = name.lower().replace("ου", "u").replace("ού", "u").replace("ու", "u")  # two letters, one vowel
    plain = unicodedata.normalize("NFKD", plain.translate(ROMAN)).translate(ROMAN)
    letters = "".join(c for c in plain if not unicodedata.combining(c))
    return re.sub("[^a-z]", "", letters) if all(c.isascii() or c in "’ʻ" for c in letters) else ""


# --- places and times ------------------------------------------------------------------------------------


@cache
def _homes(countries: tuple[str, ...]) -> list[_Home]:
    """One entry a country and group of names. Raises KeyError for a country that countries.toml lacks."""
    table = _table("countries.toml")
    homes = []
    for country in countries or table:
        entry = table[country]
        places = entry["places"].split(", ")
        for part in entry["names"].split():
            group, share = part.split(":")
            homes.append(_Home(country, entry["weight"] * int(share) / 100, _names(group), places))
    return homes


def _roll(homes: Sequence[_Home], count: int) -> dict[int, _Home]:
    """People, by their place in the sequence, whose country is given, so that none is missing."""
    if count < ROLL_CALL:
        return {}
    firsts: dict[str, _Home] = {}
    for home in homes:
        firsts.setdefault(home.country, home)
    step = count // len(firsts)
    return {index * step: home for index, home in enumerate(firsts.values())}


def _hours(crowd: Crowd) -> tuple[list[datetime.datetime], list[float]]:
    """Every hour in which the crowd signs, and the cumulative weights of these hours."""
    first = crowd.opens.astimezone(datetime.UTC).replace(minute=0, second=0, microsecond=0)
    if first < crowd.opens:
        first += _HOUR
    end = datetime.datetime.combine(crowd.last, datetime.time(23), tzinfo=datetime.UTC)
    hours = [first + n * _HOUR for n in range((end - first) // _HOUR + 1)]
    if not hours:
        raise ValueError("a crowd's last day cannot be over before it opens")
    weights = (
        crowd.interest((hour.date() - first.date()).days) * _WEEK[hour.weekday()] * _DAY_HOURS[hour.hour]
        for hour in hours
    )
    return hours, list(accumulate(weights))


@cache
def _table(file: str) -> dict[str, dict[str, Any]]:
    return tomllib.loads(resources.files(__package__).joinpath(file).read_text(encoding="utf-8"))
