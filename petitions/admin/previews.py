"""Pages as readers will see them, for those who write and review: before anybody else can."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from web.context import PageIn, Version
from web.i18n.languages import BY_CODE, DEFAULT, LANGUAGES
from web.i18n.translated import translations


def preview(request: HttpRequest, template: str, context: Callable[[], dict[str, Any]]) -> HttpResponse:
    """The page in the language that ?language= asks for, with a banner that says it is none yet. Kept nowhere.

    `context` gives what the public view gives its template; it is asked in that language.
    """
    code = request.GET.get("language", DEFAULT)
    if code not in BY_CODE:
        raise Http404
    versions = [Version(language, f"?language={language.code}") for language in LANGUAGES]
    with translation.override(code), translations():  # the admin itself shows originals (web/middleware.py)
        request.page_in = PageIn(BY_CODE[code], versions)  # type: ignore[attr-defined]
        response = render(request, template, {**context(), "preview": True})
    response["Cache-Control"] = "no-store"
    return response
