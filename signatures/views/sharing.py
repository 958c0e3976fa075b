"""Passing a petition on: links to other services, a code for posters. Nothing of any other site is loaded."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import qrcode
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from qrcode.constants import ERROR_CORRECT_M
from qrcode.image.svg import SvgPathFillImage

from petitions.models import Campaign
from signatures.views.campaigns import campaign_or_404
from web.identities import identity_of
from web.page_cache import cached_page
from web.share_links import ways_to_share


def sharing(found: Campaign) -> dict[str, Any]:
    """What templates/signatures/_sharing.html needs beside the campaign, in the current language."""
    address = f"{identity_of(found.section_id).origin}{found.get_absolute_url()}"
    words = str(found.share_text or found.title)
    return {"address": address, "ways": ways_to_share(words, address), "share_words": words}


@require_safe
@cached_page
def share(request: HttpRequest, slug: str) -> HttpResponse:
    found = campaign_or_404(slug)
    return render(request, "signatures/share.html", {"campaign": found, **sharing(found)})


@require_safe
@cached_page
def qr(request: HttpRequest, slug: str) -> HttpResponse:
    """The petition's address as a QR code to print. Its readers are counted as the channel "qr"."""
    found = campaign_or_404(slug)
    address = f"{identity_of(found.section_id).origin}{found.get_absolute_url()}?via=qr"
    drawn = BytesIO()
    qrcode.make(address, image_factory=SvgPathFillImage, error_correction=ERROR_CORRECT_M).save(drawn)
    return HttpResponse(drawn.getvalue(), content_type="image/svg+xml")
