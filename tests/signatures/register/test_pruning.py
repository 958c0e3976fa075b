"""Pruning: what is past its time goes, what is not yet done stays, and the ledger says how much went."""

import datetime

import pytest
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import DatabaseError, transaction
from django.db.models import F
from django.utils import timezone

from signatures.models import Delivery, LedgerEntry, Outcome, SealingKey, Submission, Withdrawal
from signatures.register import admission, pruning
from staff.models import APPROVAL_EXPIRES, Role
from tests.support.fixtures import SiteClient, a_delivery, acting_as

DAY = datetime.timedelta(days=1)


def prune(after=datetime.timedelta()):
    """Prune as the worker does, that much later."""
    with acting_as(settings.WORKER_ROLE):
        return pruning.prune(timezone.now() + after)


def admit(campaign):
    with acting_as(settings.WORKER_ROLE):
        admission.admit_all(campaign)


def test_what_was_never_confirmed_goes_when_its_time_is_over_and_not_before(campaign, sign):
    sign(campaign, confirmed=False)
    assert prune((settings.PENDING_DAYS - 1) * DAY)["expired"] == 0
    assert prune(settings.PENDING_DAYS * DAY)["expired"] == 1
    assert not Submission.objects.exists()
    assert LedgerEntry.totals(campaign)["expired"] == 1


def test_what_is_confirmed_but_not_admitted_never_expires(campaign, sign, keyring):
    sign(campaign)
    assert prune(1000 * DAY)["expired"] == 0
    assert Submission.objects.get().sealed is not None


def test_the_ledger_says_for_each_campaign_how_many_expired(make_campaign, sign):
    one, other = make_campaign(), make_campaign()
    for campaign, count in ((one, 2), (other, 1)):
        for _ in range(count):
            sign(campaign, confirmed=False)
    assert prune(1000 * DAY)["expired"] == 3
    assert [LedgerEntry.totals(campaign)["expired"] for campaign in (one, other)] == [2, 1]
    assert prune(1000 * DAY)["expired"] == 0
    assert LedgerEntry.objects.count() == 2


def test_a_flood_is_deleted_in_batches_until_nothing_of_it_is_left(campaign, sign, monkeypatch):
    monkeypatch.setattr(pruning, "BATCH", 2)
    for _ in range(5):
        sign(campaign, confirmed=False)
    assert prune(1000 * DAY)["expired"] == 5
    assert LedgerEntry.totals(campaign)["expired"] == 5


def test_an_outcome_is_kept_for_its_days_and_then_forgotten(campaign, sign):
    sign(campaign)
    admit(campaign)
    # Times of what was admitted are cut to the day, so it may go up to a day early.
    assert prune((settings.OUTCOME_DAYS - 1) * DAY)["outcomes"] == 0
    assert prune((settings.OUTCOME_DAYS + 1) * DAY)["outcomes"] == 1
    assert not Submission.objects.exists()
    assert campaign.signatures.filter(state="counted").count() == 1


@pytest.mark.parametrize("outcome", [Withdrawal.Outcome.WITHDRAWN, Withdrawal.Outcome.UNKNOWN])
def test_a_settled_withdrawal_is_forgotten_and_an_open_one_is_not(db, outcome):
    Withdrawal.objects.create(token_hash=b"\1" * 32, outcome=outcome)
    waiting = Withdrawal.objects.create(token_hash=b"\2" * 32)
    prune((settings.OUTCOME_DAYS + 1) * DAY)
    assert [bytes(row.pk) for row in Withdrawal.objects.all()] == [waiting.pk]


def test_a_drained_session_key_goes_and_one_in_use_stays(make_campaign, sign):
    drained, used = make_campaign(), make_campaign()
    sign(drained)
    sign(used)
    admit(drained)
    later = pruning.SESSION_KEY_SPENT + datetime.timedelta(minutes=1)
    assert prune()["keys"] == 0  # its process may still seal under it
    assert prune(later)["keys"] == 1
    assert [key.campaign_id for key in SealingKey.objects.all()] == [used.pk]


@pytest.mark.django_db(transaction=True)  # the foreign key speaks at the commit
def test_who_signs_under_a_key_that_was_just_pruned_loses_nothing(campaign, sign):
    sign(campaign)
    admit(campaign)
    prune(1 * DAY)
    assert not SealingKey.objects.exists()
    sign(campaign)  # the process still remembers the key that is gone
    admit(campaign)
    assert list(Submission.objects.values_list("outcome", flat=True)) == [Outcome.COUNTED, Outcome.COUNTED]


def test_a_request_for_a_delivery_expires_unless_it_was_approved(campaign):
    anna, boris = (User.objects.create_user(name, password=None) for name in ("anna", "boris"))
    waiting = a_delivery(campaign, anna, first_number=1, last_number=1)
    approved = a_delivery(campaign, anna, boris, first_number=2, last_number=2)
    assert prune(APPROVAL_EXPIRES - datetime.timedelta(hours=1))["proposals"] == 0
    assert prune(APPROVAL_EXPIRES)["proposals"] == 1
    assert {d.pk: d.state for d in Delivery.objects.all()} == {waiting.pk: "expired", approved.pk: "approved"}
    # Its range is free again.
    assert a_delivery(campaign, anna, first_number=1, last_number=1).state == "requested"


# --- staff's sessions -----------------------------------------------------------------------------------------


@pytest.fixture
def logged_in(staff):
    """Somebody whose browser is logged in, and on their list of sessions."""
    user, client = staff(Role.MODERATOR), SiteClient()
    client.force_login(user)
    UserSession.objects.create(user=user, ip="192.0.2.7", session_key=client.session.session_key, user_agent="x")
    return client


def later(by):
    """As if the logins had been so much earlier: the database goes by its own clock."""
    Session.objects.update(expire_date=F("expire_date") - by)
    UserSession.objects.update(created_at=F("created_at") - by)


def test_a_session_that_is_over_is_deleted_and_with_it_the_address_it_came_from(logged_in):
    later(datetime.timedelta(seconds=settings.SESSION_COOKIE_AGE + 1))
    assert prune()["sessions"] == 2
    assert not Session.objects.exists()
    assert not UserSession.objects.exists()


def test_a_session_that_lasts_stays(logged_in):
    later(datetime.timedelta(seconds=settings.SESSION_COOKIE_AGE - 60))
    assert prune()["sessions"] == 0
    assert UserSession.objects.count() == Session.objects.count() == 1


def test_a_session_that_was_logged_out_leaves_the_list_when_it_would_have_ended(logged_in):
    Session.objects.all().delete()
    assert prune()["sessions"] == 0
    later(datetime.timedelta(seconds=settings.SESSION_COOKIE_AGE + 1))
    assert prune()["sessions"] == 1


def test_a_worker_cannot_read_whose_session_it_is(logged_in):
    for column in ("session_key", "session_data"):
        with pytest.raises(DatabaseError), transaction.atomic(), acting_as(settings.WORKER_ROLE):
            list(Session.objects.values_list(column))
    for column in ("session_key", "ip", "user_agent", "user_id"):
        with pytest.raises(DatabaseError), transaction.atomic(), acting_as(settings.WORKER_ROLE):
            list(UserSession.objects.values_list(column))
