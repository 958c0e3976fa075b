"""Addresses for machines: feed, site map, what crawlers leave alone, share image."""

from __future__ import annotations

from typing import Final

from django.core.files.storage import storages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import etag, require_safe

from signatures.notify_worker import notify_worker
from signatures.public_figures.feeds import atom_feed, places, share_image_mark, share_image_of
from signatures.public_figures.figures import public_figures
from signatures.views.campaigns import campaign_or_404
from web.i18n.languages import LANGUAGES, path_in
from web.identities import site
from web.page_cache import cached_page


@require_safe
@cached_page
def feed(request: HttpRequest, slug: str) -> HttpResponse:
    found = campaign_or_404(slug)
    return HttpResponse(atom_feed(found, public_figures(found)), content_type="application/atom+xml; charset=utf-8")


@require_safe
@cached_page
def sitemap(request: HttpRequest) -> HttpResponse:
    return render(request, "signatures/sitemap.xml", {"places": list(places())}, content_type="application/xml")


#: What no crawler has any business with: links of mails, one person's each; staff; the demo's mails; and what costs
#: us work.
_NOT_FOR_CRAWLERS: Final = (
    "/confirm/",
    "/withdraw/",
    "/unsubscribe/",
    "/mine/",
    "/not-me/",
    "/n/",
    "/inbox/",
    "/c/*/work/",
)


@require_safe
@cached_page
def robots(request: HttpRequest) -> HttpResponse:
    """robots.txt (RFC 9309). Forms are not in it: they tell whoever reads them that they are for no index."""
    closed = [path_in(language.code, path) for path in _NOT_FOR_CRAWLERS for language in LANGUAGES]
    lines = ["User-agent: *", "Disallow: /admin/", *(f"Disallow: {path}" for path in closed)]
    lines += ["", f"Sitemap: {site().origin}{reverse('sitemap')}", ""]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")


def _etag(request: HttpRequest, slug: str, mark: str = "") -> str | None:
    drawn = share_image_mark(campaign_or_404(slug))
    return f'"{drawn}"' if drawn else None


@require_safe
@etag(_etag)
def share_image(request: HttpRequest, slug: str, mark: str = "") -> FileResponse:
    """The picture with the count that a worker drew last, in the language of the address.

    Until there is one, the campaign's page does not name it; who asks nevertheless has it drawn. An address of before
    shows the picture of now, but nobody may keep that under it.
    """
    name = share_image_of(campaign_or_404(slug))
    if name is None:
        notify_worker("draw_share_images")
        raise Http404
    response = FileResponse(storages["share"].open(name), content_type="image/png")
    response["Cache-Control"] = "public, max-age=300, stale-while-revalidate=300, stale-if-error=86400"
    if mark and not (share_image_mark(campaign_or_404(slug)) or "").startswith(mark):
        response["Cache-Control"] = "no-cache"
    return response
