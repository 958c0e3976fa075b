"""Watching: the dashboard's figures, proof of work where a campaign's rate is unusual, and an alarm once."""

import datetime

import pytest
import time_machine
from django.conf import settings as django_settings
from django.core import mail
from django.utils import timezone

from signatures.models import LabelCount, Monitor, Reason, Ruling, Signature, SigningRules, Tally
from signatures.register import admission, monitoring, screening
from staff.models import Role
from tests.signatures.register.test_screening import SEEN
from tests.support.fixtures import acting_as
from web import counters, minute_counters
from web.models import Section

SECOND = datetime.timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _no_counts():
    counters.redis().flushdb()


def came(campaign, count, ago=0, kind="taken"):
    counters.redis().set(
        counters.key_of(minute_counters.minute_name(kind, campaign.pk, minute_counters.this_minute() - ago)), count
    )


def watch(now=None):
    with acting_as(django_settings.WORKER_ROLE):
        return monitoring.monitor_campaigns(now)


def rules(campaign):
    return SigningRules.objects.get(campaign=campaign)


def test_an_ordinary_minute_turns_nothing_on(campaign):
    came(campaign, monitoring.UNUSUAL_FROM)
    assert watch() == 0
    assert not rules(campaign).asks_work()


def test_an_unusual_minute_turns_proof_of_work_on_and_an_hour_later_it_is_off(campaign):
    came(campaign, monitoring.UNUSUAL_FROM + 1)
    assert watch() == 1
    assert rules(campaign).asks_work()
    counters.redis().flushdb()
    assert watch() == 1
    assert watch(timezone.now() + monitoring.STAYS_ON) == 0
    assert Monitor.objects.get(campaign=campaign).alarmed_at is None


def test_what_is_usual_is_told_by_the_busiest_day_of_the_week(campaign):
    today = timezone.now().date()
    for ago, n in ((0, 10**6), (1, 1440 * 30), (2, 1440), (8, 10**6)):
        day = today - datetime.timedelta(days=ago)
        Tally.objects.create(campaign=campaign, country="PL", signed_on=day, source="web", n=n)
    assert monitoring.usual_rate(campaign, timezone.now()) == 30 * monitoring.UNUSUAL_TIMES


@pytest.fixture
def _within_an_hour():
    """The clock stands early in this hour: what is counted by the hour falls into one."""
    with time_machine.travel(timezone.now().replace(minute=1, second=0), tick=False):
        yield


@pytest.fixture
def on_call(settings):
    """Mails to whoever is to be woken."""
    settings.ALERTS_TO = ["on-call@example.net"]
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    mail.outbox = []
    return mail.outbox


def at_new_domains(campaign, sign, fresh, ordinary, seen=SEEN):
    for n in range(fresh):
        sign(campaign, email=f"p{n}@new{n}.example", signals=seen)
    for n in range(ordinary):
        sign(campaign, email=f"q{n}@gmail.com", signals=SEEN)
    with acting_as(django_settings.WORKER_ROLE):
        admission.admit_all(campaign)


def hold(campaign, sign, held, ordinary):
    for n in range(held + ordinary):
        sign(campaign, email=f"p{n}@gmail.com", signals=SEEN | ({"trap": True} if n < held else {}))
    with acting_as(django_settings.WORKER_ROLE):
        admission.admit_all(campaign)


def test_people_are_told_once_an_attack(campaign, on_call):
    for _ in range(3):
        came(campaign, 10_000)
        watch()
    (told,) = on_call
    assert told.to == ["on-call@example.net"]
    assert campaign.title in told.body
    assert "unusually fast" in told.body


def test_an_alert_goes_to_the_domain_that_it_was_typed_with(campaign, on_call, settings):
    settings.ALERTS_TO = ["on-call@straße.example", "Wache <wache@βόλος.example>"]
    settings.DEFAULT_FROM_EMAIL = "Петиции <post@straße.example>"
    came(campaign, 10_000)
    watch()
    (told,) = on_call
    sent = told.message()
    assert str(sent["To"]) == "on-call@xn--strae-oqa.example, Wache <wache@xn--nxasmm1c.example>"
    assert str(sent["From"]) == "Петиции <post@xn--strae-oqa.example>"
    assert told.recipients() == ["on-call@xn--strae-oqa.example", "Wache <wache@xn--nxasmm1c.example>"]


