"""An update in schema.org's words, for those who gather news."""

from __future__ import annotations

from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import get_language

from petitions.models import Update
from web.identities import identity_of
from web.json_ld import data_block


def news_article(update: Update) -> SafeString:
    """Headline, lead, day, picture, who publishes it, and the petition that it is about. It must be published."""
    campaign, origin = update.campaign, identity_of(update.campaign.section_id).origin
    picture = update.picture or campaign.picture
    data: dict[str, Any] = {
        "@type": "NewsArticle",
        "url": f"{origin}{update.get_absolute_url()}",
        "headline": str(update.title),
        "description": str(update.lead),
        "inLanguage": get_language(),
        "datePublished": update.published_at.isoformat() if update.published_at else "",
        "image": f"{origin}{picture.preview['url']}" if picture else "",
        "author": {"@type": "Organization", "name": str(campaign.responsible), "url": f"{origin}/"},
        "publisher": {"@type": "Organization", "name": str(campaign.responsible)},
        "about": {
            "@type": "WebPage", "url": f"{origin}{campaign.get_absolute_url()}", "name": str(campaign.title),
        },
    }  # fmt: skip
    return data_block(data)
