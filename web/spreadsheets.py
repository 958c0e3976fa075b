"""Pure: what somebody typed, in a cell of a table. No spreadsheet is to take any of it for a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Any, Final

# A cell that begins like this is a formula to a spreadsheet. So is what follows a separator inside a
# quoted cell, where the reader's locale separates by another sign than ours.
_FORMULA: Final = re.compile(r"(^|[;,|\t\r\n])([\s\"]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")


def safe_cell(text: str) -> str:
    """The text with an apostrophe before whatever could be a formula."""
    return _FORMULA.sub(r"\1\2'", text)


def safe_row(row: Iterable[Any]) -> list[Any]:
    """A row whose texts are safe; numbers stay numbers."""
    return [safe_cell(cell) if isinstance(cell, str) else cell for cell in row]


def csv_text(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """A whole table as RFC 4180 has it. The byte order mark tells Excel that it is UTF-8: it takes it for Latin-1."""
    out = io.StringIO("\ufeff", newline="")
    out.seek(0, io.SEEK_END)
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows(map(safe_row, rows))
    return out.getvalue()
