"""Asking for a delivery and deciding on it: two people, ranges without overlap or hole, and what SQL refuses."""

import contextlib
import datetime
import threading

import pytest
from django.conf import settings
from django.db import IntegrityError, ProgrammingError, connection, connections, transaction

from petitions.models import Addressee, Disclosure
from signatures.desk import deliveries
from signatures.desk.deliveries import NotAllowed, first_gap
from signatures.models import Delivery, Register
from staff.models import APPROVAL_EXPIRES, Role
from tests.support.fixtures import a_delivery, acting_as, aged

STATE = Delivery.State


@pytest.fixture
def officer(staff):
    return staff(Role.DELIVERY_OFFICER, username="officer-1")


@pytest.fixture
def colleague(staff):
    return staff(Role.DELIVERY_OFFICER, username="officer-2")


@pytest.fixture
def notary(db):
    return Addressee.objects.create(name="The Notary", trusted_third_party=True)


def numbered(campaign, last_number):
    """As if that many had been admitted."""
    Register.objects.filter(campaign=campaign).update(last_number=last_number, counted=last_number)


def request(campaign, officer, profile="count", addressee=None):
    with acting_as(settings.DESK_ROLE):
        return deliveries.request_delivery(campaign, addressee or campaign.addressee, profile, officer)


def decide(verb, delivery, officer):
    with acting_as(settings.DESK_ROLE):
        verb(delivery, officer)
    delivery.refresh_from_db()
    return delivery


