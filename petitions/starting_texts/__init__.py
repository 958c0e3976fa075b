"""What standing pages begin with, one Markdown file a kind and language: to be read, changed and made one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from web.i18n.languages import DEFAULT, LANGUAGES
from web.models import StandingPage

_HERE: Final = Path(__file__).parent


def starting_text(kind: str, language: str = DEFAULT) -> str:
    """The text of that page in that language; "" where there is none."""
    file = _HERE / language / f"{kind}.md"
    return file.read_text(encoding="utf-8").strip() if file.exists() else ""


def translate_as_offered(page: StandingPage) -> None:
    """Give the page the translations that there are of its starting text. Does not save."""
    for language in LANGUAGES:
        there = starting_text(page.kind, language.code)
        if there and language.code != page.language:
            page.translate(language.code, {"text": there})


def is_as_offered(page: StandingPage) -> bool:
    """Whether its text is the starting text, word for word."""
    return page.original("text").split() == starting_text(page.kind, page.language).split()
