"""Addresses for machines: feed, site map, share image."""

from __future__ import annotations

from django.core.files.storage import storages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import etag, require_safe

from petitions.shelf import shelved
from signatures.doorbell import ring
from signatures.figures import public_figures
from signatures.syndication import atom_feed, places, share_image_mark, share_image_of
from signatures.views.finding import campaign_or_404


@require_safe
@shelved
def feed(request: HttpRequest, slug: str) -> HttpResponse:
    found = campaign_or_404(slug)
    return HttpResponse(atom_feed(found, public_figures(found)), content_type="application/atom+xml; charset=utf-8")


@require_safe
@shelved
def sitemap(request: HttpRequest) -> HttpResponse:
    return render(request, "signatures/sitemap.xml", {"places": list(places())}, content_type="application/xml")


def _etag(request: HttpRequest, slug: str) -> str | None:
    mark = share_image_mark(campaign_or_404(slug))
    return f'"{mark}"' if mark else None


@require_safe
@etag(_etag)
def share_image(request: HttpRequest, slug: str) -> FileResponse:
    """The picture with the count that a worker drew last, in the language of the address.

    Until there is one, the campaign's page does not name it; who asks nevertheless has it drawn.
    """
    name = share_image_of(campaign_or_404(slug))
    if name is None:
        ring("draw_share_images")
        raise Http404
    response = FileResponse(storages["share"].open(name), content_type="image/png")
    response["Cache-Control"] = "public, max-age=300, stale-while-revalidate=300, stale-if-error=86400"
    return response
