"""Gives the petition to Minsk, and what belongs to it, its translations."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

from petitions.models import Campaign, Dossier, Picture
from web.i18n.languages import DEFAULT, LANGUAGES
from web.i18n.translated import Translated

#: Where in translations/<language>.toml the texts of a row stand.
type Place = tuple[str | int, ...]


def translate(petition: Campaign, dossier: Dossier) -> None:
    """Give the rows that have just been made their translations, from translations/<language>.toml."""
    for row, place in _rows(petition, dossier):
        _translate(row, place)
        row.save(update_fields=["translations"])  # nothing else of the row is this function's to write


def translate_picture(picture: Picture) -> None:
    """The same for the petition's picture, which comes later. Does not save."""
    _translate(picture, ("picture",))


def _translate(row: Translated, place: Place) -> None:
    for language in LANGUAGES:
        if language.code != DEFAULT:
            texts = _read(language.code)
            for step in place:
                texts = texts[step]
            row.translate(language.code, texts)


@cache
def _read(code: str) -> Any:
    file = resources.files(__package__) / "translations" / f"{code}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _rows(petition: Campaign, dossier: Dossier) -> Iterator[tuple[Translated, Place]]:
    yield petition, ("petition",)
    yield petition.addressee, ("addressee",)
    yield dossier, ("dossier",)
    for index, demand in enumerate(petition.demands.all()):
        yield demand, ("demands", index)
    for update in petition.updates.all():
        yield update, ("updates", update.slug)
    for index, coverage in enumerate(dossier.coverage.order_by("published_on")):
        yield coverage, ("coverage", index)
