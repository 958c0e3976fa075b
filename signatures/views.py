"""Public pages with a count or a form. Pages are the same for everybody; what is typed is only sealed."""

from __future__ import annotations

import datetime
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.csp import CSP
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csp import csp_override
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from petitions.models import Campaign, Dossier, Update
from petitions.shelf import shelved
from signatures.charts import day_bars
from signatures.collect import confirmation
from signatures.collect.body import GarbageBody, read_form
from signatures.collect.campaigns import campaign_for_signing
from signatures.collect.consent import consents, mailbox_warning, wording
from signatures.collect.forms import SignForm
from signatures.collect.intake import take
from signatures.collect.limits import Verdict, check_limit, is_cross_site
from signatures.figures import public_figures
from signatures.identity import parse_token
from signatures.identity import token_hash as hash_of
from signatures.models import Delivery, LedgerEntry
from signatures.sealing import Person

# --- reading ------------------------------------------------------------------------------------------------


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Open campaigns; with ?q=, ?topic= or ?region= those that fit. What is searched for is on no shelf."""
    asked = {name: request.GET.get(name, "")[:100].replace("\x00", "") for name in ("q", "topic", "region")}
    if any(asked.values()):
        return _home(request, asked)
    return _whole_home(request)


@shelved
def _whole_home(request: HttpRequest) -> HttpResponse:
    return _home(request, {})


def _home(request: HttpRequest, asked: dict[str, str]) -> HttpResponse:
    open_now = Campaign.objects.open().select_related("addressee")
    found = open_now.about(asked.get("q", ""), asked.get("topic", ""), asked.get("region", ""))
    entries = sorted(((public_figures(campaign), campaign) for campaign in found), key=lambda entry: -entry[0].total)
    context = {
        "campaigns": [{"campaign": campaign, "figures": figures} for figures, campaign in entries],
        "asked": asked,
        "topics": sorted({campaign.topic for campaign in open_now if campaign.topic}),
        "regions": sorted({campaign.region for campaign in open_now if campaign.region}),
        "dossiers": Dossier.objects.all(),
    }
    return render(request, "petitions/home.html", context)


@require_safe
@shelved
def campaign(request: HttpRequest, slug: str) -> HttpResponse:
    found = _campaign_or_404(slug)
    figures = public_figures(found)
    context = {
        **_form_context(found, SignForm(lang=translation.get_language() or "en")),
        "figures": figures,
        "goal_percent": min(100, figures.total * 100 // found.goal) if found.goal else None,
        "demands": found.demands.all(),
        "open": found.is_open(),
        "updates": Update.objects.published().filter(campaign=found).select_related("campaign")[:5],
        "dossiers": found.dossiers.all(),
    }
    return render(request, "signatures/campaign.html", context)


@require_safe
@shelved
def numbers(request: HttpRequest, slug: str) -> HttpResponse:
    found = _campaign_or_404(slug)
    figures = public_figures(found)
    chart = day_bars(figures.days)
    context = {
        "campaign": found,
        "figures": figures,
        "days": figures.days,
        "bars": chart.bars,
        "chart_width": chart.width,
        "chart_height": chart.height,
        "ledger": _public_ledger(found),
        "deliveries": Delivery.objects.ready().filter(campaign=found).select_related("addressee"),
    }
    return render(request, "signatures/numbers.html", context)


@require_safe
@shelved
def tally(request: HttpRequest, slug: str) -> HttpResponse:
    found = _campaign_or_404(slug)
    figures = public_figures(found)
    return JsonResponse(
        {
            "campaign": found.slug,
            "total": figures.total,
            "countries": [{"code": country.code, "count": country.count} for country in figures.countries],
            "other": figures.other,
            "days": [{"on": day.on.isoformat(), "count": day.count} for day in figures.days],
            "as_of": figures.as_of.isoformat(timespec="seconds"),
        }
    )


@require_safe
@xframe_options_exempt
@csp_override({**settings.SECURE_CSP, "frame-ancestors": ["*"], "script-src": [CSP.NONE], "form-action": [CSP.NONE]})
@shelved
def embed(request: HttpRequest, slug: str) -> HttpResponse:
    found = _campaign_or_404(slug)
    return render(request, "signatures/embed.html", {"campaign": found, "figures": public_figures(found)})


@require_safe
@shelved
def thanks(request: HttpRequest, slug: str) -> HttpResponse:
    context = {"campaign": _campaign_or_404(slug), "days": settings.PENDING_DAYS}
    return render(request, "signatures/thanks.html", context)


def _campaign_or_404(slug: str) -> Campaign:
    found = campaign_for_signing(slug)
    if found is None:
        raise Http404
    return found


def _public_ledger(found: Campaign) -> list[dict[str, Any]]:
    totals = LedgerEntry.totals(found)
    words = {
        "taken": (_("Confirmed"), _("Signatures whose mail link was pressed and that were looked at.")),
        "admitted": (_("Admitted"), _("Given a number in the register and counted.")),
        "duplicate": (_("Duplicates"), _("From a mailbox that had signed already.")),
        "held": (_("Held"), _("Waiting for a person to judge them.")),
        "late": (_("Too late"), _("Confirmed more than a day after closing.")),
        "unreadable": (_("Unreadable"), _("Not sealed by this site, or damaged.")),
        "withdrawn": (_("Withdrawn"), _("Taken back by those who signed.")),
        "expired": (_("Never confirmed"), _("Deleted without being read.")),
    }
    return [{"label": label, "count": totals[key], "meaning": meaning} for key, (label, meaning) in words.items()]


# --- signing ------------------------------------------------------------------------------------------------


def _form_context(found: Campaign, form: SignForm, problem: str = "") -> dict[str, Any]:
    return {
        "campaign": found,
        "form": form,
        "sign_url": reverse("sign", args=[found.slug]),
        "consent": wording(found),
        "mailbox_warning": mailbox_warning(found),
        "problem": problem,
    }


# No CSRF token: it would need a cookie and make every page another. `is_cross_site` does its work.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def sign(request: HttpRequest, slug: str) -> HttpResponse:
    """GET: the form alone. POST: take a signature; what was typed is kept whatever goes wrong."""
    if request.method != "POST":
        return _sign_form(request, slug)
    if is_cross_site(request):
        return render(request, "403.html", {"reason": _("This form was sent from another site.")}, status=403)
    try:
        data = read_form(request)
    except GarbageBody:
        return render(request, "400.html", status=400)
    form = SignForm(data, lang=translation.get_language() or "en")
    found = _campaign_or_404(slug)
    if not found.is_open() or not hasattr(found, "key"):
        return _closed(request, found)
    limit = check_limit(request, "sign", settings.SIGN_RATE)
    if limit.verdict is Verdict.OVER:
        problem = _("Many signatures came from your network just now. Please send it again in a minute.")
        return _kept(request, found, form, 429, problem, retry_after=limit.retry_after)
    if not form.is_valid():
        return _kept(request, found, form, 422)
    try:
        take(found, _person(found, form, limit.verdict))
    except (OperationalError, InterfaceError):
        problem = _("Your signature could not be stored just now. Nothing is lost: please send it again in a moment.")
        return _kept(request, found, form, 503, problem, retry_after=10)
    response = HttpResponseRedirect(reverse("thanks", args=[found.slug]))
    response.status_code = 303
    return response


@shelved
def _sign_form(request: HttpRequest, slug: str) -> HttpResponse:
    found = _campaign_or_404(slug)
    if not found.is_open():
        return _closed(request, found)
    form = SignForm(lang=translation.get_language() or "en")
    return render(request, "signatures/sign.html", _form_context(found, form))


def _person(found: Campaign, form: SignForm, verdict: Verdict) -> Person:
    typed = form.cleaned_data
    agreed = consents(found, typed.pop("share_name"), typed.pop("updates"))
    signals: dict[str, str | int | bool] = {"unlimited": True} if verdict is Verdict.UNKNOWN else {}
    return Person(**typed, **agreed, language=form.lang, signals=signals)


def _kept(
    request: HttpRequest, found: Campaign, form: SignForm, status: int, problem: str = "", retry_after: int = 0
) -> HttpResponse:
    """The form again with what was typed in it. For the sender alone: no cache may keep it."""
    response = render(request, "signatures/sign.html", _form_context(found, form, problem), status=status)
    response["Cache-Control"] = "no-store"
    if retry_after:
        response["Retry-After"] = str(retry_after)
    return response


def _closed(request: HttpRequest, found: Campaign) -> HttpResponse:
    context = {"campaign": found, "figures": public_figures(found)}
    return render(request, "signatures/closed.html", context, status=409)


# --- the two links in a mail --------------------------------------------------------------------------------


def _private(response: HttpResponse) -> HttpResponse:
    """The address is a secret: no cache, no search engine, no referrer may learn it."""
    response["Cache-Control"] = "no-store"
    # Not "no-referrer": browsers then send "Origin: null" with the POST, which is another site's to us.
    response["Referrer-Policy"] = "strict-origin"
    response["X-Robots-Tag"] = "noindex"
    return response


def _unknown_token(request: HttpRequest) -> HttpResponse:
    return _private(render(request, "signatures/unknown_token.html", status=404))


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows a button and changes nothing, for mail scanners press links; POST confirms."""
    secret = parse_token(token)
    if secret is None:
        return _unknown_token(request)
    hashed = hash_of(token)
    if request.method == "POST":
        if is_cross_site(request):
            return render(request, "403.html", status=403)
        if confirmation.confirm(hashed) is None:
            return _unknown_token(request)
        response = HttpResponseRedirect(reverse("confirm", args=[token]))
        response.status_code = 303
        return _private(response)
    found = confirmation.look(hashed)
    if found is None:
        return _unknown_token(request)
    awaiting = found.confirmed and found.number is None and not found.campaign.at_risk
    context = {
        "campaign": found.campaign,
        "confirmed": found.confirmed,
        "number": found.number,
        "awaiting_number": awaiting and _just_now(found.confirmed_at),
    }
    return _private(render(request, "signatures/confirm.html", context))


def _just_now(moment: datetime.datetime | None) -> bool:
    """Whether a worker may still be about to give a number. A page does not reload itself for ever."""
    return moment is not None and datetime.datetime.now(datetime.UTC) - moment < datetime.timedelta(minutes=1)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, token: str) -> HttpResponse:
    """The same two steps. Only a worker can know whether there is such a signature."""
    if parse_token(token) is None:
        return _unknown_token(request)
    hashed = hash_of(token)
    if request.method == "POST":
        if is_cross_site(request):
            return render(request, "403.html", status=403)
        # Any well-formed link makes a row, for web cannot know which are real: so not without end.
        limit = check_limit(request, "withdraw", settings.SIGN_RATE)
        if limit.verdict is Verdict.OVER:
            response = render(request, "429.html", status=429)
            response["Retry-After"] = str(limit.retry_after)
            return _private(response)
        confirmation.ask_withdrawal(hashed)
        response = HttpResponseRedirect(reverse("withdraw", args=[token]))
        response.status_code = 303
        return _private(response)
    outcome = confirmation.withdrawal_outcome(hashed)
    stage = "ask" if outcome is None else outcome or "taken"
    return _private(render(request, "signatures/withdraw.html", {"stage": stage}))
