"""Texts in the reader's language, the original where nobody has translated them, and never the one over the other."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.forms import modelform_factory
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from petitions.models import Addressee, Campaign, Demand, Update
from petitions.templatetags.translated import lang
from petitions.translated import Foreign, originals

ENGLISH, POLISH = "Keep the library open", "Nie zamykajcie biblioteki"


@pytest.fixture
def translated(make_campaign: Callable[..., Campaign]) -> Campaign:
    campaign = make_campaign(title=ENGLISH)
    campaign.translate("pl", {"title": POLISH})
    campaign.save()
    return Campaign.objects.get(pk=campaign.pk)


def test_a_text_is_read_in_the_readers_language(translated: Campaign) -> None:
    with override("pl"):
        assert (translated.title, str(translated)) == (POLISH, POLISH)
    assert translated.title == ENGLISH
    with override("pl"), originals():
        assert translated.title == ENGLISH


def test_what_nobody_translated_is_the_original_and_marked(translated: Campaign) -> None:
    with override("be"):
        assert translated.title == ENGLISH
        assert isinstance(translated.title, Foreign)
        assert lang(translated.title) == ' lang="en"'
        assert translated.falls_back_to == "en"
    with override("pl"):
        assert lang(translated.title) == ""
        assert lang(translated.lead) == ' lang="en"'
    assert lang(translated.title) == ""
    assert translated.falls_back_to == ""


def test_an_original_in_another_language_is_marked_in_english_too(make_campaign: Callable[..., Campaign]) -> None:
    campaign = make_campaign(title=POLISH, language="pl")
    assert (campaign.title, lang(campaign.title)) == (POLISH, ' lang="pl"')
    campaign.translate("en", {"title": ENGLISH})
    assert (campaign.title, lang(campaign.title)) == (ENGLISH, "")


def test_saving_in_any_language_leaves_the_original(translated: Campaign) -> None:
    with override("pl"):
        translated.full_clean()
        translated.save()
        translated.refresh_from_db()
        translated.save()
        Campaign.objects.defer("title").get(pk=translated.pk).save()
        form = modelform_factory(Campaign, fields=["title", "lead"])(instance=translated)
        assert form.initial["title"] == ENGLISH
    assert Campaign.objects.values_list("title", flat=True).get(pk=translated.pk) == ENGLISH


def test_a_blank_translation_is_none(translated: Campaign) -> None:
    translated.translate("pl", {"title": "  ", "lead": " Zamykają o czwartej. "})
    assert translated.translations == {"pl": {"lead": "Zamykają o czwartej."}}
    assert translated.untranslated("pl") == ["title", "pledge", "responsible"]
    translated.translate("pl", {"lead": ""})
    assert translated.translations == {}


def test_a_marked_text_can_be_stored_and_asked_for(translated: Campaign) -> None:
    with override("ar"):
        assert isinstance(translated.title, Foreign)
        assert Campaign.objects.filter(title=translated.title).exists()
        assert Demand.objects.create(campaign=translated, position=1, text=translated.title).pk


def test_a_page_marks_what_falls_back_and_is_never_blank(client: Client, translated: Campaign) -> None:
    Addressee.objects.update(translations={"pl": {"name": "Burmistrz"}})
    Demand.objects.create(campaign=translated, position=1, text="Open until eight.")
    polish = client.get(f"/pl/c/{translated.slug}/").text
    assert f'<h1 dir="auto">{POLISH}</h1>' in polish
    assert "<bdi>Burmistrz</bdi>" in polish
    assert '<strong dir="auto" lang="en">Open until eight.</strong>' in polish
    assert "English" in polish.partition("<article")[2]
    assert f'<h1 dir="auto" lang="en">{ENGLISH}</h1>' in client.get(f"/ar/c/{translated.slug}/").text
    english = client.get(f"/c/{translated.slug}/").text
    assert f'<h1 dir="auto">{ENGLISH}</h1>' in english
    assert 'lang="en"' not in english.partition("<article")[2]


def test_filters_ask_for_the_original_and_show_the_translation(client: Client, translated: Campaign) -> None:
    Campaign.objects.update(topic="Public services", translations={"pl": {"topic": "Usługi publiczne"}})
    assert '<option value="Public services">Usługi publiczne</option>' in client.get("/pl/").text
    kept: Any = client.get("/pl/?topic=Public+services").text
    assert '<option value="Public services" selected>Usługi publiczne</option>' in kept
    assert translated.slug in kept


def test_lists_and_pages_call_the_language_of_what_is_not_translated_as_its_readers_do(
    client: Client, make_campaign: Callable[..., Campaign]
) -> None:
    past = timezone.now() - datetime.timedelta(days=2)
    over = make_campaign(title="Rettet den Kran", language="de", state="closed", closes_at=past)
    Update.objects.create(campaign=over, slug="news", title="Neues", lead="…", language="de", published_at=past)
    for page, often in (("/ar/", 1), (f"/ar/c/{over.slug}/", 1), (f"/ar/c/{over.slug}/updates/", 1)):
        assert client.get(page).text.count('<bdi lang="de">Deutsch</bdi>') == often, page
    assert "الأصلية: Deutsch." in client.get(f"/ar/c/{over.slug}/").text
    read_by_germans = client.get(f"/de/c/{over.slug}/updates/").text
    assert "Neues" in read_by_germans
    assert '<bdi lang="de">' not in read_by_germans
