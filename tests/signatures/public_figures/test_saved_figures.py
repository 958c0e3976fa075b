"""Claim snapshots: stored, inserted by reference, reproduced later, with what has changed since."""

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone
from django.utils.translation import override

from petitions.models import ClaimSnapshot, Update
from signatures.models import PublishedFigures, Signature
from signatures.public_figures.saved_figures import take_snapshot
from signatures.register import admission, withdrawal
from signatures.register.saved_figures import verify_snapshot
from tests.support.fixtures import acting_as


def admit(campaign):
    with acting_as(settings.WORKER_ROLE):
        admission.admit_all(campaign)


@pytest.fixture
def claimed(campaign, sign):
    """Thirty signers, 25 of Poland, and what was said of them."""
    for n in range(30):
        sign(campaign, country="PL" if n < 25 else "BY")
    admit(campaign)
    with acting_as(settings.DESK_ROLE):
        take_snapshot(campaign, "handover")
    return campaign


def test_a_snapshot_says_what_was_public(claimed):
    claim = claimed.claims.get()
    assert (claim.total, claim.countries, claim.other, claim.edition) == (30, {"PL": 20}, 10, 1)
    assert "countries from 10 on" in claim.rule
    assert claim.software.startswith("undersigned ")


def test_an_update_inserts_figures_by_reference(client, claimed):
    Update.objects.create(
        campaign=claimed, slug="u", title="Handed over", lead="At last.", published_at=timezone.now(),
        body="**[[handover.total]]** people from [[handover.countries]] country, [[handover.PL]] of them Polish.",
    )  # fmt: skip
    page = client.get(f"/c/{claimed.slug}/updates/u/").content.decode()
    assert "<strong>30</strong> people from 1 country, 20 of them Polish." in page


def test_a_reference_is_a_figure_wherever_the_text_stands(client, claimed):
    """In every list, feed, preview and mail: nobody reads brackets, whatever the language."""
    update = Update.objects.create(
        campaign=claimed, slug="u", kind="press", title="[[handover.total]] of us", lead="From [[handover.PL]] to …",
        quote="We are [[handover.total]].", quote_by="One of us", published_at=timezone.now(),
        translations={"de": {"title": "Wir [[handover.total]]"}},
    )  # fmt: skip
    base = f"/c/{claimed.slug}/"
    for path in (
        base,
        f"{base}updates/",
        f"{base}updates/u/",
        f"{base}press/",
        f"{base}feed.atom",
        f"/de{base}updates/u/",
    ):
        page = client.get(path).text
        assert "[[" not in page, path
        assert "30 of us" in page or "Wir 30" in page, path
    assert str(update.original("title")) == "[[handover.total]] of us", "the desk sees what was written"
    with override("de"):
        assert update.title == "Wir 30"
    with override("pl"):
        assert (update.title, update.title.language) == ("30 of us", "en")


@pytest.mark.parametrize("field", ["title", "lead", "quote"])
def test_a_reference_to_no_figure_is_refused_in_every_field(claimed, field):
    update = Update(campaign=claimed, slug="u", title="T", lead="L")
    setattr(update, field, "We are [[lib.nonsense]].")
    with pytest.raises(ValidationError, match="no saved figures named") as refused:
        update.full_clean()
    assert set(refused.value.message_dict) == {field}
    assert update.refusal_of(field, "[[handover.total]]") == ""


@pytest.mark.parametrize("wrong", ["[[handover.BY]]", "[[nothing.total]]", "[[handover total]]"])
def test_a_reference_to_no_figure_is_refused_when_it_is_written(claimed, wrong):
    update = Update(campaign=claimed, slug="u", title="T", lead="L", body=f"We are {wrong}.")
    with pytest.raises(ValidationError, match="no saved figures named"):
        update.full_clean()


def test_it_is_reproduced_later_and_says_what_has_changed_since(claimed, sign, capsys):
    sign(claimed, country="BY")
    admit(claimed)
    withdrawn = Signature.objects.get(campaign=claimed, number=3)
    with acting_as(settings.PUBLIC_ROLE):
        from signatures.intake.confirmation import ask_withdrawal

        ask_withdrawal(bytes(withdrawn.withdrawal_hash))
    with acting_as(settings.WORKER_ROLE):
        withdrawal.apply_withdrawals()
        verdict = verify_snapshot(claimed.claims.get())
        call_command("verify_snapshot", claimed.slug, "handover")
    assert (verdict.problems, verdict.taken_back, verdict.added, verdict.total_now) == ([], 1, 1, 30)
    assert "Signatures: 30. Countries shown: 1." in capsys.readouterr().out


def test_what_was_never_published_is_not_reproduced(claimed):
    ClaimSnapshot.objects.update(total=31, other=11)
    PublishedFigures.objects.update(countries={"PL": 10, "BY": 10})
    problems = verify_snapshot(claimed.claims.get()).problems
    assert problems[0].startswith("31 were saved")
    assert "BY: 0 saved, 10 published" in problems
    with pytest.raises(CommandError, match="cannot be reproduced"):
        call_command("verify_snapshot", claimed.slug, "handover")


def test_an_unknown_snapshot_is_one_clear_line(campaign):
    with pytest.raises(CommandError, match="has no saved figures named 'x'"):
        call_command("verify_snapshot", campaign.slug, "x")


@pytest.mark.parametrize("role", [settings.DESK_ROLE, settings.WORKER_ROLE])
@pytest.mark.parametrize(
    "statement", ["UPDATE petitions_claimsnapshot SET total = 1", "DELETE FROM petitions_claimsnapshot"]
)
def test_what_was_said_stays_said(claimed, role, statement):
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic(), acting_as(role):
        connection.cursor().execute(statement)
