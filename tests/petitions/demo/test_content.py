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


def test_everything_loaded_is_valid() -> None:
    content.load()
    for model in _MODELS:
        for row in model.objects.all():
            row.full_clean()


def test_second_load_changes_nothing() -> None:
    first = content.load()
    before = {model: list(model.objects.order_by("pk").values()) for model in _MODELS}
    assert content.load() == first
    assert {model: list(model.objects.order_by("pk").values()) for model in _MODELS} == before


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
def test_petition_at_risk_and_what_belongs_to_it_are_in_every_language(language: Language) -> None:
    loaded = content.load()
    petition = Campaign.objects.get(pk=loaded.petition.pk)
    rows = [petition, petition.addressee, *petition.demands.all(), *petition.updates.all()]
    rows += [loaded.dossier, *loaded.dossier.coverage.all()]
    for row in rows:
        assert row.untranslated(language.code) == []
        for field in row.translated_fields():
            text = row.translation_of(field.attname, language.code)
            assert len(text) <= (field.max_length or 100_000), (row, field.attname)
    with override(language.code):
        assert petition.falls_back_to == ""


def test_second_load_keeps_what_was_decided_about_a_campaign() -> None:
    slug = content.load().local_petition.slug
    decided = {"state": Campaign.State.CLOSED, "closes_at": timezone.now(), "disclosure": Disclosure.COUNT}
    Campaign.objects.filter(slug=slug).update(**decided, title="An old title")
    again = content.load().local_petition
    again.refresh_from_db()
    assert {name: getattr(again, name) for name in decided} == decided
    assert again.title != "An old title"


def test_new_campaigns_are_drafts_that_only_need_opening() -> None:
    loaded = content.load()
    for campaign in (loaded.petition, loaded.local_petition):
        assert campaign.state == Campaign.State.DRAFT
        campaign.state = Campaign.State.OPEN
        assert campaign.is_open()


def test_petition_at_risk_hands_over_totals_only() -> None:
    petition = content.load().petition
    assert petition.at_risk
    assert petition.disclosure == Disclosure.COUNT
    assert petition.addressee.country == "BY"
    assert petition.demands.count() == 3
    assert (str(petition.launched_on), str(petition.last_update_on)) == ("2020-07-27", "2020-07-28")


def test_local_petition_may_name_its_signers() -> None:
    petition = content.load().local_petition
    assert not petition.at_risk
    assert petition.disclosure == Disclosure.NAMED
    assert petition.demands.count() == 2


def test_press_release_has_quote_and_contact() -> None:
    press = content.load().petition.updates.get(kind=Update.Kind.PRESS)
    assert "191,000" in press.title
    assert "184" in press.title
    assert press.quote
    assert press.quote_by
    assert "@example.org" in press.media_contact


def test_dossier_groups_petition_and_coverage() -> None:
    dossier = content.load().dossier
    assert [c.slug for c in dossier.campaigns.all()] == [content.PETITION]
    assert [str(c.published_on)[:7] for c in dossier.coverage.all()] == ["2021-01", "2020-11"]
    assert all(c.source and c.credit for c in dossier.coverage.all())


def test_third_party_is_nobodys_addressee() -> None:
    third_party = content.load().third_party
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
