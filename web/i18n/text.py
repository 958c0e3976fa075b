"""What campaigners write: Markdown as HTML that is safe to show, and what no text of theirs may hold.

Whatever is in it, what is shown is harmless (`to_html`). But who wrote it should see what readers see: what would be
lost or shown as something else is refused with its reason when it is saved (`check_prose`), and so is what nobody sees
and what turns a line around (`check_line`, `check_text`).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from typing import Final

import nh3
from django.core.exceptions import ValidationError
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.token import Token

from web.i18n.characters import MEANT_FORMAT, unreadable_character

_markdown = MarkdownIt("commonmark", {"html": False, "typographer": True}).enable(["replacements", "smartquotes"])

#: Reads also what is never shown, so that it can be named.
_everything = MarkdownIt("commonmark", {"html": True})
_everything.validateLink = lambda url: True  # type: ignore[method-assign]

#: What a text may hold. No images (they have captions and credits of their own), no style, no script.
_TAGS = {"p", "h2", "h3", "h4", "ul", "ol", "li", "blockquote", "em", "strong", "a", "hr", "br", "code", "pre"}
_SCHEMES: Final = {"http", "https", "mailto"}
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)

#: Unlike a name, a text may need these: marks that a line of two directions is set with and that turn nothing around,
#: and a place to break a long word.
_MEANT: Final = re.compile("[\u00ad\u061c\u200e\u200f]")
_ISOLATES: Final = "\u2066\u2067\u2068"
_END_OF_ISOLATE: Final = "\u2069"


def to_html(source: str) -> SafeString:
    """The source as sanitised HTML: http, https and mailto links only, `rel=noopener noreferrer`."""
    rendered = _markdown.render(source)
    clean = nh3.clean(rendered, tags=_TAGS, attributes={"a": {"href"}}, url_schemes=_SCHEMES)
    return mark_safe(clean)  # noqa: S308 - sanitised on the line above


def check_line(text: str) -> None:
    """Raises ValidationError, naming it and its place, for the first character that nobody sees and that means nothing
    there or deceives."""
    for at, character in enumerate(_without_what_is_meant(text)):
        if not character.isprintable() or character == "\ufffd":
            _refuse(unreadable_character(character), text[:at].strip(), text[at + 1 :].strip())


def check_text(text: str) -> None:
    """The same for each line of a text, which may have tabs."""
    for line in re.split("\r\n?|\n", text):
        check_line(line.replace("\t", " "))


def _refuse(reason: ValidationError | None, before: str, after: str) -> None:
    if reason is None:
        return
    where = _("It comes after “%s”.") % before[-30:] if before else _("It comes before “%s”.") % after[:30]
    raise ValidationError(f"{reason.messages[0]} {where}", code=reason.code)


def _without_what_is_meant(text: str) -> str:
    """With a letter instead of each invisible character that may stand where it does, isolates that have an end
    among them: so that all others keep their places."""
    signs = list(_MEANT.sub("x", MEANT_FORMAT.sub(lambda meant: "x" * len(meant[0]), text)))
    begun: list[int] = []
    for at, sign in enumerate(signs):
        if sign in _ISOLATES:
            begun.append(at)
        elif sign == _END_OF_ISOLATE and begun:
            signs[begun.pop()] = signs[at] = "x"
    return "".join(signs)


def check_prose(source: str) -> None:
    """Raises ValidationError with what readers would not get to see as it is written, and what to do instead."""
    check_text(html.unescape(source))  # &#x202e; is one as well
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
            yield "html", _("HTML is not allowed here (%s). Use Markdown.") % token.content.strip()[:40]
        elif token.type == "image":
            yield (
                "picture",
                _(
                    "Pictures cannot be put in the text, where they have no caption or credit. Upload it under "
                    "Pictures."
                ),
            )
        elif token.type == "heading_open" and token.tag not in _TAGS:
            yield "heading", _("The page already has a title. Start headings with ##, ### or ####.")
        elif token.type == "link_open" and not _leads_somewhere(href := str(token.attrs.get("href", ""))):
            yield "link", _("Links must start with https:// or mailto:. This one does not: %s") % href[:80]


def _leads_somewhere(href: str) -> bool:
    scheme = _SCHEME.match(href)
    return scheme[1].lower() in _SCHEMES if scheme else href.startswith("/") and not href.startswith("//")
