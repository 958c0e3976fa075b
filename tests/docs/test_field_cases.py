"""docs/field-cases.md: each row says where it comes from, of what kind it is, and a test that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "field-cases.md").read_text()
KINDS = re.findall(r"^(\d+)\. .+\.$", TEXT.partition("## Kinds")[2].partition("## Cases")[0], re.MULTILINE)
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith("| case ")
]


def test_kinds_are_numbered_and_every_one_has_a_case() -> None:
    assert list(map(str, range(1, len(KINDS) + 1))) == KINDS
    assert {row[2] for row in ROWS} == set(KINDS)


@pytest.mark.parametrize("row", ROWS, ids=[re.sub(r"[^\w ]", "", row[0])[:60] for row in ROWS])
def test_a_case_has_a_source_a_kind_and_a_test(row: list[str]) -> None:
    case, source, kind, test = row
    assert case
    assert source
    assert kind in KINDS
    (name, path), = re.findall(r"\[(test_\w+)\]\(\.\./(tests/[\w/]+\.py)\)", test)  # fmt: skip
    assert f"def {name}(" in (ROOT / path).read_text(), f"{path} has no {name}"


def test_no_case_is_told_twice() -> None:
    assert len({row[0] for row in ROWS}) == len(ROWS)
    assert len(ROWS) >= 35
