"""The letter to edit, as OpenDocument text: the words of the PDF in its order. Texts are never fields or links."""

from __future__ import annotations

import datetime
import io
from collections.abc import Sequence
from typing import Any, Final

from django.utils.translation import get_language_info
from odfdo import Cell, Column, Document, Frame, Header, Paragraph, Row, Style, Table

from signatures.delivery.letter import Fact, Letter, Logo
from signatures.delivery.typesetting import direction

_SEAL, _GREY, _RULE = "#8c1a14", "#5a5a5a", "#b9b9b9"
_START: Final = {"ltr": "left", "rtl": "right"}
_WAYS: Final = {"ltr": "lr-tb", "rtl": "rl-tb"}

_HELD: Final = {"keep_with_next": "always"}
#: {name: (of the paragraph, of its text)}
_STYLES: Final[dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "Body": ({"margin_bottom": "0.25cm"}, {"size": "10.5pt"}),
    "Held": ({"margin_bottom": "0.25cm", **_HELD}, {"size": "10.5pt"}),
    "Close": ({}, {"size": "10.5pt"}),
    "Sender": (
        {"margin_bottom": "0.1cm", "padding": "0.1cm", "border_bottom": f"1pt solid {_SEAL}"},
        {"size": "15pt", "color": _SEAL, "bold": True},
    ),
    "Small": ({"margin_bottom": "0.2cm"}, {"size": "8.5pt", "color": _GREY}),
    "Space": ({"margin_bottom": "0.4cm"}, {"size": "10.5pt"}),
    "Subject": ({"margin_top": "0.6cm", "margin_bottom": "0.3cm", **_HELD}, {"size": "14pt", "bold": True}),
    "Section": (
        {"margin_top": "0.5cm", "margin_bottom": "0.2cm", **_HELD},
        {"size": "11.5pt", "bold": True},
    ),
    "Figure": ({"margin_top": "0.3cm", "margin_bottom": "0.1cm", **_HELD}, {"size": "16pt", "bold": True}),
    "Cell": ({}, {"size": "9.5pt"}),
    "ForWhom": ({"margin_top": "0.4cm", **_HELD}, {"size": "10.5pt"}),
    "Said": ({"margin_bottom": "0.25cm", "margin_left": "0.5cm", "margin_right": "0.5cm"}, {"size": "10.5pt"}),
    "Demand": ({"margin_bottom": "0.15cm", **_HELD}, {"size": "10.5pt", "bold": True}),
    "Reply": ({"margin_left": "0.5cm", "margin_right": "0.5cm", **_HELD}, {"size": "10.5pt"}),
    "Signature": (
        {**_HELD, "margin_top": "1.3cm", "margin_right": "9cm", "border_top": "0.5pt solid #000000"},
        {"size": "8.5pt", "color": _GREY},
    ),
    "Blank": (
        {"margin_top": "0.8cm", "margin_right": "9cm", "border_top": "0.5pt solid #000000"},
        {"size": "8.5pt", "color": _GREY},
    ),
    "Stamp": (
        {"margin_top": "0.8cm", "margin_bottom": "0.8cm", "margin_right": "9cm", "padding": "0.2cm",
         "padding_bottom": "5cm", "border": f"0.5pt solid {_RULE}"},
        {"size": "8.5pt", "color": _GREY},
    ),
    "Enclosures": ({"margin_top": "0.3cm"}, {"size": "8.5pt", "color": _GREY}),
    "Annex": ({"break_before": "page", "margin_bottom": "0.3cm"}, {"size": "8.5pt", "color": _GREY}),
    "Fingerprint": ({"margin_bottom": "0.4cm"}, {"size": "9.5pt"}),
}  # fmt: skip


class _Page:
    """A document in one direction, to which paragraphs are added."""

    def __init__(self, letter: Letter) -> None:
        self.document = Document("text")
        self.body = self.document.body
        self.body.clear()
        self.way = "rtl" if get_language_info(letter.language)["bidi"] else "ltr"
        for name, (paragraph, text) in _STYLES.items():
            for way in _WAYS:
                self.document.insert_style(_style(name, paragraph, text, way, self.way), automatic=True)
        for width in ("11cm", "5cm", "16cm"):
            self.document.insert_style(Style("table-column", name=f"Wide{width}", column_width=width), automatic=True)
        table = Style("table", name="Facts", width="16cm", align=_START[self.way])
        table.set_properties(area="table", writing_mode=_WAYS[self.way])
        self.document.insert_style(table, automatic=True)
        row = Style("table-row", name="Whole", keep_together="always")
        self.document.insert_style(row, automatic=True)

    def say(self, text: str, style: str = "Body", *, typed: bool = False) -> None:
        """One paragraph. What somebody `typed` goes the way of its first letter."""
        self.body.append(Paragraph(text, style=f"{style}-{direction(text) if typed else self.way}"))

    def draw(self, logo: Logo) -> None:
        """The logo, on a line of its own."""
        size = tuple(f"{side / 10:.2f}cm" for side in logo.millimetres)
        frame = Frame.image_frame(self.document.add_file(io.BytesIO(logo.png)), size=size, anchor_type="as-char")
        paragraph = Paragraph("", style=f"Close-{self.way}")
        paragraph.append(frame)
        self.body.append(paragraph)

    def head(self, level: int, text: str, style: str, *, typed: bool = False) -> None:
        header = Header(level, text)
        header.set_attribute("text:style-name", f"{style}-{direction(text) if typed else self.way}")
        header.set_attribute("text:is-list-header", "true")  # without a number: demands bring their own
        self.body.append(header)

    def tabulate(self, name: str, facts: Sequence[Fact]) -> None:
        table = Table(name, style="Facts")
        for width in ("11cm", "5cm"):
            table.append(Column(style=f"Wide{width}"))
        for fact in facts:
            row = Row(style="Whole")
            for text in (fact.label, fact.value):
                cell = Cell(cell_type="string")
                cell.append(Paragraph(text, style=f"Cell-{self.way}"))
                row.append_cell(cell)
            table.append_row(row)
        self.body.append(table)


