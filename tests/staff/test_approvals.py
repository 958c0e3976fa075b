"""What takes two people: who may ask and decide, once, in time; in words, and in SQL where words are passed by."""

import datetime
import threading

import pytest
from django.conf import settings
from django.db import IntegrityError, ProgrammingError, connection, connections, transaction
from django.utils import timezone

from signatures.register.pruning import prune
from staff import approvals
from staff.access import RULES as ACCESS
from staff.approvals import NotAllowed
from staff.models import APPROVAL_EXPIRES, Proposal, Role
from tests.support.fixtures import acting_as, aged

STATE = Proposal.State
KIND = Proposal.Kind.SHREDDING  # any kind with rules of its own that nothing else is tied to


@pytest.fixture(autouse=True)
def _rules(monkeypatch):
    """A kind of which only the mechanism is tried here."""
    rules = approvals.Rules(
        request="delivery.request", approve="delivery.approve", words=lambda proposal: "It happens."
    )
    monkeypatch.setitem(approvals.RULES, KIND, rules)


@pytest.fixture
def anna(staff):
    return staff(Role.DELIVERY_OFFICER, username="anna")


@pytest.fixture
def boris(staff):
    return staff(Role.DELIVERY_OFFICER, username="boris")


@pytest.fixture
def asked(as_desk, anna, section):
    with as_desk():
        return approvals.propose(KIND, anna, section, {"campaign": 1}, "It is over.")


def decide(as_desk, verb, proposal, *args):
    with as_desk():
        verb(proposal, *args)
    proposal.refresh_from_db()
    return proposal.state


def as_desk_says(as_desk, sql, *params):
    """A statement past all our code, as web; what it is refused with comes out of it."""
    with transaction.atomic(), as_desk(), connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.rowcount


def test_one_asks_and_another_approves(as_desk, asked, anna, boris):
    assert decide(as_desk, approvals.approve, asked, boris) == STATE.APPROVED
    assert (asked.requested_by, asked.decided_by) == (anna, boris)
    assert asked.decided_at is not None


def test_every_kind_names_actions_that_the_access_table_knows():
    assert {action for rules in approvals.RULES.values() for action in (rules.request, rules.approve)} <= ACCESS.keys()


def test_nobody_decides_on_their_own(as_desk, asked, anna):
    for verb in (approvals.approve, approvals.refuse):
        with pytest.raises(NotAllowed, match="Someone else"):
            decide(as_desk, verb, asked, anna)
    with pytest.raises(IntegrityError, match="proposal_needs_two_people"):
        as_desk_says(
            as_desk,
            "UPDATE staff_proposal SET state = 'approved', decided_by_id = requested_by_id, decided_at = now()",
        )


def test_whoever_has_no_such_role_there_neither_asks_nor_decides(as_desk, asked, staff, section, other_section):
    elsewhere, campaigner = staff(Role.DELIVERY_OFFICER, other_section), staff(Role.CAMPAIGNER)
    for person in (elsewhere, campaigner):
        with pytest.raises(NotAllowed, match="Your role"):
            decide(as_desk, approvals.approve, asked, person)
        with pytest.raises(NotAllowed, match="Your role"):
            approvals.propose(KIND, person, section, {"campaign": 2})


def test_a_dismissed_officers_wish_is_nobodys(as_desk, asked, anna, boris):
    anna.memberships.all().delete()
    with pytest.raises(NotAllowed, match="no longer has the role"):
        decide(as_desk, approvals.approve, asked, boris)
    assert decide(as_desk, approvals.refuse, asked, boris) == STATE.REFUSED


@pytest.mark.parametrize("who", ["anna", "boris"])
def test_nobody_who_was_dismissed_approves_or_is_approved_in_sql(as_desk, asked, anna, boris, who):
    type(anna).objects.filter(username=who).update(is_active=False)
    with pytest.raises(IntegrityError, match="both have to be active"):
        as_desk_says(
            as_desk,
            "UPDATE staff_proposal SET state = 'approved', decided_by_id = %s, decided_at = now()",
            boris.pk,
        )


def test_a_second_click_says_so_and_changes_nothing(as_desk, asked, boris, staff):
    decide(as_desk, approvals.approve, asked, boris)
    with pytest.raises(NotAllowed, match="You have already decided"):
        decide(as_desk, approvals.approve, asked, boris)
    with pytest.raises(NotAllowed, match="boris decided first"):
        decide(as_desk, approvals.refuse, asked, staff(Role.DELIVERY_OFFICER))
    assert asked.state == STATE.APPROVED


def test_a_refusal_says_why(as_desk, asked, boris):
    with as_desk():
        approvals.refuse(asked, boris, "Not before the hearing.")
    asked.refresh_from_db()
    assert (asked.state, asked.answer) == (STATE.REFUSED, "Not before the hearing.")


def test_only_whoever_asked_takes_it_back(as_desk, asked, anna, boris):
    with pytest.raises(NotAllowed, match="Only the requester"):
        decide(as_desk, approvals.withdraw, asked, boris)
    assert decide(as_desk, approvals.withdraw, asked, anna) == STATE.WITHDRAWN
    with pytest.raises(NotAllowed, match="Withdrawn"):
        decide(as_desk, approvals.approve, asked, boris)


