"""Judgement at admission: reasons, what they hold back, and what is kept of them for how long."""

import datetime
from collections import Counter

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from signatures.identity import Mac
from signatures.models import (
    LabelCount,
    LedgerEntry,
    Outcome,
    Reason,
    Register,
    Signature,
    Submission,
    Trace,
    Withdrawal,
)
from signatures.register import admission, screening
from signatures.register.pruning import prune
from signatures.register.tally import check_tally
from signatures.register.unsealing import Opener
from signatures.register.withdrawal import apply_withdrawals
from tests.support.fixtures import a_person, acting_as

SEEN = {"network": "0123456789abcdef", "wide": "fedcba9876543210", "took": 40, "so_far": 1}


def admit(campaign):
    with acting_as(django_settings.WORKER_ROLE):
        admission.admit_all(campaign)


def reasons_of(campaign):
    return [Reason(r) for r in Trace.objects.filter(campaign=campaign).order_by("pk").values_list("reasons", flat=True)]


def states(campaign):
    return sorted(campaign.signatures.values_list("state", flat=True))


def come(sign, campaign, n=1, *, domain="gmail.com", **seen):
    """That many people, each from a network of their own."""
    for i in range(n):
        label = {"network": f"{domain}{i}"}
        sign(campaign, email=f"p{i}.{domain.partition('.')[0]}@{domain}", signals=SEEN | label | seen)


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        ({"trap": True}, Reason.TRAP),
        ({"took": 1}, Reason.QUICK),
        ({"work": "missing"}, Reason.UNWORKED),
        ({"unlimited": True}, Reason.UNLIMITED),
        ({"abroad": True}, Reason.ABROAD),
        ({"so_far": screening.MANY_OF_A_NETWORK + 1}, Reason.NETWORK),
    ],
)
def test_what_the_web_saw_becomes_a_reason(campaign, sign, seen, reason):
    come(sign, campaign, **seen)
    admit(campaign)
    assert reasons_of(campaign) == [reason]


def test_an_ordinary_person_gives_no_reason(campaign, sign):
    come(sign, campaign, work="done")
    admit(campaign)
    assert reasons_of(campaign) == [Reason(0)]
    assert states(campaign) == ["counted"]


def test_nobody_is_held_for_what_is_theirs_alone(campaign, sign):
    """No script, no proof of work, a fast hand, a throw-away address: each may be anybody's."""
    sign(
        campaign, email="a@mailinator.com", signals={"network": "00", "work": "missing", "unlimited": True, "so_far": 1}
    )
    admit(campaign)
    (reasons,) = reasons_of(campaign)
    assert reasons == Reason.UNTIMED | Reason.UNWORKED | Reason.UNLIMITED | Reason.DISPOSABLE
    assert states(campaign) == ["counted"]


def test_a_crowded_network_alone_holds_nobody(campaign, sign):
    come(sign, campaign, 30, network="same", today=200)
    admit(campaign)
    assert set(states(campaign)) == {"counted"}


@pytest.mark.parametrize("all_reasons", [Reason.TRAP, Reason.NETWORK | Reason.UNTIMED, Reason.DOMAIN | Reason.FRESH])
def test_one_of_many_and_one_reason_more_holds(all_reasons):
    assert screening.is_held(all_reasons)
    if all_reasons is not Reason.TRAP:
        assert not any(screening.is_held(one) for one in all_reasons)


@pytest.mark.parametrize("domain", ["posteo.de", "mailbox.org", "mail.ru", "seznam.cz"])
def test_tags_of_one_mailbox_are_held_from_the_fifth_on_whatever_their_networks(campaign, sign, domain):
    for n in range(12):
        seen = SEEN | {"network": f"{n:032x}", "wide": f"{n:032x}"}
        sign(campaign, email=f"mallory+{n}@{domain}", signals=seen)
        sign(campaign, email=f"person{n}+x@{domain}", signals=seen)
        admit(campaign)
    counted = campaign.signatures.filter(state="counted").count()
    assert counted == 12 + screening.MANY_OF_A_MAILBOX - 1
    held = [reasons for reasons in reasons_of(campaign) if Reason.TAGS in reasons]
    assert len(held) == 12 - screening.MANY_OF_A_MAILBOX + 1


def test_what_is_held_has_no_number_is_not_counted_and_gets_the_same_way_out(campaign, sign):
    held = sign(campaign, signals=SEEN | {"trap": True})
    come(sign, campaign)
    admit(campaign)
    signature = campaign.signatures.get(state=Signature.State.QUARANTINED)
    assert signature.number is None
    assert Register.objects.get(campaign=campaign).counted == 1
    assert Register.objects.get(campaign=campaign).last_number == 1
    assert check_tally(campaign) == []
    submission = Submission.objects.get(pk=held)
    assert (submission.outcome, submission.number, submission.sealed) == (Outcome.HELD, None, None)
    entry = LedgerEntry.objects.get(campaign=campaign)
    assert (entry.taken, entry.admitted, entry.held) == (2, 1, 1)


