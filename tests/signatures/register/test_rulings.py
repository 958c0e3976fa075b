"""Rulings: looked up before they act, stopped at any moment, undone; the tally exact all the while."""

import datetime
import itertools

import pytest
import time_machine
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from signatures.delivery.verification import verify
from signatures.models import LedgerEntry, Register, Ruling, Trace
from signatures.models.screening import RULING_LASTS
from signatures.public_figures.ledger import ledger_of, parts_of
from signatures.register import admission, rulings
from signatures.register.tally import check_tally
from staff.models import AuditEntry, Role
from tests.signatures.register.test_screening import SEEN
from tests.support.fixtures import acting_as
from tests.support.packets import path_of

State = Ruling.State


@pytest.fixture
def crowd(campaign, sign):
    """Twenty from one network, five from elsewhere; ten of the twenty held. Returns the network's label."""
    for n in range(20):
        trap = {"trap": True} if n % 2 else {}
        sign(campaign, email=f"p{n}@gmail.com", signals=SEEN | {"network": "one"} | trap)
    for n in range(5):
        sign(campaign, email=f"q{n}@gmail.com", signals=SEEN | {"network": f"other{n}"})
    with acting_as(django_settings.WORKER_ROLE):
        admission.admit_all(campaign)
    return bytes(Trace.objects.order_by("pk").first().network).hex()


def ask(campaign, verb, **query):
    by, _ = User.objects.get_or_create(username="moderator")
    with acting_as(django_settings.DESK_ROLE):
        return Ruling.objects.create(
            campaign=campaign, verb=verb, query=query, reason="One office, one hour", made_by=by
        )


def say(ruling, state):
    with acting_as(django_settings.DESK_ROLE):
        Ruling.objects.filter(pk=ruling.pk).update(state=state)


def work():
    with acting_as(django_settings.WORKER_ROLE):
        return rulings.work_on_rulings()


def carry_out(ruling):
    work()
    say(ruling, State.RUNNING)
    work()
    ruling.refresh_from_db()


def counted(campaign):
    """The total; that it is exact, is asserted."""
    assert check_tally(campaign) == []
    return Register.objects.get(campaign=campaign).counted


def test_one_person_excludes_no_more_than_the_ruling_said(campaign, crowd, sign):
    """Looked up in a quiet hour, carried out when thousands had come: they were not among the twenty."""
    ruling = ask(campaign, "exclude", network=crowd)
    work()
    for n in range(3):
        sign(campaign, email=f"late{n}@gmail.com", signals=SEEN | {"network": "one"})
    with acting_as(django_settings.WORKER_ROLE):
        admission.admit_all(campaign)
    say(ruling, State.RUNNING)
    work()
    ruling.refresh_from_db()
    assert (ruling.state, ruling.touched, ruling.would_touch) == (State.DONE, 20, 20)
    assert counted(campaign) == 8


def test_it_says_how_many_before_it_touches_any(campaign, crowd):
    ruling = ask(campaign, "exclude", network=crowd)
    assert work() == 0
    ruling.refresh_from_db()
    assert (ruling.state, ruling.would_touch, ruling.touched) == (State.READY, 20, 0)
    assert counted(campaign) == 15


def test_it_touches_what_came_alike_and_nothing_else(campaign, crowd):
    ruling = ask(campaign, "exclude", network=crowd)
    carry_out(ruling)
    assert (ruling.state, ruling.touched) == (State.DONE, 20)
    assert counted(campaign) == 5
    assert campaign.signatures.filter(state="excluded").count() == 20
    assert ledger_of(campaign, parts_of(campaign)).removals == [("network", "Many from one network", 20)]
    assert LedgerEntry.totals(campaign)["removed"] == 20


def test_numbers_are_kept_and_a_first_count_gets_the_next(campaign, crowd):
    before = dict(campaign.signatures.values_list("pk", "number"))
    carry_out(ask(campaign, "count", network=crowd, reason="TRAP"))
    after = dict(campaign.signatures.values_list("pk", "number"))
    assert counted(campaign) == 25
    assert sorted(after.values()) == list(range(1, 26))
    assert all(after[pk] == number for pk, number in before.items() if number)
    assert LedgerEntry.totals(campaign)["removed"] == 0


@pytest.mark.parametrize("verb", ["hold", "exclude", "count"])
def test_undoing_gives_back_what_was(campaign, crowd, verb):
    before = dict(campaign.signatures.values_list("pk", "state"))
    ruling = ask(campaign, verb, network=crowd)
    carry_out(ruling)
    assert dict(campaign.signatures.values_list("pk", "state")) != before
    say(ruling, State.UNDOING)
    work()
    ruling.refresh_from_db()
    assert (ruling.state, ruling.touched) == (State.UNDONE, 0)
    assert dict(campaign.signatures.values_list("pk", "state")) == before
    assert counted(campaign) == 15


