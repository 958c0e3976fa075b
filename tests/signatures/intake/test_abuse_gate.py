"""What the abuse gate sees of a sender, whom it lets wait, and what work it asks."""

import base64
import datetime
import hashlib
import itertools
import json
import random
import threading

import pytest
import time_machine
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connections, transaction
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from config import checks
from signatures.intake import abuse_gate, campaigns, networks, proof_of_work
from signatures.models import NetworkRule, SigningRules, Submission
from staff.models import Role
from tests.signatures.views.test_signing import TYPED, opened, sign_url
from tests.support.fixtures import acting_as
from web import senders
from web.minute_counters import read_trials
from web.senders import client_address


@pytest.fixture(autouse=True)
def _fresh_lists():
    networks.forget_networks()


def post(client, campaign, address="192.0.2.1", status=None, **typed):
    response = client.post(sign_url(campaign), TYPED | typed, REMOTE_ADDR=address)
    if status is not None:
        assert response.status_code == status
    return response


def signals_of(campaign):
    """Those of the one submission since it was last asked."""
    submission = Submission.objects.get()
    Submission.objects.all().delete()
    return opened(campaign, submission).signals


def solve(given):
    number = next(
        n
        for n in range(given["maxNumber"] + 1)
        if hashlib.sha256(f"{given['salt']}{n}".encode()).hexdigest() == given["challenge"]
    )
    answer = {key: given[key] for key in ("algorithm", "challenge", "salt", "signature")} | {"number": number}
    return base64.b64encode(json.dumps(answer).encode()).decode()


def rules(campaign, **given):
    SigningRules.objects.update_or_create(campaign=campaign, defaults=given)
    campaigns.forget_campaigns()


# --- whose request it is --------------------------------------------------------------------------------------


def forged_chains():
    """What a sender may write before the one address that our proxy appends."""
    draw = random.Random(7)
    hops = ["127.0.0.1", "::1", "10.0.0.1", "unknown", "", " ", '"192.0.2.9"', "[2001:db8::1]:443", "1.2.3.4, 5.6.7.8",
            "192.0.2.1", "\t", "for=198.51.100.7", "١٩٢.٠.٢.١", "999.1.1.1", "-"]  # fmt: skip
    return [", ".join(draw.choices(hops, k=draw.randint(0, 9))) for _ in range(40)]


@pytest.mark.parametrize("proxies", [1, 2])
def test_forty_forged_chains_change_nothing(settings, proxies):
    settings.TRUSTED_PROXIES = proxies
    seen = set()
    for forged in forged_chains():
        ours = ["203.0.113.77", "10.1.1.1"][:proxies]
        chain = ", ".join([*filter(None, [forged.strip(", ")]), *ours])
        request = RequestFactory().post("/", headers={"X-Forwarded-For": chain}, REMOTE_ADDR="10.2.2.2")
        assert client_address(request) == "203.0.113.77"
        seen.add(senders.sender_of(request).narrow)
    assert len(seen) == 1


def test_with_no_trusted_proxy_the_header_is_ignored():
    for forged in forged_chains():
        request = RequestFactory().post("/", headers={"X-Forwarded-For": forged}, REMOTE_ADDR="203.0.113.77")
        assert client_address(request) == "203.0.113.77"


def sender(address):
    return senders.sender_of(RequestFactory().post("/", REMOTE_ADDR=address))


def test_a_household_is_one_sender_and_a_provider_one_wide_network():
    one, same, neighbour, other = map(
        sender, ["2001:db8:1:1::1", "2001:db8:1:1:ffff::9", "2001:db8:1:2::1", "2001:db8:2:1::1"]
    )
    assert one.narrow == same.narrow != neighbour.narrow
    assert one.wide == neighbour.wide != other.wide
    assert sender("::ffff:192.0.2.1").narrow == sender("192.0.2.1").narrow
    assert sender("192.0.2.1").wide == sender("192.0.2.200").wide != sender("192.0.3.1").wide
    assert sender("nonsense").packed == b""


def test_moving_about_in_a_wide_network_does_not_help(client, campaign, settings):
    settings.SIGN_RATE = "2/h"
    statuses = [post(client, campaign, f"2001:db8:1:{n:x}::1").status_code for n in range(10)]
    assert statuses == [303] * 2 * abuse_gate.WIDE + [429] * 2


# --- lists ----------------------------------------------------------------------------------------------------


def listed(network, verdict, **given):
    maker, _ = User.objects.get_or_create(username="moderator")
    given = {"until": timezone.now() + datetime.timedelta(days=1), **given}
    made = NetworkRule.objects.create(network=network, verdict=verdict, reason="test", made_by=maker, **given)
    networks.forget_networks()
    return made


