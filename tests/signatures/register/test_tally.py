"""The tally: equal to a recount at every moment; damage is found and mended."""

import datetime
import uuid
from collections import Counter

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from signatures.identity import canonical_mailbox, fingerprint, token_hash, withdrawal_token
from signatures.intake import confirmation
from signatures.models import (
    LedgerEntry,
    Outcome,
    Register,
    Ruling,
    RulingItem,
    Signature,
    Submission,
    Tally,
    TallySum,
    Trace,
)
from signatures.public_figures.ledger import ledger_of, parts_of
from signatures.register import admission, rulings, withdrawal
from signatures.register.keyring import keys_of
from signatures.register.tally import check_tally
from signatures.sealing import Consents
from tests.signatures.register.test_screening import SEEN
from tests.signatures.views.test_numbers import adds_up
from tests.support.fixtures import acting_as

# --- whatever happens, in whatever order -----------------------------------------------------------------------

MAILBOXES = ["ada@example.org", "A.D.A@gmail.com", "ada@googlemail.com", "bob@example.org"]
steps = st.one_of(
    st.tuples(
        st.just("sign"), st.sampled_from(MAILBOXES), st.sampled_from(["Ada", "Bob"]), st.sampled_from(["PL", "BY"]),
        st.booleans(),
    ),
    st.tuples(st.just("confirm"), st.integers(0, 5)),
    st.tuples(st.just("admit"), st.integers(1, 3)),
    st.tuples(st.just("withdraw"), st.sampled_from(MAILBOXES)),
    st.tuples(st.just("damage"), st.integers(0, 5)),
    st.tuples(st.just("rule"), st.sampled_from(Ruling.Verb.values), st.sampled_from(["domain", "network"])),
    st.tuples(st.just("undo"), st.integers(0, 2)),
)  # fmt: skip


class Supporters:
    """Does the steps to one campaign, as web and worker, and keeps no count of its own."""

    def __init__(self, campaign, sign):
        self.campaign = campaign
        self._sign = sign
        self.pending = []
        self.sealed = []

    def sign(self, mailbox, name, country, confirmed):
        person = {"email": mailbox, "name": name, "country": country}
        hashed = self._sign(self.campaign, **person, confirmed=confirmed, signals=SEEN)
        self.sealed.append(hashed)
        if not confirmed:
            self.pending.append(hashed)

    def confirm(self, index):
        if self.pending:
            with acting_as(settings.PUBLIC_ROLE):
                found = confirmation.look(self.pending.pop(index % len(self.pending)))
                assert confirmation.confirm(found, Consents())

    def admit(self, batch):
        with acting_as(settings.WORKER_ROLE):
            admission.admit_batch(self.campaign, batch)

    def withdraw(self, mailbox):
        mac = keys_of(self.campaign).mac
        hashed = token_hash(withdrawal_token(mac, fingerprint(mac, canonical_mailbox(mailbox))))
        with acting_as(settings.PUBLIC_ROLE):
            confirmation.ask_withdrawal(hashed)
        with acting_as(settings.WORKER_ROLE):
            withdrawal.apply_withdrawals()

    def rule(self, verb, kind):
        """On all that came like the first one that is still remembered."""
        trace = Trace.objects.filter(campaign=self.campaign).order_by("pk").first()
        if trace:
            query = {kind: bytes(getattr(trace, kind)).hex()}
            by, _ = User.objects.get_or_create(username="moderator")
            ruling = {"verb": verb, "query": query, "reason": "Alike", "made_by": by}
            Ruling.objects.create(campaign=self.campaign, state=Ruling.State.RUNNING, would_touch=1, **ruling)
            self._work_on_rulings()

    def undo(self, index):
        done = list(Ruling.objects.filter(campaign=self.campaign, state=Ruling.State.DONE))
        if done:
            Ruling.objects.filter(pk=done[index % len(done)].pk).update(state=Ruling.State.UNDOING)
            self._work_on_rulings()

    def _work_on_rulings(self):
        with acting_as(settings.WORKER_ROLE):
            rulings.work_on_rulings()

    def damage(self, index):
        if self.sealed:
            hashed = self.sealed[index % len(self.sealed)]
            Submission.objects.filter(pk=hashed, outcome=None).update(sealed=b"x" * 300)