def test_stopped_at_any_step_the_tally_is_exact_and_what_was_done_can_be_undone(campaign, crowd):
    ruling = ask(campaign, "exclude", network=crowd)
    work()
    say(ruling, State.RUNNING)
    with acting_as(django_settings.WORKER_ROLE):
        for _ in range(2):
            assert rulings.step(ruling.pk, 3) == 3
            counted(campaign)
    say(ruling, State.CANCELLED)
    assert work() == 0
    ruling.refresh_from_db()
    assert (ruling.state, ruling.touched) == (State.CANCELLED, 6)
    say(ruling, State.UNDOING)
    work()
    assert counted(campaign) == 15
    assert not campaign.signatures.filter(state="excluded").exists()


def test_what_another_ruling_or_its_signer_changed_since_is_not_undone(campaign, crowd):
    first = ask(campaign, "hold", network=crowd)
    carry_out(first)
    carry_out(ask(campaign, "exclude", network=crowd))
    say(first, State.UNDOING)
    work()
    assert campaign.signatures.filter(state="excluded").count() == 20
    assert counted(campaign) == 5


@pytest.mark.parametrize(
    "query", [{}, {"network": "xyz"}, {"nonsense": 1}, {"since": "yesterday"}, {"source": "mars"}, {"reason": "no"}]
)
def test_a_query_that_is_none_touches_nobody(campaign, crowd, query):
    ruling = ask(campaign, "exclude", **query)
    work()
    ruling.refresh_from_db()
    assert ruling.state == State.CANCELLED
    assert counted(campaign) == 15


def test_every_kind_of_query_is_understood(campaign, crowd):
    trace = Trace.objects.order_by("pk").first()
    hour = trace.hour.isoformat()
    for query, expected in [
        ({"domain": bytes(trace.domain).hex()}, 15),
        ({"wide": bytes(trace.wide).hex(), "source": "web"}, 15),
        ({"since": hour, "network": crowd}, 10),
        ({"until": hour}, 0),
        ({"comment": "00" * 8}, 0),
        ({"reason": "QUICK"}, 0),
    ]:
        ruling = ask(campaign, "hold", **query)
        work()
        ruling.refresh_from_db()
        assert ruling.would_touch == expected, query


def test_another_campaigns_signatures_are_never_touched(campaign, make_campaign, crowd):
    ruling = ask(make_campaign(), "exclude", network=crowd)
    carry_out(ruling)
    assert (ruling.would_touch, ruling.touched) == (0, 0)
    assert counted(campaign) == 15


def test_why_they_were_removed_is_kept_while_another_ruling_puts_them_back_and_is_undone(campaign, crowd):
    carry_out(ask(campaign, "exclude", network=crowd))
    back = ask(campaign, "count", network=crowd, reason="TRAP")
    carry_out(back)
    assert ledger_of(campaign, parts_of(campaign)).removals == [("network", "Many from one network", 10)]
    say(back, State.UNDOING)
    work()
    assert ledger_of(campaign, parts_of(campaign)).removals == [("network", "Many from one network", 20)]
    assert counted(campaign) == 5


@pytest.mark.parametrize(
    ("query", "why"),
    [({"wide": "", "reason": ""}, "network"), ({"comment": "", "network": ""}, "comment"), ({"since": ""}, "other"),
     ({"domain": "", "since": ""}, "domain"), ({"reason": ""}, "screened")],
)  # fmt: skip
def test_the_public_reason_is_what_they_had_in_common(query, why):
    assert rulings.why_removed(query) == why


def test_nothing_runs_that_nobody_looked_at(campaign, crowd):
    ruling = ask(campaign, "exclude", network=crowd)
    with pytest.raises(IntegrityError), transaction.atomic():
        Ruling.objects.filter(pk=ruling.pk).update(state=State.RUNNING)


# --- numbers that were delivered ------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["count", "named"])
def test_whom_a_ruling_removes_below_a_delivered_number_the_next_packet_tells_of(
    campaign, crowd, sign, deliver, identity, profile
):
    first = deliver(campaign, profile)
    ruling = ask(campaign, "exclude", network=crowd)
    carry_out(ruling)
    removed = first.last_number - counted(campaign)
    come_late(campaign, sign)
    second = deliver(campaign, profile)
    say(ruling, State.UNDOING)
    work()
    third = deliver(campaign, profile)
    manifests = [verify(path_of(packet), [identity])[0] for packet in (first, second, third)]
    assert [m.amendments.withdrawn for m in manifests] == [0, removed, 0]
    assert [m.totals.gaps for m in manifests] == [0, 0, 0]
    # Nobody of them was listed by name, so no number is to be struck.
    assert [len(m.amendments.numbers) for m in manifests] == [0, 0, 0]
    # Those who came back are told of once more, under numbers that no packet has had.
    assert manifests[2].totals.signatures == removed
    assert sum(m.totals.signatures - m.amendments.withdrawn for m in manifests) == counted(campaign)


