"""Style sheets in a section's own colour: ours, with a few lines behind, so that a page asks for one file all the same.

A sheet's address holds a hash of what is in it, so a cache may keep it for ever.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import brotli
from django.contrib.staticfiles.storage import staticfiles_storage
from django.templatetags.static import static

from web.models import Identity
from web.models.contrast import behind_white_in_the_dark, darker

#: In the mark of a sheet: raise it when the lines below change.
_RECIPE: Final = "1"


@dataclass(frozen=True, slots=True)
class Sheet:
    mark: str
    body: bytes
    compressed: bytes


def style_url(identity: Identity, sheet: str) -> str:
    """Where this identity's sheet is: ours, unless it has a colour of its own."""
    if not identity.colour:
        return static(f"css/{sheet}.css")
    # The same in every language, so that it is fetched once.
    return f"/brand/{_mark(identity.colour, sheet)}/{sheet}.css"


def sheet_of(identity: Identity, sheet: str) -> Sheet:
    """This identity's sheet. It must have a colour."""
    return _made(identity.colour, sheet, _stored(sheet))


def _stored(sheet: str) -> str:
    """The name of ours as it is collected, which changes with it."""
    return str(staticfiles_storage.stored_name(f"css/{sheet}.css"))  # type: ignore[attr-defined]


def _mark(colour: str, sheet: str) -> str:
    return hashlib.sha256(f"{_RECIPE} {colour} {_stored(sheet)}".encode()).hexdigest()[:12]


@lru_cache(maxsize=64)
def _made(colour: str, sheet: str, stored: str) -> Sheet:
    with staticfiles_storage.open(stored) as file:
        ours: bytes = file.read()
    body = ours + _lines(colour).encode()
    return Sheet(_mark(colour, sheet), body, brotli.compress(body, quality=11))


def _lines(colour: str) -> str:
    """On paper it stays black. The colours are ones: the table refuses what is none."""
    identity, night = Identity(colour=colour), behind_white_in_the_dark(colour)
    deep = darker(colour)
    return (
        f"@media screen{{:root{{--seal:{colour};--seal-deep:{deep};--mark:{colour};--on-poster:{deep}}}}}"
        f"@media screen and (prefers-color-scheme:dark)"
        f"{{:root{{--seal:{night};--seal-deep:{colour};--mark:{identity.dark_colour}}}}}"
    )
