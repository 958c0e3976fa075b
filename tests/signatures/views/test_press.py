"""The press kit."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from petitions.models import Campaign, Update


def test_the_press_kit_has_figures_releases_and_whom_to_ask(client: Any, campaign: Campaign) -> None:
    values = {"campaign": campaign, "lead": "L", "published_at": timezone.now(), "media_contact": "Jo, +44 1"}
    Update.objects.create(kind=Update.Kind.PRESS, slug="one", title="A release", **values)
    Update.objects.create(kind=Update.Kind.UPDATE, slug="two", title="Only an update", **values)
    page = client.get(f"/c/{campaign.slug}/press/").content.decode()
    for words in ("A release", "Jo, +44 1", campaign.responsible, "data-total"):
        assert words in page
    assert "Only an update" not in page
    assert page.count("Jo, +44 1") == 1