def test_after_three_days_nobody_approves_it_and_a_worker_says_so(as_desk, as_worker, asked, boris):
    aged(asked, APPROVAL_EXPIRES)
    with pytest.raises(NotAllowed, match="three days"):
        decide(as_desk, approvals.approve, asked, boris)
    with pytest.raises(IntegrityError, match="nobody decided in time"):
        as_desk_says(
            as_desk,
            "UPDATE staff_proposal SET state = 'approved', decided_by_id = %s, decided_at = now()",
            boris.pk,
        )
    with as_worker():
        assert prune()["proposals"] == 1
    asked.refresh_from_db()
    assert asked.state == STATE.EXPIRED


@pytest.mark.parametrize("waited", [datetime.timedelta(), APPROVAL_EXPIRES, 2 * APPROVAL_EXPIRES])
def test_waiting_is_one_rule_in_two_tongues(asked, waited):
    at = asked.requested_at + waited
    assert Proposal.objects.waiting(at).exists() == asked.is_waiting(at)
    assert Proposal.objects.overdue(at).exists() == asked.is_overdue(at)


def test_the_same_is_asked_for_once_at_a_time(as_desk, asked, anna, boris, section):
    with pytest.raises(NotAllowed, match="already been requested"), as_desk():
        approvals.propose(KIND, boris, section, {"campaign": 1})
    decide(as_desk, approvals.withdraw, asked, anna)
    with as_desk():
        assert approvals.propose(KIND, boris, section, {"campaign": 1}).state == STATE.WAITING


def test_an_address_has_no_place_in_a_reason(as_desk, anna, boris, asked, section):
    with pytest.raises(NotAllowed, match="Do not enter e-mail addresses"), as_desk():
        approvals.propose(KIND, anna, section, {"campaign": 2}, "ada@example.org asked for it")
    with pytest.raises(NotAllowed, match="Do not enter e-mail addresses"), as_desk():
        approvals.refuse(asked, boris, "ask ada@example.org")


def test_a_proposal_begins_waiting(as_desk, anna, boris):
    for values in (
        "'approved', %s, %s, now(), NULL",
        "'waiting', %s, NULLIF(%s, 0), NULL, now()",
    ):
        with pytest.raises((IntegrityError, ProgrammingError)):
            as_desk_says(
                as_desk,
                "INSERT INTO staff_proposal (kind, subject, state, requested_by_id, decided_by_id, decided_at,"
                f" done_at) VALUES ('shredding', '{{}}', {values})",
                anna.pk,
                boris.pk if "approved" in values else 0,
            )


@pytest.mark.parametrize(
    "change", ["subject = '{\"campaign\": 2}'", "kind = 'recipient'", "reason = ''", "requested_at = now()"]
)
def test_what_was_asked_for_never_changes_whoever_tries(as_desk, asked, change):
    statement = f"UPDATE staff_proposal SET {change}"
    with pytest.raises(ProgrammingError, match="permission denied"):
        as_desk_says(as_desk, statement)
    if change != "requested_at = now()":  # in one transaction that is the same moment
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:  # the owner
            cursor.execute(statement)


def test_what_is_decided_stays_so_whoever_tries(as_desk, asked, boris):
    decide(as_desk, approvals.refuse, asked, boris)
    assert as_desk_says(as_desk, "UPDATE staff_proposal SET state = 'approved'") == 0
    with pytest.raises(IntegrityError, match="decided once"), transaction.atomic():
        Proposal.objects.update(state=STATE.APPROVED)


def test_nobody_but_the_guards_spends_an_approval(as_desk, as_worker, asked, boris):
    decide(as_desk, approvals.approve, asked, boris)
    for role in (as_desk, as_worker):
        with pytest.raises(ProgrammingError, match="permission denied"):
            as_desk_says(role, "SELECT spend_approval('shredding', '{\"campaign\": 1}')")


def test_an_approval_is_good_for_one_time(asked, boris, as_desk):
    decide(as_desk, approvals.approve, asked, boris)
    spend = "SELECT spend_approval('shredding', '{\"campaign\": 1}')"
    with connection.cursor() as cursor:
        cursor.execute(spend)
        assert cursor.fetchone() == (asked.pk,)
    with pytest.raises(IntegrityError, match="nobody else has approved"), transaction.atomic():
        connection.cursor().execute(spend)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_decide_at_the_same_moment_one_does(staff, section):
    anna, *others = (staff(Role.DELIVERY_OFFICER) for _ in range(3))
    asked = approvals.propose(KIND, anna, section, {"campaign": 1})
    start, results = threading.Barrier(2), []

    def decide_at_once(verb, person):
        start.wait()
        try:
            with acting_as(settings.DESK_ROLE):
                verb(Proposal.objects.get(pk=asked.pk), person)
            results.append(verb.__name__)
        except NotAllowed as refusal:
            results.append(str(refusal))
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=decide_at_once, args=pair)
        for pair in zip((approvals.approve, approvals.refuse), others, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [result for result in results if result in ("approve", "refuse")]
    assert len(won) == 1
    assert any("decided first" in result for result in results)
    asked.refresh_from_db()
    assert asked.state == {"approve": STATE.APPROVED, "refuse": STATE.REFUSED}[won[0]]
    assert asked.decided_at <= timezone.now()
