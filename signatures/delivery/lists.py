"""The signers of one range as an official gets them: CSV and XLSX to work with, PDF to print and bind.

What a signer typed is data everywhere: never a formula or a link in a spreadsheet, never markup on a page.
"""

from __future__ import annotations

import csv
import datetime
import io
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import xlsxwriter
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from petitions.models import Disclosure
from signatures.delivery import typesetting
from signatures.sealing import Person
from web.i18n.cldr import country_name, number
from web.spreadsheets import safe_row


class Listed(msgspec.Struct, frozen=True, gc=False):
    """One signer as the register has them, opened."""

    number: int
    person: Person
    signed_on: datetime.date


@dataclass(frozen=True, slots=True)
class Columns:
    """What a profile tells of one person: in tables, and on paper."""

    header: Sequence[str]
    row: Callable[[Listed], Sequence[Any]]
    #: (heading, millimetres; 0 takes what is left), without the number's.
    on_paper: Sequence[tuple[str | Promise, int]]
    #: For each heading the texts below each other.
    cells: Callable[[Listed], Sequence[Sequence[str]]]


def initials(name: str) -> str:
    """ "Ada Example" as "A. E."."""
    return " ".join(f"{word[0]}." for word in unicodedata.normalize("NFC", name).split())


def _named(signer: Listed) -> Sequence[Sequence[str]]:
    person = signer.person
    return [person.name], [person.place], [country_name(person.country)], [signer.signed_on.isoformat()]


def _full(signer: Listed) -> Sequence[Sequence[str]]:
    person = signer.person
    said = [person.name, person.email, *person.comment.splitlines()]
    where = [*filter(None, (person.place, country_name(person.country)))]
    return said, where, [signer.signed_on.isoformat()], [_("yes") if person.share_name else _("no")]


COLUMNS: Final[dict[str, Columns]] = {
    Disclosure.INITIALS: Columns(
        ("number", "initials", "country"),
        lambda s: (s.number, initials(s.person.name), s.person.country),
        ((gettext_lazy("Initials"), 50), (gettext_lazy("Country"), 0)),
        lambda s: ([initials(s.person.name)], [country_name(s.person.country)]),
    ),
    Disclosure.NAMED: Columns(
        ("number", "name", "place", "country", "signed on"),
        lambda s: (s.number, s.person.name, s.person.place, s.person.country, s.signed_on.isoformat()),
        ((gettext_lazy("Name"), 0), (gettext_lazy("Place"), 42), (gettext_lazy("Country"), 39),
         (gettext_lazy("Signed on"), 20)),
        _named,
    ),
    Disclosure.FULL: Columns(
        ("number", "name", "e-mail", "place", "country", "comment", "signed on", "agreed to be named"),
        lambda s: (
            s.number, s.person.name, s.person.email, s.person.place, s.person.country, s.person.comment,
            s.signed_on.isoformat(), "yes" if s.person.share_name else "no",
        ),
        ((gettext_lazy("Name, e-mail, comment"), 0), (gettext_lazy("Place, country"), 45),
         (gettext_lazy("Signed on"), 20), (gettext_lazy("May be named"), 20)),
        _full,
    ),
}  # fmt: skip


# --- tables -----------------------------------------------------------------------------------------------------


