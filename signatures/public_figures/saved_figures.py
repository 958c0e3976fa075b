"""Claim snapshots: "191,000 people" of a press release, stored as it was shown, so that it can be proven later."""

from __future__ import annotations

from typing import Final

from django.conf import settings

from petitions.models import Campaign, ClaimSnapshot
from signatures.models import Register
from signatures.public_figures.figures import CELL, public_figures

RULE: Final = f"total exact; countries from {CELL} on, in steps of {CELL}, as in the edition named; rest merged"
RULE_AT_RISK: Final = f"total and countries in steps of {CELL}, as in the edition named; rest merged"


def take_snapshot(campaign: Campaign, name: str) -> ClaimSnapshot:
    """Store the campaign's public figures of this moment. Nothing is in it that was not public."""
    figures = public_figures(campaign)
    last_number = Register.objects.filter(campaign=campaign).values_list("last_number", flat=True).first()
    return ClaimSnapshot.objects.create(
        campaign=campaign,
        name=name,
        total=figures.total,
        countries={country.code: country.count for country in figures.countries},
        other=figures.other,
        edition=figures.edition,
        last_number=last_number or 0,
        rule=RULE if figures.is_exact else RULE_AT_RISK,
        software=f"undersigned {settings.VERSION}",
    )
