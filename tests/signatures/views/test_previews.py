"""What others show of a page whose address is passed on: title, words, picture; and never the picture of before."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.utils import timezone

from petitions.models import Campaign, Dossier, Picture, Update
from signatures.delivery.share_images import draw_share_images
from signatures.models import Register
from tests.support.fixtures import SiteClient
from web.page_cache import clear_page_cache

SITE = "https://petitions.example"


def preview_of(client: SiteClient, path: str) -> dict[str, str]:
    clear_page_cache()
    page = client.get(path)
    assert page.status_code == 200, path
    tags = re.findall(r'<meta (?:property|name)="((?:og|twitter|article):[^"]+)" content="([^"]*)">', page.text)
    assert len({name for name, _ in tags}) == len(tags), f"{path} says something twice"
    return {name: html.unescape(said) for name, said in tags}


def kept_for(client: SiteClient, picture: str) -> str:
    answer = client.get(picture)
    assert b"".join(answer.streaming_content).startswith(b"\x89PNG")
    for file in answer._resource_closers:  # closing the answer would close the database too
        file()
    return str(answer["Cache-Control"])


@pytest.fixture
def world(campaign: Campaign, settings: Any) -> Campaign:
    settings.SITE_URL = SITE
    picture = Picture.objects.create(
        section=campaign.section, alt="A \"door\"", caption="The door", credit="Somebody", made_on="2026-01-01",
        key="a" * 24, width=1600, height=1067, widths={"wide": [640, 1280], "wide.jpg": [640, 1280], "whole": [1600]},
    )  # fmt: skip
    Update.objects.create(
        campaign=campaign, slug="u", title='News & "more"', lead="A lead.", published_at=timezone.now(), picture=picture
    )
    dossier = Dossier.objects.create(slug="d", title="A dossier", lead="Its lead.", picture=picture)
    dossier.campaigns.add(campaign)
    return campaign


PATHS = ("/", "/c/{}/", "/c/{}/updates/", "/c/{}/updates/u/", "/c/{}/numbers/", "/c/{}/press/", "/d/d/")


@pytest.mark.parametrize("language", ["", "/ar"])
@pytest.mark.parametrize("path", PATHS)
def test_every_page_that_people_share_says_what_it_is(
    client: SiteClient, world: Campaign, path: str, language: str
) -> None:
    path = language + path.format(world.slug)
    said = preview_of(client, path)
    assert said["og:url"] == SITE + path
    assert said["og:site_name"]
    assert said["og:title"]
    assert said["og:description"]
    assert said["og:locale"] == ("ar_AR" if language else "en_GB")
    assert said["og:type"] == ("article" if path.endswith("/u/") else "website")


def test_a_picture_comes_with_its_size_and_its_words(client: SiteClient, world: Campaign) -> None:
    for path in (f"/c/{world.slug}/updates/u/", "/d/d/"):
        said = preview_of(client, path)
        assert said["og:image"] == f"{SITE}/media/{'a' * 24}/wide-1280.jpg"
        assert (said["og:image:width"], said["og:image:height"]) == ("1280", "853")
        assert said["og:image:alt"] == 'A "door"'
    assert preview_of(client, f"/c/{world.slug}/updates/u/")["og:title"] == 'News & "more"'


def test_the_picture_with_the_count_has_another_address_once_the_count_has_moved(
    client: SiteClient, world: Campaign
) -> None:
    draw_share_images()
    page = f"/c/{world.slug}/"
    before = preview_of(client, page)["og:image"].removeprefix(SITE)
    assert "max-age=300" in kept_for(client, before)
    Register.objects.update_or_create(campaign=world, defaults={"last_number": 7, "counted": 7})
    draw_share_images()
    after = preview_of(client, page)["og:image"].removeprefix(SITE)
    assert after != before
    assert preview_of(client, f"{page}numbers/")["og:image"] == SITE + after
    # Who asks by the old address gets the picture of now, and nobody keeps it under that.
    assert kept_for(client, before) == "no-cache"


def test_what_is_reached_by_a_channel_is_the_petition(client: SiteClient, world: Campaign) -> None:
    said = preview_of(client, f"/c/{world.slug}/via/embed/")
    assert said["og:url"] == f"{SITE}/c/{world.slug}/"
    assert f'<link rel="canonical" href="{SITE}/c/{world.slug}/">' in client.get(f"/c/{world.slug}/via/embed/").text


@pytest.mark.parametrize("path", ["/confirm/{}/", "/withdraw/{}/", "/unsubscribe/{}/"])
def test_pages_of_mails_have_no_preview(client: SiteClient, world: Campaign, path: str) -> None:
    assert "og:" not in client.get(path.format("A" * 43)).text
