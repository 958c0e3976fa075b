"""The demo's content: complete, valid, and safe to load twice."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone
from django.utils.translation import override

from petitions.demo import content
from petitions.models import Addressee, Campaign, Coverage, Demand, Disclosure, Dossier, Update
from web.i18n.languages import LANGUAGES, Language

pytestmark = pytest.mark.django_db
_MODELS = (Addressee, Campaign, Demand, Update, Dossier, Coverage)


@pytest.fixture
def petition() -> Campaign:
    content.load()
    return Campaign.objects.get(slug=content.PETITION)


def test_everything_loaded_is_valid() -> None:
    content.load()
    for model in _MODELS:
        for row in model.objects.all():
            row.full_clean()


def test_second_load_changes_nothing() -> None:
    content.load()
    before = {model: list(model.objects.order_by("pk").values()) for model in _MODELS}
    content.load()
    assert {model: list(model.objects.order_by("pk").values()) for model in _MODELS} == before


def test_whatever_people_did_in_the_demo_stays_when_it_starts_again(petition: Campaign) -> None:
    petition.updates.create(slug="news", title="News", lead="They answered.", published_at=timezone.now())
    petition.demands.create(position=0, text="Answer us.")
    petition.demands.filter(position=2).delete()
    dossier = Dossier.objects.get(campaigns=petition)
    dossier.coverage.create(source="A paper", title="Read", url="https://example.org/1999", published_on="1999-01-01")
    dossier.coverage.last().delete()
    Campaign.objects.filter(slug=content.LOCAL_PETITION).update(slug="renamed", title="Another title")
    before = {model: list(model.objects.order_by("pk").values()) for model in _MODELS}
    content.load()
    content.hang_pictures()
    after = {model: list(model.objects.order_by("pk").values()) for model in _MODELS}
    assert [row | {"picture_id": None} for row in after.pop(Campaign)] == before.pop(Campaign)
    assert after == before


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
def test_petition_at_risk_and_what_belongs_to_it_are_in_every_language(language: Language, petition: Campaign) -> None:
    rows = [petition, petition.addressee, *petition.demands.all(), *petition.updates.all()]
    dossier = Dossier.objects.get(campaigns=petition)
    rows += [dossier, *dossier.coverage.all()]
    for row in rows:
        assert row.untranslated(language.code) == []
        for field in row.translated_fields():
            text = row.translation_of(field.attname, language.code)
            assert len(text) <= (field.max_length or 100_000), (row, field.attname)
    with override(language.code):
        assert petition.falls_back_to == ""


def test_new_campaigns_are_drafts_that_only_need_opening() -> None:
    content.load()
    for campaign in Campaign.objects.all():
        assert campaign.state == Campaign.State.DRAFT
        campaign.state = Campaign.State.OPEN
        assert campaign.is_open()


def test_petition_at_risk_hands_over_totals_only(petition: Campaign) -> None:
    assert petition.at_risk
    assert petition.disclosure == Disclosure.COUNT
    assert petition.addressee.country == "BY"
    assert petition.demands.count() == 3
    assert (str(petition.launched_on), str(petition.last_update_on)) == ("2020-07-27", "2020-07-28")


def test_local_petition_may_name_its_signers() -> None:
    content.load()
    petition = Campaign.objects.get(slug=content.LOCAL_PETITION)
    assert not petition.at_risk
    assert petition.disclosure == Disclosure.NAMED
    assert petition.demands.count() == 2


def test_press_release_has_quote_and_contact(petition: Campaign) -> None:
    press = petition.updates.get(kind=Update.Kind.PRESS)
    assert "191,000" in press.title
    assert "184" in press.title
    assert press.quote
    assert press.quote_by
    assert "@example.org" in press.media_contact


def test_dossier_groups_petition_and_coverage(petition: Campaign) -> None:
    dossier = Dossier.objects.get(campaigns=petition)
    assert [c.slug for c in dossier.campaigns.all()] == [content.PETITION]
    assert [str(c.published_on)[:7] for c in dossier.coverage.all()] == ["2021-01", "2020-11"]
    assert all(c.source and c.credit for c in dossier.coverage.all())


def test_third_party_is_nobodys_addressee() -> None:
    content.load()
    third_party = Addressee.objects.get(trusted_third_party=True)
    assert third_party.trusted_third_party
    assert not third_party.campaigns.exists()


def test_texts_render_as_prose_without_leftovers() -> None:
    content.load()
    pages = [c.background_html for c in Campaign.objects.all()] + [u.body_html for u in Update.objects.all()]
    for page in pages:
        assert "<p>" in page
        assert not re.search(r"\*\*|##|\\", page)


def test_no_contact_leaves_example_org() -> None:
    content.load()
    for model in _MODELS:
        for row in model.objects.values():
            text = " ".join(str(value) for value in row.values())
            assert set(re.findall(r"(?:@|https?://)([\w.-]+\w)", text)) <= {"example.org"}