def test_who_is_put_back_before_any_packet_keeps_their_number(campaign, crowd, sign, deliver):
    before = dict(campaign.signatures.values_list("pk", "number"))
    ruling = ask(campaign, "exclude", network=crowd)
    carry_out(ruling)
    say(ruling, State.UNDOING)
    work()
    assert dict(campaign.signatures.values_list("pk", "number")) == before


def test_a_new_series_tells_the_numbers_that_were_given_anew_as_gaps(campaign, crowd, sign, deliver):
    deliver(campaign)
    ruling = ask(campaign, "exclude", network=crowd)
    carry_out(ruling)
    say(ruling, State.UNDOING)
    work()
    last = Register.objects.get(campaign=campaign).last_number
    whole = verify(path_of(deliver(campaign, series=2, first_number=1)))[0]
    assert (whole.totals.signatures, whole.totals.signatures + whole.totals.gaps) == (counted(campaign), last)


def come_late(campaign, sign):
    sign(campaign, email="late@gmail.com", signals=SEEN | {"network": "late"})
    with acting_as(django_settings.WORKER_ROLE):
        admission.admit_all(campaign)


# --- one person at once, two for good -------------------------------------------------------------------------------


def later(by):
    with time_machine.travel(timezone.now() + by), acting_as(django_settings.WORKER_ROLE):
        return rulings.work_on_rulings()


def confirm(ruling, by):
    with acting_as(django_settings.DESK_ROLE):
        Ruling.objects.filter(pk=ruling.pk).update(confirmed_by=by, state="done")


@pytest.mark.parametrize("verb", ["exclude", "hold"])
def test_what_one_person_took_out_comes_back_after_72_hours(campaign, crowd, verb):
    ruling = ask(campaign, verb, network=crowd)
    carry_out(ruling)
    assert counted(campaign) == 5
    assert later(RULING_LASTS - datetime.timedelta(minutes=1)) == 0
    assert counted(campaign) == 5
    assert later(RULING_LASTS) == ruling.touched
    ruling.refresh_from_db()
    assert (ruling.state, counted(campaign)) == (State.UNDONE, 15)
    assert AuditEntry.objects.filter(action="ruling.end").count() == 1
    assert later(2 * RULING_LASTS) == 0


def test_what_a_second_person_confirmed_lasts(campaign, crowd, staff):
    ruling = ask(campaign, "exclude", network=crowd)
    carry_out(ruling)
    confirm(ruling, staff(Role.MODERATOR))
    assert later(2 * RULING_LASTS) == 0
    assert counted(campaign) == 5


def test_what_was_put_back_into_the_count_stays(campaign, crowd):
    carry_out(ask(campaign, "count", network=crowd, reason="TRAP"))
    assert later(2 * RULING_LASTS) == 0
    assert counted(campaign) == 25


def test_when_a_ruling_ends_is_one_rule_in_two_tongues(campaign, crowd, staff):
    for verb, state, run_at, confirmed_by in itertools.product(
        Ruling.Verb, State, (None, timezone.now()), (None, staff(Role.MODERATOR))
    ):
        by, _ = User.objects.get_or_create(username="moderator")
        ruling = Ruling.objects.create(
            campaign=campaign, verb=verb, query={}, reason="R", made_by=by, state=state, would_touch=0, run_at=run_at,
            confirmed_by=confirmed_by,
        )  # fmt: skip
        assert (ruling.ends_at is not None) == Ruling.objects.unconfirmed().filter(pk=ruling.pk).exists()


def test_more_than_twenty_a_day_wait_for_the_second_person(campaign, crowd, staff):
    """A9: one moderator's session took out 16 of 16."""
    first, second = ask(campaign, "exclude", network=crowd), ask(campaign, "exclude", source="web")
    colleague = staff(Role.MODERATOR)
    work()
    say(first, State.RUNNING)  # twenty
    work()
    work()
    with pytest.raises(IntegrityError, match="wait for a second person"), transaction.atomic():
        say(second, State.RUNNING)
    with acting_as(django_settings.DESK_ROLE):
        Ruling.objects.filter(pk=second.pk).update(state=State.RUNNING, confirmed_by=colleague)
    work()
    assert counted(campaign) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE signatures_ruling SET run_at = now() + interval '9 years'",
        "UPDATE signatures_ruling SET made_by_id = made_by_id",
        "UPDATE signatures_ruling SET would_touch = 0",
        "UPDATE signatures_ruling SET confirmed_by_id = made_by_id, state = 'done'",
        "UPDATE signatures_ruling SET confirmed_by_id = NULL, state = 'done'",
    ],
)
def test_by_sql_nobody_lengthens_shrinks_or_confirms_their_own(campaign, crowd, staff, statement):
    ruling = ask(campaign, "exclude", network=crowd)
    carry_out(ruling)
    if "NULL" in statement:
        confirm(ruling, staff(Role.MODERATOR))
    with pytest.raises(DatabaseError), transaction.atomic(), acting_as(django_settings.DESK_ROLE):
        connection.cursor().execute(statement)


