"""What somebody typed at the desk, kept where their form cannot be taken: the session has ended meanwhile, or another
tab logged in and the form's token is the one of before.

It is shown again to be sent once more. Nothing is stored: it goes back into the page of whoever sent it, and only to a
form of our own, or another site could have its text sent with a click on our page.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import Resolver404, resolve, reverse
from django.utils.translation import gettext as _

#: Never shown again: what proves who somebody is, and the token that has just failed.
SECRET: Final = ("password", "code", "csrfmiddlewaretoken", "secret", "credential")
#: Pages in front of the desk, by the prefix of their names: who logs in types little, and all of it is secret.
DOOR: Final = ("account_", "mfa_", "begin")


def form_kept(request: HttpRequest, words: str) -> HttpResponse | None:
    """A page with what was typed, to be sent again; None where there is nothing to keep or the form is not ours."""
    if request.method != "POST" or not _is_own_form(request) or _at_the_door(request):
        return None
    fields = list(_typed(request))
    context = {
        "words": words,
        "fields": fields,
        "texts": [(name, value) for name, value in fields if " " in value.strip()],
        "action": request.get_full_path(),
        "lost_files": bool(request.FILES),
        "login": reverse("account_login"),
        "logged_in": request.user.is_authenticated,
    }
    request.is_login_page = True  # type: ignore[attr-defined] # context.py
    return render(request, "staff/login/kept.html", context, status=403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's own page says "CSRF verification failed" and nothing that anybody could do."""
    kept = form_kept(request, _("You have logged in again since you opened this form, so it was not saved."))
    if kept is not None:
        return kept
    request.is_login_page = True  # type: ignore[attr-defined]
    words = _("This form could not be accepted. Reload the page that it is on, then send it again.")
    return render(request, "staff/login/wait.html", {"words": words}, status=403)


def _is_own_form(request: HttpRequest) -> bool:
    fetch_site = request.META.get("HTTP_SEC_FETCH_SITE")
    if fetch_site is not None:
        return fetch_site == "same-origin"
    sender = request.META.get("HTTP_ORIGIN") or request.META.get("HTTP_REFERER", "")
    return urlsplit(sender)[:2] == (request.scheme, request.get_host())


def _at_the_door(request: HttpRequest) -> bool:
    try:
        return (resolve(request.path_info).url_name or "").startswith(DOOR)
    except Resolver404:
        return True


def _typed(request: HttpRequest) -> Iterator[tuple[str, str]]:
    for name, values in request.POST.lists():
        if not any(secret in name.lower() for secret in SECRET):
            yield from ((name, value) for value in values)
