"""What every request passes through."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.defaults import server_error as plain_server_error

from web import health
from web.connections import discard_after, is_away
from web.i18n.languages import bare, has_translations, language_of
from web.i18n.translated import originals
from web.identities import enter
from web.maintenance import current_maintenance
from web.models import Maintenance
from web.request_ids import name_request

HEALTH: Final = {"/healthz": health.healthz, "/readyz": health.readyz}


class HealthMiddleware:
    """Answers the probes itself: they come as http://10.0.0.5:8000/, neither by https nor by the site's name.

    The outermost: what is logged from here on bears the request's name.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name_request(request)
        return HEALTH.get(request.path_info, self.get_response)(request)


class PermissionsPolicyMiddleware:
    """No page of ours needs a camera, a place or a payment, so none can be talked into asking for one.

    Each feature is some 15 bytes of every page: those that a browser would ask a reader about, and no more.
    """

    POLICY: Final = ", ".join(
        f"{feature}=()" for feature in ("browsing-topics", "camera", "geolocation", "microphone", "payment", "usb")
    )

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not response.headers.get("Content-Type", "").startswith("text/css"):
            response.headers["Permissions-Policy"] = self.POLICY
        return response


class IdentityMiddleware:
    """The host says whose site was asked (web/identities.py). Who serves whose is set up at the desk."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        enter(request)  # not undone at the end: what answers an error after us bears the same name
        return self.get_response(request)


class LanguageMiddleware:
    """The address says the language. Django's own would ask a cookie and Accept-Language, and vary by both."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Not undone at the end: what answers an error after us is to speak the same language, and the thread's
        # next request says its own.
        language = language_of(request.path_info)
        translation.activate(language)
        request.LANGUAGE_CODE = language  # as Django's own: cheaper to ask than the thread
        with nullcontext() if has_translations(request.path_info) else originals():
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response


class ReadOnlyMiddleware:
    """While the site may only be read, nothing new is taken: 503 with the reason and when to come back.

    Who works here can still log in, and end it; and nobody is kept from taking back a signature or leaving a list.
    """

    WRITABLE: Final = ("/admin/login", "/admin/logout", "/admin/account", "/admin/web/maintenance/")
    WAYS_BACK: Final = ("withdraw/", "unsubscribe/", "my-signatures/", "mine/", "not-me/")

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in {"GET", "HEAD", "OPTIONS"} or request.path_info.startswith(self.WRITABLE):
            return self.get_response(request)
        if bare(request.path_info[1:]).startswith(self.WAYS_BACK):
            return self.get_response(request)
        halted = current_maintenance()
        if halted is None or halted.mode != Maintenance.Mode.READ_ONLY:
            return self.get_response(request)
        response = render(request, "readonly.html", status=503)
        response["Retry-After"] = "600"
        response["Cache-Control"] = "no-store"
        return response


class DatabaseAwayMiddleware:
    """Says "try again in a moment" (503, Retry-After) where the database is away or read-only, never a bare 500."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return database_away(request, exception) if is_away(exception) else None


def database_away(request: HttpRequest, error: BaseException) -> HttpResponse:
    discard_after(error)
    response = render(request, "503.html", status=503)
    response["Retry-After"] = "10"
    response["Cache-Control"] = "no-store"
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """The site's handler500, which also gets what fails outside of views: a session that cannot be saved, say."""
    error = sys.exception()
    return database_away(request, error) if error and is_away(error) else plain_server_error(request)
