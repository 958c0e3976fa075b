"""What somebody proved in this session, and how long ago."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

type View = Callable[..., HttpResponseBase]

#: What opens the admin. Recovery codes stand in for one of these, and cannot be had without.
SECOND_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def has_second_factor(user: User | AnonymousUser) -> bool:
    """Whether this person made a second factor, used in this session or not."""
    return user.is_authenticated and Authenticator.objects.filter(user=user, type__in=SECOND_FACTORS).exists()


def used_second_factor(request: HttpRequest) -> bool:
    """Whether this session was opened with a second factor."""
    return _last_proof(request, "mfa") is not None


def recently_authenticated(request: HttpRequest) -> bool:
    """Whether the second factor was shown within the last minutes; where none is made yet, the password."""
    proof = _last_proof(request, "mfa")
    if proof is None and not has_second_factor(request.user):
        proof = _last_proof(request, "password")
    return proof is not None and time.time() - proof < settings.REAUTHENTICATE_AFTER.total_seconds()


def _last_proof(request: HttpRequest, method: str) -> float | None:
    """When that method was last used in this session by who is logged in, as Unix time."""
    if not request.user.is_authenticated:
        return None
    times = [r["at"] for r in get_authentication_records(request, request.user) if r["method"] == method]
    return max(times, default=None)


def reauthenticated(view: View, *, is_file: bool = False) -> View:
    """Before anything that shows or exports persons: the second factor once more, unless shown just now.

    Goes inside admin_view(). What was posted is not kept until then, for it may be a person's address and
    sessions are rows: the form is shown again. So is the page that led to a file, for a browser that goes on to one
    leaves the question standing.
    """

    @functools.wraps(view)
    def ask_first(*args: Any, **kwargs: Any) -> HttpResponseBase:
        request = next(argument for argument in args if isinstance(argument, HttpRequest))  # args[1] of a method
        if recently_authenticated(request):
            return view(*args, **kwargs)
        goes_on = request.method == "GET" and not is_file
        if not goes_on:
            messages.info(
                request, _("Your identity is confirmed, but nothing has changed yet. Press the button again.")
            )
        query = urlencode({"next": request.get_full_path() if goes_on else _page_before(request)})
        return HttpResponseRedirect(f"{reverse('mfa_reauthenticate')}?{query}")

    return ask_first


def _page_before(request: HttpRequest) -> str:
    """The page whose button or link was pressed."""
    page = urlsplit(request.headers.get("Referer", ""))
    return page.path if page.netloc == request.get_host() else reverse("admin:index")
