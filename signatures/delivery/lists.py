"""The signers of one range as an official gets them: CSV and XLSX to work with, PDF to print and bind.

What a signer typed is data everywhere: never a formula or a link in a spreadsheet, never markup on a page.
"""

from __future__ import annotations

import csv
import datetime
import io
import itertools
import re
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
from signatures.initials import first_letters
from signatures.sealing import Person
from web.i18n.cldr import country_name, day, number
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


#: Who has no initial that would not be the name.
NO_INITIAL: Final = "–"


def initials(name: str) -> str:
    """ "Ada Example" as "A. E."; of a name in signs the first alone, "王 明" as "王."; never the whole name."""
    return " ".join(f"{letter}." for letter in first_letters(name)) or NO_INITIAL


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
         (gettext_lazy("Signed on"), 22)),
        _named,
    ),
    Disclosure.FULL: Columns(
        ("number", "name", "e-mail", "place", "country", "comment", "signed on", "agreed to be named"),
        lambda s: (
            s.number, s.person.name, s.person.email, s.person.place, s.person.country, s.person.comment,
            s.signed_on.isoformat(), "yes" if s.person.share_name else "no",
        ),
        ((gettext_lazy("Name, e-mail, comment"), 0), (gettext_lazy("Place, country"), 45),
         (gettext_lazy("Signed on"), 22), (gettext_lazy("May be named"), 22)),
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


#: What a column of a workbook is called for whoever reads it, and its width in characters. A table's header is for
#: programs, and the same in every language.
_IN_WORDS: Final[dict[str, tuple[str | Promise, int]]] = {
    "number": (gettext_lazy("No."), 9),
    "initials": (gettext_lazy("Initials"), 24),
    "name": (gettext_lazy("Name"), 30),
    "e-mail": (gettext_lazy("E-mail"), 30),
    "place": (gettext_lazy("Place"), 22),
    "country": (gettext_lazy("Country"), 24),
    "comment": (gettext_lazy("Comment"), 40),
    "signed on": (gettext_lazy("Signed on"), 16),
    "agreed to be named": (gettext_lazy("May be named"), 16),
}


def xlsx_of(title: str, header: Sequence[str], rows: Sequence[Sequence[Any]], language: str = "en") -> bytes:
    """The same as a workbook to read and print: days are days, a page is as wide as the table, headings are in the
    language. Every text is written as a text; in memory, since XlsxWriter would spool in clear."""
    with translation.override(language):
        return _workbook(title, header, rows)


def _workbook(title: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        # The day and no time: when it was built, to the second, is nobody's business.
        today = datetime.datetime.combine(timezone.now().date(), datetime.time.min)
        book.set_properties({"title": title, "author": "", "comments": "", "created": today})
        sheet = book.add_worksheet("signers")
        whole = {"text_wrap": True, "valign": "top"}
        bold, text = book.add_format({"bold": True, **whole}), book.add_format(whole)
        as_day = book.add_format({"num_format": _DAY, "align": "left", "valign": "top"})
        as_number = book.add_format({"indent": 1, "align": "right", "valign": "top"})
        sheet.set_row(0, 2 * _ROW)
        for column, name in enumerate(header):
            heading, width = _IN_WORDS.get(name, (name, 24))
            sheet.write_string(0, column, str(heading), bold)
            sheet.set_column(column, column, width)
        for line, row in enumerate(rows, start=1):
            if (lines := _lines_in_sheet(header, row)) > 1:
                sheet.set_row(line, min(lines * _ROW, 409))
            for column, cell in enumerate(row):
                if header[column] == "signed on":
                    sheet.write_datetime(line, column, datetime.date.fromisoformat(cell), as_day)
                elif isinstance(cell, str):
                    sheet.write_string(line, column, _said(header[column], cell), text)
                else:
                    sheet.write_number(line, column, cell, as_number)
        sheet.freeze_panes(1, 0)
        _set_for_print(sheet, title)
    return out.getvalue()


#: Points of a line of a workbook.
_ROW: Final = 15


def _lines_in_sheet(header: Sequence[str], row: Sequence[Any]) -> int:
    """Lines that a row's texts may take: office programs that are given no height let lines run into each other."""
    wrapped = (
        sum(-(-typesetting.width(part) // (_IN_WORDS.get(name, ("", 24))[1] * _SHEET_EM)) for part in cell.split("\n"))
        for name, cell in zip(header, row, strict=True)
        if isinstance(cell, str) and name not in ("signed on", "agreed to be named", "country")
    )
    return max(1, 2 if _country_is_long(header, row) else 1, *map(int, wrapped))


def _country_is_long(header: Sequence[str], row: Sequence[Any]) -> bool:
    return "country" in header and len(country_name(row[header.index("country")])) > _IN_WORDS["country"][1]


#: Ems of what a workbook reckons as a character: its widths are of figures.
_SHEET_EM: Final = 0.5


def _said(column: str, cell: str) -> str:
    """A cell as whoever reads the workbook says it; in the CSV, which is for programs, it is a code."""
    if column == "country":
        return country_name(cell)
    if column == "agreed to be named":
        return _("yes") if cell == "yes" else _("no")
    return cell


#: Number format 14: a day as the reader's office program writes days.
_DAY: Final = 14


def _set_for_print(sheet: xlsxwriter.worksheet.Worksheet, title: str) -> None:
    sheet.set_paper(9)  # A4
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_footer(f"&L{title.replace('&', '&&')}&R&P / &N")
    if translation.get_language_bidi():
        sheet.right_to_left()


# --- pages ------------------------------------------------------------------------------------------------------

#: Millimetres of what lies between the margins, of the number, and between columns.
_PAPER, _NUMBER, _GUTTER = 172, 19, 3
_HEADING_GUTTER: Final = 1
#: Millimetres of what lies between head and foot; of a line of the list, of one of the headings, and below those.
_HEIGHT, _LINE, _HEADING_LINE, _BELOW_HEADINGS = 249, 5.2, 3.2, 1.2
#: What would end its line, or could turn the one below it around: letters and figures from right to left.
_NOT_PLAIN: Final = re.compile(
    "[\n\u2028\u2029\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
#: Millimetres of a point; of an em of the list's type, which is of 9 points, of its headings and of its page heads.
_POINT: Final = 25.4 / 72
_EM, _HEADING_EM, _HEAD_EM = 9 * _POINT, 7.5 * _POINT, 8 * _POINT
#: What was signed, at the head of each page: millimetres of an em of it, and lines that there is room for.
_PLEDGE_EM, _PLEDGE_LINES = 7 * _POINT, 4
#: Versions of the text that the cover names; volumes that a page of the index has room for, in three columns.
_VERSIONS, _INDEX = 3, 120
#: The cover's title is as large as fits: sizes in points, and millimetres of height that it may take.
_TITLE_SIZES, _TITLE_HEIGHT = (26, 20, 15, 12), 90


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
    #: Whom the petition is addressed to, where the list goes to somebody else, who verifies.
    petition_to: str = ""
    #: By when somebody who verifies has to destroy it.
    confidential_until: datetime.date | None = None
    #: What each of them signed, and its versions, each with its day.
    pledge: str = ""
    versions: Sequence[tuple[int, datetime.date]] = ()
    #: From which number to which each volume goes, this one among them.
    volumes: Sequence[tuple[int, int]] = ()


def pdf_of(volume: Volume, signers: Sequence[Listed]) -> bytes:
    """The signers of one volume, ready to print and bind: numbered pages, each with its sum and the sum so far."""
    with translation.override(volume.language):
        return typesetting.typeset("list.typ", _volume_data(volume, signers), volume.language)


def _volume_data(volume: Volume, signers: Sequence[Listed]) -> dict[str, Any]:
    columns = COLUMNS[volume.profile]
    widths = [width for _heading, width in columns.on_paper]
    headings, heading_lines = _headings([_("No."), *(str(heading) for heading, _width in columns.on_paper)], widths)
    page_lines = _page_lines(heading_lines)
    rooms = _rooms(widths)
    rows = [row for signer in signers for row in _rows(signer, columns, rooms, page_lines)]
    title = typesetting.legible(volume.title)
    head = f"{_until(volume.confidential_until)} · {title}" if volume.confidential_until else title
    name = _("Volume %(position)s of %(of)s") % {"position": number(volume.position), "of": number(volume.of)}
    span = {"first": number(volume.first), "last": number(volume.last)}
    listed = ngettext(
        "%(n)s signer is listed in this volume.", "%(n)s signers are listed in this volume.", len(signers)
    )
    return {
        "title": title,
        "title-size": _title_size(title),
        "title-line": _shortened(head, _PAPER / _HEAD_EM - typesetting.width(name) - 2),
        "pledge": _pledge(volume),
        "organisation": typesetting.legible(volume.organisation),
        "kind": _("List of signers"),
        "to": _("To: %s") % typesetting.legible(volume.to),
        "volume": name,
        "reference": volume.reference,
        "facts": [
            _("Register numbers %(first)s to %(last)s") % span,
            listed % {"n": number(len(signers))},
            *_period(volume, signers),
            *_versions(volume),
        ],
        "notes": [
            *_confidential(volume),
            " ".join([_("Numbers were given in the order of confirmation, without gaps."), _missing_numbers(volume)]),
            _("‹U+…› stands for a character that no font of this document has; the tables have the text as it was "
              "typed."),
        ],
        "columns": [_NUMBER, *widths],
        "headings": headings,
        "heading-lines": heading_lines,
        "pages": _pages(rows, page_lines),
        "index-title": _("The volumes of the list"),
        "index": _index(volume),
    }  # fmt: skip


def _pledge(volume: Volume) -> list[Voice]:
    """What was signed, as it stands at the head of each page: as many lines of it as fit there."""
    room = _PAPER / _PLEDGE_EM
    text = typesetting.breakable(typesetting.legible(" ".join(volume.pledge.split())), room)
    while typesetting.lines(text, room) > _PLEDGE_LINES:
        text = f"{text[: int(len(text) * 0.95) - 1].rstrip()}…"
    return [_voice(text, "")] if text else []


def _period(volume: Volume, signers: Sequence[Listed]) -> list[str]:
    """From which day to which they signed, where the list tells the days."""
    if volume.profile == Disclosure.INITIALS or not signers:
        return []
    first, last = (day(pick(signer.signed_on for signer in signers)) for pick in (min, max))
    return [f"{_('Signed')}: {first}" if first == last else f"{_('Signed')}: {first} – {last}"]


def _versions(volume: Volume) -> list[str]:
    """Which text was signed; of many versions the latest."""
    told = [
        _("Version %(number)s, of %(day)s") % {"number": number(of_text), "day": day(published)}
        for of_text, published in volume.versions[-_VERSIONS:]
    ]
    return [f"{_('Text that was signed')}: {' · '.join(told)}"] if told else []


def _index(volume: Volume) -> list[list[dict[str, Any]]]:
    """Page by page all volumes and their numbers, this one marked; none where there is one volume."""
    entries = [
        {
            "volume": number(position),
            "numbers": f"{number(first)} – {number(last)}",
            "this": position == volume.position,
        }
        for position, (first, last) in enumerate(volume.volumes, start=1)
    ]
    return list(map(list, itertools.batched(entries, _INDEX))) if len(entries) > 1 else []


def _until(day_of_destroying: datetime.date) -> str:
    return _("Confidential, to be destroyed by %s") % day(day_of_destroying)


def _confidential(volume: Volume) -> list[str]:
    if volume.confidential_until is None:
        return []
    said = _(
        "For the verification of this petition only: please pass this packet on to nobody, and destroy it by %s."
    ) % day(volume.confidential_until)  # fmt: skip
    return [f"{_('Confidential')}. {said}"]


def _missing_numbers(volume: Volume) -> str:
    if volume.profile == Disclosure.FULL:
        return _("A number that is missing here belongs to a signature that was withdrawn or removed.")
    if volume.petition_to:
        return _(
            "A number that is missing here belongs to somebody who did not agree to be named to %s, or whose signature "
            "was withdrawn or removed."
        ) % typesetting.legible(volume.petition_to)
    return _(
        "A number that is missing here belongs to somebody who did not agree to be named to you, or whose signature "
        "was withdrawn or removed."
    )


def _rooms(widths: Sequence[int], gutter: int = _GUTTER, em: float = _EM) -> list[float]:
    """How many ems, of so many millimetres, each column has room for."""
    rest = _PAPER - _NUMBER - sum(widths)
    return [((width or rest) - gutter) / em for width in widths]


def _headings(headings: Sequence[str], widths: Sequence[int]) -> tuple[list[str], int]:
    """(the headings as they are set, lines of the longest)."""
    rooms = [(_NUMBER - _GUTTER) / _HEADING_EM, *_rooms(widths, _HEADING_GUTTER, _HEADING_EM)]
    texts = [typesetting.breakable(text, room) for text, room in zip(headings, rooms, strict=True)]
    return texts, max(typesetting.lines(text, room) for text, room in zip(texts, rooms, strict=True))


def _page_lines(heading_lines: int) -> int:
    """Lines of the list that a page has room for below its headings."""
    return int((_HEIGHT - _BELOW_HEADINGS - heading_lines * _HEADING_LINE) / _LINE)


def _title_size(title: str) -> int:
    """Points of the cover's title."""
    for size in _TITLE_SIZES:
        if typesetting.lines(title, _PAPER / (size * _POINT)) * size * 1.6 * _POINT <= _TITLE_HEIGHT:
            return size
    return _TITLE_SIZES[-1]


def _rows(signer: Listed, columns: Columns, rooms: Sequence[float], page_lines: int) -> list[Row]:
    """One row; more where what somebody wrote is longer than a page may be."""
    cells = [
        [(text, typesetting.lines(text, room)) for text in _pieces(texts, room, page_lines)]
        for texts, room in zip(columns.cells(signer), rooms, strict=True)
    ]
    rows: list[Row] = []
    while not rows or any(cells):
        taken = [_taken(texts, page_lines) for texts in cells]
        voices = [[_voice(text, signer.person.country) for text, _lines in texts] for texts in taken]
        most = max(sum(lines for _text, lines in texts) for texts in taken)
        rows.append(Row("" if rows else f"{signer.number}", [_cell(voice) for voice in voices], max(1, most)))
        cells = [texts[len(gone) :] for texts, gone in zip(cells, taken, strict=True)]
    return rows


def _pieces(texts: Sequence[str], room: float, page_lines: int) -> Iterator[str]:
    """The texts as they are set: legible, breakable, none of them longer than half a page."""
    for text in texts:
        piece = typesetting.breakable(typesetting.legible(text), room)
        # A line has a sign at least, so most texts need not be measured.
        if len(piece) > page_lines // 2 and len(text) > 1 and typesetting.lines(piece, room) > page_lines // 2:
            yield from _pieces([text[: len(text) // 2], text[len(text) // 2 :]], room, page_lines)
        else:
            yield piece


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


def _pages(rows: Sequence[Row], page_lines: int) -> list[Page]:
    sheets = _sheets(rows, page_lines)
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


def _sheets(rows: Sequence[Row], page_lines: int) -> list[list[Row]]:
    """Rows by page; none of them is longer than a page."""
    sheets: list[list[Row]] = []
    left = 0
    for row in rows:
        if row.lines > left:
            sheets.append([])
            left = page_lines
        sheets[-1].append(row)
        left -= row.lines
    return sheets or [[]]


def _shortened(text: str, room: float) -> str:
    """The text, or as much of it as `room` ems hold."""
    if typesetting.width(text) <= room:
        return text
    while typesetting.width(text) > room - 1:
        text = text[:-1]
    return f"{text.rstrip()}…"
