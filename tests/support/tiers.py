"""Requests as the two tiers answer them, in one process: the desk what is under /admin/, the public site the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.test.client import ClientHandler
from django.urls import set_urlconf

DESK: Final = "desk"
PUBLIC: Final = "public"


def tier_of(path: str) -> str:
    return DESK if path.startswith("/admin/") else PUBLIC


class _Addresses:
    """The tier's own table of addresses, from its first middleware on."""

    urlconf: str

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.urlconf = self.urlconf
        set_urlconf(self.urlconf)
        return self.get_response(request)


class PublicAddresses(_Addresses):
    urlconf = "config.public_urls"


class DeskAddresses(_Addresses):
    urlconf = "config.desk_urls"


class Tier(ClientHandler):
    """Answers with one tier's middleware and addresses."""

    def __init__(self, tier: str, enforce_csrf_checks: bool) -> None:
        super().__init__(enforce_csrf_checks)
        self.tier = tier

    def load_middleware(self, is_async: bool = False) -> None:
        addresses, chain = {
            DESK: ("DeskAddresses", settings.DESK_MIDDLEWARE),
            PUBLIC: ("PublicAddresses", settings.PUBLIC_MIDDLEWARE),
        }[self.tier]
        with override_settings(MIDDLEWARE=[f"{__name__}.{addresses}", *chain]):
            super().load_middleware(is_async)


class Tiers:
    """A handler of Django's test client that asks the tier whose path it is."""

    def __init__(self, enforce_csrf_checks: bool = False) -> None:
        self._tiers = {tier: Tier(tier, enforce_csrf_checks) for tier in (DESK, PUBLIC)}

    def __call__(self, environ: dict[str, Any]) -> HttpResponse:
        try:
            return self._tiers[tier_of(environ["PATH_INFO"])](environ)
        finally:
            set_urlconf(None)  # the test's own reverse() knows all names