def test_the_narrowest_rule_holds(client, campaign, settings):
    settings.SIGN_RATE = "1/h"
    listed("192.0.2.0/24", "block")
    listed("192.0.2.128/25", "allow")
    listed("2001:db8::/32", "block")
    refused = post(client, campaign, "192.0.2.1", 429)
    assert refused["Retry-After"] == str(abuse_gate.BLOCKED_FOR)
    assert TYPED["name"] in refused.content.decode()
    for _ in range(3):
        post(client, campaign, "192.0.2.200", 303)
    post(client, campaign, "2001:db8:9::1", 429)
    post(client, campaign, "198.51.100.1", 303)


def test_a_rule_that_is_over_holds_no_longer(client, campaign):
    listed("192.0.2.0/24", "block", until=timezone.now())
    post(client, campaign, "192.0.2.1", 303)


def test_a_new_rule_only_counts_for_ten_minutes(client, campaign, as_desk):
    """A9: a /8 was kept out with the click that mistyped it."""
    with as_desk():
        rule = listed("192.0.0.0/8", "block")
    rule.refresh_from_db()
    assert rule.standing() == NetworkRule.Standing.TRIAL
    for _ in range(2):
        post(client, campaign, "192.0.2.1", 303)
    post(client, campaign, "198.51.100.1", 303)
    assert read_trials([rule.pk]) == {rule.pk: 2}
    NetworkRule.objects.filter(pk=rule.pk).update(trial_until=timezone.now())
    networks.forget_networks()
    post(client, campaign, "192.0.2.1", 429)
    assert read_trials([rule.pk]) == {rule.pk: 2}


def test_a_rule_on_trial_hides_no_other(client, campaign):
    listed("192.0.2.0/24", "block")
    listed("192.0.2.128/25", "allow", trial_until=timezone.now() + datetime.timedelta(minutes=1))
    post(client, campaign, "192.0.2.200", 429)


def test_another_network_is_another_trial_and_no_statement_goes_round_it(as_desk):
    with as_desk():
        rule = listed("192.0.2.0/24", "block")
    NetworkRule.objects.filter(pk=rule.pk).update(trial_until=timezone.now() - datetime.timedelta(hours=1))
    with as_desk():
        for change in ({"reason": "more"}, {"trial_until": None}):
            NetworkRule.objects.filter(pk=rule.pk).update(**change)
            assert NetworkRule.objects.get().standing() == NetworkRule.Standing.IN_FORCE
        for change in ({"network": "10.0.0.0/8"}, {"verdict": "allow"}):
            NetworkRule.objects.filter(pk=rule.pk).update(**change)
            assert NetworkRule.objects.get().standing() == NetworkRule.Standing.TRIAL
            NetworkRule.objects.filter(pk=rule.pk).update(trial_until=None)
            assert NetworkRule.objects.get().standing() == NetworkRule.Standing.TRIAL
    for until in (None, timezone.now() + datetime.timedelta(days=400)):
        with pytest.raises(IntegrityError), transaction.atomic(), as_desk():
            NetworkRule.objects.filter(pk=rule.pk).update(until=until)


@pytest.mark.parametrize("days", [-400, -1, 0, 367, 40_000])
def test_an_end_in_the_past_or_years_ahead_is_refused(days):
    until = timezone.now() + datetime.timedelta(days=days)
    rule = NetworkRule(network="192.0.2.0/24", verdict="block", reason="test", until=until)
    with pytest.raises(ValidationError):
        rule.clean()


def test_standing_is_one_rule_in_two_tongues(db):
    now = timezone.now()
    moments = [now - datetime.timedelta(hours=1), now, now + datetime.timedelta(hours=1)]
    for n, (until, trial) in enumerate(itertools.product(moments, [None, *moments])):
        listed(f"192.0.{n}.0/24", "block", until=until, trial_until=trial)
    said = {rule.pk: rule.standing(now) for rule in NetworkRule.objects.all()}
    for found, standing in (
        (NetworkRule.objects.in_force(now), NetworkRule.Standing.IN_FORCE),
        (NetworkRule.objects.on_trial(now), NetworkRule.Standing.TRIAL),
    ):
        assert {rule.pk for rule in found} == {pk for pk, stands in said.items() if stands == standing}


def test_the_desk_shows_what_a_trial_has_met(client, campaign, as_desk, staff, staff_client):
    with as_desk():
        listed("192.0.2.0/24", "block")
    post(client, campaign, "192.0.2.1", 303)
    browser = staff_client(staff(Role.MODERATOR))
    page = browser.get(reverse("admin:signatures_networkrule_changelist")).content.decode()
    assert "it has met 1 requests so far" in page
    assert 'name="until_0"' in browser.get(reverse("admin:signatures_networkrule_add")).content.decode()
    with time_machine.travel(timezone.now() + datetime.timedelta(minutes=11), tick=False):
        assert browser.get(reverse("admin:signatures_networkrule_add"))["Location"].startswith("/admin/again/")


