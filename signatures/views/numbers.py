"""The count the world sees: page, JSON, CSV, embed. All of it comes from signatures/public_figures/figures.py."""

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

from signatures.public_figures import open_data
from signatures.public_figures.charts import day_bars, world_map
from signatures.public_figures.feeds import share_picture
from signatures.public_figures.figures import public_figures
from signatures.views.campaigns import campaign_or_404
from web.i18n.cldr import sorting_key
from web.page_cache import cached_page
from web.spreadsheets import csv_text


@require_safe
@cached_page
def numbers(request: HttpRequest, slug: str, order: str = "count") -> HttpResponse:
    """Everything that is public of a campaign's count. The table's two orders are two addresses: no script sorts."""
    everything = open_data.numbers_of(campaign_or_404(slug))
    found, figures = everything.campaign, everything.figures
    by_name = sorted(figures.countries, key=lambda country: sorting_key(country.name))
    context = {
        "campaign": found,
        "figures": figures,
        "goal_percent": found.percent_of_goal(figures.total),
        "countries": by_name if order == "name" else figures.countries,
        "order": order,
        "map": world_map(figures.countries),
        "chart": day_bars(figures.days, everything.events),
        "channels": open_data.labelled(open_data.CHANNEL_LABELS, figures.channels),
        "sources": open_data.labelled(open_data.SOURCE_LABELS, figures.sources),
        "text_versions": everything.versions,
        "other_versions": everything.other_versions,
        "ledger": everything.ledger,
        "deliveries": everything.deliveries,
        "dictionary": open_data.DICTIONARY,
        "share_picture": share_picture(found),
        "licence": open_data.LICENCE,
    }
    return render(request, "signatures/numbers.html", context)


@require_safe
@cached_page
def tally(request: HttpRequest, slug: str) -> HttpResponse:
    """What counters ask for, again and again: small."""
    return _json(open_data.tally_of(public_figures(campaign_or_404(slug))) | {"campaign": slug})


@require_safe
@cached_page
def numbers_json(request: HttpRequest, slug: str) -> HttpResponse:
    return _json(open_data.everything_of(open_data.numbers_of(campaign_or_404(slug))))


@require_safe
@cached_page
def numbers_csv(request: HttpRequest, slug: str) -> HttpResponse:
    """The same in rows: what, key, name, count."""
    everything = open_data.numbers_of(campaign_or_404(slug))
    # Titles and addressees are typed by staff, and partners open this in a spreadsheet.
    table = csv_text(("what", "key", "name", "count"), open_data.rows_of(everything))
    response = HttpResponse(table, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{everything.campaign.slug}.csv"'
    response["Access-Control-Allow-Origin"] = "*"
    # A table has no room for its licence and for what its words mean.
    dictionary = reverse("numbers_json", args=[slug])
    response["Link"] = f'<{open_data.LICENCE["url"]}>; rel="license", <{dictionary}>; rel="describedby"'
    return response


def _json(data: dict[str, Any]) -> HttpResponse:
    response = JsonResponse(data, json_dumps_params={"separators": (",", ":"), "ensure_ascii": False})
    # Other sites may read the figures from their readers' browsers: they are public, and no cookie comes here.
    response["Access-Control-Allow-Origin"] = "*"
    return response


@require_safe
@xframe_options_exempt
@csp_override({**settings.SECURE_CSP, "frame-ancestors": ["*"], "script-src": [CSP.NONE], "form-action": [CSP.NONE]})
@cached_page
def embed(request: HttpRequest, slug: str) -> HttpResponse:
    found = campaign_or_404(slug)
    return render(request, "signatures/embed.html", {"campaign": found, "figures": public_figures(found)})
