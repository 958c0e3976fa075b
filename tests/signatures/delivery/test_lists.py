"""Spreadsheets: nothing a signer typed runs, or becomes a formula or a link, wherever and however it is opened."""

import csv
import datetime
import io
import re
import shutil
import subprocess
import unicodedata
import zipfile

import openpyxl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from signatures.delivery.lists import COLUMNS, Listed, Row, Run, _blocks, csv_of, initials, xlsx_of
from signatures.delivery.typesetting import direction
from signatures.delivery.verifier import sheet_numbers
from signatures.sealing import Person

PAYLOADS = [
    "=1+1", "+1+1", "-1+1", "@SUM(1)", "=HYPERLINK(\"https://x.example\",\"y\")", "=cmd|'/c calc'!A0", "\t=1+1",
    "\r=1+1", "\n=1+1", " =1+1", "a;=1+1", "a,=1+1", "a\t=1+1", "a|=1+1", "a\n=1+1", "\";=1+1;\"", "\",=1+1,\"",
    "＝1+1", "＋1", "－1", "＠SUM(1)", "https://x.example", "mailto:a@x.example", "www.x.example", "a@x.example", "1e9",
    "01.02.2026", "{=1+1}", "DDE(\"x\";\"y\")", "'=1+1", "\u00a0=1+1", "\u2003=1+1",
    "=IMPORTXML(\"https://x.example\",\"//a\")",
]  # fmt: skip
COLUMN = COLUMNS["full"]


@pytest.fixture(scope="module")
def rows():
    return [
        COLUMN.row(
            Listed(
                n, Person(name=text, email="a@x.example", country="GB", place=text, comment=text),
                datetime.date(2026, 1, 2),
            )
        )
        for n, text in enumerate(PAYLOADS, start=1)
    ]  # fmt: skip


def test_a_workbook_holds_texts_and_numbers_only(rows):
    data = xlsx_of("t", COLUMN.header, rows)
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    for line, row in zip(sheet.iter_rows(min_row=2), rows, strict=True):
        # XlsxWriter writes a bare CR as the standard has it, and openpyxl leaves it so.
        texts = [str(v).replace("\r", "_x000D_") if v in row[1:] else v for v in row]
        texts[4] = "United Kingdom"  # in words, as all that is there to be read
        assert [cell.value.date().isoformat() if cell.is_date else cell.value for cell in line] == texts
        assert [cell.data_type for cell in line if cell.value is not None] == ["n", *"sssss", "d", "s"]
        assert not [cell for cell in line if cell.hyperlink]
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        whole = b"".join(book.read(name) for name in book.namelist())
    assert b"<f>" not in whole
    assert b"hyperlink" not in whole
    assert sheet_numbers(data) == [row[0] for row in rows]


