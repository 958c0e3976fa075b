"""Admission: exactly once, numbered without gaps, counted at the same moment."""

import datetime
import threading

import pytest
from django.conf import settings
from django.db import connection, connections
from django.utils import timezone

from petitions.models import CONFIRMATION_GRACE, Campaign
from signatures.intake import submissions
from signatures.models import LedgerEntry, Outcome, Register, Signature, Submission, Tally
from signatures.register import admission
from signatures.register.tally import check_tally
from tests.support.fixtures import a_person, acting_as


def admit(campaign, **kwargs):
    with acting_as(settings.WORKER_ROLE):
        return admission.admit_all(campaign, **kwargs)


def numbers(campaign):
    return list(campaign.signatures.order_by("number").values_list("number", flat=True))


def test_a_confirmed_submission_is_counted_and_emptied(campaign, sign):
    hashed = sign(campaign, country="PL")
    assert admit(campaign) == 1
    submission = Submission.objects.get(pk=hashed)
    assert (submission.outcome, submission.number, submission.sealed, submission.sealing_key_id) == (
        Outcome.COUNTED, 1, None, None,
    )  # fmt: skip
    assert Tally.objects.of(campaign).by_country() == {"PL": 1}
    assert Register.objects.get(campaign=campaign).counted == 1


def test_an_unconfirmed_submission_is_left_alone(campaign, sign):
    hashed = sign(campaign, confirmed=False)
    assert admit(campaign) == 0
    assert Submission.objects.get(pk=hashed).outcome is None


def test_the_same_mailbox_counts_once_whoever_confirmed_first(campaign, sign):
    now = timezone.now()
    second = sign(campaign, email=" ada@EXAMPLE.org", name="Ada B.", confirmed=now)
    first = sign(campaign, email="Ada@example.org", name="Ada A.", confirmed=now - datetime.timedelta(minutes=1))
    admit(campaign)
    outcomes = {h: (s.outcome, s.number) for h, s in Submission.objects.in_bulk([first, second]).items()}
    assert outcomes == {first: (Outcome.COUNTED, 1), second: (Outcome.DUPLICATE, 1)}
    assert numbers(campaign) == [1]


def test_a_duplicate_in_a_later_batch_is_told_the_number_it_has(campaign, sign):
    sign(campaign, email="a@example.org")
    sign(campaign, email="b@example.org")
    admit(campaign)
    again = sign(campaign, email="B@EXAMPLE.ORG")
    admit(campaign)
    assert Submission.objects.get(pk=again).number == 2
    assert numbers(campaign) == [1, 2]


def test_several_persons_of_one_mailbox_where_the_campaign_allows_it(make_campaign, sign):
    campaign = make_campaign(persons_per_mailbox=2)
    for name in ("Иван", "محمد", "иван", "李"):
        sign(campaign, email="family@example.org", name=name)
    admit(campaign)
    assert sorted(campaign.signatures.values_list("slot", flat=True)) == [0, 1]
    assert LedgerEntry.totals(campaign)["duplicate"] == 2


def test_numbers_have_no_gaps_over_batches(campaign, sign):
    for _ in range(7):
        sign(campaign)
    assert admit(campaign, batch=3) == 7
    assert numbers(campaign) == [1, 2, 3, 4, 5, 6, 7]
    assert LedgerEntry.objects.get(campaign=campaign).admitted == 7  # a row a day, not a batch


def test_an_altered_submission_does_not_hold_up_the_others(campaign, sign):
    bad, good = sign(campaign), sign(campaign)
    Submission.objects.filter(pk=bad).update(sealed=b"x" * 300)
    admit(campaign)
    assert Submission.objects.get(pk=bad).outcome == Outcome.UNREADABLE
    assert Submission.objects.get(pk=good).outcome == Outcome.COUNTED


def test_a_submission_moved_to_another_row_does_not_open(campaign, sign):
    one, other = sign(campaign), sign(campaign)
    row = Submission.objects.get(pk=one)
    Submission.objects.filter(pk=other).update(sealed=row.sealed, sealing_key=row.sealing_key)
    admit(campaign)
    assert Submission.objects.get(pk=other).outcome == Outcome.UNREADABLE


def test_confirmed_within_a_day_of_closing_still_counts_and_later_does_not(make_campaign, sign):
    closed = timezone.now() - datetime.timedelta(days=2)
    campaign = make_campaign()
    in_time = sign(campaign, confirmed=closed + CONFIRMATION_GRACE - datetime.timedelta(seconds=1))
    late = sign(campaign, confirmed=closed + CONFIRMATION_GRACE)
    Campaign.objects.filter(pk=campaign.pk).update(state="closed", closes_at=closed)
    admit(Campaign.objects.get(pk=campaign.pk))
    assert Submission.objects.get(pk=in_time).outcome == Outcome.COUNTED
    assert Submission.objects.get(pk=late).outcome == Outcome.LATE


def test_a_campaign_at_risk_tells_nobody_a_number(make_campaign, sign):
    campaign = make_campaign(at_risk=True, disclosure="count")
    hashed = sign(campaign)
    admit(campaign)
    assert Submission.objects.get(pk=hashed).number is None
    assert numbers(campaign) == [1]


def test_no_time_finer_than_a_day_is_left(campaign, sign):
    hashed = sign(campaign)
    Submission.objects.filter(pk=hashed).update(mailed_at=timezone.now())
    admit(campaign)
    submission = Submission.objects.get(pk=hashed)
    for moment in (submission.created_at, submission.mailed_at, submission.confirmed_at):
        assert (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0)


def test_keys_that_are_missing_stop_one_campaign_and_no_other(make_campaign, sign, keyring):
    lost, fine = make_campaign(), make_campaign()
    kept, counted = sign(lost), sign(fine)
    (keyring.directory / f"{lost.uid}.json").unlink()
    with acting_as(settings.WORKER_ROLE):
        assert admission.admit_everything() == 1
    assert Submission.objects.get(pk=counted).outcome == Outcome.COUNTED
    assert Submission.objects.get(pk=kept).sealed is not None


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_count_each_signer_once(make_campaign):
    campaign = make_campaign()
    people = [a_person(email=f"p{n % 150}@example.org") for n in range(300)]
    for person in people:
        submissions.take(campaign, person)
    Submission.objects.update(confirmed_at=timezone.now())
    errors = []

    def work():
        try:
            admission.admit_all(campaign, batch=20)
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    admission.admit_all(campaign)  # what another's lock made the last one skip
    assert not errors
    assert numbers(campaign) == list(range(1, 151))
    assert Tally.objects.of(campaign).total() == 150
    assert check_tally(campaign) == []
    assert LedgerEntry.totals(campaign)["duplicate"] == 150


def test_web_has_no_right_on_signatures(campaign, as_web):
    from django.db import ProgrammingError, transaction

    for table in ("signatures_signature",):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic(), as_web():
            connection.cursor().execute(f"SELECT 1 FROM {table}")
    assert Signature.objects.count() == 0
