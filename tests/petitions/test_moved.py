"""An address that staff changed leads whoever has the old one to the new."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.utils import timezone

from petitions.models import Addressee, Campaign, Dossier, Update
from staff.models import Role
from tests.support.fixtures import SiteClient
from web.page_cache import clear_page_cache


def published(campaign: Campaign, slug: str) -> Update:
    return Update.objects.create(campaign=campaign, slug=slug, title=slug, lead="L", published_at=timezone.now())


def lands_at(client: SiteClient, path: str) -> str:
    clear_page_cache()
    answer = client.get(path)
    assert answer.status_code == 302, path
    return str(answer["Location"])


def test_each_earlier_address_of_an_update_leads_to_the_last(client: SiteClient, campaign: Campaign) -> None:
    update = published(campaign, "one")
    for slug in ("two", "three"):
        update.slug = slug
        update.save()
    base = f"/c/{campaign.slug}/updates/"
    assert {lands_at(client, f"{base}{slug}/") for slug in ("one", "two")} == {f"{base}three/"}
    assert lands_at(client, f"/de{base}one/") == f"/de{base}three/"
    update.slug = "one"  # and back
    update.save()
    clear_page_cache()
    assert client.get(f"{base}one/").status_code == 200
    assert lands_at(client, f"{base}three/") == f"{base}one/"


def test_who_has_the_address_now_is_shown(client: SiteClient, campaign: Campaign) -> None:
    first = published(campaign, "news")
    first.slug = "news-of-may"
    first.save()
    published(campaign, "news")
    assert client.get(f"/c/{campaign.slug}/updates/news/").status_code == 200


def test_nobody_learns_of_a_draft_or_of_another_campaigns(
    client: SiteClient, campaign: Campaign, make_campaign: Any
) -> None:
    draft = Update.objects.create(campaign=campaign, slug="old", title="Draft", lead="L")
    draft.slug = "secret-plan"
    draft.save()
    update = published(campaign, "theirs")
    update.slug = "theirs-now"
    update.save()
    other = make_campaign(slug="other")
    for path in (f"/c/{campaign.slug}/updates/old/", f"/c/{other.slug}/updates/theirs/", "/d/none/"):
        clear_page_cache()
        answer = client.get(path)
        assert answer.status_code == 404
        assert "secret" not in answer.text


def test_a_dossier_that_moved_and_was_taken_down_is_gone(client: SiteClient, db: None) -> None:
    dossier = Dossier.objects.create(slug="rights", title="Rights", lead="L")
    dossier.slug = "human-rights"
    dossier.save()
    assert lands_at(client, "/d/rights/") == "/d/human-rights/"
    Dossier.objects.update(taken_down=True)
    clear_page_cache()
    gone = client.get("/d/human-rights/")
    assert gone.status_code == 410
    # Undone, it is there again for whoever saw the 410.
    assert "max-age=0" in gone["Cache-Control"]


@pytest.mark.parametrize("role", [Role.CAMPAIGNER])
def test_a_change_at_the_desk_is_enough(client: SiteClient, staff: Any, staff_client: Any, role: Role) -> None:
    dossier = Dossier.objects.create(slug="rights", title="Rights", lead="L")
    typed = {
        "title": "Rights", "slug": "all-rights", "lead": "L", "language": "en", "coverage-TOTAL_FORMS": "0",
        "coverage-INITIAL_FORMS": "0",
    }  # fmt: skip
    answer = staff_client(staff(role)).post(f"/admin/petitions/dossier/{dossier.pk}/change/", typed)
    assert answer.status_code == 302
    assert lands_at(client, "/d/rights/") == "/d/all-rights/"


def test_paragraphs_of_quotes_and_summaries_stay_apart(client: SiteClient, campaign: Campaign) -> None:
    update = published(campaign, "quoted")
    Update.objects.filter(pk=update.pk).update(quote="First.\r\n\r\nSecond <b>.", quote_by="She")
    page = client.get(f"/c/{campaign.slug}/updates/quoted/").text
    assert "<p>First.</p>" in page
    assert "<p>Second &lt;b&gt;.</p>" in page
    dossier = Dossier.objects.create(slug="d", title="D", lead="L")
    dossier.coverage.create(title="T", summary="One.\n\nTwo.", source="S", published_on="2026-01-01")
    assert "<p>One.</p>" in client.get("/d/d/").text


def test_the_language_of_letters_is_chosen_from_those_there_are(
    campaign: Campaign, staff: Any, staff_client: Any
) -> None:
    url = f"/admin/petitions/addressee/{campaign.addressee.pk}/change/"
    desk = staff_client(staff(Role.CAMPAIGNER))
    typed = {"name": "The Mayor", "language": "en"}
    assert desk.post(url, {**typed, "letters_in": "Russian"}).status_code == 200
    assert desk.post(url, {**typed, "letters_in": "ru"}).status_code == 302
    campaign.addressee.refresh_from_db()
    assert campaign.addressee.letters_in == "ru"


def test_drafts_and_addressees_that_nobody_petitions_can_be_deleted_and_nothing_else(
    campaign: Campaign, staff: Any, staff_client: Any
) -> None:
    desk = staff_client(staff(Role.CAMPAIGNER))
    draft = Update.objects.create(campaign=campaign, slug="draft", title="T", lead="L")
    planned = Update.objects.create(
        campaign=campaign, slug="planned", title="T", lead="L", published_at=timezone.now() + datetime.timedelta(days=1)
    )
    unused = Addressee.objects.create(name="Nobody")

    def delete(row: Any) -> int:
        url = f"/admin/petitions/{row._meta.model_name}/{row.pk}/delete/"
        return int(desk.post(url, {"post": "yes"}).status_code)

    assert [delete(row) for row in (draft, planned, unused)] == [302, 302, 302]
    assert [delete(row) for row in (published(campaign, "public"), campaign.addressee)] == [403, 403]
    assert Update.objects.get().slug == "public"
    assert list(Addressee.objects.all()) == [campaign.addressee]
