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


def site(request: HttpRequest) -> dict[str, Any]:
    """The site's own address, and this page in its languages ([] where it has one only).

    From the settings, the database, the host and the path, never from the rest of the request: cached pages are for
    everybody.
    """
    code, identity = language_of(request.path), shown()
    versions = [Version(language, path_in(language.code, request.path)) for language in LANGUAGES]
    return {
        "identity": identity,
        "site_url": identity.origin,
        "maintenance": current_maintenance(),
        "page_language": BY_CODE[code],
        "versions": versions if has_translations(request.path) else [],
        # For the menu of an error: there is no such page in another language either.
        "homes": [Version(language, path_in(language.code, "/")) for language in LANGUAGES],
        "default_path": path_in(DEFAULT, request.path),
    }
