"""Pages to read: the list of campaigns, a campaign, the thanks after signing."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.http import require_safe

from petitions.models import Campaign, Dossier, Update
from petitions.shelf import shelved
from signatures.collect.forms import SignForm
from signatures.figures import public_figures
from signatures.views.finding import campaign_or_404
from signatures.views.signing import form_context


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
    found = campaign_or_404(slug)
    figures = public_figures(found)
    context = {
        **form_context(found, SignForm(lang=translation.get_language() or "en")),
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
def thanks(request: HttpRequest, slug: str) -> HttpResponse:
    context = {"campaign": campaign_or_404(slug), "days": settings.PENDING_DAYS}
    return render(request, "signatures/thanks.html", context)
