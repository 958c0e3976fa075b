"""Volumes of signers as they are printed: each page that was reckoned is one sheet, and says what is on it."""

import datetime
import functools
import itertools
import re
import unicodedata

import pypdfium2
import pytest
from django.utils import translation

from signatures.delivery import lists, typesetting
from signatures.delivery.lists import Listed, Volume, pdf_of
from signatures.sealing import Person
from web.i18n.languages import BY_CODE

#: One name a script, as long and as short as names are.
NAMES = [
    "Ada Lovelace", "Wolfeschlegelsteinhausenbergerdorff-Hohenlohe-Langenburg zu Schillingsfürst", "Łucja Żółć",
    "李小龙", "محمد گل", "Ўладзімір Караткевіч", "გიორგი", "สมชาย ใจดี", "राहुल शर्मा", "דוד", "김민준", "Արամ",
]  # fmt: skip
PLACES = ["Hrodna", "", "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch", "מצפה רמון", "Санкт-Петербург"]
COMMENTS = ["", "", "Please keep it open.\nIt matters.", "😀" * 40, "long " * 90, ""]
LANGUAGES = sorted(BY_CODE)
PROFILES = ("initials", "named", "full")


def signer(n):
    person = Person(
        name=NAMES[n % len(NAMES)],
        email=f"somebody.with.a.name-{n}@example.org",
        country=("GB", "DE", "BY", "JP", "VC")[n % 5],
        place=PLACES[n % len(PLACES)],
        comment=COMMENTS[n % 7 % len(COMMENTS)],
        share_name=n % 2 == 0,
    )
    return Listed(n, person, datetime.date(2026, 1, 1 + n % 28))


def volume_of(language, profile, last=1, **given):
    values = {
        "title": "Keep the library open", "organisation": "Friends of the Library", "to": "The Mayor",
        "reference": "R-1", "language": language, "profile": profile, "position": 1, "of": 1, "first": 1, "last": last,
    }  # fmt: skip
    return Volume(**(values | given))


def pages_of(pdf):
    """The text of each sheet."""
    with pypdfium2.PdfDocument(pdf) as document:
        texts = [page.get_textpage().get_text_range() for page in document]
    return [unicodedata.normalize("NFKC", text) for text in texts]


@functools.cache
def printed(language, profile, count):
    with translation.override(language):
        data = lists._volume_data(volume_of(language, profile, count), [signer(n) for n in range(1, count + 1)])
    return data["pages"], pages_of(typesetting.typeset("list.typ", data, language)), data["headings"]


def numbers_of(page):
    """The register numbers that the page begins its rows with."""
    for block in page.blocks:
        yield from block.columns[0].split("\n") if isinstance(block, lists.Run) else filter(None, [block.number])


#: The thickest of all languages and profiles take minutes: `make acceptance` has those, `make test` this one.
THICK = [("ar", "named", 5000)]
VOLUMES = [(language, profile, n) for language in LANGUAGES for profile in PROFILES for n in (1, 50)]
THICKEST = [(*both, 5000) for both in itertools.product(LANGUAGES, PROFILES) if (*both, 5000) not in THICK]


@pytest.mark.parametrize(
    ("language", "profile", "count"),
    [*VOLUMES, *THICK, *(pytest.param(*volume, marks=pytest.mark.acceptance) for volume in THICKEST)],
)
def test_each_page_that_was_reckoned_is_one_sheet_and_says_what_is_on_it(language, profile, count):
    reckoned, sheets, headings = printed(language, profile, count)
    assert len(sheets) == len(reckoned) + 1
    seen = 0
    for position, (page, sheet) in enumerate(zip(reckoned, sheets[1:], strict=True), start=1):
        words = set(re.findall(r"\w+", sheet))
        numbers = list(numbers_of(page))
        assert set(numbers) <= words | unglued(numbers, words)
        seen += len(numbers)
        assert numbers == [f"{n}" for n in range(seen - len(numbers) + 1, seen + 1)]
        for said, figure in ((page.line, position), (page.here, len(numbers)), (page.upto, seen)):
            assert f"{figure}" in re.sub(r"(?<=\d)\D(?=\d{3})", "", said)
            assert words_of(said, language) <= words | set(sheet)
        for heading in headings:
            assert words_of(heading, language) <= words | set(sheet)
    assert seen == count


def unglued(numbers, words):
    """Of numbers below each other that PDFium tells as one, each."""
    spans = itertools.combinations(range(len(numbers) + 1), 2)
    return {number for begin, end in spans if "".join(numbers[begin:end]) in words for number in numbers[begin:end]}


def words_of(said, language):
    """Its words; in Arabic its letters, for PDFium tells those in the order of the paper."""
    said = unicodedata.normalize("NFKC", said)
    return set(filter(str.isalpha, said)) if language == "ar" else set(re.findall(r"\w+", said))


def test_a_page_that_does_not_fit_its_sheet_fails_the_build(monkeypatch):
    monkeypatch.setattr(lists, "_LINE", 4.9)
    with pytest.raises(typesetting.NotSet):
        pdf_of(volume_of("en", "named", 120), [signer(n) for n in range(1, 121)])


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_volume_of_several_has_the_index_on_the_back_of_its_cover_and_the_version_on_the_cover(language):
    day = datetime.date(2026, 11, 3)
    volumes = [(8000 * n + 1, 8000 * n + 8000) for n in range(130)]
    one = volume_of(language, "named", 8000, of=130, versions=[(n, day) for n in (1, 2, 3, 4)], volumes=volumes)
    cover, first, second, page = pages_of(pdf_of(one, [signer(1)]))
    if language == "en":
        assert "Text that was signed: Version 2, of 3 November 2026 · Version 3" in " ".join(cover.split())
        assert "The volumes of the list" in first
    assert "952,001" in first.replace("٬", ",") or "952" in first
    assert "1,032,001" in second
    assert len(pages_of(pdf_of(volume_of(language, "named"), [signer(1)]))) == 2
    assert page


WORST = {
    "no-blank": "W" * 200, "han": "永" * 200, "words": "Donaudampfschifffahrt " * 9, "ligatures": "﷽" * 200,
    "unseen": "\U0001f600" * 200, "lines": "a\u2028b\u2029" * 60, "glued": "a\u00a0b-1" * 40,
    "marks": "e\u0301\u0323" * 66,
}  # fmt: skip


@pytest.mark.parametrize("text", WORST.values(), ids=WORST)
@pytest.mark.parametrize("profile", PROFILES)
def test_whatever_somebody_typed_takes_no_second_sheet(profile, text):
    person = Person(
        name=text[:120],
        email="a@example.org",
        country="VC",
        place=text[:120],
        comment=(text * 5)[:500],
        share_name=True,
    )
    signers = [Listed(n, person, datetime.date(2026, 1, 1)) for n in range(1, 40)]
    for language in ("de", "ar"):
        pdf_of(volume_of(language, profile, 39, title=text, organisation=text, to=text), signers)
