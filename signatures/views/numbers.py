"""The count the world sees: page, JSON, CSV, embed. All of it comes from signatures/figures.py."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.csp import CSP
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_safe

from config.cldr import sorting_key
from petitions.shelf import shelved
from signatures import opendata
from signatures.charts import day_bars, world_map
from signatures.figures import public_figures
from signatures.spreadsheets import csv_text
from signatures.views.finding import campaign_or_404


@require_safe
@shelved
def numbers(request: HttpRequest, slug: str, order: str = "count") -> HttpResponse:
    """Everything that is public of a campaign's count. The table's two orders are two addresses: no script sorts."""
    everything = opendata.numbers_of(campaign_or_404(slug))
    found, figures = everything.campaign, everything.figures
    by_name = sorted(figures.countries, key=lambda country: sorting_key(country.name))
    context = {
        "campaign": found,
        "figures": figures,
        "goal_percent": min(100, figures.total * 100 // found.goal) if found.goal else None,
        "countries": by_name if order == "name" else figures.countries,
        "order": order,
        "map": world_map(figures.countries),
        "chart": day_bars(figures.days, everything.events),
        "channels": opendata.labelled(opendata.CHANNEL_LABELS, figures.channels),
        "sources": opendata.labelled(opendata.SOURCE_LABELS, figures.sources),
        "ledger": everything.ledger,
        "deliveries": everything.deliveries,
        "dictionary": opendata.DICTIONARY,
        "licence": opendata.LICENCE,
    }
    return render(request, "signatures/numbers.html", context)


@require_safe
@shelved
def tally(request: HttpRequest, slug: str) -> HttpResponse:
    """What counters ask for, again and again: small."""
    return _json(opendata.tally_of(public_figures(campaign_or_404(slug))) | {"campaign": slug})


@require_safe
@shelved
def numbers_json(request: HttpRequest, slug: str) -> HttpResponse:
    return _json(opendata.everything_of(opendata.numbers_of(campaign_or_404(slug))))


@require_safe
@shelved
def numbers_csv(request: HttpRequest, slug: str) -> HttpResponse:
    """The same in rows: what, key, name, count."""
    everything = opendata.numbers_of(campaign_or_404(slug))
    # Titles and addressees are typed by staff, and partners open this in a spreadsheet.
    table = csv_text(("what", "key", "name", "count"), opendata.rows_of(everything))
    response = HttpResponse(table, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{everything.campaign.slug}.csv"'
    response["Access-Control-Allow-Origin"] = "*"
    # A table has no room for its licence and for what its words mean.
    dictionary = reverse("numbers_json", args=[slug])
    response["Link"] = f'<{opendata.LICENCE["url"]}>; rel="license", <{dictionary}>; rel="describedby"'
    return response


def _json(data: dict[str, Any]) -> HttpResponse:
    response = JsonResponse(data, json_dumps_params={"separators": (",", ":"), "ensure_ascii": False})
    # Other sites may read the figures from their readers' browsers: they are public, and no cookie comes here.
    response["Access-Control-Allow-Origin"] = "*"
    return response


@require_safe
@xframe_options_exempt
@csp_override({**settings.SECURE_CSP, "frame-ancestors": ["*"], "script-src": [CSP.NONE], "form-action": [CSP.NONE]})
@shelved
def embed(request: HttpRequest, slug: str) -> HttpResponse:
    found = campaign_or_404(slug)
    return render(request, "signatures/embed.html", {"campaign": found, "figures": public_figures(found)})
