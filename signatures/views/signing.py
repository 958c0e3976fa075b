"""Signing: the form, and what a supporter sends with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from petitions.models import Campaign
from signatures.intake.abuse_gate import Signals, check_sender, wants_work
from signatures.intake.body import GarbageBody, read_form
from signatures.intake.campaigns import campaign_seen_now
from signatures.intake.proof_of_work import challenge
from signatures.intake.submissions import take
from signatures.public_figures.figures import public_figures
from signatures.sealing import Person
from signatures.sign_form.context import SHOWN_FIELD, channel_of, form_context
from signatures.sign_form.form import SignForm
from signatures.sign_form.shown_text import ShownText, text_signed
from signatures.views.campaigns import campaign_or_404
from web.connections import is_away
from web.i18n.languages import path_in
from web.page_cache import cached_page
from web.rate_limits import Verdict
from web.senders import is_cross_site


# No CSRF token: it would need a cookie and make every page another. `is_cross_site` does its work.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def sign(request: HttpRequest, slug: str) -> HttpResponse:
    """GET: the form alone. POST: take a signature; what was typed is kept whatever goes wrong."""
    if request.method != "POST":
        return _sign_form(request, slug)
    if is_cross_site(request):
        return render(request, "403.html", {"reason": _("This form was sent from another website.")}, status=403)
    try:
        data = read_form(request)
    except GarbageBody:
        return render(request, "400.html", status=400)
    found = campaign_or_404(slug)
    if not found.is_open() or not hasattr(found, "key"):
        return _closed(request, found)
    if found.at_risk and "place" in data:
        data = {**data, "place": ""}  # not asked, for nobody ever gets it
    typed = SignForm.cleaned(data)
    sender = check_sender(request, found, data, is_complete=typed is not None)
    if sender.verdict is Verdict.OVER:
        problem = _("We are getting many signatures from your network. Wait a minute, then send yours again.")
        return _kept(request, found, data, 429, problem, retry_after=sender.retry_after)
    if typed is None:
        return _kept(request, found, data, 422)
    signed = _text_signed(found, data, request.LANGUAGE_CODE)
    if signed is None:
        problem = _(
            "The wording of this petition was corrected after you opened this page. "
            "Please read it again, then send your signature."
        )
        return _kept(request, campaign_or_404(slug), data, 422, problem)
    try:
        take(found, _person(typed, data, sender.signals, request.LANGUAGE_CODE, signed))
    except (DatabaseError, InterfaceError) as error:
        if not is_away(error):
            raise
        problem = _(
            "We could not save your signature. What you typed is still here: wait a moment, then send it again."
        )
        return _kept(request, found, data, 503, problem, retry_after=10)
    to = path_in(request.LANGUAGE_CODE, reverse("thanks", args=[found.slug]))
    return HttpResponse(status=303, headers={"Location": to, "Cache-Control": "no-store"})


@require_safe
def work(request: HttpRequest, slug: str) -> HttpResponse:
    """What a form's script asks before it sends: a challenge, or 204 where no proof of work is wanted."""
    found = campaign_or_404(slug)
    wanted = found.is_open() and wants_work(request, found)
    response = JsonResponse(challenge(found)) if wanted else HttpResponse(status=204)
    response["Cache-Control"] = "no-store"
    return response


@cached_page
def _sign_form(request: HttpRequest, slug: str) -> HttpResponse:
    found = campaign_or_404(slug)
    if not found.is_open():
        return _closed(request, found)
    form = SignForm(lang=request.LANGUAGE_CODE)
    return render(request, "signatures/sign.html", form_context(found, form))


def _text_signed(found: Campaign, data: Mapping[str, str], language: str) -> ShownText | None:
    """The text that the sender was shown; None where it has been corrected for so long that they have to read again.

    Looked for once more where this process does not know it: another one may have shown what was published just now.
    """
    label = data.get(SHOWN_FIELD, "")
    if signed := text_signed(found, language, label):
        return signed
    return text_signed(campaign_seen_now(found), language, label)


def _person(
    typed: dict[str, Any], data: Mapping[str, str], signals: Signals, language: str, signed: ShownText
) -> Person:
    if via := channel_of(data):
        signals = signals | {"via": via}  # sealed with the rest; a worker counts it
    version, sha256 = signed
    return Person(**typed, language=language, signals=signals, version=version, text_sha256=sha256)


def _kept(
    request: HttpRequest, found: Campaign, data: Mapping[str, str], status: int, problem: str = "", retry_after: int = 0
) -> HttpResponse:
    """The form again with what was typed in it, and what to mend. For the sender alone: no cache may keep it."""
    form = SignForm(data, lang=request.LANGUAGE_CODE)
    response = render(request, "signatures/sign.html", form_context(found, form, problem), status=status)
    response["Cache-Control"] = "no-store"
    if retry_after:
        response["Retry-After"] = str(retry_after)
    return response


def _closed(request: HttpRequest, found: Campaign) -> HttpResponse:
    context = {"campaign": found, "figures": public_figures(found)}
    return render(request, "signatures/closed.html", context, status=409)
