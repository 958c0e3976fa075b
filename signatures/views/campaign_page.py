"""What a petition's page shows: the public site renders it, and the desk as a preview."""

from __future__ import annotations

from typing import Any

from django.utils import translation

from petitions.models import Campaign, Update
from signatures.public_figures.feeds import share_picture, structured_data
from signatures.public_figures.figures import public_figures
from signatures.public_figures.handovers import handover_standing
from signatures.sign_form.context import form_context
from signatures.sign_form.form import SignForm
from web.identities import of_this_site


def campaign_page(found: Campaign, via: str = "") -> dict[str, Any]:
    """What the petition's page shows of it, in the current language."""
    figures, dossiers = public_figures(found), found.dossiers.published()
    others = Campaign.objects.public().filter(of_this_site()).exclude(pk=found.pk)
    return {
        **form_context(found, SignForm(lang=translation.get_language() or "en"), via=via),
        "figures": figures,
        "goal_percent": found.percent_of_goal(figures.total),
        "demands": found.demands.all(),
        "handovers": handover_standing(found),
        "open": found.is_open(),
        "updates": Update.objects.published().of(found)[:5],
        "filters": {"topic": found.original("topic"), "region": found.original("region")},
        "dossiers": dossiers.prefetch_related("coverage"),
        "related": others.filter(dossiers__in=dossiers).distinct(),
        "structured": structured_data(found, figures),
        "share_picture": share_picture(found),
        # Also where it was reached by the address of a channel.
        "canonical": found.get_absolute_url(),
    }
