"""What a text that somebody typed must not hold: characters that nobody sees, and that mean nothing or deceive.

A direction override shows "exe.gpj" as "jpg.exe" and turns the rest of a line around; a zero-width space makes two
names of one. The same for what supporters type (signatures/sign_form/form.py) and what staff write (web/i18n/text.py).
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

JOINERS: Final = "\u200c\u200d"  # Persian and the scripts of India cannot be written without them
DIRECTION_MARKS: Final = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_UNSPACED: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\ua980-\ua9df\uaa60-\uaadf"
# Format characters by category, but ones that are seen: signs of numbers and verses.
SEEN_FORMAT: Final = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
#: Format characters that mean something where they stand, and nothing elsewhere. One group, so that `split` keeps them.
MEANT_FORMAT: Final = re.compile(
    "("
    # The flags of England, Scotland and Wales, and of any region of ISO 3166-2: what follows the black flag spells it.
    "(?<=\U0001f3f4)[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"
    # Before a last vowel of Mongolian and Manchu, which has another shape after it: without it, another word.
    "|(?<=[\u180b-\u180d\u180f\u1820-\u18aa])\u180e(?=[\u1820-\u18aa])"
    # A place to break a line, where words have no space between them: Thai, Lao, Burmese, Khmer, Tai Tham, Javanese.
    f"|(?<=[{_UNSPACED}])\u200b|\u200b(?=[{_UNSPACED}])"
    # How hieroglyphs stand together, the signs of shorthand overlap, and notes are joined by beams and slurs.
    "|(?<=[\U00013000-\U000143ff])[\U00013430-\U0001343f]+|[\U00013430-\U0001343f]+(?=[\U00013000-\U0001342f])"
    "|(?<=[\U0001bc00-\U0001bc9f])[\U0001bca0-\U0001bca3]+"
    "|(?<=[\U0001d100-\U0001d1ff])[\U0001d173-\U0001d17a]+|[\U0001d173-\U0001d17a]+(?=[\U0001d100-\U0001d172])"
    ")"
)
_MEANINGLESS: Final = frozenset({"Co", "Cn", "Zl", "Zp"})  # private, unassigned or never to be; stray separators

#: What every field says instead of cutting what is pasted into it, as a browser does at a maxlength without a word.
TOO_LONG: Final = _("This is %(length)d characters long. Shorten it to %(limit)d or fewer.")

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
    return next(filter(None, map(unreadable_character, MEANT_FORMAT.sub("", text))), None)


def unreadable_character(character: str) -> ValidationError | None:
    if character in DIRECTION_MARKS:
        return _naming(_DIRECTION, "direction", character)
    category = unicodedata.category(character)
    if category == "Cs" or character == "\ufffd":
        return ValidationError(_DAMAGED, code="damaged")
    if category == "Cc":
        return _naming(_CONTROL, "control", character)
    if category == "Cf" and character not in SEEN_FORMAT and character not in JOINERS:
        return _naming(_INVISIBLE, "invisible", character)
    if category in _MEANINGLESS and not _may_be_a_new_emoji(character):
        return _naming(_UNKNOWN, "unknown", character)
    return None


def _may_be_a_new_emoji(character: str) -> bool:
    # Phones know new emoji years before our Unicode tables do. Unicode keeps this block for them.
    return "\U0001f000" <= character <= "\U0001faff"


def _naming(message: _StrPromise, code: str, character: str) -> ValidationError:
    return ValidationError(message, code=code, params={"code": f"U+{ord(character):04X}"})
