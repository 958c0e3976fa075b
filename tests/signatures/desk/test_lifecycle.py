"""Steps of a campaign's life and of the whole site, as staff take them: each is in the trail, or was not taken."""

import datetime
import re

import pytest
from django.urls import reverse
from django.utils import timezone

from petitions.models import Campaign
from staff.models import AuditEntry, Role
from web.models import Maintenance


@pytest.fixture
def moderator(staff, staff_client):
    return staff_client(staff(Role.MODERATOR))


def step(browser, campaign, name, reason=""):
    url = reverse("admin:petitions_campaign_life", args=[campaign.pk])
    return browser.post(url, {"step": name, "reason": reason, "sure": "on"}, follow=True)


def trail():
    """The acts, without the rows that the database writes down by itself (test_audited_rows.py)."""
    rows = (".added", ".changed", ".deleted")
    entries = (entry for entry in AuditEntry.objects.order_by("seq") if not entry.action.endswith(rows))
    return [(entry.action, entry.purpose, entry.detail) for entry in entries]


def test_each_step_is_written_down_with_its_reason(moderator, campaign):
    about = {"campaign": campaign.pk}
    for name, reason in (("pause", "Too many bots."), ("resume", ""), ("close", ""), ("take_down", "A court said so.")):
        assert step(moderator, campaign, name, reason).status_code == 200
    assert trail() == [
        ("campaign.pause", "Too many bots.", about),
        ("campaign.resume", "", about),
        ("campaign.close", "", about),
        ("campaign.take_down", "A court said so.", about),
    ]
    assert {entry.section for entry in AuditEntry.objects.all()} == {campaign.section}


def test_a_step_whose_reason_names_a_mailbox_is_not_taken(moderator, campaign):
    answer = step(moderator, campaign, "pause", "ada@example.org asked").text
    assert "Do not enter e-mail addresses" in answer
    assert answer.count(">ada@example.org asked</textarea>") == 1, "to be mended, and under its own step only"
    assert "Paused since" not in answer
    campaign.refresh_from_db()
    assert not campaign.is_paused
    assert trail() == []


def test_a_pause_says_since_when_and_what_it_moves(moderator, campaign):
    assert re.search(r"Paused since</dt><dd>[^<]* UTC<", told := step(moderator, campaign, "pause", "A rumour.").text)
    assert "closing time is extended" not in told, "it has none"
    Campaign.objects.filter(pk=campaign.pk).update(closes_at=timezone.now() + datetime.timedelta(days=9))
    assert "closing time is extended" in step(moderator, campaign, "pause", "Again.").text


def test_closing_is_asked_for_a_second_time(moderator, campaign):
    url = reverse("admin:petitions_campaign_life", args=[campaign.pk])
    Campaign.objects.filter(pk=campaign.pk).update(closes_at=timezone.now() + datetime.timedelta(days=9))
    assert "Signing ends now instead of on" in moderator.get(url).text
    assert "Tick the box" in moderator.post(url, {"step": "close"}, follow=True).text
    assert Campaign.objects.get(pk=campaign.pk).state == Campaign.State.OPEN
    step(moderator, campaign, "close")
    assert Campaign.objects.get(pk=campaign.pk).state == Campaign.State.CLOSED


def test_a_step_that_is_not_allowed_leaves_no_entry(staff, staff_client, campaign):
    step(staff_client(staff(Role.CAMPAIGNER)), campaign, "close")
    assert Campaign.objects.get(pk=campaign.pk).state == Campaign.State.OPEN
    assert trail() == []


def test_planning_when_a_campaign_closes_is_written_down(moderator, campaign):
    page = moderator.get(reverse("admin:petitions_campaign_change", args=[campaign.pk]))
    form = {
        f"{formset.formset.prefix}-{part}_FORMS": 0
        for formset in page.context["inline_admin_formsets"]
        for part in ("TOTAL", "INITIAL")
    }
    form |= {"closes_at_0": "2099-01-01", "closes_at_1": "12:00", "opens_at_0": "", "opens_at_1": ""}
    moderator.post(reverse("admin:petitions_campaign_change", args=[campaign.pk]), form)
    planned = {"campaign": campaign.pk, "opens_at": None, "closes_at": "2099-01-01T12:00:00+00:00"}
    assert trail() == [("campaign.plan", "", planned)]


def test_halting_the_site_and_going_on_are_written_down(staff, staff_client, campaign):
    browser = staff_client(staff(Role.ADMINISTRATOR))
    browser.post(reverse("admin:web_maintenance_add"), {"mode": "paused", "note": "ask press@example.org"})
    here = Maintenance.objects.get()
    browser.post(reverse("admin:web_maintenance_delete", args=[here.pk]), {"post": "yes"})
    assert not Maintenance.objects.exists()
    assert trail() == [("site.halt", "", {"mode": "paused"}), ("site.restart", "", {})]
