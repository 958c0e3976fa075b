"""Pages of the login that allauth has not, or has otherwise."""

from __future__ import annotations

from typing import Any, cast

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from allauth.mfa.adapter import get_adapter
from allauth.mfa.webauthn.views import RemoveWebAuthnView
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from staff.login.links import owner_of
from staff.login.sessions import note_presence, seconds_left


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def begin(request: HttpRequest, uid: str, token: str) -> HttpResponse:
    """Choose a password with a one-time link. The second factor comes after: shown, or made if there is none."""
    user = owner_of(uid, token)
    if user is None:
        return render(request, "staff/login/stale_link.html", status=410)
    form = SetPasswordForm(user, request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return render(request, "staff/login/begin.html", {"form": form, "person": user})
    form.save()
    logout(request)  # whoever was logged in at this browser
    return perform_password_login(request, {}, Login(user=user))


@login_required
@require_http_methods(["GET", "POST"])
def sessions(request: HttpRequest) -> HttpResponse:
    """Where one is logged in. POST `end` with a session's key, or "others"."""
    user = cast(User, request.user)
    open_now: list[UserSession] = UserSession.objects.purge_and_list(user)
    if request.method == "POST":
        wanted = request.POST.get("end", "")
        for session in open_now:
            if str(session.pk) == wanted or (wanted == "others" and not session.is_current()):
                session.end()
        messages.success(request, _("Session ended."))
        return HttpResponseRedirect(reverse("usersessions_list"))
    open_now.sort(key=lambda session: (not session.is_current(), -session.last_seen_at.timestamp()))
    return render(request, "staff/login/sessions.html", {"sessions": open_now})


@require_http_methods(["GET", "POST"])
def session(request: HttpRequest) -> JsonResponse:
    """For the script of forms (static/js/desk/session.js). GET: {"left": seconds until this session ends by itself, 0
    where there is none, "token": the one that forms need now, and "words" to say about it}. POST: somebody is typing.
    """
    left = seconds_left(request) if request.user.is_authenticated else 0
    if left > 0 and request.method == "POST":
        note_presence(request)
        left = seconds_left(request)
    words = {
        "soon": _("You will be logged out soon because you have been inactive. What you typed is not saved yet."),
        "stay": _("Stay logged in"),
        "over": _("You have been logged out. What you typed is still here: log in in a new tab, then save it."),
        "login": _("Log in in a new tab"),
    }
    return JsonResponse({"left": max(0, int(left)), "token": get_token(request), "words": words})


class RemovePasskeyView(RemoveWebAuthnView):
    """As allauth's, but never the last second factor."""

    def form_valid(self, form: Any) -> HttpResponse:
        if not get_adapter().can_delete_authenticator(self.get_object()):
            messages.error(self.request, _("This is your only second factor. Add another one first."))
            return HttpResponseRedirect(reverse("mfa_index"))
        return cast(HttpResponse, super().form_valid(form))