def as_desk_set(delivery, **values):
    """What a web process could send, past all our code. SET LOCAL: the refusal rolls it back, too."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f'SET LOCAL ROLE "{settings.DESK_ROLE}"')
        Delivery.objects.filter(pk=delivery.pk).update(**values)


def span(delivery):
    return delivery.series, delivery.first_number, delivery.last_number


def make_ready(delivery):
    """As a worker does it."""
    Delivery.objects.filter(pk=delivery.pk).update(
        state=STATE.READY, manifest={"format": 1}, archive="x.zip", archive_sha256="0" * 64
    )


@pytest.mark.parametrize(
    ("taken", "last_number", "gap"),
    [
        ([], 0, (1, 0)),
        ([], 7, (1, 7)),
        ([(1, 7)], 7, (8, 7)),
        ([(1, 7)], 9, (8, 9)),
        ([(1, 7), (8, 9)], 20, (10, 20)),
        ([(8, 9)], 20, (1, 7)),
        ([(1, 3), (8, 9)], 20, (4, 7)),
    ],
)
def test_the_next_range_is_the_first_that_is_lacking(taken, last_number, gap):
    assert first_gap(taken, last_number) == gap


def test_ranges_of_a_series_are_contiguous(campaign, officer):
    numbered(campaign, 100)
    first = request(campaign, officer)
    numbered(campaign, 250)
    second = request(campaign, officer, "named")
    assert [span(first), span(second)] == [(1, 1, 100), (1, 101, 250)]


def test_nothing_new_is_refused_in_words(campaign, officer):
    with pytest.raises(NotAllowed, match="nothing new"):
        request(campaign, officer)
    numbered(campaign, 5)
    request(campaign, officer)
    with pytest.raises(NotAllowed, match="up to number 5"):
        request(campaign, officer)


def test_a_withdrawn_range_is_requested_again_so_that_the_series_stays_complete(campaign, officer):
    numbered(campaign, 100)
    first = request(campaign, officer)
    numbered(campaign, 250)
    request(campaign, officer)
    decide(deliveries.withdraw_delivery, first, officer)
    assert span(request(campaign, officer)) == (1, 1, 100)


def test_each_addressee_has_a_series_of_its_own(campaign, officer, notary):
    numbered(campaign, 10)
    request(campaign, officer)
    assert span(request(campaign, officer, "full", notary)) == (1, 1, 10)


def test_the_latest_series_goes_on(campaign, officer):
    numbered(campaign, 10)
    delivery = request(campaign, officer)
    Delivery.objects.filter(pk=delivery.pk).update(series=2)
    numbered(campaign, 12)
    assert span(request(campaign, officer)) == (2, 11, 12)


def test_an_authority_that_is_not_addressed_gets_nothing(campaign, officer):
    numbered(campaign, 10)
    with pytest.raises(NotAllowed, match="not addressed"):
        request(campaign, officer, addressee=Addressee.objects.create(name="Somebody else"))


def test_the_addressee_never_gets_more_than_was_promised(make_campaign, officer):
    campaign = make_campaign(disclosure=Disclosure.INITIALS)
    numbered(campaign, 10)
    for profile in ("named", "full"):
        with pytest.raises(NotAllowed, match="does not allow"):
            request(campaign, officer, profile)
    assert request(campaign, officer, "initials").profile == "initials"


def test_a_tick_at_the_addressee_does_not_open_the_signers_to_it(make_campaign, officer):
    campaign = make_campaign(disclosure=Disclosure.COUNT)
    numbered(campaign, 10)
    Addressee.objects.filter(pk=campaign.addressee_id).update(trusted_third_party=True)
    campaign.addressee.refresh_from_db()
    with pytest.raises(NotAllowed, match="does not allow"):
        request(campaign, officer, "full")


def test_at_risk_refuses_names_in_sql_too(make_campaign, officer):
    campaign = make_campaign(at_risk=True, disclosure=Disclosure.COUNT)
    numbered(campaign, 10)
    with pytest.raises(NotAllowed, match="does not allow"):
        request(campaign, officer, "named")
    with pytest.raises(IntegrityError, match="does not allow that profile"), transaction.atomic():
        a_delivery(campaign, officer, profile="named", first_number=1, last_number=10)


@pytest.mark.parametrize("at_risk", [False, True])
@pytest.mark.parametrize("third_party", [False, True])
def test_the_form_and_the_database_allow_the_same(make_campaign, officer, notary, at_risk, third_party):
    campaign = make_campaign(at_risk=at_risk, disclosure=Disclosure.COUNT if at_risk else Disclosure.INITIALS)
    addressee = notary if third_party else campaign.addressee
    taken = []
    for number, profile in enumerate(Disclosure, 1):
        with contextlib.suppress(IntegrityError), transaction.atomic():
            a_delivery(campaign, officer, addressee=addressee, profile=profile, first_number=number, last_number=number)
            taken.append(profile)
    assert deliveries.allowed_profiles(campaign, addressee) == taken
    assert len(taken) == {(False, False): 2, (False, True): 4, (True, False): 1, (True, True): 1}[at_risk, third_party]


def test_at_risk_a_third_party_gets_totals_only(make_campaign, officer, notary):
    campaign = make_campaign(at_risk=True, disclosure=Disclosure.COUNT)
    numbered(campaign, 10)
    for profile in ("initials", "named", "full"):
        with pytest.raises(NotAllowed, match="does not allow"):
            request(campaign, officer, profile, notary)
    assert request(campaign, officer, "count", notary).profile == "count"


def test_another_officer_approves(campaign, officer, colleague):
    numbered(campaign, 10)
    delivery = decide(deliveries.approve_delivery, request(campaign, officer), colleague)
    assert (delivery.state, delivery.approved_by) == (STATE.APPROVED, colleague)
    assert delivery.approved_at is not None


def test_nobody_approves_their_own_request(campaign, officer):
    numbered(campaign, 10)
    delivery = request(campaign, officer)
    with pytest.raises(NotAllowed, match="Someone else"):
        decide(deliveries.approve_delivery, delivery, officer)
    with pytest.raises(IntegrityError, match="nobody else has approved"):
        as_desk_set(delivery, state=STATE.APPROVED)


def test_a_second_approval_changes_nothing(campaign, officer, colleague, staff):
    third = staff(Role.DELIVERY_OFFICER, username="officer-3")
    numbered(campaign, 10)
    delivery = decide(deliveries.approve_delivery, request(campaign, officer), colleague)
    for again in (colleague, third):
        with pytest.raises(NotAllowed, match="Approved"):
            decide(deliveries.approve_delivery, delivery, again)
    delivery.refresh_from_db()
    assert delivery.approved_by == colleague


def test_a_request_that_waited_too_long_is_not_approved(campaign, officer, colleague):
    numbered(campaign, 10)
    delivery = request(campaign, officer)
    aged(delivery.proposal, APPROVAL_EXPIRES + datetime.timedelta(seconds=1))
    with pytest.raises(NotAllowed, match="expired"):
        decide(deliveries.approve_delivery, delivery, colleague)


def test_a_promise_narrowed_since_the_request_is_kept(campaign, officer, colleague):
    numbered(campaign, 10)
    delivery = request(campaign, officer, "named")
    campaign.disclosure = Disclosure.COUNT
    campaign.save()
    with pytest.raises(NotAllowed, match="does not allow"):
        decide(deliveries.approve_delivery, delivery, colleague)
    assert decide(deliveries.withdraw_delivery, delivery, colleague).state == STATE.WITHDRAWN


def test_what_is_ready_stays_so(campaign, officer, colleague):
    numbered(campaign, 10)
    delivery = decide(deliveries.approve_delivery, request(campaign, officer), colleague)
    make_ready(delivery)
    for verb in (deliveries.withdraw_delivery, deliveries.retry_delivery, deliveries.approve_delivery):
        with pytest.raises(NotAllowed, match="Ready"):
            decide(verb, delivery, colleague)


def test_a_failed_delivery_is_built_again_under_its_approval(campaign, officer, colleague):
    numbered(campaign, 10)
    delivery = decide(deliveries.approve_delivery, request(campaign, officer), colleague)
    Delivery.objects.filter(pk=delivery.pk).update(state=STATE.FAILED, problem="The disk is full.")
    again = decide(deliveries.retry_delivery, delivery, officer)
    assert (again.state, again.problem, again.approved_by) == (STATE.APPROVED, "", colleague)


def test_web_cannot_make_a_delivery_ready(campaign, officer, colleague):
    numbered(campaign, 10)
    delivery = decide(deliveries.approve_delivery, request(campaign, officer), colleague)
    Delivery.objects.filter(pk=delivery.pk).update(state=STATE.FAILED)  # what web may touch again
    with pytest.raises(ProgrammingError, match="row-level security"):
        as_desk_set(delivery, state=STATE.READY)


@pytest.mark.django_db(transaction=True)
def test_of_requests_at_the_same_moment_one_wins(campaign, officer, colleague):
    numbered(campaign, 10)
    start, results = threading.Barrier(4), []

    def ask(person):
        start.wait()
        try:
            results.append(request(campaign, person))
        except NotAllowed as refusal:
            results.append(str(refusal))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask, args=(person,)) for person in (officer, colleague) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [span(made) for made in results if isinstance(made, Delivery)] == [(1, 1, 10)]
    assert len([refusal for refusal in results if isinstance(refusal, str)]) == 3
