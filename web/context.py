"""What every template knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from web.i18n.languages import BY_CODE, DEFAULT, LANGUAGES, Language, has_translations, language_of, path_in
from web.identities import shown
from web.maintenance import current_maintenance


@dataclass(frozen=True, slots=True)
class Version:
    """The page that is shown, in one of the site's languages."""

    language: Language
    path: str


@dataclass(frozen=True, slots=True)
class PageIn:
    """A page at an address that does not say its language: a preview. As `request.page_in`, before it is rendered."""

    language: Language
    versions: list[Version]


def site(request: HttpRequest) -> dict[str, Any]:
    """The site's own address, and this page in its languages ([] where it has one only).

    From the settings, the database, the host and the path, never from the rest of the request: cached pages are for
    everybody.
    """
    identity, page = shown(), getattr(request, "page_in", None) or _by_its_address(request.path)
    return {
        "identity": identity,
        "site_url": identity.origin,
        "maintenance": current_maintenance(),
        "page_language": page.language,
        "versions": page.versions,
        # For the menu of an error: there is no such page in another language either.
        "homes": [Version(language, path_in(language.code, "/")) for language in LANGUAGES],
        "default_path": path_in(DEFAULT, request.path),
    }


def _by_its_address(path: str) -> PageIn:
    there = LANGUAGES if has_translations(path) else ()
    return PageIn(BY_CODE[language_of(path)], [Version(language, path_in(language.code, path)) for language in there])