@pytest.mark.parametrize("network", ["", "192.0.2.1/24", "0.0.0.0/0", "::/0", "10.0.0.0/7", "x", "192.0.2.0/33"])
def test_what_is_no_network_or_half_the_internet_is_refused(network):
    rule = NetworkRule(network=network, verdict="block", reason="test")
    with pytest.raises(ValidationError):
        rule.clean()


# --- proof of work --------------------------------------------------------------------------------------------


def ask(client, campaign, address="192.0.2.1"):
    return client.get(f"/c/{campaign.slug}/work/", REMOTE_ADDR=address)


def test_no_work_is_asked_of_an_ordinary_sender(client, campaign):
    response = ask(client, campaign)
    assert (response.status_code, response["Cache-Control"]) == (204, "no-store")
    assert not response.cookies


def test_a_campaign_that_asks_for_work_marks_who_brings_none_and_refuses_nobody(client, campaign):
    rules(campaign, proof_of_work="on")
    post(client, campaign, status=303)
    assert signals_of(campaign)["work"] == "missing"
    post(client, campaign, status=303, work=solve(ask(client, campaign).json()))
    assert signals_of(campaign)["work"] == "done"


def test_a_worker_may_turn_it_on_for_a_while_unless_it_is_off():
    later = timezone.now() + datetime.timedelta(minutes=5)
    assert SigningRules(proof_of_work="auto", work_until=later).asks_work()
    assert not SigningRules(proof_of_work="auto", work_until=timezone.now()).asks_work()
    assert not SigningRules(proof_of_work="off", work_until=later).asks_work()
    assert SigningRules(proof_of_work="on").asks_work()


def test_a_network_is_asked_for_work_long_before_it_is_refused(client, campaign, settings):
    settings.SIGN_RATE, settings.SIGN_RATE_WITH_WORK = "4/h", "8/h"
    post(client, campaign)
    assert ask(client, campaign).status_code == 204
    post(client, campaign)
    assert ask(client, campaign).status_code == 200
    statuses = [post(client, campaign).status_code for _ in range(3)]
    assert statuses == [303, 303, 429]
    worked = [post(client, campaign, work=solve(ask(client, campaign).json())).status_code for _ in range(9)]
    assert worked == [303] * 8 + [429]


def test_what_is_refused_uses_up_nothing_that_a_signer_needs(client, campaign, settings):
    """600 empty forms from an exit, then somebody signs there: with work or without, nothing is held against them."""
    settings.SIGN_RATE, settings.SIGN_RATE_WITH_WORK = "4/h", "8/h"
    empty = [{"name": "", "email": ""}, {"email": "no address"}, {"country": "XX"}, {"name": ""}, {"place": "a\0"}]
    refused = [post(client, campaign, **typed).status_code for typed in empty]
    assert refused == [422] * 4 + [429]
    for _ in range(20):
        post(client, campaign, name="")
    work = solve(proof_of_work.challenge(campaign))
    post(client, campaign, status=303, work=work)
    assert signals_of(campaign)["so_far"] == 1
    post(client, campaign, status=303)
    assert signals_of(campaign)["so_far"] == 2


def test_one_solution_sent_again_uses_up_nothing_of_those_who_work(client, campaign, settings):
    settings.SIGN_RATE, settings.SIGN_RATE_WITH_WORK = "2/h", "3/h"
    replayed = solve(proof_of_work.challenge(campaign))
    statuses = [post(client, campaign, work=replayed).status_code for _ in range(6)]
    assert statuses == [303] * 3 + [429] * 3
    for _ in range(2):
        post(client, campaign, status=303, work=solve(proof_of_work.challenge(campaign)))


def test_a_solution_counts_once(client, campaign):
    solution = solve(proof_of_work.challenge(campaign))
    rules(campaign, proof_of_work="on")
    for expected in ("done", "missing"):
        post(client, campaign, work=solution, status=303)
        assert signals_of(campaign)["work"] == expected


@pytest.mark.django_db(transaction=True)
def test_of_many_that_bring_one_solution_at_once_one_is_believed(campaign):
    SigningRules(campaign=campaign)
    solution, request, told = solve(proof_of_work.challenge(campaign)), RequestFactory().post("/"), []

    def check_sender():
        told.append(abuse_gate.check_sender(request, campaign, {"work": solution}).signals.get("work"))
        connections.close_all()

    threads = [threading.Thread(target=check_sender) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, told)) == ["None"] * 11 + ["done"]


