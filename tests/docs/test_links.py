"""The documents lead somewhere: every link, every picture, every file that is named, and the ten questions."""

from __future__ import annotations

import functools
import hashlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from django.apps import apps

ROOT = Path(__file__).resolve().parents[2]
AT_THE_TOP = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
DOCUMENTS = [*(ROOT / name for name in AT_THE_TOP), *sorted((ROOT / "docs").rglob("*.md"))]
ROOMS = ("web", "staff", "petitions", "signatures", "config", "tests", "templates", "static", "docs")
#: Files that come and go, or that a reader is to make.
NOT_HERE = re.compile(r"^(?:var/|\.venv/)|/xx[./]|[*<…]")

_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|<img[^>]*\ssrc=\"([^\"]+)\"")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
_PATH = re.compile(rf"(?:{'|'.join(ROOMS)})(?:/[\w.-]+)+/?")
#: Where code names a document.
_NAMED_DOCUMENT = re.compile(r"\bdocs/[\w./-]+\.md\b")


def _prose(document: Path) -> str:
    return _FENCE.sub("", document.read_text(encoding="utf-8"))


def _links(document: Path) -> Iterator[str]:
    """Where its links and pictures lead, except those to other sites. What stands in code is no link."""
    for link, picture in _LINK.findall(_CODE.sub("", _prose(document))):
        target = link or picture
        if not re.match(r"[a-z][a-z+.-]*:", target):
            yield target


def slug(heading: str) -> str:
    """The anchor of a heading, as repository hosts make it."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


@functools.cache
def anchors(document: Path) -> frozenset[str]:
    found: list[str] = []
    for heading in _HEADING.findall(_prose(document)):
        anchor, n = slug(heading), 0
        while (f"{anchor}-{n}" if n else anchor) in found:
            n += 1
        found.append(f"{anchor}-{n}" if n else anchor)
    return frozenset(found)


def _broken(document: Path) -> Iterator[str]:
    for target in _links(document):
        path, _, fragment = unquote(target).partition("#")
        place = (document.parent / path).resolve() if path else document
        there = place.is_relative_to(ROOT) and place.exists()
        if not there or (fragment and fragment not in anchors(place)):
            yield target


def _name(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("Rooms", "rooms"),
        ("What is not there yet", "what-is-not-there-yet"),
        ("How to add …", "how-to-add-"),
        ("Known gaps in 0.2", "known-gaps-in-02"),
        ("The `verify.py` of [a packet](x.md)", "the-verifypy-of-a-packet"),
        ("8. First people and keys", "8-first-people-and-keys"),
    ],
)
def test_an_anchor_is_made_as_repository_hosts_make_it(heading: str, anchor: str) -> None:
    assert slug(heading) == anchor


def test_every_link_and_picture_leads_to_a_file_and_a_heading() -> None:
    assert {_name(document): broken for document in DOCUMENTS if (broken := list(_broken(document)))} == {}


def test_every_file_that_is_named_exists() -> None:
    named = [(_name(document), code) for document in DOCUMENTS for code in _CODE.findall(_prose(document))]
    paths = [(document, code) for document, code in named if _PATH.fullmatch(code) and not NOT_HERE.search(code)]
    assert [(document, path) for document, path in paths if not (ROOT / path).exists()] == []


def test_every_document_is_reached_from_the_readme_or_the_index() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        document = waiting.pop()
        if document in reached:
            continue
        reached.add(document)
        places = [(document.parent / target.partition("#")[0]).resolve() for target in _links(document)]
        waiting += [place for place in places if place.suffix == ".md" and place.exists()]
    assert set(DOCUMENTS) - reached == {ROOT / "docs" / "README.md"}


def test_the_index_names_every_document_beside_it() -> None:
    index = ROOT / "docs" / "README.md"
    named = {(index.parent / target).resolve() for target in _links(index)}
    assert set((ROOT / "docs").glob("*.md")) - {index} <= named


def test_the_index_of_decisions_names_each_of_them_by_its_title() -> None:
    folder = ROOT / "docs" / "decisions"
    rows = re.findall(r"^\| (\d+) \| \[(.+)\]\((\d{4})-[\w-]+\.md\) \|$", (folder / "README.md").read_text(), re.M)
    titles = {path.name[:4]: path.read_text().splitlines()[0] for path in folder.glob("[0-9]*.md")}
    assert {file: f"# {number}. {title}" for number, title, file in rows} == titles
    assert [int(file) for _, _, file in rows] == list(range(1, len(rows) + 1))


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_bytes()) <= 8000


def _questions() -> list[tuple[str, str, str, str]]:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Ten questions")[2]
    row = r"^\| (.+?) \| \[[^\]]+\]\(([^)]+)\) \| \[[^\]]+\]\(([^)]+)\) \| `([^`]+)` \|$"
    return re.findall(row, text, re.MULTILINE)


def test_there_are_ten_questions() -> None:
    assert len(_questions()) == 10


@pytest.mark.parametrize(("question", "document", "file", "name"), _questions())
def test_a_question_is_answered_in_two_hops(question: str, document: str, file: str, name: str) -> None:
    hops = {target.partition("#")[0] for target in _links(ROOT / "README.md")}
    assert document in hops
    there = ROOT / document
    assert (ROOT / file).resolve() in {(there.parent / t.partition("#")[0]).resolve() for t in _links(there)}
    assert re.search(rf"{re.escape(name)}\b" if name[-1].isalnum() else re.escape(name), (ROOT / file).read_text())


def test_code_names_no_document_that_is_not_there() -> None:
    sources = [p for room in ROOMS for p in (ROOT / room).rglob("*") if p.suffix in {".py", ".sql", ".html", ".js"}]
    named = {(_name(p), found) for p in sources for found in _NAMED_DOCUMENT.findall(p.read_text(encoding="utf-8"))}
    assert sorted((source, document) for source, document in named if not (ROOT / document).exists()) == []


def test_tests_name_no_invariant_that_is_not_listed() -> None:
    listed = set(re.findall(r"^\| (I\d+) \|", (ROOT / "docs" / "architecture.md").read_text(), re.MULTILINE))
    named = {found for p in (ROOT / "tests").rglob("*.py") for found in re.findall(r"\bI\d{1,2}\b", p.read_text())}
    assert named <= listed


def test_the_licence_is_the_agpl_word_for_word() -> None:
    text = (ROOT / "LICENSE").read_bytes()
    assert hashlib.sha256(text).hexdigest() == "0d96a4ff68ad6d4b6f1f30f713b18d5184912ba8dd389f86aa7710db079abcb0"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (project["license"], project["license-files"]) == ("AGPL-3.0-or-later", ["LICENSE"])


def test_every_table_is_in_the_glossary() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    ours = [
        m.__name__
        for label in ("web", "staff", "petitions", "signatures")
        for m in apps.get_app_config(label).get_models()
    ]
    assert [name for name in ours if f"`{name}`" not in glossary] == []


def test_the_glossary_says_each_thing_once_and_in_one_place() -> None:
    terms = re.findall(r"^\| ([^|]+?) \|", (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    named = [term for term in terms if term not in {"term", "---"}]
    assert len(named) == len(set(named))
