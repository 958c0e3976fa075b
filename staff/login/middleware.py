"""Nobody without a second factor gets past the login, whatever page is asked for. Public pages pass untouched."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import Resolver404, resolve, reverse
from django.utils.cache import add_never_cache_headers
from django.utils.csp import CSP
from django.utils.translation import gettext as _

from staff import audit
from staff.access import works_here
from staff.login.adapters import SealedUnderAnotherKey
from staff.login.factors import has_second_factor, used_second_factor
from staff.login.kept import form_kept
from staff.login.sessions import has_ended, is_poll, note_presence
from web.senders import client_network

log = logging.getLogger(__name__)

PREFIX: Final = "/admin/"

# Alpine.js, which unfold is built on, compiles the attributes of its own templates: 'unsafe-eval'.
# It hides and sizes by style attributes, and the theme's colours are a <style>: inline styles.
# No inline script is needed, so text that somebody put into a page still runs nothing.
# "Add another …" beside a choice opens that form in a frame of the page (POPUP_CSP).
ADMIN_CSP: Final = {
    **settings.SECURE_CSP,
    "script-src": [CSP.SELF, CSP.UNSAFE_EVAL],
    "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
    "frame-src": [CSP.SELF],
}
#: What such a frame shows, and nothing else of the desk, may be framed, by the desk alone.
POPUP_CSP: Final = {**ADMIN_CSP, "frame-ancestors": [CSP.SELF]}
POPUP: Final = "_popup"

#: Seconds to wait where tries cannot be counted: Redis is restarted in less.
RETRY_UNCOUNTED: Final = 30

#: Where something secret is guessed at.
GUESSED_AT: Final = {
    "account_login", "mfa_authenticate", "mfa_login_webauthn", "begin", "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn", "account_reauthenticate", "account_change_password",
}  # fmt: skip
#: What anybody may ask for, logged in or not. Of `session`, who is not logged in learns just that.
OPEN: Final = {"account_login", "mfa_authenticate", "mfa_login_webauthn", "account_logout", "begin", "session"}
#: What is left to somebody who has no second factor yet: making one.
ENROLMENT: Final = {"mfa_index", "mfa_activate_totp", "mfa_add_webauthn", "account_reauthenticate"}
#: What is left to somebody who has one and did not show it.
PROOF: Final = {"mfa_reauthenticate", "mfa_reauthenticate_webauthn"}
#: What needs no role: one's own login.
OWN: Final = {
    "mfa_index", "mfa_activate_totp", "mfa_deactivate_totp", "mfa_add_webauthn", "mfa_list_webauthn",
    "mfa_remove_webauthn", "mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn", "account_reauthenticate", "account_change_password", "usersessions_list",
}  # fmt: skip


class LoginMiddleware:
    """Comes after authentication and messages; looks at the session under /admin/ only."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        with contextlib.suppress(DatabaseError):  # where it is away, what comes next says so
            audit.say_who(request.user, client_network(request))
        response = _stopped(request) or self.get_response(request)
        if not hasattr(response, "_csp_config"):
            popup = POPUP in request.GET
            response._csp_config = POPUP_CSP if popup else ADMIN_CSP  # type: ignore[attr-defined] # as csp_override()
            response.headers["X-Frame-Options"] = "SAMEORIGIN" if popup else "DENY"
        add_never_cache_headers(response)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A page that says what is to be done, where a second factor cannot be opened any more."""
        if not isinstance(exception, SealedUnderAnotherKey):
            return None
        log.error("%s", exception)
        return render(request, "staff/login/other_key.html", {"words": str(exception)}, status=503)


def _stopped(request: HttpRequest) -> HttpResponse | None:
    """The answer to somebody who may not go on; None for everybody else."""
    name = _name_of(request)
    request.is_login_page = name in OPEN | OWN  # type: ignore[attr-defined] # context.py
    if request.method == "POST" and name in GUESSED_AT and (refusal := _refuse_guessing(request)):
        return refusal
    if name in OPEN:
        return None
    if not request.user.is_authenticated:
        # The admin sends strangers to the login; what they typed while they were none goes to no other page.
        return form_kept(request, _("You are not logged in any more, so this was not saved."))
    if has_ended(request):
        logout(request)
        words = _("You were logged out because you were inactive.")
        if kept := form_kept(request, words):
            return kept
        messages.info(request, words)
        return redirect_to_login(request.get_full_path() if request.method == "GET" else reverse("admin:index"))
    if not is_poll(request):
        note_presence(request)
    return _ask_for_second_factor(request, name) or _refuse_without_role(request, name)


def _name_of(request: HttpRequest) -> str:
    try:
        return resolve(request.path_info).url_name or ""
    except Resolver404:
        return ""


def _ask_for_second_factor(request: HttpRequest, name: str) -> HttpResponse | None:
    if used_second_factor(request):
        return None
    if not has_second_factor(request.user):
        return None if name in ENROLMENT else HttpResponseRedirect(reverse("mfa_index"))
    if name in PROOF:
        return None
    return redirect_to_login(request.get_full_path(), reverse("mfa_reauthenticate"))


def _refuse_without_role(request: HttpRequest, name: str) -> HttpResponse | None:
    if name in OWN or works_here(request.user):
        return None
    request.is_login_page = True  # type: ignore[attr-defined]
    return render(request, "staff/login/no_role.html", status=403)


def _refuse_guessing(request: HttpRequest) -> HttpResponse | None:
    """A network that guesses waits. No account is ever locked, or anybody could lock a colleague out."""
    from web.rate_limits import Verdict, check_limit

    limit = check_limit(request, "login", settings.LOGIN_RATE)
    if limit.verdict is Verdict.OVER:
        words = _("Too many login attempts from your network. Wait a minute, then try again.")
        return _wait(request, 429, words, limit.retry_after)
    if limit.verdict is Verdict.UNKNOWN:
        # Signing goes on without limits; logging in does not, or whoever takes Redis down may guess on.
        words = _("Logging in is temporarily unavailable. Try again shortly.")
        return _wait(request, 503, words, RETRY_UNCOUNTED)
    return None


def _wait(request: HttpRequest, status: int, words: str, retry_after: int) -> HttpResponse:
    response = render(request, "staff/login/wait.html", {"words": words}, status=status)
    response["Retry-After"] = str(retry_after)
    return response
