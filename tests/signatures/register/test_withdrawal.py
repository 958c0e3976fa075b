"""Withdrawal: whoever holds the link takes the name back, whenever they press, and nothing of them is left."""

import datetime

import pytest
from django.conf import settings
from django.utils import timezone

from petitions.models import Campaign
from signatures.identity import canonical_mailbox, fingerprint, token_hash, withdrawal_token
from signatures.intake import confirmation
from signatures.models import LedgerEntry, Register, Signature, Submission, Tally, Withdrawal
from signatures.register import admission, withdrawal
from signatures.register.keyring import keys_of
from signatures.register.tally import check_tally
from tests.support.fixtures import acting_as


def link_of(campaign, email):
    """The hash of the withdrawal token that each mail to that mailbox carries."""
    mac = keys_of(campaign).mac
    return token_hash(withdrawal_token(mac, fingerprint(mac, canonical_mailbox(email))))


def press(hashed):
    with acting_as(settings.PUBLIC_ROLE):
        confirmation.ask_withdrawal(hashed)


def shown(hashed):
    with acting_as(settings.PUBLIC_ROLE):
        return confirmation.withdrawal_outcome(hashed)


def admit(campaign):
    with acting_as(settings.WORKER_ROLE):
        return admission.admit_all(campaign)


def apply():
    with acting_as(settings.WORKER_ROLE):
        return withdrawal.apply_withdrawals()


@pytest.fixture
def signed(campaign, sign):
    sign(campaign, email="ada@example.org", country="PL")
    sign(campaign, email="bob@example.org", country="PL")
    admit(campaign)
    return campaign


def test_nothing_of_the_person_is_left_and_the_number_stays_taken(signed):
    press(link_of(signed, "ada@example.org"))
    assert apply() == 1
    gone = signed.signatures.get(number=1)
    assert (gone.state, gone.country) == ("withdrawn", "PL")
    assert (gone.sealed, gone.fingerprint, gone.name_key, gone.withdrawal_hash) == (None, None, None, None)
    assert gone.share_name is False
    assert Tally.objects.of(signed).by_country() == {"PL": 1}
    assert Register.objects.values_list("last_number", "counted").get(campaign=signed) == (2, 1)
    assert LedgerEntry.totals(signed)["withdrawn"] == 1
    assert check_tally(signed) == []


def test_the_page_says_that_it_is_taken_then_done(signed):
    hashed = link_of(signed, "ada@example.org")
    assert shown(hashed) is None
    press(hashed)
    assert shown(hashed) == ""
    apply()
    assert shown(hashed) == "withdrawn"


def test_pressing_twice_takes_one_signature_back(signed):
    hashed = link_of(signed, "ADA@example.org")
    press(hashed)
    press(hashed)
    apply()
    press(hashed)
    assert apply() == 0
    assert shown(hashed) == "withdrawn"
    assert Tally.objects.of(signed).total() == 1
    assert LedgerEntry.totals(signed)["withdrawn"] == 1


def test_a_link_of_nobody_changes_nothing(signed):
    press(b"\1" * 32)
    assert not Withdrawal.objects.exists()
    assert apply() == 0
    assert shown(b"\1" * 32) is None
    assert Tally.objects.of(signed).total() == 2
    assert check_tally(signed) == []


def test_a_link_of_one_campaign_withdraws_in_that_one_only(make_campaign, sign):
    one, other = make_campaign(), make_campaign()
    for campaign in (one, other):
        sign(campaign, email="ada@example.org")
        admit(campaign)
    press(link_of(one, "ada@example.org"))
    apply()
    assert [Tally.objects.of(campaign).total() for campaign in (one, other)] == [0, 1]


def test_who_withdraws_before_admission_came_to_it_is_withdrawn_after_it(campaign, sign):
    sign(campaign, email="ada@example.org")
    hashed = link_of(campaign, "ada@example.org")
    press(hashed)
    assert apply() == 0
    assert shown(hashed) is None  # it would tell who asks with a made-up link that somebody has just confirmed
    admit(campaign)
    assert shown(hashed) == ""
    assert apply() == 1
    assert shown(hashed) == "withdrawn"
    assert Tally.objects.of(campaign).total() == 0