def test_many_at_a_new_domain_are_held_from_the_tenth_on(campaign, sign):
    come(sign, campaign, 9, domain="bots.example", took=1)
    admit(campaign)
    assert set(states(campaign)) == {"counted"}
    for n in range(20):
        sign(campaign, email=f"more{n}@bots.example", signals=SEEN | {"took": 1})
    admit(campaign)
    assert states(campaign).count("quarantined") == 20


def test_a_domain_known_for_days_is_not_new(campaign, sign):
    come(sign, campaign, 2, domain="university.example", took=1)
    admit(campaign)
    LabelCount.objects.update(first_hour=timezone.now() - datetime.timedelta(days=2))
    for n in range(20):
        sign(campaign, email=f"more{n}@university.example", signals=SEEN | {"took": 1})
    admit(campaign)
    assert set(states(campaign)) == {"counted"}


def test_an_hour_full_of_new_domains_holds_those_without_script(campaign, sign):
    for n in range(25):
        sign(campaign, email=f"p@bots{n}.example", signals={"network": f"{n:016x}", "so_far": 1})
        sign(campaign, email=f"p{n}@gmail.com", signals=SEEN | {"network": f"9{n:015x}"})
    sign(campaign, email="me@my-own.example", signals=SEEN)
    admit(campaign)
    assert states(campaign) == ["counted"] * 26 + ["quarantined"] * 25


@pytest.mark.parametrize(
    ("bots", "without_script", "held"),
    [
        (screening.MANY_FRESH, 10, screening.MANY_FRESH),
        (screening.MANY_FRESH - 1, 10, 0),
        (screening.MANY_FRESH, 61, 0),
    ],
)
def test_in_a_busy_hour_a_flood_is_found_among_those_with_something_against_them(
    campaign, sign, bots, without_script, held
):
    """Ordinary people, some with domains of their own, a few without script; and bots that are a small part of all."""
    come(sign, campaign, 100)
    for n in range(15):
        come(sign, campaign, domain=f"own{n}.example", work="done")
    for n in range(without_script):
        sign(campaign, email=f"slow{n}@gmail.com", signals={"network": f"8{n:015x}", "so_far": 1})
    for n in range(bots):
        sign(campaign, email=f"p@bots{n}.example", signals=SEEN | {"network": f"{n:016x}", "work": "missing"})
    admit(campaign)
    assert states(campaign).count("quarantined") == held
    assert set(campaign.signatures.filter(state="quarantined").values_list("trace__reasons", flat=True)) <= {
        Reason.FRESH | Reason.UNWORKED
    }


@pytest.mark.parametrize(("plain", "held"), [(30, 0), (10, 15)])
def test_in_an_hour_full_of_new_domains_a_carriers_customers_are_not_held_and_a_floods_network_is(
    campaign, sign, plain, held
):
    """Fifteen at domains of their own come through one crowded network; beside them so many at large providers."""
    for n in range(25):
        sign(campaign, email=f"p@bots{n}.example", signals=SEEN | {"network": f"{n:016x}"})
    for n in range(plain + 15):
        email = f"p{n}@gmail.com" if n < plain else f"me@own{n}.example"
        sign(campaign, email=email, signals=SEEN | {"network": "carrier", "so_far": 50 + n, "work": "done"})
    admit(campaign)
    assert states(campaign).count("quarantined") == held


def test_the_same_comment_again_and_again_is_a_reason(campaign, sign):
    for n in range(6):
        sign(campaign, email=f"p{n}@gmail.com", comment="Down with  the Mayor and all his works!", signals=SEEN)
        sign(campaign, email=f"q{n}@gmail.com", comment="I agree.", signals=SEEN)
    admit(campaign)
    assert reasons_of(campaign).count(Reason.COMMENT) == 6


@pytest.mark.parametrize(("plain", "held"), [(30, 0), (6, 11)])
def test_words_that_others_were_handed_too_hold_no_carriers_customers_and_do_hold_a_floods_network(
    campaign, sign, plain, held
):
    """Fifteen with one comment through one crowded network; beside them so many who say nothing. Four are not many."""
    for n in range(plain):
        sign(campaign, email=f"p{n}@gmail.com", signals=SEEN | {"network": "carrier", "so_far": 50 + n, "work": "done"})
    admit(campaign)
    for n in range(15):
        seen = SEEN | {"network": "carrier", "so_far": 100 + n, "work": "done"}
        sign(campaign, email=f"q{n}@gmail.com", comment="Down with the Mayor and all his works!", signals=seen)
        if n == screening.MANY_OF_A_COMMENT - 2:
            admit(campaign)
    admit(campaign)
    assert states(campaign).count("quarantined") == held


@pytest.mark.parametrize(("with_script", "held"), [(20, 0), (4, 9)])
def test_who_has_no_script_behind_a_tor_exit_is_not_held_and_a_clumsy_network_is(campaign, sign, with_script, held):
    """Nine without script come through one crowded network; before them so many with one. Four do not cover nine."""
    through = SEEN | {"network": "exit"}
    for n in range(with_script):
        sign(campaign, email=f"p{n}@gmail.com", signals=through | {"so_far": 11 + n, "work": "done"})
    without = {key: value for key, value in through.items() if key != "took"} | {"work": "missing"}
    for n in range(9):
        sign(campaign, email=f"q{n}@gmail.com", signals=without | {"so_far": 50 + n})
    admit(campaign)
    assert states(campaign).count("quarantined") == held