def test_after_an_attack_the_next_one_is_told_again(campaign, on_call):
    came(campaign, 10_000)
    watch()
    counters.redis().flushdb()
    later = timezone.now() + monitoring.STAYS_ON
    assert watch(later) == 0
    came(campaign, 10_000)
    watch(later)
    assert len(on_call) == 2


def test_a_flood_that_keeps_below_the_usual_rate_is_told_by_how_much_of_it_is_held(campaign, sign, on_call):
    hold(campaign, sign, monitoring.MUCH_HELD, 4 * monitoring.MUCH_HELD)
    assert watch() == 1
    (told,) = on_call
    assert f"{monitoring.MUCH_HELD} are held" in told.body
    assert Monitor.objects.get(campaign=campaign).figures["attack"] == ["held"]
    assert not rules(campaign).asks_work()


@pytest.mark.usefixtures("_within_an_hour")
def test_a_slow_flood_from_new_domains_has_to_work_from_then_on_and_people_are_told(campaign, sign, on_call):
    at_new_domains(campaign, sign, screening.MANY_FRESH, 0)
    assert watch() == 1
    assert rules(campaign).asks_work()
    assert "never seen before" in on_call[0].body
    # Whoever goes on without it is held now.
    sign(campaign, email="next@another.example", signals=SEEN | {"work": "missing"})
    with acting_as(django_settings.WORKER_ROLE):
        admission.admit_all(campaign)
    assert list(Signature.objects.filter(state="quarantined").values_list("trace__reasons", flat=True)) == [
        Reason.FRESH | Reason.UNWORKED
    ]


@pytest.mark.usefixtures("_within_an_hour")
def test_a_slow_flood_in_an_hour_so_busy_that_it_is_a_small_part_of_it_is_told_as_well(campaign, sign, on_call):
    without_script = {key: value for key, value in SEEN.items() if key != "took"}
    at_new_domains(campaign, sign, screening.MANY_FRESH, 5 * screening.MANY_FRESH, without_script)
    assert watch() == 1
    assert Monitor.objects.get(campaign=campaign).figures["attack"] == ["fresh"]
    assert rules(campaign).asks_work()
    assert len(on_call) == 1


def test_an_attack_goes_on_over_the_hour_as_long_as_work_is_asked_and_is_told_once(campaign, sign, on_call):
    at_new_domains(campaign, sign, screening.MANY_FRESH, 0)
    next_hour = LabelCount.objects.filter(kind="f").get().first_hour + datetime.timedelta(hours=1)
    assert watch(next_hour - SECOND) == 1
    assert watch(next_hour + SECOND) == 1  # nothing unusual in this hour yet
    assert watch(next_hour + monitoring.STAYS_ON) == 0
    assert len(on_call) == 1


@pytest.mark.parametrize(("fresh", "ordinary"), [(-1, 0), (0, 60)])
def test_some_new_domains_are_nothing_unusual(campaign, sign, on_call, fresh, ordinary):
    at_new_domains(campaign, sign, screening.MANY_FRESH + fresh, ordinary)
    assert watch() == 0
    assert not rules(campaign).asks_work()
    assert on_call == []


@pytest.mark.parametrize(("held", "ordinary"), [(-1, 0), (0, 4 * monitoring.MUCH_HELD + 1)])
def test_few_held_ones_or_a_small_share_are_no_attack(campaign, sign, on_call, held, ordinary):
    hold(campaign, sign, monitoring.MUCH_HELD + held, ordinary)
    assert watch() == 0
    assert on_call == []


def test_where_the_mail_server_is_away_people_are_told_as_soon_as_it_is_back(campaign, on_call, settings):
    with_mail = settings.MAILERS
    settings.MAILERS = {
        "default": {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": {"host": "127.0.0.1", "port": 1},
        }
    }
    came(campaign, 10_000)
    assert watch() == 1
    assert Monitor.objects.get(campaign=campaign).told_at is None
    settings.MAILERS = with_mail
    for _ in range(2):
        watch()
    assert len(on_call) == 1


def test_where_redis_is_away_nothing_is_watched_and_nothing_fails(campaign, settings):
    settings.CACHES = {
        name: {**cache, "LOCATION": "unix:///nowhere/v.sock?db=0"} for name, cache in settings.CACHES.items()
    }
    assert watch() == 0
    minute_counters.note_confirmed(campaign.pk)


