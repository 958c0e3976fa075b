"""A page before it is one: who sees it, in which language, and that it leads nowhere and stays nowhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from petitions.models import Campaign, Demand, Update
from staff.models import Role


@pytest.fixture
def draft(make_campaign: Callable[..., Campaign]) -> Campaign:
    campaign = make_campaign(state="draft", title="Open the library", background="**Why.**")
    Demand.objects.create(campaign=campaign, position=1, text="Open until eight.")
    return campaign


def address(campaign: Campaign) -> str:
    return reverse("admin:petitions_campaign_preview", args=[campaign.pk])


@pytest.mark.parametrize("role", [Role.CAMPAIGNER, Role.MODERATOR])
def test_who_writes_and_who_reviews_see_a_draft_as_readers_will(
    staff: Callable[..., User], staff_client: Callable[[User], Client], draft: Campaign, role: Role
) -> None:
    answer = staff_client(staff(role)).get(address(draft))
    for words in ("Open the library", "Open until eight.", "<strong>Why.</strong>", "This is a preview", "<form inert"):
        assert words in answer.text
    assert "no-store" in answer["Cache-Control"]


def test_nobody_else_sees_it(
    client: Client,
    staff: Callable[..., User],
    staff_client: Callable[[User], Client],
    other_section: Any,
    draft: Campaign,
) -> None:
    assert client.get(address(draft)).status_code == 302
    assert client.get(draft.get_absolute_url()).status_code == 404
    stranger = staff_client(staff(Role.CAMPAIGNER, other_section))
    assert "Open the library" not in stranger.get(address(draft)).text


def test_it_speaks_the_language_asked_for(
    staff: Callable[..., User], staff_client: Callable[[User], Client], draft: Campaign
) -> None:
    draft.translate("ar", {"lead": "…بالعربية"})
    draft.save()
    browser = staff_client(staff(Role.CAMPAIGNER))
    page = browser.get(address(draft), {"language": "ar"}).text
    assert '<html lang="ar" dir="rtl">' in page
    assert 'lang="en">Open the library' in page, "what falls back is marked"
    assert "…بالعربية" in page
    assert browser.get(address(draft), {"language": "xx"}).status_code == 404


def test_an_update_is_seen_before_it_is_published(
    client: Client, staff: Callable[..., User], staff_client: Callable[[User], Client], campaign: Campaign
) -> None:
    update = Update.objects.create(campaign=campaign, slug="soon", title="They gave in", lead="…", body="[[x.total]]")
    page = reverse("admin:petitions_update_preview", args=[update.pk])
    assert "They gave in" in staff_client(staff(Role.MODERATOR)).get(page).text
    assert client.get(update.get_absolute_url()).status_code == 404
    Update.objects.filter(pk=update.pk).update(published_at=timezone.now())
    assert client.get(update.get_absolute_url()).status_code == 200
