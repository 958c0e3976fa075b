"""Share images: drawn by a worker, one a language, anew only when what they say has changed."""

from __future__ import annotations

import io

import pytest
from django.conf import settings as django_settings
from django.core.files.storage import storages
from PIL import Image

from signatures.delivery.share_images import draw_share_images
from signatures.models import Register
from signatures.views import crawlers
from tests.support.fixtures import acting_as
from web.i18n.languages import LANGUAGES
from web.page_cache import clear_page_cache


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    share = {**settings.STORAGES["share"], "OPTIONS": {**settings.STORAGES["share"]["OPTIONS"], "location": tmp_path}}
    settings.STORAGES = {**settings.STORAGES, "share": share}


def draw():
    with acting_as(django_settings.WORKER_ROLE):
        return draw_share_images()


def test_there_is_a_picture_in_every_language_and_none_is_drawn_twice(client, campaign):
    assert draw() == len(LANGUAGES)
    assert draw() == 0
    for path in ("/", "/ar/"):
        response = client.get(f"{path}c/{campaign.slug}/share.png")
        with Image.open(io.BytesIO(b"".join(response.streaming_content))) as picture:
            assert (picture.size, picture.format) == ((1200, 630), "PNG")


def test_a_picture_is_sent_again_only_when_it_has_changed(client, campaign):
    def asked(**headers):
        """(status, ETag, bytes)"""
        response = client.get(f"/c/{campaign.slug}/share.png", headers=headers)
        body = b"".join(response.streaming_content) if response.streaming else response.content
        return response.status_code, response["ETag"], body

    draw()
    _, tag, before = asked()
    assert asked(if_none_match=tag) == (304, tag, b"")
    Register.objects.update_or_create(campaign=campaign, defaults={"last_number": 7, "counted": 7})
    draw()
    status, another, after = asked(if_none_match=tag)
    assert (status, another == tag, after == before) == (200, False, False)


def test_it_is_drawn_anew_when_the_count_has_changed(campaign):
    draw()
    with storages["share"].open(campaign.share_image_name("en")) as file:
        before = file.read()
    Register.objects.update_or_create(campaign=campaign, defaults={"last_number": 7, "counted": 7})
    assert draw() == len(LANGUAGES)
    with storages["share"].open(campaign.share_image_name("en")) as file:
        assert file.read() != before


def test_a_picture_is_named_once_it_is_there_and_drawn_for_who_asks_before(client, campaign, settings, monkeypatch):
    settings.SITE_URL = "https://petitions.example"
    rung = []
    monkeypatch.setattr(crawlers, "notify_worker", rung.append)
    assert "og:image" not in client.get(f"/c/{campaign.slug}/").content.decode()
    assert client.get(f"/c/{campaign.slug}/share.png").status_code == 404
    assert rung == ["draw_share_images"]
    draw()
    clear_page_cache()
    page = client.get(f"/c/{campaign.slug}/").content.decode()
    assert f'<meta property="og:image" content="https://petitions.example/c/{campaign.slug}/share-' in page


def test_an_unknown_campaign_has_no_picture(client, db):
    assert client.get("/c/there-is-none/share.png").status_code == 404


def test_a_title_is_never_markup(make_campaign):
    make_campaign(title='#panic("x") *bold* \\ $x$ ' + "long " * 30)
    assert draw() == len(LANGUAGES)
