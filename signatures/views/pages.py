"""Pages to read: the list of campaigns, a campaign, the thanks after signing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from email.utils import parseaddr
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import BadRequest
from django.core.paginator import EmptyPage, Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from petitions.models import Campaign, CampaignQuerySet, Dossier, Standing, Update, won
from signatures.models import Handover
from signatures.models.published.channels import CHANNELS
from signatures.public_figures.feeds import share_picture
from signatures.public_figures.figures import by_total, public_figures, public_figures_of
from signatures.views.campaign_page import campaign_page
from signatures.views.campaigns import campaign_or_404
from web.gone import Gone
from web.i18n.cldr import sorting_key
from web.identities import here, of_this_site
from web.page_cache import cached_page

#: Campaigns a page of the list, and how many of those that are over, or not open yet, stand on the first.
PAGE: Final = 20
FINISHED: Final = 4
#: What the query string may ask: what a petition is about, in which state it is, and which page of the list.
SUBJECT: Final = ("q", "topic", "region")
QUESTIONS: Final = (*SUBJECT, "show", "page")


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Open campaigns; with a query string those that fit, page by page. What is searched for is on no shelf.

    A question that cannot be one is a 400, a page beyond the last a 404. Words of others (?via=, ?utm_…) are theirs.
    """
    asked = {name: request.GET.get(name, "")[:100] for name in QUESTIONS}
    if any(asked.values()):
        _check(asked)
        return _home(request, asked)
    return _whole_home(request)


def _check(asked: dict[str, str]) -> None:
    """Raises BadRequest: what is typed by hand or by a scanner, never by our own links and form."""
    page_is_none = bool(asked["page"]) and not re.fullmatch(r"[1-9]\d{0,5}", asked["page"], re.ASCII)
    if page_is_none or asked["show"] not in Standing.values or any("\x00" in value for value in asked.values()):
        raise BadRequest


@cached_page
def _whole_home(request: HttpRequest) -> HttpResponse:
    return _home(request, {})


def _home(request: HttpRequest, asked: dict[str, str]) -> HttpResponse:
    everything = Campaign.objects.public().filter(of_this_site())
    show, subject = asked.get("show", ""), [asked.get(name, "") for name in SUBJECT]
    found = everything.about(*subject) if any(subject) else everything.standing(show)
    # Keys, so that words are looked up once: not again to count what was found, nor for other states.
    standings = _in_order(found, show).standings()
    chosen = [key for key, standing in standings.items() if standing == show]
    try:
        page = Paginator(chosen, PAGE).page(asked.get("page") or 1)
    except EmptyPage as error:
        raise Http404 from error
    context = {
        "campaigns": _with_figures(_in_order(everything.filter(pk__in=page.object_list), show)),
        "page": page,
        "asked": asked,
        "over": show == Standing.OVER,
        "states": Standing.choices,
        "elsewhere": _elsewhere(Counter(standings.values()), show),
        **({} if any(asked.values()) else _beside_what_is_open(everything)),
        "topics": _choices(everything, "topic"),
        "regions": _choices(everything, "region"),
        "dossiers": Dossier.objects.published().of_this_site(),
    }
    return render(request, "signatures/home.html", context)


def _elsewhere(counts: Mapping[str, int], show: str) -> list[tuple[Standing, int]]:
    """How many of what was found stand otherwise than what is shown, where any do."""
    return [(standing, counts[standing]) for standing in Standing if standing != show and counts[standing]]


def _beside_what_is_open(everything: CampaignQuerySet) -> dict[str, Any]:
    """What opens soon, what was won, and the others that are over, each with whether the authority answered."""
    victories = won(everything)
    others = _with_figures(_most_signed(everything.over().exclude(pk__in=victories.values("pk"))))
    keys = [entry["campaign"].pk for entry in others]
    answered = set(
        Handover.objects.answered().filter(delivery__campaign__in=keys).values_list("delivery__campaign", flat=True)
    )
    return {
        "announced": _in_order(everything.announced(), Standing.ANNOUNCED)[:FINISHED],
        "victories": _with_figures(_most_signed(victories)),
        "finished": [entry | {"answered": entry["campaign"].pk in answered} for entry in others],
    }


def _most_signed(campaigns: CampaignQuerySet) -> CampaignQuerySet:
    return by_total(campaigns.select_related("addressee"))[:FINISHED]


def _in_order(campaigns: CampaignQuerySet, show: str) -> CampaignQuerySet:
    """What opens next first; of all others the most signed."""
    if show == Standing.ANNOUNCED:
        return campaigns.select_related("addressee").order_by("opens_at", "pk")
    return by_total(campaigns.select_related("addressee"))


def _with_figures(campaigns: Iterable[Campaign]) -> list[dict[str, Any]]:
    """A page of campaigns, each with its figures."""
    listed = list(campaigns)
    figures = public_figures_of(listed)
    return [{"campaign": campaign, "figures": figures[campaign.pk]} for campaign in listed]


def _choices(campaigns: CampaignQuerySet, field: str) -> list[tuple[str, str]]:
    """(what is asked for, what the reader sees) of a filter: as written in the original, and in their language."""
    said = [(campaign.original(field), getattr(campaign, field)) for campaign in campaigns.one_for_each(field)]
    return sorted(said, key=lambda choice: sorting_key(choice[1]))


@require_safe
@cached_page
def campaign(request: HttpRequest, slug: str, via: str = "") -> HttpResponse:
    """The petition. `via` names the channel that led here, for browsers whose script cannot copy ?via= to the form."""
    if via and via not in CHANNELS:
        raise Http404
    return render(request, "signatures/campaign.html", campaign_page(campaign_or_404(slug), via))


@require_safe
@cached_page
def press(request: HttpRequest, slug: str) -> HttpResponse:
    """The press kit: figures as they are now, pictures to download, releases, and whom to ask."""
    found = campaign_or_404(slug)
    published = Update.objects.published().of(found).select_related("campaign", "picture")
    releases = published.filter(kind=Update.Kind.PRESS)
    pictures = {update.picture.pk: update.picture for update in published if update.picture}
    if found.picture:
        pictures = {found.picture.pk: found.picture, **pictures}
    context = {
        "campaign": found,
        "figures": public_figures(found),
        "claims": found.claims.all()[:5],
        "pictures": pictures.values(),
        "updates": releases,
        "share_picture": share_picture(found),
        "contacts": list(dict.fromkeys(release.media_contact for release in releases if release.media_contact)),
    }
    return render(request, "signatures/press.html", context)


@require_safe
def news(request: HttpRequest, key: int) -> HttpResponse:
    """The short address of an update: what stands in a mail must not name a petition at risk."""
    found = get_object_or_404(Update.objects.ever_published().select_related("campaign"), pk=key)
    here(found.campaign.section_id)
    if found.taken_down:
        raise Gone
    return HttpResponseRedirect(found.get_absolute_url())


@require_safe
@cached_page
def thanks(request: HttpRequest, slug: str) -> HttpResponse:
    found = campaign_or_404(slug)
    others = Campaign.objects.open().filter(of_this_site()).exclude(pk=found.pk).select_related("addressee")
    related = others.filter(dossiers__in=found.dossiers.published()) or others
    sender = settings.NEUTRAL_FROM_EMAIL if found.at_risk else settings.DEFAULT_FROM_EMAIL
    context = {
        "campaign": found,
        "days": settings.PENDING_DAYS,
        "next": related.first(),
        "sender": parseaddr(sender)[1],
    }
    return render(request, "signatures/thanks.html", context)
