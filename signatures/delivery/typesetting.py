"""Setting pages with typst: fonts of our own, text as data and never as markup, no character lost in silence."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
import unicodedata
import zlib
from pathlib import Path
from typing import Any, Final

import msgspec

from web.redaction import SafeWords

_HERE: Final = Path(__file__).parent
FONTS: Final = _HERE / "fonts"
_COMPOSITOR: Final = _HERE / "compositor.py"
#: Nothing of ours; and one thread, for workers are what there may be several of.
_ENVIRONMENT: Final = {"RAYON_NUM_THREADS": "1"}
#: Seconds. The child's own bound on processor time is tighter; this one is for a machine that is busy.
_PATIENCE: Final = 600
# What changes the order of the text around it, or nothing that can be seen: shown as what it is.
_UNSEEN: Final = re.compile("[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufff9-\uffff]")
_LETTERS_THAT_JOIN: Final = {"\u200c", "\u200d", "\u200b", "\u200e", "\u200f", "\u061c", "\ufe0e", "\ufe0f", "\u00ad"}
#: A word with the blank or hyphen after it. Blanks that hold words together belong to the word.
_WORD: Final = re.compile(r"(?:[\u00a0\u2007\u202f]|[^\s-])*(?:(?![\u00a0\u2007\u202f])[\s-]|$)")
_HAN: Final = re.compile("[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0002ffff]")
#: How Han is drawn where the signer lives, as (language, region).
_HAN_FORMS: Final = {"JP": ("ja", "JP"), "KR": ("ko", "KR"), "TW": ("zh", "TW"), "HK": ("zh", "HK"), "MO": ("zh", "HK")}
_RIGHT_TO_LEFT: Final = {"R", "AL"}
#: `advances.zlib` counts in fiftieths of an em.
_UNITS: Final = 50


@functools.cache
def _advances() -> bytes:
    return zlib.decompress((FONTS / "advances.zlib").read_bytes())


class NotSet(SafeWords):
    """A document that could not be set: which, and how its process ended. Never anything of what it says."""


def _has_glyph(character: str) -> bool:
    code = ord(character)
    return code < len(_advances()) and _advances()[code] > 0


@functools.lru_cache(maxsize=20_000)
def legible(text: str) -> str:
    """The text as it can be printed: composed; letters of a mathematical face as letters; what no font has, and what
    cannot be seen, as ‹U+1F600›."""
    text = unicodedata.normalize("NFC", text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character in _LETTERS_THAT_JOIN or character in "\n\t":
        return character
    if character in "\u2028\u2029":
        return " "  # they would end the line
    if not _has_glyph(character) and unicodedata.decomposition(character).startswith("<font>"):
        character = unicodedata.normalize("NFKC", character)
    if _UNSEEN.match(character) or not all(map(_has_glyph, character)):
        return " " if character.isspace() else f"‹U+{ord(character):04X}›"
    return character


def direction(text: str) -> str:
    """ "rtl" or "ltr": that of the first letter which has one (UAX 9, rule P2)."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in _RIGHT_TO_LEFT:
            return "rtl"
        if kind == "L":
            return "ltr"
    return "ltr"


def han_form(text: str, country: str) -> tuple[str, str]:
    """(language, region) by whose forms the text's Han is drawn; ("", "") where it has none or they are the usual."""
    return _HAN_FORMS.get(country, ("", "")) if _HAN.search(text) else ("", "")


@functools.lru_cache(maxsize=20_000)
def width(text: str) -> float:
    """How wide the text is at most when it is set, in ems of its size. Shaping only ever makes it narrower."""
    try:
        return sum(text.encode("latin-1").translate(_advances()[:256])) / _UNITS  # five times as fast, for most names
    except UnicodeEncodeError:
        table = _advances()
        return sum([table[code] for code in map(ord, text) if code < len(table)]) / _UNITS


def lines(text: str, room: float) -> int:
    """How many lines the text takes at most where `room` ems are there, once it is made `breakable`."""
    if "\n" not in text and width(text) <= room:
        return 1
    return sum(_lines_of(paragraph, room) for paragraph in text.split("\n"))


def _lines_of(paragraph: str, room: float) -> int:
    taken, left = 1, room
    for word in _WORD.findall(paragraph):
        wide = width(word)
        if width(word.rstrip()) > left and left < room:
            taken, left = taken + 1, room
        while wide > room:  # it is broken wherever the line ends
            taken, wide = taken + 1, wide - room * 0.9
        left -= wide
    return taken


def breakable(text: str, room: float) -> str:
    """The text with places to break in words that are wider than `room` ems, and where `lines` reckons with one: a
    hyphen before a figure is none by itself. No cell runs into the next."""
    if width(text) <= room:
        return text
    words = (_broken(word) if width(word) > room else word for word in _WORD.findall(text))
    return "".join(f"{word}\u200b" if word.endswith("-") else word for word in words)


def _broken(word: str) -> str:
    """Breakable before every character but marks, which stay with their letter."""
    return "".join(f"\u200b{sign}" if unicodedata.category(sign)[0] != "M" else sign for sign in word)


def typeset(template: str, data: Any, language: str = "en") -> bytes:
    """The PDF that a template of typst/ makes of the data. Data is read as JSON: nothing in it is ever markup.

    Raises NotSet.
    """
    # Tags for screen readers are left to the letter: they make the list of signers twenty times as large.
    return _set(template, "pdf", data, language, tagged=template != "list.typ")


def picture(template: str, data: Any, language: str) -> bytes:
    """The same as a PNG of its only page, at 144 pixels an inch. Raises NotSet."""
    return _set(template, "png", data, language)


def _set(template: str, form: str, data: Any, language: str, *, tagged: bool = False) -> bytes:
    command = [sys.executable, "-I", str(_COMPOSITOR), template, form, language, "tagged" if tagged else "untagged"]
    try:
        done = subprocess.run(
            command, input=msgspec.json.encode(data), capture_output=True, env=_ENVIRONMENT, timeout=_PATIENCE
        )
    except subprocess.TimeoutExpired:
        raise NotSet(f"{template} took longer than {_PATIENCE} s") from None
    if done.returncode:
        # One word of its own; never what typst says, which could quote a person.
        reason = done.stderr.decode("ascii", "replace").strip() if done.returncode == 1 else ""
        raise NotSet(f"{template} ended with {done.returncode} {reason}".rstrip())
    return done.stdout