@pytest.mark.parametrize("alike", ["comment", "domain"])
def test_ten_clumsy_bots_of_each_network_cannot_hide_behind_its_eleventh(campaign, sign, alike):
    for network in range(5):
        seen = {"network": f"{network:016x}", "work": "missing"}
        for n in range(screening.MANY_OF_A_NETWORK):
            name = f"p{network}-{n}"
            email = f"{name}@gmail.com" if alike == "comment" else f"p@{name}.example"
            comment = "Down with the Mayor and all his works!" if alike == "comment" else ""
            sign(campaign, email=email, comment=comment, signals=seen | {"so_far": n + 1})
        plain = SEEN | seen | {"so_far": screening.MANY_OF_A_NETWORK + 1, "work": "done"}
        sign(campaign, email=f"plain{network}@gmail.com", signals=plain)
    admit(campaign)
    assert states(campaign).count("quarantined") == 5 * screening.MANY_OF_A_NETWORK


def test_words_that_most_of_a_carriers_customers_were_handed_take_nothing_from_those_who_did_not_use_them(
    campaign, sign
):
    """Beside a flood at new domains: who has a domain of their own there, and no such words, is counted."""
    for n in range(25):
        sign(campaign, email=f"p@bots{n}.example", signals=SEEN | {"network": f"{n:016x}", "work": "missing"})
    for n in range(45):
        email = f"me@own{n}.example" if n >= 35 else f"p{n}@gmail.com"
        comment = "Down with the Mayor and all his works!" if n < 20 else ""
        seen = SEEN | {"network": "carrier", "so_far": 50 + n, "work": "done"}
        sign(campaign, email=email, comment=comment, signals=seen)
    admit(campaign)
    held = campaign.signatures.filter(state="quarantined").values_list("trace__reasons", flat=True)
    assert Counter(held) == {Reason.FRESH | Reason.UNWORKED: 25, Reason.NETWORK | Reason.COMMENT: 20}


def test_a_confirmation_within_seconds_of_the_mail_is_a_reason(campaign, sign):
    now = timezone.now()
    hashed = sign(campaign, signals=SEEN, email="p@gmail.com")
    Submission.objects.filter(pk=hashed).update(mailed_at=now, confirmed_at=now + datetime.timedelta(seconds=1))
    admit(campaign)
    assert reasons_of(campaign) == [Reason.INSTANT]


def test_what_did_not_come_through_the_door_is_not_judged(campaign, sign):
    for _ in range(30):
        sign(campaign)
    admit(campaign)
    assert set(states(campaign)) == {"counted"}
    assert not Trace.objects.exists()


@pytest.mark.parametrize("value", [[], {}, None, 1.5, "x" * 5000, True, -1, "\ud800"])
def test_signals_that_a_seized_web_made_up_break_nothing(campaign, value):
    person = a_person(signals={"network": "n", "took": value, "so_far": value, "work": value, "wide": value})
    assert screening.observe(Mac(b"p" * 32), person, "a@example.org", timezone.now(), None)


def test_labels_compare_within_a_campaign_only_and_are_not_the_webs(campaign, make_campaign, sign):
    other = make_campaign()
    for one in (campaign, other):
        come(sign, one, **SEEN)
    sign(campaign, email="q@gmail.com", signals=SEEN)
    admit(campaign)
    admit(other)
    first, second = Trace.objects.filter(campaign=campaign).order_by("pk")
    foreign = Trace.objects.get(campaign=other)
    assert bytes(first.network) == bytes(second.network) != bytes(foreign.network)
    assert bytes(first.domain) == bytes(second.domain) != bytes(foreign.domain)
    assert bytes(first.network).hex() not in SEEN["network"]


def test_signals_are_not_sealed_into_the_register(campaign, sign):
    come(sign, campaign)
    admit(campaign)
    signature = campaign.signatures.get()
    person = Opener(campaign).keys.register_box.open(bytes(signature.sealed), bytes(signature.fingerprint))
    assert person.signals == {}


def test_how_they_came_is_gone_after_thirty_days_and_with_a_withdrawal(campaign, sign, mail_of):
    come(sign, campaign, 2)
    admit(campaign)
    signature = campaign.signatures.first()
    Withdrawal.objects.create(token_hash=bytes(signature.withdrawal_hash))
    with acting_as(django_settings.WORKER_ROLE):
        apply_withdrawals()
        assert Trace.objects.count() == 1
        prune(timezone.now() + datetime.timedelta(days=29))
        assert Trace.objects.count() == 1
        prune(timezone.now() + datetime.timedelta(days=31))
    assert not Trace.objects.exists()
    assert not LabelCount.objects.exists()


def test_who_comes_through_a_network_abroad_with_many_others_is_not_held():
    assert not screening.is_held(Reason.NETWORK | Reason.ABROAD)
    assert screening.is_held(Reason.NETWORK | Reason.ABROAD | Reason.QUICK)
