"""A table is read back as it was written, wherever it is opened, and none of it is a formula."""

from __future__ import annotations

import csv
import io
import re

from hypothesis import given
from hypothesis import strategies as st

from web.spreadsheets import csv_text, safe_cell

#: What people and those who would harm them type: letters of any script, signs that begin a formula, that separate,
#: that quote, that end a line, and blanks that hide what follows.
SIGNS = st.sampled_from("=+-@\uff1d\uff0b\uff0d\uff20;,|\t\"'\r\n \u00a0\u2028")
CELLS = st.text(st.one_of(SIGNS, st.characters(exclude_categories=("Cs",), exclude_characters="\0")), max_size=20)
#: RFC 4180 and what Excel, LibreOffice and others make of it where the reader's locale separates by another sign.
SEPARATORS = (",", ";", "\t", "|")
FORMULA = re.compile(r"^[\s\"]*[=+\-@\uff1d\uff0b\uff0d\uff20]")


def read(table: str, separator: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(table.removeprefix("\ufeff"), newline=""), delimiter=separator))


@given(st.lists(st.lists(st.one_of(CELLS, st.integers()), min_size=2, max_size=2), max_size=4))
def test_a_table_is_read_back_as_it_was_written(rows: list[list[str | int]]) -> None:
    written = csv_text(("one", "two"), rows)
    assert written.startswith("\ufeff")
    kept = [[safe_cell(cell) if isinstance(cell, str) else str(cell) for cell in row] for row in rows]
    assert read(written) == [["one", "two"], *kept]


@given(st.lists(CELLS, min_size=1, max_size=3), st.sampled_from(SEPARATORS))
def test_no_cell_is_a_formula_whatever_separates(cells: list[str], separator: str) -> None:
    assert not [cell for row in read(csv_text(("a",), [cells]), separator) for cell in row if FORMULA.match(cell)]


@given(CELLS)
def test_an_apostrophe_is_all_that_is_added(cell: str) -> None:
    assert safe_cell(cell).replace("'", "") == cell.replace("'", "")


@given(st.text(st.characters(categories=["L", "M", "N"]), max_size=30))
def test_a_plain_text_stays_as_it_is(cell: str) -> None:
    assert safe_cell(cell) == cell
