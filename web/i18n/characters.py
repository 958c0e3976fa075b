"""What a text that somebody typed must not hold: characters that nobody sees, and that mean nothing or deceive.

A direction override shows "exe.gpj" as "jpg.exe" and turns the rest of a line around; a zero-width space makes two
names of one. The same for what supporters type (signatures/sign_form/form.py) and what staff write (web/i18n/text.py).
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

JOINERS: Final = "\u200c\u200d"  # Persian and the scripts of India cannot be written without them
DIRECTION_MARKS: Final = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
# Format characters by category, but ones that are seen: signs of numbers and verses.
SEEN_FORMAT: Final = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
KEPT_FORMAT: Final = SEEN_FORMAT | frozenset(JOINERS + DIRECTION_MARKS)
_MEANINGLESS: Final = frozenset({"Co", "Cn", "Zl", "Zp"})  # private, unassigned or never to be; stray separators

_DAMAGED: Final = _("One character was damaged in transit (shown as \ufffd). Please type it again.")
_CONTROL: Final = _("This contains an invisible control character (%(code)s). Type the text instead of pasting it.")
_DIRECTION: Final = _("This contains an invisible direction mark (%(code)s). Type the text instead of pasting it.")
_INVISIBLE: Final = _("This contains an invisible character (%(code)s). Type the text instead of pasting it.")
_UNKNOWN: Final = _("This contains a character (%(code)s) that has no meaning. Remove it.")


def unreadable(text: str) -> ValidationError | None:
    """The first character of a text that must not be kept, if there is one, named by its code."""
    if "\ufffd" in text:
        return ValidationError(_DAMAGED, code="damaged")
    if text.isprintable():
        return None
    return next(filter(None, map(unreadable_character, text)), None)


def unreadable_character(character: str) -> ValidationError | None:
    if character in DIRECTION_MARKS:
        return _naming(_DIRECTION, "direction", character)
    category = unicodedata.category(character)
    if category == "Cs" or character == "\ufffd":
        return ValidationError(_DAMAGED, code="damaged")
    if category == "Cc":
        return _naming(_CONTROL, "control", character)
    if category == "Cf" and character not in KEPT_FORMAT:
        return _naming(_INVISIBLE, "invisible", character)
    if category in _MEANINGLESS and not _may_be_a_new_emoji(character):
        return _naming(_UNKNOWN, "unknown", character)
    return None


def _may_be_a_new_emoji(character: str) -> bool:
    # Phones know new emoji years before our Unicode tables do. Unicode keeps this block for them.
    return "\U0001f000" <= character <= "\U0001faff"


def _naming(message: _StrPromise, code: str, character: str) -> ValidationError:
    return ValidationError(message, code=code, params={"code": f"U+{ord(character):04X}"})
