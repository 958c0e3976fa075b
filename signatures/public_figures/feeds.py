"""What machines read of campaigns: structured data, an Atom feed of updates, a map of the site."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final

from django.core.files.storage import storages
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext, override

from petitions.models import Campaign, Dossier, Update
from signatures.public_figures.figures import Figures
from web.i18n.languages import DEFAULT, path_in
from web.identities import identity_of, of_this_site, site
from web.json_ld import data_block


def structured_data(campaign: Campaign, figures: Figures) -> SafeString:
    """The campaign in schema.org's words."""
    data: dict[str, Any] = {
        "@type": "WebPage",
        "url": f"{identity_of(campaign.section_id).origin}{campaign.get_absolute_url()}",
        "name": str(campaign.title),
        "description": str(campaign.lead),
        "inLanguage": get_language(),
        "publisher": {"@type": "Organization", "name": campaign.responsible},
        "audience": {"@type": "Audience", "name": str(campaign.addressee)},
    }
    if not figures.is_few:
        data["interactionStatistic"] = {
            "@type": "InteractionCounter",
            "interactionType": "https://schema.org/EndorseAction",
            "userInteractionCount": figures.total,
        }
    if campaign.launched_on:
        data["datePublished"] = campaign.launched_on.isoformat()
    if campaign.updated_on:
        data["dateModified"] = campaign.updated_on.isoformat()
    return data_block(data)


#: Characters of the mark that stand in an address.
SHOWN_OF_MARK: Final = 12


def share_image_of(campaign: Campaign) -> str | None:
    """The name of the picture that a worker drew last, in the language of the moment; None before the first."""
    name = campaign.share_image_name(get_language() or DEFAULT)
    return name if storages["share"].exists(name) else None


def share_image_mark(campaign: Campaign) -> str | None:
    """What tells this picture from the one before it: the worker's mark of the words that are in it."""
    name = f"{campaign.share_image_name(get_language() or DEFAULT)}.drawn"
    if not storages["share"].exists(name):
        return None
    with storages["share"].open(name) as file:
        return bytes(file.read()).decode()


def share_picture(campaign: Campaign) -> dict[str, str | int] | None:
    """What others show where the petition's address is posted; None before a worker has drawn it. Whoever shows it
    keeps it by its address, so that is another once the count in it has moved."""
    mark = share_image_mark(campaign)
    if mark is None:
        return None
    url = reverse("share_image_at", args=[campaign.slug, mark[:SHOWN_OF_MARK]])
    return {"url": url, "width": 1200, "height": 630, "alt": campaign.title}


class _Feed(Atom1Feed):
    def latest_post_date(self) -> datetime:
        """When its campaign was last updated, to the second where that was by news. Django's own says now where there
        are none, as if each look at the feed were an update."""
        day: date | None = self.feed["changed_on"]
        changed = [datetime.combine(day, time(), UTC)] if day else []
        return max([*changed, *(item["pubdate"] for item in self.items)], default=datetime.now(UTC))


def atom_feed(campaign: Campaign, figures: Figures) -> str:
    """The campaign's updates, newest first; its subtitle says the count."""
    origin = identity_of(campaign.section_id).origin
    address = f"{origin}{campaign.get_absolute_url()}"
    feed = _Feed(
        title=str(campaign.title),
        link=address,
        description=str(campaign.lead),
        subtitle=f"{figures.said} {ngettext('person has signed', 'people have signed', figures.total)}",
        language=get_language(),
        feed_url=f"{origin}{reverse('feed', args=[campaign.slug])}",
        feed_guid=f"urn:uuid:{campaign.uid}",
        author_name=campaign.responsible,
        changed_on=campaign.updated_on or campaign.launched_on,
    )
    for update in Update.objects.published().of(campaign)[:50]:
        feed.add_item(
            title=str(update.title),
            link=f"{origin}{update.get_absolute_url()}",
            description=str(update.lead),
            updateddate=update.published_at,
            pubdate=update.published_at,
        )
    return feed.writeString("utf-8")


@dataclass(frozen=True, slots=True)
class Place:
    """An address of the site map, in all its languages."""

    path: str
    changed: date | datetime | None

    @property
    def address(self) -> str:
        return f"{site().origin}{self.path}"

    @property
    def versions(self) -> list[tuple[str, str]]:
        """(language, address)"""
        return [(lang.code, f"{site().origin}{path_in(lang.code, self.path)}") for lang in site().offered]


def places() -> Iterator[Place]:
    """Every public page of this site worth finding, as it is addressed in English."""
    with override("en"):
        yield Place(reverse("home"), None)
        for campaign in Campaign.objects.public().filter(of_this_site()).with_updated_on():
            yield Place(campaign.get_absolute_url(), campaign.updated_on or campaign.launched_on)
            yield Place(reverse("numbers", args=[campaign.slug]), None)
        for update in Update.objects.published().filter(of_this_site("campaign__section")).select_related("campaign"):
            yield Place(update.get_absolute_url(), update.published_at)
        for dossier in Dossier.objects.published().of_this_site():
            yield Place(dossier.get_absolute_url(), None)