def assert_it_adds_up(campaign):
    """I2, I3, and the ledger; by counting anew."""
    register = Register.objects.get(campaign=campaign)
    rows = list(campaign.signatures.values_list("number", "state", "fingerprint", "slot", "country", "signed_on"))
    counted = [row for row in rows if row[1] == "counted"]
    assert check_tally(campaign) == []
    assert Tally.objects.of(campaign).total() == register.counted == len(counted)
    assert sorted(row[0] for row in rows if row[0]) == list(range(1, register.last_number + 1))
    living = [(bytes(row[2]), row[3]) for row in rows if row[2] is not None]
    assert len(living) == len(set(living))
    totals = LedgerEntry.totals(campaign)
    outcomes = list(Submission.objects.filter(campaign=campaign).values_list("outcome", flat=True))
    assert totals["taken"] == sum(1 for outcome in outcomes if outcome)
    assert totals["admitted"] == outcomes.count(Outcome.COUNTED)
    assert totals["held"] == outcomes.count(Outcome.HELD)
    assert totals["duplicate"] == outcomes.count(Outcome.DUPLICATE)
    assert totals["unreadable"] == outcomes.count(Outcome.UNREADABLE)
    assert totals["received"] == totals["taken"] + totals["expired"]
    ledger = ledger_of(campaign, parts_of(campaign))
    lines = adds_up({line.key: line.count for line in ledger.lines})
    assert (lines["counted"], lines["admitted"]) == (len(counted), len(rows))
    states = Counter(row[1] for row in rows)
    assert (lines["quarantined"], lines["withdrawn"]) == (states["quarantined"], states["withdrawn"])
    assert lines["removed"] == states["excluded"] == totals["removed"] == sum(n for _, _, n in ledger.removals)
    assert lines["withdrawn"] == totals["withdrawn"]
    assert {why: n for why, _, n in ledger.removals} == why_excluded(campaign)
    assert LedgerEntry.objects.filter(campaign=campaign).count() <= 1  # a row a day


def why_excluded(campaign):
    """{reason: signatures}: each is excluded for what the last ruling that moved it, and still stands, looked for."""
    reasons = Counter()
    for pk in campaign.signatures.filter(state="excluded").values_list("pk", flat=True):
        last = RulingItem.objects.filter(signature=pk).order_by("pk").last()
        reasons[rulings.why_removed(last.ruling.query)] += 1
    return reasons


