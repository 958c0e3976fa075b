"""The catalogs under web/i18n/locale/: what the public pages, mails and letters say, in every language.

Read and written by Babel, so that no machine needs the GNU gettext tools: neither whoever writes a string, nor the test
that finds one without a translation. The compiled catalogs are kept beside their sources, for a fresh checkout speaks
every language at once.
"""

from __future__ import annotations

import ast
import datetime
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from web.i18n.languages import DEFAULT, LANGUAGES

ROOT: Final = Path(__file__).resolve().parents[2]
LOCALE_DIR: Final = Path(__file__).with_name("locale")
#: What is translated into. English is what the sources say.
CODES: Final = tuple(language.code for language in LANGUAGES if language.code != DEFAULT)

_APPS: Final = ("web", "petitions", "signatures")
#: Where staff work. They work in English, so what is said there is in no catalog.
_STAFF: Final = frozenset(
    {"admin", "desk", "staff", "management", "demo", "migrations", "account", "allauth", "mfa", "unfold"}
)
#: Models are labelled for staff, but for those whose words the public reads.
_MODELS: Final = ("web/models/", "signatures/models/")
_PUBLISHED: Final = "signatures/models/published/"
#: A remark in a template. To the extractor it would be a comment to the end of the line, and that line is all.
_REMARK: Final = re.compile(r"{#.*?#}|{% comment.*?%}.*?{% endcomment %}", re.DOTALL)
#: Babel counts 11 and 100 the wrong way round in Arabic.
_PLURALS: Final = {
    "ar": "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);",
}
_KEYWORDS: Final = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), None),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}


def sources() -> Iterator[Path]:
    """Every file that says something to the public."""
    for app in _APPS:
        yield from filter(_is_public, sorted((ROOT / app).rglob("*.py")))
    for kind in ("html", "txt"):
        yield from filter(_is_public, sorted((ROOT / "templates").rglob(f"*.{kind}")))


def _is_public(path: Path) -> bool:
    place = path.relative_to(ROOT)
    is_staffs_model = place.as_posix().startswith(_MODELS) and not place.as_posix().startswith(_PUBLISHED)
    return _STAFF.isdisjoint(place.parts) and not is_staffs_model


def template() -> Catalog:
    """What the sources say now, without translations."""
    catalog = Catalog(charset="utf-8")
    for path in sources():
        for _, message, comments, context in extract("python", io.BytesIO(_code(path).encode()), _KEYWORDS):
            catalog.add(message, None, [(str(path.relative_to(ROOT)), 0)], user_comments=comments, context=context)
    return catalog


def _code(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        # What is no string is now X and white space; on one line, no indentation is left to be wrong.
        return templatize(_REMARK.sub("", text)).replace("\n", " ").strip()
    return _public_part(text) if "models" in path.parts else text


def _public_part(text: str) -> str:
    """Of models, the public reads labels of choices and what is said by gettext(); names of fields are the admin's."""
    return "\n".join(ast.unparse(node) for node in ast.walk(ast.parse(text)) if _is_said(node))


def _is_said(node: ast.AST) -> bool:
    if isinstance(node, ast.ClassDef):
        return any(ast.unparse(base).endswith("Choices") for base in node.bases)
    return isinstance(node, ast.Call) and ast.unparse(node.func) in {"gettext", "ngettext"}


def source_of(code: str) -> Path:
    """The catalog as people edit it."""
    return LOCALE_DIR / code / "LC_MESSAGES" / "django.po"


def _empty(code: str) -> Catalog:
    catalog = Catalog(locale=code, charset="utf-8")
    if code in _PLURALS:
        catalog.mime_headers = [("Plural-Forms", _PLURALS[code])]
    return catalog


def read(code: str) -> Catalog:
    """The language's catalog; an empty one where there is no file yet."""
    if not source_of(code).exists():
        return _empty(code)
    with source_of(code).open("rb") as file:
        return read_po(file, locale=code, charset="utf-8")


def merged(code: str, wanted: Catalog) -> Catalog:
    """The language's catalog with what the sources say now; what they no longer say is gone, nothing is guessed."""
    there, catalog = read(code), _empty(code)
    for message in wanted:
        if message.id:
            known = there.get(message.id, message.context)
            fits = known is not None and bool(known.pluralizable) == bool(message.pluralizable)
            string = known.string if fits and known else None
            catalog.add(message.id, string, message.locations, context=message.context)
    return catalog


def as_po(catalog: Catalog) -> bytes:
    """The file to edit: sorted by where it is said; no times and no line numbers, so it changes with words only."""
    file = io.BytesIO()
    write_po(file, catalog, omit_header=True, width=0, sort_by_file=True, include_lineno=False)
    header = (
        'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
        f'"Language: {catalog.locale_identifier}\\n"\n"Plural-Forms: {catalog.plural_forms}\\n"\n\n'
    )
    return header.encode() + file.getvalue()


def as_mo(catalog: Catalog) -> bytes:
    """The file that Django reads. It changes with words only."""
    file = io.BytesIO()
    catalog.creation_date = datetime.datetime.fromtimestamp(0, datetime.UTC)
    write_mo(file, catalog)
    return file.getvalue()


def compiled(code: str) -> Path:
    """The catalog as Django reads it."""
    return source_of(code).with_suffix(".mo")


def missing(catalog: Catalog) -> list[str]:
    """What has no translation, or not in every plural form."""
    return [_words(message) for message in catalog if message.id and not _is_whole(message)]


def _is_whole(message: Message) -> bool:
    strings = message.string if isinstance(message.string, tuple | list) else [message.string]
    return all(strings) and not message.fuzzy


def _words(message: Message) -> str:
    return str(message.id[0] if isinstance(message.id, tuple | list) else message.id)