def test_a_solution_for_another_campaign_or_out_of_date_or_made_up_is_none(campaign, make_campaign, monkeypatch):
    other = make_campaign()
    solution = solve(proof_of_work.challenge(other))
    assert proof_of_work.solved(other, solution)
    assert proof_of_work.solved(campaign, solution) == ""
    monkeypatch.setattr(proof_of_work, "LIFE", -proof_of_work.LIFE)
    assert proof_of_work.solved(campaign, solve(proof_of_work.challenge(campaign))) == ""
    payload = json.loads(base64.b64decode(solution))
    forged = [
        payload | {"salt": payload["salt"].replace("expires=", "expires=9")},
        payload | {"number": payload["number"] + 1},
        payload | {"number": str(payload["number"])},
        payload | {"signature": "0" * 64},
        [], 5, None, {}, "text",
    ]  # fmt: skip
    for made_up in forged:
        assert proof_of_work.solved(other, base64.b64encode(json.dumps(made_up).encode()).decode()) == ""
    for nonsense in ("", "x", "\0", "я", "=" * 50, "QUJD", '"', "A" * 5000):
        assert proof_of_work.solved(other, nonsense) == ""


def test_form_and_challenge_are_the_only_ones_that_know(client, campaign):
    """The page stays the same for all, so any cache may keep it."""
    pages = [client.get(f"/c/{campaign.slug}/sign/").content]
    rules(campaign, proof_of_work="on")
    pages.append(client.get(f"/c/{campaign.slug}/sign/").content)
    assert pages[0] == pages[1]
    assert b"data-work-url" in pages[0]


# --- signals --------------------------------------------------------------------------------------------------


def test_what_only_a_machine_fills_in_is_kept_as_a_signal_and_refuses_nobody(client, campaign):
    post(client, campaign, status=303, **{abuse_gate.TRAP: "http://spam.example", "took": "1900"})
    seen = signals_of(campaign)
    assert (seen["trap"], seen["took"], seen["so_far"]) == (True, 1, 1)
    post(client, campaign, status=303, took="-1")
    assert not {"trap", "took"} & signals_of(campaign).keys()


@pytest.mark.parametrize("took", ["", "x", "١٢", "9" * 50, "1.5", "\0"])
def test_a_fill_time_that_is_no_number_is_none(took):
    assert "took" not in abuse_gate._of_the_form({"took": took})


def test_no_address_is_in_what_is_sealed(client, campaign):
    with acting_as(django_settings.PUBLIC_ROLE):
        post(client, campaign, "198.51.100.23")
    assert "198.51" not in json.dumps(signals_of(campaign))


@pytest.fixture(params=[{"country": {"iso_code": "BY"}}, {"country": "Belarus", "country_code": "BY"}])
def countries(request, tmp_path, settings):
    """A table that puts one network of either kind into Belarus, as its different makers write it."""
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True)
    writer.insert_network(IPSet(["198.51.100.0/24", "2001:db8::/32"]), request.param)
    settings.NETWORK_COUNTRIES = str(tmp_path / "countries.mmdb")
    writer.to_db_file(settings.NETWORK_COUNTRIES)


@pytest.mark.parametrize("address", ["198.51.100.23", "2001:db8::1"])
def test_a_network_in_another_country_is_a_signal_and_its_country_is_not_kept(client, campaign, countries, address):
    post(client, campaign, address, country="PL")
    seen = signals_of(campaign)
    assert seen["abroad"] is True
    assert "BY" not in json.dumps(seen)
    for elsewhere, country in ((address, "by"), ("192.0.2.1", "PL")):  # the table does not know the second
        post(client, campaign, elsewhere, country=country)
        assert "abroad" not in signals_of(campaign)


def test_a_table_that_is_none_is_told_and_stops_nobody(client, campaign, settings, tmp_path, caplog):
    settings.NETWORK_COUNTRIES = str(tmp_path / "absent.mmdb")
    assert [problem.id for problem in checks.networks_have_countries(None)] == ["undersigned.E007"]
    post(client, campaign, "198.51.100.23")
    assert "abroad" not in signals_of(campaign)
    assert "cannot be read as a table of networks" in caplog.text


@pytest.mark.parametrize("name", ["SIGN_RATE", "SIGN_RATE_WITH_WORK", "LOGIN_RATE"])
def test_a_rate_that_is_none_is_told_before_anybody_signs_or_logs_in(settings, name):
    assert list(checks.rates_are_rates(None)) == []
    setattr(settings, name, "10/60")
    assert [problem.id for problem in checks.rates_are_rates(None)] == ["undersigned.E008"]