def page_of(ruling, step):
    return reverse(f"admin:signatures_ruling_{step}", args=[ruling.pk])


def test_on_its_page_a_colleague_confirms_and_whoever_made_it_does_not(campaign, crowd, staff, staff_client):
    anna, boris = staff(Role.MODERATOR), staff(Role.MODERATOR)
    ruling = Ruling.objects.create(
        campaign=campaign, verb="exclude", query={"source": "web"}, reason="Bots", made_by=anna
    )
    work()
    own, other = staff_client(anna), staff_client(boris)
    assert "Another moderator has to confirm" in own.post(page_of(ruling, "carry_out"), follow=True).text
    assert page_of(ruling, "confirm") not in own.get(page_of(ruling, "change")).text
    own.post(page_of(ruling, "confirm"))
    ruling.refresh_from_db()
    assert ruling.state == State.READY
    assert page_of(ruling, "confirm") in other.get(page_of(ruling, "change")).text
    assert "It lasts until somebody undoes it" in other.post(page_of(ruling, "confirm"), follow=True).text
    work()
    ruling.refresh_from_db()
    assert (ruling.state, ruling.confirmed_by) == (State.DONE, boris)
    assert AuditEntry.objects.filter(action="ruling.approve", actor=boris).exists()


@pytest.mark.parametrize("step", ["carry_out", "confirm", "undo"])
def test_nothing_is_ruled_at_a_screen_left_open(campaign, crowd, staff, staff_client, step):
    moderator = staff(Role.MODERATOR)
    TOTP.activate(moderator, generate_totp_secret())
    ruling = ask(campaign, "exclude", network=crowd)
    work()
    if step == "undo":
        say(ruling, State.RUNNING)
        work()
    before = Ruling.objects.get(pk=ruling.pk).state
    browser = staff_client(moderator)
    with time_machine.travel(timezone.now() + datetime.timedelta(minutes=11)):
        answer = browser.post(page_of(ruling, step))
    assert answer["Location"].startswith("/admin/again/")
    assert Ruling.objects.get(pk=ruling.pk).state == before


# --- single signatures ----------------------------------------------------------------------------------------------


def test_one_held_signature_is_ruled_on_alone(campaign, crowd):
    one, other, *_ = campaign.signatures.filter(state="quarantined").order_by("pk")
    ruling = ask(campaign, "count", signatures=[one.pk])
    carry_out(ruling)
    assert (ruling.state, ruling.would_touch, ruling.touched) == (State.DONE, 1, 1)
    assert counted(campaign) == 16
    one.refresh_from_db()
    other.refresh_from_db()
    assert (one.state, one.number, other.state) == ("counted", 16, "quarantined")


def test_named_ones_are_found_without_a_trace_and_the_public_learns_that_they_were_looked_at(campaign, crowd):
    named = [one.pk for one in campaign.signatures.filter(state="quarantined").order_by("pk")[:3]]
    Trace.objects.filter(signature__in=named).delete()
    carry_out(ask(campaign, "exclude", signatures=named))
    assert campaign.signatures.filter(state="excluded").count() == 3
    assert ledger_of(campaign, parts_of(campaign)).removals == [("reviewed", "Reviewed one by one", 3)]


def test_named_ones_have_to_fit_what_else_was_asked(campaign, crowd):
    both = [campaign.signatures.filter(state=state).order_by("pk").first().pk for state in ("counted", "quarantined")]
    ruling = ask(campaign, "exclude", signatures=both, reason="TRAP")
    carry_out(ruling)
    assert ruling.touched == 1
    assert not campaign.signatures.filter(pk=both[0], state="excluded").exists()


def test_nobody_of_another_campaign_is_named(campaign, crowd, make_campaign):
    one = campaign.signatures.order_by("pk").first()
    ruling = ask(make_campaign(), "exclude", signatures=[one.pk])
    work()
    ruling.refresh_from_db()
    assert ruling.would_touch == 0


@pytest.mark.parametrize("named", [[], "12", [0], [-1], [2**63], [True], ["12"], [1.5], [None], {}, list(range(1, 52))])
def test_what_names_nobody_touches_nobody(campaign, crowd, named):
    ruling = ask(campaign, "exclude", signatures=named)
    work()
    ruling.refresh_from_db()
    assert ruling.state == State.CANCELLED
