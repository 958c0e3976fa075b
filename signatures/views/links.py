"""The links in mails: confirm, withdraw and "that was not me", in two steps each; no more updates, in one."""

from __future__ import annotations

import time
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from signatures.identity import parse_token
from signatures.identity import token_hash as hash_of
from signatures.intake import confirmation
from signatures.intake.body import GarbageBody, read_added
from signatures.intake.confirmation import Confirmation
from signatures.public_figures.figures import public_figures
from signatures.public_figures.milestones import next_milestone
from signatures.sign_form.consent import agreed_to, wording
from signatures.sign_form.form import ConfirmForm, DetailsForm
from signatures.views.sharing import sharing
from web.clean_address import clean_redirect
from web.identities import show
from web.senders import is_cross_site

#: In the address after the button of a withdrawal: when it was pressed, in seconds since 1970; and for how many of them
#: a worker may still be about to find the signature.
PRESSED: Final = "pressed"
WAIT: Final = 120


def private(response: HttpResponse) -> HttpResponse:
    """The address is a secret: no cache, no search engine, no referrer may learn it."""
    response["Cache-Control"] = "no-store"
    # Not "no-referrer": browsers then send "Origin: null" with the POST, which is another site's to us.
    response["Referrer-Policy"] = "strict-origin"
    response["X-Robots-Tag"] = "noindex"
    return response


def _unknown_token(request: HttpRequest) -> HttpResponse:
    """To the token alone, where something is attached to it; else what can be done about a link that does not work."""
    return clean_redirect(request) or private(render(request, "signatures/unknown_token.html", status=404))


def _again(request: HttpRequest, query: str = "") -> HttpResponse:
    """To the page where the button was pressed, which says now what came of it. Reloading it presses nothing."""
    response = HttpResponseRedirect(request.path + query)
    response.status_code = 303
    return private(response)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows a button and changes nothing, for mail scanners press links; POST confirms.

    Whoever presses has the mailbox: what is asked beside the button is asked of nobody else.
    """
    if parse_token(token) is None:
        return _unknown_token(request)
    if request.method == "POST" and is_cross_site(request):
        return render(request, "403.html", status=403)
    found = confirmation.look(hash_of(token))
    if found is None:
        return _unknown_token(request)
    if not (found.confirmed or found.campaign.is_public):
        return private(render(request, "signatures/taken_down.html", status=410))
    if request.method != "POST":
        return _confirm_page(request, found, ConfirmForm(), DetailsForm(lang=request.LANGUAGE_CODE))
    return _again(request) if found.confirmed else _confirm(request, found)


def _confirm(request: HttpRequest, found: Confirmation) -> HttpResponse:
    try:
        data = read_added(request)
    except GarbageBody:
        return private(render(request, "400.html", status=400))
    if found.campaign.at_risk:
        data = {name: data.get(name, "") for name in ("updates", "name", "country")}  # nothing else is asked there
    corrects = bool(data.get("name", "").strip())
    form, details = ConfirmForm(data), DetailsForm(data if corrects else None, lang=request.LANGUAGE_CODE)
    if not form.is_valid() or (corrects and not details.is_valid()):
        return _confirm_page(request, found, form, details, status=422)
    agreed = agreed_to(found.campaign, form.cleaned_data, details.cleaned_data if corrects else {})
    confirmed = confirmation.confirm(found, agreed)
    return _again(request) if confirmed else _unknown_token(request)


def _confirm_page(
    request: HttpRequest, found: Confirmation, form: ConfirmForm, details: DetailsForm, status: int = 200
) -> HttpResponse:
    """At risk it says the same of every petition, and names none: others may open the mailbox, and follow its links."""
    context: dict[str, Any] = {
        "form": form,
        "details": details,
        "confirmed": found.confirmed,
        "withdrawn": found.withdrawn,
    }
    if found.campaign.at_risk:
        context |= {"consent": wording(found.campaign)}
        return private(render(request, "signatures/confirm_neutral.html", context, status=status))
    show(found.campaign.section_id)
    if found.confirmed and not found.withdrawn:
        figures = public_figures(found.campaign)
        context |= {"figures": figures, "milestone": next_milestone(figures.total), **sharing(found.campaign)}
    context |= {"campaign": found.campaign, "consent": wording(found.campaign)}
    return private(render(request, "signatures/confirm.html", context, status=status))


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, token: str) -> HttpResponse:
    """The same two steps. What is answered does not tell whether the link is known, until a worker has withdrawn it."""
    if parse_token(token) is None:
        return _unknown_token(request)
    hashed = hash_of(token)
    if request.method == "POST":
        if is_cross_site(request):
            return render(request, "403.html", status=403)
        confirmation.ask_withdrawal(hashed)
        return _again(request, f"?{PRESSED}={int(time.time())}")
    outcome = confirmation.withdrawal_outcome(hashed)
    stage = _pressed(request) if outcome is None else outcome or "taken"
    return private(render(request, "signatures/withdraw.html", {"stage": stage}))


def _pressed(request: HttpRequest) -> str:
    """What to say of a link that nothing is known of: a worker may be about to admit its signature, and find it."""
    at = request.GET.get(PRESSED, "")
    if not (at.isascii() and at.isdecimal() and len(at) < 12):
        return "ask"
    return "taken" if abs(time.time() - int(at)) < WAIT else "unknown"


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def not_me(request: HttpRequest, token: str) -> HttpResponse:
    """The same two steps, for whose address somebody else typed. It names no petition."""
    if parse_token(token) is None:
        return _unknown_token(request)
    hashed = hash_of(token)
    if request.method == "POST":
        if is_cross_site(request):
            return render(request, "403.html", status=403)
        confirmation.reject(hashed)
        return _again(request)
    if confirmation.was_rejected(hashed):
        stage = "done"
    elif (found := confirmation.look(hashed)) is None:
        return _unknown_token(request)
    else:
        stage = "confirmed" if found.confirmed else "ask"
    return private(render(request, "signatures/not_me.html", {"stage": stage}))


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows a button; POST ends the updates at once.

    RFC 8058: a mail program's button posts "List-Unsubscribe=One-Click" here, from wherever its servers are. So no look
    at where it comes from, and no limit: those servers press for all of a provider's customers. Who has the link may
    use it, and a scanner that only follows links changes nothing.
    """
    if parse_token(token) is None:
        return _unknown_token(request)
    if request.method == "POST":
        confirmation.unsubscribe(hash_of(token))
    return private(render(request, "signatures/unsubscribe.html", {"done": request.method == "POST"}))
