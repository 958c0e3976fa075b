"""A filter of every template (settings.py): the classes of a heading, so that its longest word fits a telephone.

Browsers lack hyphenation for most of our languages, and a word that is broken without a hyphen is two words to whoever
reads it. So a heading with a long word is set as small as that word needs (static/css/site.css), whatever the window
and the size of text that its reader asked for.
"""

from __future__ import annotations

from typing import Final

import regex
from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

#: Signs that a heading may have before it is set smaller as a whole.
LONG: Final = 90
#: Letters from which a word is long; and up to each of which a class has a size, .w14 …: longer ones take the last.
FROM: Final = 12
WORDS: Final = (14, 18, 24)
#: What no line ends within: letters with their marks and what joins them. Other scripts may be broken anywhere.
_WORD: Final = regex.compile(
    r"(?:[\p{Latin}\p{Cyrillic}\p{Greek}\p{Armenian}\p{Georgian}\p{Arabic}\p{Hebrew}\p{M}\p{N}'’ʼ_.,:;!?\"“”„«»()]|\p{Cf})+"
)
_COUNTED: Final = regex.compile(r"[\p{L}\p{N}\p{P}]")


@register.filter
def heading(text: str) -> str:
    """`<h1{{ campaign.title|heading }}>`: its class attribute; "" where nothing of it is long."""
    said = str(text)  # it may be one that is translated when it is read
    classes = ["long"] if len(said) > LONG else []
    longest = max((len(_COUNTED.findall(word)) for word in _WORD.findall(said)), default=0)
    if longest >= FROM:
        classes.append(f"w{next((size for size in WORDS if longest <= size), WORDS[-1])}")
    return format_html(' class="{}"', " ".join(classes)) if classes else SafeString("")
