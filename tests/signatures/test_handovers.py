"""What becomes of a packet: the log, the days without an answer, the demands, and what is announced."""

import csv
import datetime
import io

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction
from django.utils import timezone

from petitions.models import Demand, DemandStep, Update
from petitions.sections import Role
from signatures.collect import announcing, deliveries
from signatures.collect.announcing import differs, draft_announcement, three_digits_down
from signatures.desk.refusals import NotAllowed
from signatures.handovers import handover_standing, told_deliveries
from signatures.models import Announcement, Delivery, Handover
from tests.fixtures import a_delivery
from tests.packets import admit

TODAY = timezone.now().date()


def ago(days):
    return TODAY - datetime.timedelta(days=days)


@pytest.fixture
def log(signed, deliver, officers):
    """Adds entries to the log of one packet: (kind, days ago)."""
    delivery = deliver(signed)

    def add(*entries, **given):
        for kind, days in entries:
            entry = {"delivery": delivery, "recorded_by": officers[0]} | given
            Handover.objects.create(kind=kind, on=ago(days), **entry)
        return delivery

    return add


@pytest.mark.parametrize(
    ("entries", "days"),
    [
        ([], None),
        ([("handed", 30)], 30),
        ([("nobody", 40), ("refused", 35), ("handed", 30)], 40),
        ([("handed", 30), ("answered", 10)], None),
        ([("handed", 30), ("answered", 10), ("handed", 4)], 4),
        ([("handed", 0)], 0),
    ],
)
def test_days_without_an_answer_count_themselves(log, signed, entries, days):
    log(*entries)
    assert handover_standing(signed, TODAY).days == days


def test_what_is_not_public_is_not_told_and_counts_no_days(log, signed, client):
    log(("handed", 30), is_public=False, place="Secretville", note="Notes", people="A. Official")
    log(("refused", 20), place="Minsk", statement="They shut the door.", reference="N 17/2", people="A. Official")
    for path in (f"/c/{signed.slug}/", f"/c/{signed.slug}/numbers/"):
        page = client.get(path).content.decode()
        for word in ("They shut the door.", "Minsk", "N 17/2", "days without an answer"):
            assert word in page, (path, word)
        for word in ("Secretville", "A. Official", "Notes"):
            assert word not in page
    assert handover_standing(signed, TODAY).days == 20


def test_of_each_packet_is_told_what_it_was_for_whom_and_what_became_of_it(log, signed, client, deliver):
    first = log(("handed", 30))
    (told,) = told_deliveries(signed, TODAY)
    assert (told.delivery, told.delivery.signatures, told.days) == (first, 12, 30)
    data = client.get(f"/c/{signed.slug}/numbers.json").json()["deliveries"]
    assert [(d["reference"], d["signatures"], [e["kind"] for e in d["events"]]) for d in data] == [
        (first.reference, 12, ["handed"])
    ]
    rows = list(csv.DictReader(io.StringIO(client.get(f"/c/{signed.slug}/numbers.csv").content.decode())))
    assert [(row["what"], row["count"]) for row in rows if row["key"] == first.reference] == [
        ("delivery", "12"), ("unanswered", str((timezone.now().date() - ago(30)).days)),
    ]  # fmt: skip
    assert "12 signatures" in client.get(f"/c/{signed.slug}/numbers/").content.decode()


def test_an_answer_to_a_later_packet_answers_the_earlier_ones(log, signed, deliver, sign):
    first = log(("handed", 30))
    sign(signed)
    admit(signed)
    second = deliver(signed)
    assert [told.days for told in told_deliveries(signed, TODAY)] == [None, 30]
    log(("handed", 9), ("answered", 2), delivery=second)
    assert [(told.delivery, told.days) for told in told_deliveries(signed, TODAY)] == [(second, None), (first, None)]


def test_an_entry_needs_a_packet_and_a_day_that_has_come(signed, officers):
    waiting = a_delivery(signed, *officers, first_number=1, last_number=12)
    with pytest.raises(ValidationError) as refused:
        Handover(delivery=waiting, kind="handed", on=ago(-2), recorded_by=officers[0]).clean()
    assert set(refused.value.message_dict) == {"on", "delivery"}


def test_web_adds_to_the_log_and_changes_nothing_of_it(log, signed, as_web):
    log(("handed", 3))
    for change in (lambda: Handover.objects.update(on=ago(9)), lambda: Handover.objects.all().delete()):
        with pytest.raises(DatabaseError), transaction.atomic(), as_web():
            change()


# --- demands ------------------------------------------------------------------------------------------------------


def test_a_demand_is_what_its_latest_step_says(signed, client):
    demand = Demand.objects.create(campaign=signed, position=1, text="Open until eight")
    assert demand.standing is None
    DemandStep.objects.create(demand=demand, state="promised", on=ago(20), evidence="The Mayor said so.")
    DemandStep.objects.create(
        demand=demand, state="partly", on=ago(5), evidence="Open until six.", url="https://x.example/"
    )
    demand = Demand.objects.get()
    assert demand.standing.state == "partly"
    page = client.get(f"/c/{signed.slug}/").content.decode()
    assert "Partly met" in page
    assert "Open until six." in page


# --- announcing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "said"),
    [(0, 0), (7, 7), (999, 999), (1000, 1000), (1234, 1230), (191_437, 191_000), (2_345_678, 2_340_000)],
)
def test_announced_figures_are_rounded_down_to_three_digits(total, said):
    assert three_digits_down(total) == said


def test_a_press_release_is_drafted_once_with_figures_that_can_be_computed_again(signed, deliver, capsys):
    delivery = deliver(signed)
    update = draft_announcement(delivery)
    assert (update.kind, update.published_at, update.campaign) == (Update.Kind.PRESS, None, signed)
    assert update.title.startswith("12 signatures")
    assert delivery.reference in update.body
    assert draft_announcement(delivery) == update
    announcement = Announcement.objects.get()
    assert (announcement.signatures, announcement.rule, differs(announcement)) == (12, announcing.CURRENT, "")
    call_command("check_announcements")
    assert "12 signatures" in capsys.readouterr().out
    Announcement.objects.update(signatures=13)
    with pytest.raises(CommandError, match="Not what was announced"):
        call_command("check_announcements")


def test_nothing_is_announced_of_a_packet_that_is_not_there(signed, officers):
    with pytest.raises(NotAllowed):
        draft_announcement(a_delivery(signed, *officers, first_number=1, last_number=12))


# --- everything again ---------------------------------------------------------------------------------------------


def test_a_new_series_begins_at_the_first_number_again(signed, deliver, staff):
    deliver(signed)
    officer = staff(Role.DELIVERY_OFFICER, signed.section)
    with pytest.raises(NotAllowed, match="nothing new"):
        deliveries.request_delivery(signed, signed.addressee, "count", officer)
    again = deliveries.request_delivery(signed, signed.addressee, "count", officer, anew=True)
    assert (again.series, again.first_number, again.last_number) == (2, 1, 12)
    assert Delivery.objects.filter(campaign=signed).count() == 2