def test_the_dashboard_shows_rates_labels_and_what_is_held(campaign, sign, staff, staff_client):
    for n in range(4):
        trap = {"trap": True} if n == 0 else {}
        sign(campaign, email=f"p{n}@gmail.com", signals=SEEN | trap)
    with acting_as(django_settings.WORKER_ROLE):
        admission.admit_all(campaign)
    came(campaign, 37)
    came(campaign, 21, ago=30, kind="confirmed")
    watch()
    figures = Monitor.objects.get(campaign=campaign).figures
    assert (figures["screened"], figures["held"]) == (4, 1)
    ((label, n, held),) = [(row["label"], row["n"], row["held"]) for row in figures["domains"]]
    assert (n, held) == (4, 1)
    page = staff_client(staff(Role.MODERATOR)).get("/admin/signatures/monitor/").content.decode()
    told = (
        '"Signed per minute: 37 in the last hour, 37 at the peak"',
        '"Confirmed per minute: 21 in the last hour, 21 at the peak"',
    )
    for shown in (label, "37", "25.0%", campaign.title, *told):
        assert shown in page
    assert "gmail" not in page


def test_moderators_see_their_own_section_only_and_others_nothing(campaign, staff, staff_client):
    watch()
    elsewhere = Section.objects.create(name="Elsewhere", slug="elsewhere")
    page = staff_client(staff(Role.MODERATOR, elsewhere)).get("/admin/signatures/monitor/")
    assert campaign.title not in page.content.decode()
    for role in (Role.CAMPAIGNER, Role.DELIVERY_OFFICER):
        assert staff_client(staff(role)).get("/admin/signatures/monitor/").status_code in (302, 403)


# --- rulings in the admin -------------------------------------------------------------------------------------


def ruling_by(client, about, **given):
    typed = {"campaign": about.pk, "verb": "hold", "reason": "One office", "network": "ab" * 8}
    return client.post("/admin/signatures/ruling/add/", typed | given)


def test_a_moderator_rules_and_a_worker_is_needed_before_it_can_be_carried_out(campaign, staff, staff_client):
    moderator = staff(Role.MODERATOR)
    client = staff_client(moderator)
    assert ruling_by(client, campaign).status_code == 302
    ruling = Ruling.objects.get()
    assert (ruling.query, ruling.made_by, ruling.state) == ({"network": "ab" * 8}, moderator, "asked")
    page = f"/admin/signatures/ruling/{ruling.pk}"
    assert client.get(f"{page}/change/").status_code == 200
    assert client.get(f"{page}/carry_out/").status_code == 405  # a link changes nothing
    client.post(f"{page}/carry_out/")
    ruling.refresh_from_db()
    assert ruling.state == "asked"
    Ruling.objects.update(state="ready", would_touch=3)
    for step, state in (("carry_out", "running"), ("stop", "cancelled"), ("undo", "undoing")):
        client.post(f"{page}/{step}/")
        ruling.refresh_from_db()
        assert ruling.state == state


@pytest.mark.parametrize("given", [{"network": ""}, {"network": "xyz"}, {"reason": ""}, {"campaign": 0}])
def test_a_ruling_needs_a_query_a_reason_and_ones_own_campaign(campaign, staff, staff_client, given):
    assert ruling_by(staff_client(staff(Role.MODERATOR)), campaign, **given).status_code == 200
    assert not Ruling.objects.exists()


def test_another_sections_moderator_and_other_roles_rule_nothing(campaign, staff, staff_client):
    elsewhere = Section.objects.create(name="Elsewhere", slug="elsewhere")
    for person in (staff(Role.MODERATOR, elsewhere), staff(Role.CAMPAIGNER), staff(Role.PRIVACY_OFFICER)):
        ruling_by(staff_client(person), campaign)
    assert not Ruling.objects.exists()
    ruling_by(staff_client(staff(Role.MODERATOR)), campaign)
    page = f"/admin/signatures/ruling/{Ruling.objects.get().pk}"
    assert staff_client(staff(Role.MODERATOR, elsewhere)).post(f"{page}/stop/").status_code == 404
    assert Ruling.objects.get().state == "asked"
