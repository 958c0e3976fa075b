"""Pages of what is asked: updates, press releases, dossiers. Pages with a count are in signatures/views.py."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from petitions.models import Campaign, Dossier, Update
from petitions.shelf import shelved


@require_safe
@shelved
def updates(request: HttpRequest, slug: str) -> HttpResponse:
    campaign = get_object_or_404(Campaign.objects.public(), slug=slug)
    context = {"campaign": campaign, "updates": Update.objects.published().filter(campaign=campaign)}
    return render(request, "petitions/updates.html", context)


@require_safe
@shelved
def update(request: HttpRequest, slug: str, update_slug: str) -> HttpResponse:
    published = Update.objects.published().select_related("campaign")
    found = get_object_or_404(published, campaign__slug=slug, slug=update_slug)
    return render(request, "petitions/update.html", {"update": found, "campaign": found.campaign})


@require_safe
@shelved
def dossier(request: HttpRequest, slug: str) -> HttpResponse:
    found = get_object_or_404(Dossier, slug=slug)
    campaigns = found.campaigns.all() & Campaign.objects.public()
    context = {
        "dossier": found,
        "campaigns": campaigns,
        "updates": Update.objects.published().filter(campaign__in=campaigns).select_related("campaign"),
        "coverage": found.coverage.all(),
    }
    return render(request, "petitions/dossier.html", context)
