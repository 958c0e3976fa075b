"""docs/promises.md: whatever a public page, mail or packet promises has a test that takes it at its word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (ROOT / "docs" / "promises.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| sentence ")
]
CATALOG = (ROOT / "web" / "i18n" / "locale" / "de" / "LC_MESSAGES" / "django.po").read_text()
SAID = {
    "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', lines)).replace('\\"', '"').replace("\\n", "\n")
    for lines in re.findall(r'^msgid ((?:"(?:[^"\\]|\\.)*"\n)+)', CATALOG, re.MULTILINE)
}
SOUNDS_LIKE_ONE = re.compile(
    r"\b(we will|never|no longer|we delete|we have deleted|only be counted once|no cookies|encrypt\w*|is deleted"
    r"|only reminder|nobody|we keep|every e-mail|gets numbers|gets the total|does not name|names neither|still count"
    r"|is final|works for)\b",
    re.IGNORECASE,
)
#: What sounds like a promise and is none: it asks, reports, or says what went wrong.
NO_PROMISE = {
    "Nobody.",
    "This link no longer works",
    "Not encrypted by this website, or damaged.",
    "The signers were promised that nobody would be named to %s.",
    "The signers were promised that nobody would be named to you.",
    "For the verification of this petition only: please pass this packet on to nobody, and destroy it by %s.",
}


@pytest.mark.parametrize("row", ROWS, ids=[re.sub(r"[^\w ]", "", row[0])[:60] for row in ROWS])
def test_a_promise_is_said_and_tried(row: list[str]) -> None:
    sentence, where, test = row
    assert sentence in SAID, f"nobody says so any more: {sentence}"
    assert where
    (name, path), = re.findall(r"\[(test_\w+)\]\(\.\./(tests/[\w/]+\.py)\)", test)  # fmt: skip
    assert f"def {name}(" in (ROOT / path).read_text(), f"{path} has no {name}"


def test_no_sentence_promises_what_nobody_tries() -> None:
    promised = {sentence for sentence in SAID if SOUNDS_LIKE_ONE.search(sentence)}
    untried = promised - {row[0] for row in ROWS} - NO_PROMISE
    assert not untried, "add a row to docs/promises.md, with a test:\n" + "\n".join(sorted(untried))


def test_what_is_no_promise_is_still_said() -> None:
    assert NO_PROMISE <= SAID
