"""The campaign that an address names."""

from __future__ import annotations

from django.http import Http404

from petitions.models import Campaign
from signatures.collect.campaigns import campaign_for_signing


def campaign_or_404(slug: str) -> Campaign:
    """The public campaign at this address; Http404 where there is none."""
    found = campaign_for_signing(slug)
    if found is None:
        raise Http404
    return found
