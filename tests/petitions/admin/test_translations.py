"""Campaigners translate beside the original; what they leave blank stays the original."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils.translation import override

from petitions.models import Campaign, Demand
from staff.models import Role


@pytest.fixture
def page(campaign: Campaign) -> str:
    Demand.objects.create(campaign=campaign, position=1, text="Open until eight.")
    return f"/admin/petitions/campaign/{campaign.pk}/translations/"


def open_as(role: Role, staff: Callable[..., Any], staff_client: Callable[..., Client]) -> Client:
    return staff_client(staff(role))


def test_original_and_translation_stand_side_by_side(page: str, staff: Any, staff_client: Any) -> None:
    shown = open_as(Role.CAMPAIGNER, staff, staff_client).get(f"{page}?language=ar")
    assert shown.status_code == 200
    assert "Keep the library open" in shown.text
    assert "Open until eight." in shown.text
    assert 'lang="ar" dir="auto"' in shown.text


def test_what_is_typed_is_what_readers_of_that_language_read(
    page: str, campaign: Campaign, staff: Any, staff_client: Any
) -> None:
    demand = campaign.demands.get()
    typed = {
        f"campaign-{campaign.pk}-title": " Nie zamykajcie biblioteki ",
        f"campaign-{campaign.pk}-lead": "",
        f"demand-{demand.pk}-text": "Otwarte do ósmej.",
    }
    answer = open_as(Role.CAMPAIGNER, staff, staff_client).post(f"{page}?language=pl", typed)
    assert (answer.status_code, answer["Location"]) == (302, f"{page}?language=pl")
    read = Campaign.objects.get(pk=campaign.pk)
    with override("pl"):
        assert (read.title, read.lead) == ("Nie zamykajcie biblioteki", "It closes at four.")
        assert read.demands.get().text == "Otwarte do ósmej."
    assert (read.title, read.original("title")) == ("Keep the library open", "Keep the library open")


def test_a_translation_is_at_most_twice_as_long_as_the_original_may_be(
    page: str, campaign: Campaign, staff: Any, staff_client: Any
) -> None:
    """One and a half times as long is common, and nothing is cut: what is said in 300 letters takes 450 elsewhere."""
    client, title = open_as(Role.CAMPAIGNER, staff, staff_client), f"campaign-{campaign.pk}-title"
    answer = client.post(f"{page}?language=pl", {title: "ż" * 401})
    assert answer.status_code == 200
    assert Campaign.objects.get(pk=campaign.pk).translations == {}
    assert client.post(f"{page}?language=pl", {title: "ż" * 400}).status_code == 302
    assert Campaign.objects.get(pk=campaign.pk).translations == {"pl": {"title": "ż" * 400}}


@pytest.mark.parametrize("language", ["en", "xx"])
def test_there_is_no_translation_into_its_own_or_an_unknown_language(
    page: str, staff: Any, staff_client: Any, language: str
) -> None:
    assert open_as(Role.CAMPAIGNER, staff, staff_client).get(f"{page}?language={language}").status_code == 404


@pytest.mark.parametrize("role", [Role.MODERATOR, Role.DELIVERY_OFFICER, Role.ADMINISTRATOR])
def test_only_campaigners_translate(page: str, staff: Any, staff_client: Any, role: Role) -> None:
    assert open_as(role, staff, staff_client).get(page).status_code in {403, 404}


def test_the_admin_shows_and_keeps_the_original_whatever_its_language(
    campaign: Campaign, staff: Any, staff_client: Any
) -> None:
    campaign.language = "pl"
    campaign.translate("en", {"lead": "An English lead."})
    campaign.save()
    shown = open_as(Role.CAMPAIGNER, staff, staff_client).get(f"/admin/petitions/campaign/{campaign.pk}/change/")
    assert "It closes at four." in shown.text
    assert "An English lead." not in shown.text
    assert '<option value="pl" selected>Polski</option>' in shown.text


def test_no_field_of_staff_cuts_what_is_pasted_and_what_is_too_long_is_said(
    page: str, campaign: Campaign, staff: Any, staff_client: Any
) -> None:
    client, change = open_as(Role.CAMPAIGNER, staff, staff_client), page.removesuffix("translations/") + "change/"
    demand = campaign.demands.get()
    for address in (change, f"{page}?language=pl", "/admin/petitions/update/add/", "/admin/petitions/dossier/add/"):
        shown = client.get(address)
        assert shown.status_code == 200
        assert not re.search(r"<(?:input|textarea)[^>]*\bmaxlength=", shown.text), address
    typed = {f"campaign-{campaign.pk}-title": "ж" * 401, f"demand-{demand.pk}-text": "Otwarte."}
    answer = client.post(f"{page}?language=pl", typed)
    assert "has 401" in answer.text
    assert "ж" * 201 in answer.text
