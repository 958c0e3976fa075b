"""The campaign that an address names."""

from __future__ import annotations

from django.http import Http404

from petitions.models import Campaign
from signatures.intake.campaigns import campaign_for_signing
from web.gone import Gone


def campaign_or_404(slug: str) -> Campaign:
    """The public campaign at this address. Raises Http404 where there is none, Gone where it was taken down."""
    found = campaign_for_signing(slug)
    if found is None:
        raise Gone if Campaign.objects.filter(slug=slug, state=Campaign.State.REMOVED).exists() else Http404
    return found