def test_who_withdraws_before_confirming_can_still_confirm_and_withdraw_again(campaign, sign):
    pending = sign(campaign, email="ada@example.org", confirmed=False)
    hashed = link_of(campaign, "ada@example.org")
    press(hashed)
    apply()
    assert shown(hashed) is None
    Submission.objects.filter(pk=pending).update(confirmed_at=timezone.now())
    admit(campaign)
    assert Tally.objects.of(campaign).total() == 1
    press(hashed)
    assert apply() == 1
    assert Tally.objects.of(campaign).total() == 0


def test_who_signs_again_counts_again_under_a_new_number_and_can_withdraw_again(signed, sign):
    hashed = link_of(signed, "ada@example.org")
    for expected in (1, 3):
        assert signed.signatures.get(withdrawal_hash=hashed).number == expected
        press(hashed)
        assert apply() == 1
        assert not signed.signatures.filter(withdrawal_hash=hashed).exists()
        sign(signed, email="ada@example.org")
        admit(signed)
    assert shown(hashed) is None
    assert signed.signatures.get(withdrawal_hash=hashed).number == 4
    assert check_tally(signed) == []


def test_made_up_links_hold_up_no_real_one(signed, sign, make_campaign, keyring, monkeypatch):
    """A campaign whose keys are away keeps its submissions waiting; what waits for them must not stop the rest."""
    monkeypatch.setattr(withdrawal, "BATCH", 3)
    stuck = make_campaign()
    sign(stuck)
    (keyring.directory / f"{stuck.uid}.json").unlink()
    for byte in range(5):
        press(bytes([byte]) * 32)
    press(link_of(signed, "ada@example.org"))
    assert apply() == 1
    assert Tally.objects.of(signed).total() == 1
    assert Withdrawal.objects.filter(outcome=None).count() == 5


@pytest.mark.parametrize("state", ["quarantined", "excluded"])
def test_what_is_not_counted_can_be_taken_back_and_changes_no_count(signed, state):
    # As a ruling leaves it: no longer in the tally.
    Signature.objects.filter(campaign=signed, number=1).update(state=state)
    check_tally(signed, repair=True)
    press(link_of(signed, "ada@example.org"))
    apply()
    gone = Signature.objects.get(campaign=signed, number=1)
    assert (gone.state, gone.sealed) == ("withdrawn", None)
    assert Tally.objects.of(signed).total() == 1
    assert check_tally(signed) == []


def test_one_that_never_got_a_number_can_be_taken_back(signed):
    Signature.objects.filter(campaign=signed, number=2).update(state="quarantined", number=None)
    check_tally(signed, repair=True)
    press(link_of(signed, "bob@example.org"))
    assert apply() == 1
    assert check_tally(signed) == []
    assert signed.signatures.get(state="withdrawn").number is None


def test_all_persons_of_a_mailbox_are_taken_back_by_its_link(make_campaign, sign):
    campaign = make_campaign(persons_per_mailbox=2)
    for name in ("Ada", "Bob"):
        sign(campaign, email="family@example.org", name=name)
    admit(campaign)
    press(link_of(campaign, "family@example.org"))
    apply()
    assert Tally.objects.of(campaign).total() == 0
    assert LedgerEntry.totals(campaign)["withdrawn"] == 2
    assert check_tally(campaign) == []


def test_a_closed_campaign_still_gives_names_back(signed):
    Campaign.objects.filter(pk=signed.pk).update(
        state="closed", closes_at=timezone.now() - datetime.timedelta(days=400)
    )
    press(link_of(signed, "ada@example.org"))
    assert apply() == 1
    assert Tally.objects.of(signed).total() == 1


def test_a_settled_withdrawal_keeps_the_day_only(campaign, sign, mail_of):
    """Beside the hash, which an older backup joins to a number, a time would be that signer's."""
    hashed = sign(campaign)
    known = mail_of(campaign, hashed)["withdraw"].split("/")[2]
    admission.admit_all(campaign)
    confirmation.ask_withdrawal(token_hash(known))
    assert withdrawal.apply_withdrawals() == 1
    assert {w.outcome for w in Withdrawal.objects.all()} == {"withdrawn"}
    for moment in Withdrawal.objects.values_list("created_at", flat=True):
        assert (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0)


def test_a_made_up_link_that_came_while_somebody_was_waiting_is_forgotten_with_the_next_look(campaign, sign):
    sign(campaign)
    press(b"\1" * 32)
    assert (Withdrawal.objects.count(), shown(b"\1" * 32), apply()) == (1, None, 0)
    admit(campaign)
    assert apply() == 1
    assert not Withdrawal.objects.exists()
