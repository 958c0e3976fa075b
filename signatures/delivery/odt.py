"""The letter to edit, as OpenDocument text: the words of the PDF, plain. Texts are texts, never fields or links."""

from __future__ import annotations

import datetime
import io
from collections.abc import Sequence

from odfdo import Cell, Document, Header, Paragraph, Row, Table

from signatures.delivery.letter import Fact, Letter


def letter_odt(letter: Letter) -> bytes:
    """The letter as an .odt file."""
    document = Document("text")
    body = document.body
    body.clear()
    document.meta.title = letter.subject
    document.meta.creator = letter.sender
    document.language = letter.language
    document.meta.creation_date = datetime.datetime.fromisoformat(letter.day)
    for line in (letter.sender, letter.contact, "", *letter.addressee, "", letter.date):
        body.append(Paragraph(line))
    body.append(Paragraph(f"{letter.reference_label}: {letter.reference}"))
    body.append(_heading(1, letter.subject))
    body.append(Paragraph(letter.opening))
    for demand in letter.demands:
        body.append(_heading(2, f"{demand.number}. {demand.text}"))
        if demand.explanation:
            body.append(Paragraph(demand.explanation))
    body.append(Paragraph(f"{letter.total} {letter.total_label}"))
    body.append(_table("figures", letter.facts))
    for section in letter.sections:
        body.append(_heading(2, section.title))
        for paragraph in section.paragraphs:
            body.append(Paragraph(paragraph))
    body.append(Paragraph(letter.signature))
    _append_annex(document, letter)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _append_annex(document: Document, letter: Letter) -> None:
    body = document.body
    if letter.countries:
        body.append(_heading(2, letter.countries_title))
        body.append(Paragraph(letter.countries_note))
        body.append(_table("countries", letter.countries))
    if letter.volumes:
        body.append(_heading(2, letter.volumes_title))
        body.append(
            _table("volumes", [Fact(volume.name, f"{volume.listed} / {volume.upto}") for volume in letter.volumes])
        )
    body.append(_heading(2, letter.checks_title))
    for check in letter.checks:
        body.append(Paragraph(check))
    body.append(Paragraph(letter.fingerprint))
    if letter.files:
        body.append(_table("files", letter.files))


def _heading(level: int, text: str) -> Header:
    header = Header(level, text)
    header.set_attribute("text:is-list-header", "true")  # without a number: demands bring their own
    return header


def _table(name: str, facts: Sequence[Fact]) -> Table:
    table = Table(name)
    for fact in facts:
        row = Row()
        for text in (fact.label, fact.value):
            row.append_cell(Cell(text, cell_type="string"))
        table.append_row(row)
    return table
