"""Taking a petition down: at once and by one person for 72 hours, for good by two, and back by two (A9)."""

import datetime

import pytest
import time_machine
from django.conf import settings
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from petitions.desk.lifecycle import STEPS
from petitions.models import TAKEDOWN_LASTS, Campaign, TakeDown
from signatures.desk.home import tasks_of
from signatures.desk.lifecycle import take_step
from signatures.desk.takedowns import confirm_takedown, propose_restoration
from signatures.intake.campaigns import forget_campaigns
from signatures.models import Shredding, Submission
from signatures.register.takedowns import end_unconfirmed_takedowns
from staff import approvals
from staff.models import AuditEntry, Role
from staff.refusals import NotAllowed
from tests.support.fixtures import acting_as
from web.models import Maintenance

HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def anna(staff):
    return staff(Role.MODERATOR, username="anna")


@pytest.fixture
def boris(staff):
    return staff(Role.MODERATOR, username="boris")


def take_down(campaign, by, reason="A court ordered it."):
    with acting_as(settings.DESK_ROLE):
        take_step(campaign, STEPS["take_down"], by, reason)
    return TakeDown.objects.standing().get(campaign=campaign)


def after_its_time(takedown):
    """As if it had been taken down so long ago."""
    long_ago = timezone.now() - TAKEDOWN_LASTS
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE petitions_takedown DISABLE TRIGGER takedown_guard")
        cursor.execute("UPDATE petitions_takedown SET made_at = %s WHERE id = %s", [long_ago, takedown.pk])
        cursor.execute("ALTER TABLE petitions_takedown ENABLE TRIGGER takedown_guard")
    if takedown.stopped_clock:
        Campaign.objects.filter(pk=takedown.campaign_id).update(paused_at=long_ago)


def work():
    with acting_as(settings.WORKER_ROLE):
        return end_unconfirmed_takedowns()


def state_of(campaign):
    campaign.refresh_from_db()
    return campaign.state


def refused_to(role, statement, *values, by=(IntegrityError, ProgrammingError)):
    with pytest.raises(by), transaction.atomic(), acting_as(role), connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_one_person_takes_it_down_at_once(campaign, anna):
    takedown = take_down(campaign, anna)
    assert (state_of(campaign), campaign.state_reason) == ("removed", "A court ordered it.")
    assert (takedown.made_by, takedown.state_before, takedown.confirmed_by) == (anna, "open", None)
    assert work() == 0


def test_what_nobody_confirmed_is_public_again_after_72_hours(campaign, anna):
    Campaign.objects.filter(pk=campaign.pk).update(closes_at=timezone.now() + HOUR)
    campaign.refresh_from_db()
    deadline = campaign.closes_at
    after_its_time(take_down(campaign, anna))
    assert [work(), work()] == [1, 0]
    assert (state_of(campaign), campaign.state_reason, campaign.paused_at) == ("open", "", None)
    # Later by as long as it was down.
    assert datetime.timedelta() <= TAKEDOWN_LASTS - (campaign.closes_at - deadline) < HOUR
    assert AuditEntry.objects.filter(action="takedown.end", actor=None).count() == 1


def test_a_second_person_makes_it_last(campaign, anna, boris):
    takedown = take_down(campaign, anna)
    with acting_as(settings.DESK_ROLE):
        with pytest.raises(NotAllowed, match="Someone else"):
            confirm_takedown(takedown, anna)
        confirm_takedown(takedown, boris)
        with pytest.raises(NotAllowed):
            confirm_takedown(takedown, boris)
    after_its_time(takedown)
    assert work() == 0
    assert state_of(campaign) == "removed"


def test_two_people_bring_it_back(campaign, anna, boris):
    confirmed = take_down(campaign, anna)
    with acting_as(settings.DESK_ROLE):
        confirm_takedown(confirmed, boris)
        proposal = propose_restoration(campaign, anna, "The appeal was won.")
        with pytest.raises(NotAllowed):
            approvals.approve(proposal, anna)
        approvals.approve(proposal, boris)
    assert state_of(campaign) == "open"
    assert not TakeDown.objects.standing().exists()


def test_whoever_was_not_confirmed_does_not_take_it_down_alone_again(campaign, anna, boris):
    after_its_time(take_down(campaign, anna))
    work()
    campaign.refresh_from_db()
    with pytest.raises(NotAllowed, match="Someone else has to do it"):
        take_down(campaign, anna)
    assert take_down(campaign, boris).made_by == boris


@pytest.mark.parametrize("state", ["closed", "delivered", "archived"])
def test_it_comes_back_as_what_it_was(campaign, anna, state):
    closed = timezone.now() - 3 * HOUR
    Campaign.objects.filter(pk=campaign.pk).update(state=state, closes_at=closed)
    campaign.refresh_from_db()
    after_its_time(take_down(campaign, anna))
    work()
    assert (state_of(campaign), campaign.closes_at) == (state, closed)


def test_a_pause_and_a_halted_site_outlast_it(campaign, anna):
    since = timezone.now() - HOUR
    Campaign.objects.filter(pk=campaign.pk).update(paused_at=since)
    campaign.refresh_from_db()
    after_its_time(take_down(campaign, anna))
    work()
    assert (state_of(campaign), campaign.paused_at, campaign.paused_with_site) == ("open", since, False)
    Campaign.objects.filter(pk=campaign.pk).update(paused_at=None)
    TakeDown.objects.all()._raw_delete("default")
    campaign.refresh_from_db()
    after_its_time(take_down(campaign, anna))
    Maintenance.objects.create(pk=1, mode=Maintenance.Mode.PAUSED, note="A new server.", since=timezone.now())
    work()
    assert (state_of(campaign), campaign.paused_with_site) == ("open", True)


