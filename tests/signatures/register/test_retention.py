"""Retention as rules: what the dry run names is what goes, and nothing else."""

import datetime
from io import StringIO

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import transaction
from django.db.utils import ProgrammingError
from django.utils import timezone

from signatures.models import Destruction, MailboxPage, Submission
from signatures.register import admission, pruning, retention
from staff.models import Role
from tests.support.fixtures import acting_as


def by_name(now=None):
    with acting_as(django_settings.WORKER_ROLE):
        return {each.rule.name: each for each in retention.due(now)}


@pytest.fixture
def there(campaign, sign):
    sign(campaign, email="ada@example.org", signals={"network": "one"})
    with acting_as(django_settings.WORKER_ROLE):
        admission.admit_all(campaign)
    for n in range(3):
        sign(campaign, email=f"eve{n}@example.org", confirmed=False)
    return campaign


def test_the_dry_run_changes_nothing_and_names_what_will_go(there):
    assert by_name()["pending"].now == 0
    later = timezone.now() + datetime.timedelta(days=django_settings.PENDING_DAYS, minutes=1)
    named = by_name(later)
    assert (named["pending"].now, named["pending"].there) == (3, 3)
    assert named["traces"].now == 1
    assert Submission.objects.count() == 4
    with acting_as(django_settings.WORKER_ROLE):
        gone = pruning.prune(later)
    assert gone["expired"] == named["pending"].now
    assert gone["traces"] == named["traces"].now
    assert gone["outcomes"] == named["outcomes"].now
    assert by_name(later)["pending"].there == 0


def test_it_says_when_the_next_goes(there):
    oldest = Submission.objects.filter(outcome=None).order_by("created_at").first()
    expected = oldest.created_at + datetime.timedelta(days=django_settings.PENDING_DAYS)
    assert by_name()["pending"].next == expected
    assert by_name()["given up"].next is None


def test_the_command_says_it_in_lines(there):
    out = StringIO()
    with acting_as(django_settings.WORKER_ROLE):
        call_command("retention", "--dry-run", stdout=out)
    assert "pending (what was typed and never confirmed), kept 30 days: 0 of 3; next " in out.getvalue()


@pytest.mark.parametrize("rule", [rule.name for rule in retention.rules()])
def test_each_rule_can_be_asked(db, rule):
    assert by_name()[rule].now == 0


def test_an_own_page_is_over_after_an_hour(there):
    MailboxPage.objects.create(token_hash=bytes(32), sealed=b"x", owner=b"x")
    assert by_name(timezone.now() + datetime.timedelta(minutes=61))["own pages"].now == 1


def test_what_was_destroyed_is_noted_by_day_and_rule(there):
    later = timezone.now() + datetime.timedelta(days=django_settings.PENDING_DAYS, minutes=1)
    with acting_as(django_settings.WORKER_ROLE):
        pruning.prune(later)
        pruning.prune(later)
    noted = dict(Destruction.objects.filter(on=later.date()).values_list("rule", "n"))
    assert noted["expired"] == 3
    assert noted["traces"] == 1
    gone = Destruction.objects.filter(rule="expired").get()
    assert gone.in_backups_until == later.date() + datetime.timedelta(days=35)


def test_the_desk_reads_and_changes_nothing(there, as_desk, staff, staff_client):
    Destruction.note(timezone.now().date(), {"expired": 2, "nothing": 4, "traces": 0})
    page = staff_client(staff(Role.PRIVACY_OFFICER)).get("/admin/signatures/destruction/")
    assert "Never confirmed" in page.content.decode()
    with pytest.raises(ProgrammingError), transaction.atomic(), as_desk():
        Destruction.objects.update(n=0)