def _style(name: str, paragraph: dict[str, Any], text: dict[str, Any], way: str, page: str) -> Style:
    """Aligned as the page is, whichever way its text goes."""
    style = Style("paragraph", name=f"{name}-{way}", area="text", **text)
    if "size" in text:  # of Arabic and Hebrew, the office program asks separately
        of_complex = {"style:font-size-complex": text["size"]}
        if text.get("bold"):
            of_complex["style:font-weight-complex"] = "bold"
        style.set_properties(of_complex, area="text")
    style.set_properties(area="paragraph", writing_mode=_WAYS[way], text_align=_START[page], **paragraph)
    return style


def letter_odt(letter: Letter) -> bytes:
    """The letter as an .odt file."""
    page = _Page(letter)
    document = page.document
    document.meta.title = letter.subject
    document.meta.creator = letter.sender
    document.language = letter.language
    document.meta.creation_date = datetime.datetime.fromisoformat(letter.day)
    _write_letter(page, letter)
    _write_annex(page, letter)
    _write_receipt(page, letter)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _write_letter(page: _Page, letter: Letter) -> None:
    if letter.logo:
        page.draw(letter.logo)
    page.say(letter.sender, "Sender", typed=True)
    page.say(" · ".join(filter(None, [letter.sender_address, letter.contact])), "Small", typed=True)
    page.say("", "Space")
    for line in letter.addressee:
        page.say(line, "Close", typed=True)
    page.say("", "Space")
    page.say(letter.date, "Close")
    page.say(f"{letter.reference_label}: {letter.reference}", "Close")
    page.head(1, letter.subject, "Subject", typed=True)
    page.say(letter.salutation)
    page.say(letter.opening)
    if letter.pledge:
        page.say(letter.pledge_title, "Held")
        page.say(letter.pledge, "Said", typed=True)
    if letter.demands:
        page.say(letter.demands_title, "Held")
    for demand in letter.demands:
        page.say(f"{demand.number}. {demand.text}", "Demand", typed=True)
    page.say(f"{letter.total} {letter.total_label}", "Figure")
    page.tabulate("figures", letter.facts)
    page.say("", "Close")
    for words in letter.words:
        page.say(words, typed=True)
    for note in letter.notes:
        page.say(note)
    # Nobody signs a page with nothing else on it: from here on all stays together.
    page.say(letter.request, "Held")
    # On a line, so that the letter stays on one page where it can.
    page.say(" · ".join(letter.reply_to), "Reply", typed=True)
    page.say(letter.closing, "ForWhom")
    page.say(letter.signature, "Held")
    page.say(letter.name_and_office, "Signature")
    page.say(f"{letter.enclosures_title}: {' · '.join(letter.enclosures)}", "Enclosures")


def _write_annex(page: _Page, letter: Letter) -> None:
    page.say(letter.annex_title, "Annex")
    page.head(2, letter.petition_title, "Section")
    page.say(letter.subject, "Demand", typed=True)
    page.say(letter.pledge, typed=True)
    for demand in letter.demands:
        page.say(f"{demand.number}. {demand.text}", "Demand", typed=True)
        if demand.explanation:
            page.say(demand.explanation, typed=True)
    for section in letter.sections:
        page.head(2, section.title, "Section")
        for paragraph in section.paragraphs:
            page.say(paragraph)
    if letter.countries:
        page.head(2, letter.countries_title, "Section")
        page.say(letter.countries_note)
        page.tabulate("countries", letter.countries)
    if letter.volumes:
        page.head(2, letter.volumes_title, "Section")
        volumes = [Fact(volume.name, f"{volume.listed} / {volume.upto}") for volume in letter.volumes]
        page.tabulate("volumes", volumes)
    page.head(2, letter.checks_title, "Section")
    for check in letter.checks:
        page.say(check)
    page.say(letter.fingerprint, "Fingerprint")
    for file in letter.files:
        page.say(file.label, "Close")
        page.say(file.value, "Small")


def _write_receipt(page: _Page, letter: Letter) -> None:
    receipt = letter.receipt
    page.say("", "Annex")
    page.head(2, receipt.title, "Section")
    page.say(receipt.said, typed=True)
    for blank in receipt.blanks:
        page.say("", "Close")  # between two of the same frame, the office program draws no line
        page.say(blank, "Blank")
    page.say(receipt.stamp, "Stamp")
    page.say(receipt.give_back, "Held")
    for line in letter.reply_to:
        page.say(line, "Reply", typed=True)
