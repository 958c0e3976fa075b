"""Requests by letter or telephone: deadlines, and what a worker does to a signature for one."""

import datetime
import html
import re

import pytest
from django.conf import settings as django_settings
from django.db import IntegrityError, transaction
from django.db.utils import ProgrammingError
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from signatures.desk.home import tasks_of
from signatures.models import Case, CaseAct, month_after
from signatures.register import admission, cases
from signatures.register.tally import check_tally
from staff.models import AuditEntry, Role
from tests.support.fixtures import acting_as


@pytest.fixture
def officer(staff):
    return staff(Role.PRIVACY_OFFICER)


@pytest.fixture
def signed(campaign, sign):
    for email in ("ada@example.org", "bob@example.org"):
        sign(campaign, email=email)
    sign(campaign, email="ada@example.org", confirmed=False)
    with acting_as(django_settings.WORKER_ROLE):
        admission.admit_all(campaign)
    return campaign


def a_case(officer, section, **given):
    values = {"kind": "erase", "reference": "2026/17", "received_on": timezone.now().date(), "identity": "called"}
    return Case.objects.create(section=section, opened_by=officer, **(values | given))


def asked(case, campaign, number, kind="withdraw"):
    return CaseAct.objects.create(
        case=case, campaign=campaign, number=number, kind=kind, asked_by=case.opened_by, asked_at=timezone.now()
    )


def work(forget=lambda numbers: list(numbers)):
    with acting_as(django_settings.WORKER_ROLE):
        return cases.act_on_cases(forget)


def states(campaign):
    return dict(campaign.signatures.values_list("number", "state"))


@given(st.dates(datetime.date(2000, 1, 1), datetime.date(2100, 1, 1)))
def test_a_month_is_the_same_day_or_the_last_of_the_next(day):
    due = month_after(day)
    assert 28 <= (due - day).days <= 31
    assert (due.year * 12 + due.month) - (day.year * 12 + day.month) == 1
    assert due.day == day.day or (due + datetime.timedelta(days=1)).day == 1


@pytest.mark.parametrize("kind", ["withdraw", "object", "erase"])
def test_a_worker_does_it_and_writes_it_down_with_the_reference(officer, signed, kind):
    act = asked(a_case(officer, signed.section), signed, 1, kind)
    assert work() == 1
    act.refresh_from_db()
    assert act.outcome == "done"
    assert states(signed) == {1: "withdrawn", 2: "counted"}
    entry = AuditEntry.objects.get(action=f"case.{kind}")
    assert (entry.actor, entry.purpose, entry.detail["number"]) == (officer, "2026/17", 1)
    assert check_tally(signed) == []
    assert work() == 0


@pytest.mark.parametrize("why", ["no identity", "other role", "other section", "no such number"])
def test_what_may_not_be_done_is_not_done_and_says_why(officer, staff, signed, other_section, why):
    case = a_case(
        staff(Role.MODERATOR) if why == "other role" else officer,
        other_section if why == "other section" else signed.section,
        identity="" if why == "no identity" else "called",
    )
    act = asked(case, signed, 99 if why == "no such number" else 1)
    work()
    act.refresh_from_db()
    assert act.outcome == ("missing" if why == "no such number" else "refused")
    assert states(signed) == {1: "counted", 2: "counted"}
    assert not AuditEntry.objects.filter(action="case.withdraw").exists()


def test_beyond_twenty_people_a_day_nothing_is_done(officer, signed, monkeypatch):
    monkeypatch.setattr(cases, "PER_DAY", 1)
    case = a_case(officer, signed.section)
    asked(case, signed, 1)
    asked(case, signed, 2)
    work()
    assert list(CaseAct.objects.values_list("outcome", flat=True)) == ["done", "limit"]
    assert states(signed) == {1: "withdrawn", 2: "counted"}


def test_the_home_page_reminds_after_twenty_days_and_says_what_is_overdue(officer, section):
    today = timezone.now().date()
    for days in (0, 19, 20, 45):
        a_case(officer, section, reference=f"{days} days ago", received_on=today - datetime.timedelta(days=days))
    answered = {"outcome": "done", "answered_on": today, "received_on": today - datetime.timedelta(days=50)}
    a_case(officer, section, reference="answered", **answered)
    shown = {task.about.split(":")[0]: task.what for task in tasks_of(officer) if "ago" in task.about}
    assert set(shown) == {"20 days ago", "45 days ago"}
    assert shown["45 days ago"].startswith("Overdue")
    assert {case.reference for case in Case.objects.all() if case.is_pressing()} == set(shown)


def test_no_address_is_written_down_and_no_answer_without_a_check(officer, section):
    with pytest.raises(IntegrityError), transaction.atomic():
        a_case(officer, section, reference="ada@example.org")
    with pytest.raises(IntegrityError), transaction.atomic():
        a_case(officer, section, identity="", outcome="done", answered_on=timezone.now().date())


def test_the_desk_cannot_say_that_it_was_done(officer, signed, as_desk):
    case = a_case(officer, signed.section)
    act = asked(case, signed, 1)
    for change in ({"outcome": "done"}, {"number": 2}):
        with pytest.raises(ProgrammingError), transaction.atomic(), as_desk():
            CaseAct.objects.filter(pk=act.pk).update(**change)


def test_an_officer_enters_a_case_and_what_is_to_be_done(staff_client, officer, signed):
    client = staff_client(officer)
    fields = {"section": signed.section_id, "kind": "erase", "reference": "2026/18", "received_on": "2026-11-01"}
    assert client.post("/admin/signatures/case/add/", fields).status_code == 302
    case = Case.objects.get()
    assert (case.opened_by, str(case.due_on)) == (officer, "2026-12-01")
    page = f"/admin/signatures/case/{case.pk}/change/"
    act = {
        "acts-TOTAL_FORMS": "1", "acts-INITIAL_FORMS": "0", "acts-0-campaign": signed.pk, "acts-0-number": "1",
        "acts-0-kind": "erase", "acts-0-case": case.pk,
    }  # fmt: skip
    assert client.post(page, fields | act | {"identity": "called"}).status_code == 302
    work()
    assert states(signed)[1] == "withdrawn"
    assert "Done" in client.get(page).content.decode()


def test_of_two_officers_on_one_case_the_second_is_told(staff, staff_client, officer, section):
    case = a_case(officer, section, identity="")
    page = f"/admin/signatures/case/{case.pk}/change/"
    second = staff_client(staff(Role.PRIVACY_OFFICER))
    seen = re.search('name="seen" value="([^"]+)"', second.get(page).content.decode())[1]
    Case.objects.filter(pk=case.pk).update(identity="document")
    fields = {"section": section.pk, "kind": "erase", "reference": "2026/17", "received_on": str(case.received_on)}
    inline = {"acts-TOTAL_FORMS": "0", "acts-INITIAL_FORMS": "0"}
    told = second.post(page, fields | inline | {"identity": "called", "seen": html.unescape(seen)})
    assert "Someone else has changed this" in told.content.decode()
    case.refresh_from_db()
    assert case.identity == "document"