def test_a_workbook_is_printed_as_wide_as_a_page_and_speaks_the_language(rows):
    book = openpyxl.load_workbook(io.BytesIO(xlsx_of("r", COLUMN.header, rows, "de")))
    sheet = book.active
    assert [cell.value for cell in sheet[1]] == [
        "Nr.", "Name", "E-Mail", "Ort", "Land", "Kommentar", "Unterschrieben am", "Darf genannt werden",
    ]  # fmt: skip
    # No width is one page wide.
    assert (sheet.page_setup.orientation, sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (
        "landscape", None, 0,
    )  # fmt: skip
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert sheet.print_title_rows == "$1:$1"
    assert sheet["G2"].number_format == "mm-dd-yy"  # what openpyxl calls number 14: the reader's own way
    arabic = openpyxl.load_workbook(io.BytesIO(xlsx_of("r", COLUMN.header, rows, "ar"))).active
    assert arabic.sheet_view.rightToLeft


def test_a_workbook_says_nothing_of_who_made_it():
    with zipfile.ZipFile(io.BytesIO(xlsx_of("reference", ("number",), [(1,)]))) as book:
        assert b"<dc:creator></dc:creator>" in book.read("docProps/core.xml")


@pytest.mark.parametrize("delimiter", ",;\t|")
def test_no_cell_of_a_table_is_a_formula_whatever_separates(rows, delimiter):
    text = b"".join(csv_of(COLUMN.header, rows)).decode("utf-8-sig")
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
        assert not [cell for cell in row if re.match(r"[\s\"]*[=+\-@＝＋－＠]", cell)]


#: (file, LibreOffice's options for reading it): commas, and semicolons as Excel has them in half of Europe.
FILTERS = {"comma": "44,34,76,1,,0,false,true", "semicolon": "59,34,76,1,,0,false,true", "xlsx": None}


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """LibreOffice's command, with a profile of its own that is made once."""
    program = shutil.which("soffice")
    if program is None:
        pytest.skip("LibreOffice is not installed: apt-get install libreoffice-calc-nogui")
    return [program, f"-env:UserInstallation=file://{tmp_path_factory.mktemp('office')}", "--headless"]


@pytest.mark.parametrize("how", FILTERS)
def test_libreoffice_finds_no_formula_and_no_link(rows, tmp_path, office, how):
    source = tmp_path / ("list.xlsx" if how == "xlsx" else "list.csv")
    source.write_bytes(xlsx_of("t", COLUMN.header, rows) if how == "xlsx" else b"".join(csv_of(COLUMN.header, rows)))
    reading = [] if how == "xlsx" else [f"--infilter=CSV:{FILTERS[how]}"]
    command = [*office, *reading, "--convert-to", "fods", "--outdir", str(tmp_path), str(source)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    opened = (tmp_path / "list.fods").read_text()
    assert "table:formula=" not in opened
    assert "<text:a " not in opened
    assert "HYPERLINK" in opened  # it is there, as a text


def test_rows_of_a_page_stay_in_their_order_whether_they_are_set_in_runs_or_alone():
    names = ["Ada", "Łucja", "李小龙", "محمد", "Grace دوم", "\u200fAda", "Zoë", "x" * 90, "", "Ada\u2028Bo"]
    rows = [
        Row(str(n), [name, "GB"], 1 + (len(name) > 80)) if direction(name) == "ltr" else Row(str(n), [[name], "GB"], 1)
        for n, name in enumerate(names, start=1)
    ]
    blocks = _blocks(rows)
    assert [len(block.columns[0].split("\n")) if isinstance(block, Run) else block.number for block in blocks] == [
        3, "4", "5", "6", 1, "8", 1, "10",
    ]  # fmt: skip
    assert blocks[0] == Run(["1\n2\n3", "Ada\nŁucja\n李小龙", "GB\nGB\nGB"], 3)


INITIALS = {
    "Ada Example": "A. E.", "O\u0308. Ünal": "Ö. Ü.", "Jean-Luc Picard": "J. P.", "محمد گل": "م. گ.",
    "A. Lovelace": "A. L.",
    # Letters, and not what stands before them.
    "'t Hooft": "t. H.", "(Kate) Smith": "K. S.", "\u02bbOkina Kai": "O. K.", "2Pac & 50 Cent": "P. C.",
    "\u200fAda B": "A. B.", "\U0001f600 Ada Bo": "A. B.", "— Ada": "A.",
    # Whole clusters.
    "श्री राम": "श्री. रा.", "e\u0301\u0323lan Ko": "ẹ́. K.", "เก่ง ใจดี": "เก่. ใจ.", "முருகன் ராஜ்": "மு. ரா.",
    # Signs: one, and never the whole.
    "王 明": "王.", "김 민": "김.", "林 凛": "林.", "李小龙": "李.", "김민준": "김.",
    "\u1100\u1175\u11b7 \u1106\u1175\u11ab": "김.",
    "Ó 明": "Ó.", "みお": "み.", "王": "–", "O": "–", "J R": "J.", "ꀀ ꀁ": "ꀀ.", "王 Ada": "王.",
    # What looks like a letter or a sign, and is more.
    "\ufdf4 گل": "م. گ.", "\U0001d4d0\U0001d4f7\U0001d4f7\U0001d4ea B": "A. B.",
    "ＡＤＡ Ｂｏ": "A. B.", "\ufb01n Ada": "f. A.",
    "": "–", "– 12 …": "–",
}  # fmt: skip


@pytest.mark.parametrize("name", INITIALS)
def test_initials_are_whole_letters_and_never_the_name(name):
    assert initials(name) == unicodedata.normalize("NFC", INITIALS[name])


# Of what this Python's tables know: those of `regex` are newer, and hold other signs for letters.
@given(st.text(st.characters(exclude_categories=["Cn", "Cs"]), max_size=12))
@example("AB")
def test_initials_keep_something_of_every_name(name):
    shown = initials(name).replace(".", "").split()
    assert shown == ["–"] or "".join(shown) != re.sub(r"\W", "", unicodedata.normalize("NFKC", name))
