"""The campaign that an address names."""

from __future__ import annotations

from django.http import Http404

from petitions.models import Campaign
from signatures.intake.campaigns import campaign_for_signing
from web.gone import Gone
from web.identities import here


def campaign_or_404(slug: str) -> Campaign:
    """The public campaign at this address, whose section's identity the page bears from here on. Raises Http404 where
    there is none, Gone where it was taken down, Elsewhere where its section has a site of its own."""
    found = campaign_for_signing(slug)
    if found is None:
        raise Gone if Campaign.objects.filter(slug=slug, state=Campaign.State.REMOVED).exists() else Http404
    here(found.section_id)
    return found