def test_what_was_shredded_meanwhile_does_not_open_again(campaign, anna):
    after_its_time(take_down(campaign, anna))
    Shredding.objects.create(campaign=campaign, by_hand=True)
    assert work() == 1
    assert state_of(campaign) == "closed"
    assert campaign.closes_at


# --- round the pages, by SQL ----------------------------------------------------------------------------------


def test_the_desks_role_moves_no_state_round_it(campaign, anna, boris):
    desk = settings.DESK_ROLE
    refused_to(desk, "UPDATE petitions_campaign SET state = 'removed', state_reason = 'x'")
    takedown = take_down(campaign, anna)
    for statement in (
        "UPDATE petitions_campaign SET state = 'open'",
        "UPDATE petitions_campaign SET state = 'closed', closes_at = now()",
        "UPDATE petitions_takedown SET ended_at = now()",
        "UPDATE petitions_takedown SET confirmed_by_id = made_by_id",
        "UPDATE petitions_takedown SET made_at = now() - interval '4 days'",
        "UPDATE petitions_takedown SET made_by_id = 0",
        "DELETE FROM petitions_takedown",
        "INSERT INTO petitions_takedown (campaign_id, reason) SELECT campaign_id, 'again' FROM petitions_takedown",
    ):
        refused_to(desk, statement)
    refused_to(desk, "UPDATE petitions_takedown SET confirmed_by_id = %s, ended_at = now()", boris.pk)
    assert state_of(campaign) == "removed"
    takedown.refresh_from_db()
    assert takedown.confirmed_by is None


def test_nobodys_name_takes_nothing_down_for_good(campaign):
    refused_to(
        settings.DESK_ROLE,
        "INSERT INTO petitions_takedown (campaign_id, reason) VALUES (%s, 'no name, no end')",
        campaign.pk,
    )


def test_a_worker_ends_nothing_before_its_time_and_public_does_nothing(campaign, anna):
    take_down(campaign, anna)
    refused_to(settings.WORKER_ROLE, "UPDATE petitions_takedown SET ended_at = now()")
    refused_to(settings.PUBLIC_ROLE, "SELECT FROM petitions_takedown")


def test_an_approval_brings_back_one_taking_down_once(campaign, anna, boris, staff):
    take_down(campaign, anna)
    with acting_as(settings.DESK_ROLE):
        proposal = propose_restoration(campaign, anna, "By mistake.")
        approvals.approve(proposal, boris)
    campaign.refresh_from_db()
    take_down(campaign, boris)
    refused_to(settings.DESK_ROLE, "UPDATE petitions_takedown SET ended_at = now() WHERE ended_at IS NULL")


def test_each_of_it_is_in_the_trail(campaign, anna, boris):
    takedown = take_down(campaign, anna)
    with acting_as(settings.DESK_ROLE):
        confirm_takedown(takedown, boris)
    said = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"campaign.take_down", "takedown.added", "takedown.confirm", "takedown.changed"} <= said


# --- its pages --------------------------------------------------------------------------------------------------


def life(campaign):
    return reverse("admin:petitions_campaign_life", args=[campaign.pk])


def test_the_desk_takes_down_confirms_and_asks_back(campaign, anna, boris, staff_client):
    first, second = staff_client(anna), staff_client(boris)
    first.post(life(campaign), {"step": "take_down", "reason": "A court ordered it."})
    assert state_of(campaign) == "removed"
    assert any("stays down" in task.what for task in tasks_of(boris))
    assert not any("stays down" in task.what for task in tasks_of(anna))
    confirm = reverse("admin:petitions_campaign_confirm_takedown", args=[campaign.pk])
    assert confirm not in first.get(life(campaign)).content.decode()
    assert "Someone else" in first.post(confirm, follow=True).content.decode()
    assert "unless another moderator confirms it" in second.get(life(campaign)).content.decode()
    assert "Confirmed: it stays down." in second.post(confirm, follow=True).content.decode()
    back = reverse("admin:petitions_campaign_bring_back", args=[campaign.pk])
    page = second.post(back, {"reason": "The appeal was won."}, follow=True).content.decode()
    assert "is public again: Open. It was taken down because: A court ordered it." in page


def test_a_session_left_open_takes_nothing_down(campaign, anna, staff_client):
    client = staff_client(anna)
    with time_machine.travel(timezone.now() + datetime.timedelta(minutes=11), tick=False):
        answer = client.post(life(campaign), {"step": "take_down", "reason": "No."})
    assert (answer.status_code, state_of(campaign)) == (302, "open")
    assert answer["Location"].startswith("/admin/again/")


def test_a_link_in_a_mail_waits_until_it_is_back(client, campaign, anna, sign, mail_of):
    link = mail_of(campaign, sign(campaign, confirmed=False))["confirm"]
    takedown = take_down(campaign, anna)
    forget_campaigns()
    for answer in (client.get(link), client.post(link)):
        assert answer.status_code == 410
        assert "its link works again" in answer.content.decode()
        assert campaign.title not in answer.content.decode()
    after_its_time(takedown)
    work()
    forget_campaigns()
    client.post(link)
    assert Submission.objects.exclude(confirmed_at=None).count() == 1
