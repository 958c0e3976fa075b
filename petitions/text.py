"""Markdown that campaigners write, as HTML that is safe to show.

Whatever is in it, what is shown is harmless (`to_html`). But who wrote it should see what readers see: what would be
lost or shown as something else is refused with its reason when it is saved (`check_prose`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

import nh3
from django.core.exceptions import ValidationError
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.token import Token

_markdown = MarkdownIt("commonmark", {"html": False, "typographer": True}).enable(["replacements", "smartquotes"])

#: Reads also what is never shown, so that it can be named.
_everything = MarkdownIt("commonmark", {"html": True})
_everything.validateLink = lambda url: True  # type: ignore[method-assign]

#: What a text may hold. No images (they have captions and credits of their own), no style, no script.
_TAGS = {"p", "h2", "h3", "h4", "ul", "ol", "li", "blockquote", "em", "strong", "a", "hr", "br", "code", "pre"}
_SCHEMES: Final = {"http", "https", "mailto"}
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)


def to_html(source: str) -> SafeString:
    """The source as sanitised HTML: http, https and mailto links only, `rel=noopener noreferrer`."""
    rendered = _markdown.render(source)
    clean = nh3.clean(rendered, tags=_TAGS, attributes={"a": {"href"}}, url_schemes=_SCHEMES)
    return mark_safe(clean)  # noqa: S308 - sanitised on the line above


def check_prose(source: str) -> None:
    """Raises ValidationError with what readers would not get to see as it is written, and what to do instead."""
    reasons: dict[str, str] = {}
    for code, words in _reasons(_flat(_everything.parse(source))):
        reasons.setdefault(code, words)
    if reasons:
        raise ValidationError([ValidationError(words, code=code) for code, words in reasons.items()])


def _flat(tokens: Iterable[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _flat(token.children or ())


def _reasons(tokens: Iterable[Token]) -> Iterator[tuple[str, str]]:
    """(short name, words) of each thing that is refused."""
    for token in tokens:
        if token.type in {"html_block", "html_inline"}:
            yield "html", _("There is HTML in it (%s). Please write Markdown.") % token.content.strip()[:40]
        elif token.type == "image":
            yield "picture", _("A picture in the text has no caption and no credit. Upload it under Pictures.")
        elif token.type == "heading_open" and token.tag not in _TAGS:
            yield "heading", _("The page has its title already. Please begin a heading with ##, ### or ####.")
        elif token.type == "link_open" and not _leads_somewhere(href := str(token.attrs.get("href", ""))):
            yield "link", _("A link has to begin with https:// or mailto:. This one does not: %s") % href[:80]


def _leads_somewhere(href: str) -> bool:
    scheme = _SCHEME.match(href)
    return scheme[1].lower() in _SCHEMES if scheme else href.startswith("/") and not href.startswith("//")
