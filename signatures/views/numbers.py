"""The count the world sees: page, JSON, embed."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.csp import CSP
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_safe

from petitions.models import Campaign
from petitions.shelf import shelved
from signatures.charts import day_bars
from signatures.figures import public_figures
from signatures.models import Delivery, LedgerEntry
from signatures.views.finding import campaign_or_404


@require_safe
@shelved
def numbers(request: HttpRequest, slug: str) -> HttpResponse:
    found = campaign_or_404(slug)
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
    found = campaign_or_404(slug)
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
    found = campaign_or_404(slug)
    return render(request, "signatures/embed.html", {"campaign": found, "figures": public_figures(found)})


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