def csv_of(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[bytes]:
    """A table as RFC 4180 has it, with a byte order mark for Excel."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    buffer.write("\ufeff")
    writer.writerow(header)
    for count, row in enumerate(rows, start=1):
        writer.writerow(safe_row(row))
        if count % 1000 == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def xlsx_of(title: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    """The same as a workbook. Every text is written as a text; in memory, since XlsxWriter would spool in clear."""
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        # The day and no time: when it was built, to the second, is nobody's business.
        today = datetime.datetime.combine(timezone.now().date(), datetime.time.min)
        book.set_properties({"title": title, "author": "", "comments": "", "created": today})
        sheet = book.add_worksheet("signers")
        bold = book.add_format({"bold": True})
        for column, heading in enumerate(header):
            sheet.write_string(0, column, heading, bold)
        for line, row in enumerate(rows, start=1):
            for column, cell in enumerate(row):
                if isinstance(cell, str):
                    sheet.write_string(line, column, cell)
                else:
                    sheet.write_number(line, column, cell)
        sheet.freeze_panes(1, 0)
        sheet.set_column(1, len(header) - 1, 24)
    return out.getvalue()


# --- pages ------------------------------------------------------------------------------------------------------

#: Lines of one page; millimetres of what lies between the margins, of the number, and between columns.
PAGE_LINES: Final = 47
_PAPER, _NUMBER, _GUTTER = 172, 19, 3
#: What would end its line, or could turn the one below it around: letters and figures from right to left.
_NOT_PLAIN: Final = re.compile(
    "[\n\u2028\u2029\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
#: Millimetres of an em of the list's type, 9 points.
_EM: Final = 3.175


type Voice = str | tuple[str, str, str, str]
"""A text; where it goes from right to left or has Han, (text, direction, language, region)."""
type Cell = str | list[Voice]
"""What stands in one cell: a text, or voices below each other."""


class Row(msgspec.Struct, frozen=True, gc=False):
    #: "" where it goes on from the row before.
    number: str
    cells: list[Cell]
    lines: int


class Run(msgspec.Struct, frozen=True, gc=False):
    """Rows of one line each that need no style of their own: set as one paragraph a column, in half the time."""

    columns: list[str]
    lines: int


class Page(msgspec.Struct, frozen=True):
    blocks: list[Row | Run]
    line: str
    here: str
    upto: str


@dataclass(frozen=True, slots=True)
class Volume:
    """What the title page and the head of each page say."""

    title: str
    organisation: str
    to: str
    reference: str
    language: str
    profile: str
    position: int
    of: int
    first: int
    last: int


def pdf_of(volume: Volume, signers: Sequence[Listed]) -> bytes:
    """The signers of one volume, ready to print and bind: numbered pages, each with its sum and the sum so far."""
    with translation.override(volume.language):
        return typesetting.typeset("list.typ", _volume_data(volume, signers), volume.language)


def _volume_data(volume: Volume, signers: Sequence[Listed]) -> dict[str, Any]:
    columns = COLUMNS[volume.profile]
    widths = [width for _heading, width in columns.on_paper]
    rooms = _rooms(widths)
    rows = [row for signer in signers for row in _rows(signer, columns, rooms)]
    name = _("Volume %(position)s of %(of)s") % {"position": number(volume.position), "of": number(volume.of)}
    span = {"first": number(volume.first), "last": number(volume.last)}
    listed = ngettext("%s signer is listed in this volume.", "%s signers are listed in this volume.", len(signers))
    return {
        "title": typesetting.legible(volume.title),
        "title-line": _shortened(typesetting.legible(volume.title), 90),
        "organisation": typesetting.legible(volume.organisation),
        "kind": _("List of signers"),
        "to": _("To: %s") % typesetting.legible(volume.to),
        "volume": name,
        "reference": volume.reference,
        "facts": [_("Register numbers %(first)s to %(last)s") % span, listed % number(len(signers))],
        "notes": [
            _("Numbers were given in the order of confirmation, without gaps. A number that is missing here belongs to "
              "somebody who did not agree to be named to you, or took their signature back."),
            _("‹U+…› stands for a character that no font of this document has; the tables have the text as it was "
              "typed."),
        ],
        "columns": [_NUMBER, *widths],
        "headings": [_("No."), *(str(heading) for heading, _width in columns.on_paper)],
        "pages": _pages(rows),
    }  # fmt: skip


def _rooms(widths: Sequence[int]) -> list[float]:
    """How many ems each column has room for."""
    rest = _PAPER - _NUMBER - sum(widths)
    return [((width or rest) - _GUTTER) / _EM for width in widths]


def _rows(signer: Listed, columns: Columns, rooms: Sequence[float]) -> list[Row]:
    """One row; more where what somebody wrote is longer than a page may be."""
    cells = [
        [(text, typesetting.lines(text, room)) for text in _pieces(texts, room)]
        for texts, room in zip(columns.cells(signer), rooms, strict=True)
    ]
    rows: list[Row] = []
    while not rows or any(cells):
        taken = [_taken(texts, PAGE_LINES) for texts in cells]
        voices = [[_voice(text, signer.person.country) for text, _lines in texts] for texts in taken]
        most = max(sum(lines for _text, lines in texts) for texts in taken)
        rows.append(Row("" if rows else f"{signer.number}", [_cell(voice) for voice in voices], max(1, most)))
        cells = [texts[len(gone) :] for texts, gone in zip(cells, taken, strict=True)]
    return rows


def _pieces(texts: Sequence[str], room: float) -> Iterator[str]:
    """The texts as they are set: legible, breakable, none of them longer than half a page."""
    most = int(room * PAGE_LINES / 3)  # characters; of the widest, each an em
    for text in texts:
        for at in range(0, len(text) or 1, most):
            yield typesetting.breakable(typesetting.legible(text[at : at + most]), room)


def _taken(texts: Sequence[tuple[str, int]], room: int) -> list[tuple[str, int]]:
    """As many of the texts as fit into `room` lines."""
    taken: list[tuple[str, int]] = []
    for text, lines in texts:
        room -= lines
        if room < 0 and taken:
            break
        taken.append((text, lines))
    return taken


def _cell(voices: list[Voice]) -> Cell:
    if len(voices) == 1 and isinstance(voices[0], str):
        return voices[0]
    return voices or ""


def _voice(text: str, country: str) -> Voice:
    way, form = typesetting.direction(text), typesetting.han_form(text, country)
    return text if way == "ltr" and form == ("", "") else (text, way, *form)


def _pages(rows: Sequence[Row]) -> list[Page]:
    sheets = _sheets(rows)
    pages, before = [], 0
    for position, sheet in enumerate(sheets, start=1):
        here = sum(1 for row in sheet if row.number)
        before += here
        counts = {"page": number(position), "of": number(len(sheets))}
        pages.append(
            Page(
                _blocks(sheet),
                line=_("Page %(page)s of %(of)s") % counts,
                here=_("On this page: %s") % number(here),
                upto=_("In this volume so far: %s") % number(before),
            )
        )
    return pages


def _blocks(sheet: Sequence[Row]) -> list[Row | Run]:
    """The rows of a page, those that are plain in runs."""
    blocks: list[Row | Run] = []
    for plain, group in itertools.groupby(sheet, _is_plain):
        rows = list(group)
        blocks += [_run(rows)] if plain else rows
    return blocks


def _is_plain(row: Row) -> bool:
    return row.lines == 1 and all(isinstance(cell, str) and not _NOT_PLAIN.search(cell) for cell in row.cells)


def _run(rows: Sequence[Row]) -> Run:
    columns = zip(*((row.number, *row.cells) for row in rows), strict=True)
    return Run(["\n".join(map(str, texts)) for texts in columns], len(rows))


def _sheets(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows by page. One that is longer than a page has a page of its own, and goes on beyond its foot."""
    sheets: list[list[Row]] = []
    left = 0
    for row in rows:
        if row.lines > left:
            sheets.append([])
            left = PAGE_LINES
        sheets[-1].append(row)
        left -= row.lines
    return sheets or [[]]


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
