"""Pages of what is asked: updates, press releases, dossiers. Pages with a count are in signatures/views.py."""

from __future__ import annotations

from typing import Final

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.templatetags.static import static
from django.utils import translation
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_safe

from petitions import pictures
from petitions.models import Campaign, Dossier, Update
from petitions.news_articles import news_article
from petitions.text_changes import told_version
from web.branding import sheet_of
from web.facts import TITLES, with_facts
from web.gone import Gone
from web.i18n.text import to_html
from web.identities import coloured, here, of_this_site, section_of_site
from web.models import StandingPage
from web.page_cache import cached_page

#: The numbers that the column of TextVersion has.
MOST_VERSIONS: Final = 32767
_PICTURE_TYPES: Final = {"avif": "image/avif", "webp": "image/webp", "jpg": "image/jpeg"}


@require_safe
def picture(request: HttpRequest, name: str) -> HttpResponse:
    """A file of a picture. Its name holds the hash of its content, so nobody needs to ask for it twice."""
    try:
        with pictures.storage().open(name) as file:
            response = HttpResponse(file.read(), content_type=_PICTURE_TYPES[name.rpartition(".")[2]])
    except FileNotFoundError:
        raise Http404 from None
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


@csp_override({})  # it is no page; a fifth of its bytes would be headers that are about pages
@xframe_options_exempt
@require_safe
def brand(request: HttpRequest, mark: str, sheet: str) -> HttpResponse:
    """A style sheet in the colour of a section. That of yesterday's colour leads to ours: a page may name it still."""
    found = next((made for identity in coloured() if (made := sheet_of(identity, sheet)).mark == mark), None)
    if found is None:
        return HttpResponseRedirect(static(f"css/{sheet}.css"))
    compressed = "br" in request.META.get("HTTP_ACCEPT_ENCODING", "")
    response = HttpResponse(found.compressed if compressed else found.body, content_type="text/css; charset=utf-8")
    if compressed:
        response["Content-Encoding"] = "br"
    response["Vary"] = "Accept-Encoding"
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


@require_safe
@cached_page
def updates(request: HttpRequest, slug: str) -> HttpResponse:
    campaign = _campaign_or_404(slug)
    context = {"campaign": campaign, "updates": Update.objects.published().of(campaign)}
    return render(request, "petitions/updates.html", context)


@require_safe
@cached_page
def update(request: HttpRequest, slug: str, update_slug: str) -> HttpResponse:
    campaign = _campaign_or_404(slug)
    published = Update.objects.ever_published().select_related("campaign", "picture")
    found = published.filter(campaign=campaign, slug=update_slug).first()
    if found is None:
        return _moved(published.filter(campaign=campaign, past_slugs__contains=[update_slug]))
    if found.taken_down:
        raise Gone
    context = {"update": found, "campaign": campaign, "structured": news_article(found)}
    return render(request, "petitions/update.html", context)


def _moved(found: QuerySet[Update] | QuerySet[Dossier]) -> HttpResponse:
    """To the address that it has now. Not for ever: it may move back. Raises Http404."""
    moved = found.last()
    if moved is None:
        raise Http404
    return HttpResponseRedirect(moved.get_absolute_url())


def _campaign_or_404(slug: str) -> Campaign:
    found = get_object_or_404(Campaign.objects.ever_public(), slug=slug)
    here(found.section_id)
    if not found.is_public:
        raise Gone
    return found


@require_safe
@cached_page
def versions(request: HttpRequest, slug: str) -> HttpResponse:
    """What was signed: each version of the text, and what it changed, in the reader's language."""
    campaign = _campaign_or_404(slug)
    language = translation.get_language() or campaign.language
    kept = list(campaign.text_versions.order_by("number"))
    told = [told_version(version, before, language) for before, version in zip([None, *kept], kept, strict=False)]
    return render(request, "petitions/versions.html", {"campaign": campaign, "text_versions": told[::-1]})


@require_safe
@cached_page
def text(request: HttpRequest, slug: str, number: int, language: str) -> HttpResponse:
    """A version's text in one language, to the byte: its SHA-256 is what signatures seal."""
    campaign = _campaign_or_404(slug)
    version = campaign.text_versions.filter(number=number).first() if number <= MOST_VERSIONS else None
    found = version.text_in(language) if version else None
    if found is None:
        raise Http404
    return HttpResponse(found, content_type="application/json")


@require_safe
@cached_page
def dossier(request: HttpRequest, slug: str) -> HttpResponse:
    found = Dossier.objects.select_related("picture").filter(slug=slug).first()
    if found is None:
        return _moved(Dossier.objects.filter(past_slugs__contains=[slug]))
    if found.taken_down:
        raise Gone
    campaigns = found.campaigns.all() & Campaign.objects.public().filter(of_this_site())
    context = {
        "dossier": found,
        "campaigns": campaigns,
        "updates": Update.objects.published().filter(campaign__in=campaigns).select_related("campaign"),
        "coverage": found.coverage.select_related("picture"),
    }
    return render(request, "petitions/dossier.html", context)


@require_safe
@cached_page
def standing(request: HttpRequest, kind: str, section: str | None = None) -> HttpResponse:
    """A page that each organisation must have, with what is configured now."""
    whose = {"section__slug": section} if section else {"section": section_of_site()}
    found = get_object_or_404(StandingPage.objects.select_related("section"), kind=kind, **whose)
    here(found.section_id)
    context = {"page": found, "title": TITLES[kind], "text": to_html(with_facts(found.text, found.section))}
    return render(request, "petitions/standing.html", context)
