"""The languages of the site: what each is called, whether a native reader has gone through it, where its pages live.

The address alone decides the language: English lives at the bare paths, the others under /<code>/. No cookie and no
Accept-Language come into it, so a page is the same for everybody who follows the same link, and any proxy may keep it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit


@dataclass(frozen=True, slots=True)
class Language:
    #: As in the address and in web/i18n/locale/.
    code: str
    #: As its readers call it.
    name: str
    #: As previews of shared pages name it (Open Graph): a language and a country.
    locale: str
    #: Whether a native reader has gone through the catalog and found it good. The site says where none has.
    reviewed: bool = False


#: In the order of the switcher. Turn `reviewed` on when a native reader has gone through the whole catalog.
LANGUAGES: Final = (
    Language("en", "English", "en_GB", reviewed=True),
    Language("be", "Беларуская", "be_BY"),
    Language("ru", "Русский", "ru_RU"),
    Language("uk", "Українська", "uk_UA"),
    Language("pl", "Polski", "pl_PL"),
    Language("de", "Deutsch", "de_DE"),
    Language("fr", "Français", "fr_FR"),
    Language("es", "Español", "es_ES"),
    Language("ar", "العربية", "ar_AR"),
)
#: The language at the bare paths, and the one that the catalogs translate from.
DEFAULT: Final = "en"
BY_CODE: Final = {language.code: language for language in LANGUAGES}

_PREFIXED: Final = frozenset(BY_CODE) - {DEFAULT}
#: Staff work in English.
_ENGLISH_ONLY: Final = ("/admin/",)


def language_of(path: str) -> str:
    """The code of the language that this path is in."""
    code = path[1:].partition("/")[0]
    return code if code in _PREFIXED else DEFAULT


def bare(path: str) -> str:
    """A path, without its first slash, in the default language."""
    code, slash, rest = path.partition("/")
    return rest if slash and code in _PREFIXED else path


def known(code: str) -> str:
    """The code itself, or English where the site has no such language (any more)."""
    return code if code in BY_CODE else DEFAULT


def path_in(code: str, path: str) -> str:
    """The same page's path in another language. Works on token addresses too: it only changes the prefix."""
    current = language_of(path)
    bare = path if current == DEFAULT else path[len(current) + 1 :] or "/"
    return bare if code == DEFAULT else f"/{code}{bare}"


def address_in(code: str, address: str) -> str:
    """The same for a whole address, https and host included."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(path=path_in(known(code), parts.path)))


def has_translations(path: str) -> bool:
    """Whether the page exists in every language."""
    return not path.startswith(_ENGLISH_ONLY)
