"""Pages to read: the list of campaigns, a campaign, the thanks after signing."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.http import require_safe

from config.cldr import sorting_key
from petitions.models import Campaign, Dossier, Update
from petitions.shelf import shelved
from signatures.collect.forms import SignForm
from signatures.figures import public_figures, public_figures_of
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
    figures = public_figures_of(found)
    entries = sorted(((figures[campaign.pk], campaign) for campaign in found), key=lambda entry: -entry[0].total)
    context = {
        "campaigns": [{"campaign": campaign, "figures": figures} for figures, campaign in entries],
        "asked": asked,
        "topics": _choices(open_now, "topic"),
        "regions": _choices(open_now, "region"),
        "dossiers": Dossier.objects.all(),
    }
    return render(request, "petitions/home.html", context)


def _choices(campaigns: Iterable[Campaign], field: str) -> list[tuple[str, str]]:
    """(what is asked for, what the reader sees) of a filter: as written in the original, and in their language."""
    shown = {campaign.original(field): getattr(campaign, field) for campaign in campaigns}
    return sorted(
        ((value, words) for value, words in shown.items() if value), key=lambda choice: sorting_key(choice[1])
    )


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
