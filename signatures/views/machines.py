"""Addresses for machines: feed and site map."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from petitions.shelf import shelved
from signatures.figures import public_figures
from signatures.syndication import atom_feed, places
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
