"""Updates in schema.org's words: whole addresses, in the reader's language, and nothing that ends the element."""

from __future__ import annotations

import json

from django.utils import timezone

from petitions.models import Update


def article_of(client, address):
    page = client.get(address).content.decode()
    return json.loads(page.partition('<script type="application/ld+json">')[2].partition("</script>")[0])


def test_an_update_is_a_news_article_in_the_readers_language(client, campaign, settings):
    update = Update.objects.create(
        campaign=campaign, slug="u", title="Open again", lead="From Monday.", published_at=timezone.now(),
        translations={"de": {"title": "Wieder offen", "lead": "Ab Montag."}},
    )  # fmt: skip
    english, german = (article_of(client, f"{at}/c/{campaign.slug}/updates/u/") for at in ("", "/de"))
    assert (english["@type"], english["headline"], english["inLanguage"]) == ("NewsArticle", "Open again", "en")
    assert (german["headline"], german["description"], german["inLanguage"]) == ("Wieder offen", "Ab Montag.", "de")
    assert german["url"] == f"{settings.SITE_URL}/de/c/{campaign.slug}/updates/u/"
    assert english["datePublished"] == update.published_at.isoformat()
    assert english["publisher"]["name"] == "Friends of the Library"
    assert english["about"]["url"] == f"{settings.SITE_URL}/c/{campaign.slug}/"
    assert "image" not in english


def test_no_title_ends_the_element(client, campaign):
    Update.objects.create(
        campaign=campaign, slug="u", title="</script><b>&\u2028", lead="L", published_at=timezone.now()
    )
    assert article_of(client, f"/c/{campaign.slug}/updates/u/")["headline"] == "</script><b>&\u2028"
