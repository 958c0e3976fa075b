"""Gives the petition to Minsk, and what belongs to it, its translations."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib import resources
from typing import Any

from petitions.models import Campaign, Dossier
from web.i18n.languages import DEFAULT, LANGUAGES
from web.i18n.translated import Translated

#: Where in translations/<language>.toml the texts of a row stand.
type Place = tuple[str | int, ...]


def translate(petition: Campaign, dossier: Dossier) -> None:
    """Bring the translations up to date with translations/<language>.toml, as often as one likes."""
    said = {language.code: _read(language.code) for language in LANGUAGES if language.code != DEFAULT}
    for row, place in _rows(petition, dossier):
        for code, texts in said.items():
            for step in place:
                texts = texts[step]
            row.translate(code, texts)
        row.save(update_fields=["translations"])  # nothing else of the row is this function's to write


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
    if petition.picture:
        yield petition.picture, ("picture",)