@examples(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(persons=st.integers(1, 2), way=st.lists(steps, min_size=3, max_size=14))
# Excluded for one thing, counted again, excluded for another; then both later rulings are undone.
@example(
    persons=1,
    way=[
        ("sign", MAILBOXES[0], "Ada", "PL", True), ("admit", 3), ("rule", "exclude", "network"),
        ("rule", "count", "domain"), ("rule", "exclude", "domain"), ("undo", 0), ("undo", 0), ("undo", 0),
    ],
)  # fmt: skip
# Undoing the first of them leaves alone what the third has moved since.
@example(
    persons=1,
    way=[
        ("sign", MAILBOXES[0], "Ada", "PL", True), ("admit", 3), ("rule", "exclude", "network"),
        ("rule", "count", "domain"), ("rule", "exclude", "domain"), ("undo", 2), ("undo", 1), ("undo", 0),
    ],
)  # fmt: skip
def test_the_tally_equals_a_recount_after_every_step(make_campaign, sign, persons, way):
    supporters = Supporters(make_campaign(persons_per_mailbox=persons), sign)
    for step, *arguments in way:
        getattr(supporters, step)(*arguments)
        assert_it_adds_up(supporters.campaign)
    supporters.admit(100)
    assert_it_adds_up(supporters.campaign)


# --- damage is found and mended ----------------------------------------------------------------------------------


@pytest.fixture
def counted(campaign, sign):
    for country in ("PL", "PL", "PL", "BY"):
        sign(campaign, country=country)
    with acting_as(settings.WORKER_ROLE):
        admission.admit_all(campaign)
    return campaign


def _too_much(campaign):
    Tally.objects.filter(campaign=campaign, country="PL").update(n=7)


def _too_little(campaign):
    Tally.objects.filter(campaign=campaign, country="PL").update(n=0)


def _lost_cell(campaign):
    Tally.objects.filter(campaign=campaign, country="BY").delete()


def _made_up_cell(campaign):
    Tally.objects.create(campaign=campaign, country="XX", signed_on=datetime.date(2020, 1, 1), source="web", n=3)


def _all_lost(campaign):
    Tally.objects.filter(campaign=campaign).delete()


def _wrong_total(campaign):
    Register.objects.filter(campaign=campaign).update(counted=1)


def _moved(campaign):
    Tally.objects.filter(campaign=campaign, country="PL").update(country="LT")


def _wrong_sum(campaign):
    TallySum.objects.filter(campaign=campaign, dimension="country", key="PL").update(n=7)


def _lost_sums(campaign):
    TallySum.objects.filter(campaign=campaign).delete()


def _too_many_arrivals(campaign):
    TallySum.objects.filter(campaign=campaign, dimension="channel").update(n=9)


def _wrong_outside(campaign):
    TallySum.objects.create(campaign=campaign, dimension="outside", key="quarantined", n=2)


def _lost_ledger(campaign):
    LedgerEntry.objects.filter(campaign=campaign).delete()


def _excluded_behind_its_back(campaign):
    Signature.objects.filter(campaign=campaign, number=1).update(state="excluded")


DAMAGES = [
    _too_much, _too_little, _lost_cell, _made_up_cell, _all_lost, _wrong_total, _moved, _excluded_behind_its_back,
    _wrong_sum, _lost_sums, _too_many_arrivals, _wrong_outside, _lost_ledger,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found_told_and_mended(counted, damage):
    damage(counted)
    recount = dict(Tally.objects.of(counted).by_country())
    with acting_as(settings.WORKER_ROLE):
        found = check_tally(counted)
        assert found
        assert dict(Tally.objects.of(counted).by_country()) == recount  # looking changes nothing
        assert check_tally(counted, repair=True) == found
        assert check_tally(counted) == []
    living = counted.signatures.filter(state="counted").count()
    assert Register.objects.get(campaign=counted).counted == Tally.objects.of(counted).total() == living
    adds_up({line.key: line.count for line in ledger_of(counted, parts_of(counted)).lines})


def test_a_signature_that_vanished_from_the_register_is_told_of_each_time(counted):
    Signature.objects.filter(campaign=counted, number=2).delete()
    check_tally(counted, repair=True)
    for _ in range(2):
        (difference,) = check_tally(counted, repair=True)
        assert str(difference) == "ledger admitted and held: the sum says 4, its parts 3"


def test_a_difference_says_both_figures(counted):
    _too_much(counted)
    (difference,) = check_tally(counted)
    assert (difference.country, difference.tallied, difference.recounted) == ("PL", 7, 3)
    assert str(difference) == f"PL {timezone.now().date()} web: the tally says 7, the register 3"


def test_an_empty_cell_is_no_difference(counted):
    Tally.objects.create(campaign=counted, country="XX", signed_on=datetime.date(2020, 1, 1), source="web", n=0)
    assert check_tally(counted) == []


def test_mending_one_campaign_leaves_the_others(counted, make_campaign):
    other = make_campaign()
    _made_up_cell(other)
    _made_up_cell(counted)
    check_tally(counted, repair=True)
    assert check_tally(counted) == []
    assert len(check_tally(other)) == 1


def test_the_first_difference_is_named_first_and_a_wrong_sum_says_so(counted):
    _wrong_sum(counted)
    assert str(check_tally(counted)[0]) == "country PL: the sum says 7, its parts 3"


def test_an_unknown_campaign_has_an_empty_tally(make_campaign):
    campaign = make_campaign(slug=f"empty-{uuid.uuid4().hex[:6]}")
    assert Tally.objects.of(campaign).total() == 0
    assert check_tally(campaign) == []
