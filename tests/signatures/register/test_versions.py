"""Which version of the text each signature is to: carried by the form, sealed, and counted."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from petitions.models import Campaign, Correction, TextVersion
from signatures.intake import campaigns
from signatures.intake.campaigns import forget_campaigns
from signatures.models import PublishedFigures, Register, Signature, Submission, TallySum
from signatures.public_figures.figures import public_figures
from signatures.public_figures.versions import version_figures
from signatures.register import admission, withdrawal
from signatures.register.publishing import publish_figures
from signatures.register.tally import Arrival, Departure, check_tally, count_in, count_out
from signatures.register.unsealing import Opener
from signatures.sign_form.shown_text import current_text, label_of
from tests.support.fixtures import a_proposal
from web import page_cache

pytestmark = pytest.mark.django_db


def correct(campaign: Campaign, text: str, language: str = "en") -> int:
    """The next version: another pledge in that language."""
    asked, other = (User.objects.get_or_create(username=name)[0] for name in ("anna", "ben"))
    latest = TextVersion.objects.filter(campaign=campaign).count()
    change = {"of": "campaign", "id": campaign.pk, "field": "pledge", "language": language, "was": "", "text": text}
    made = Correction.objects.create(campaign=campaign, corrects=latest, changes=[change], reason="A typo.")
    a_proposal("correction", {"campaign": campaign.pk, "correction": made.pk, "corrects": latest}, asked, other)
    with connection.cursor() as cursor:
        cursor.execute("SELECT publish_correction(%s)", [made.pk])
    forget()
    return latest + 1


def forget() -> None:
    """As if more than two seconds had gone by."""
    forget_campaigns()
    page_cache.clear_page_cache()


def later(campaign: Campaign, by: datetime.timedelta) -> None:
    """The latest version as if it had been published that much earlier."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE petitions_textversion DISABLE TRIGGER text_version_is_final")
        latest = TextVersion.objects.filter(campaign=campaign).order_by("-number").first()
        TextVersion.objects.filter(pk=latest.pk).update(made_at=timezone.now() - by)
        cursor.execute("ALTER TABLE petitions_textversion ENABLE TRIGGER text_version_is_final")
    forget()


def shown_by(client: Any, campaign: Campaign, language: str = "") -> str:
    """What the form on the petition's page carries."""
    page = client.get(f"{language}/c/{campaign.slug}/").content.decode()
    return page.split('name="shown" value="')[1].split('"')[0]


def post(client: Any, campaign: Campaign, shown: str | None, language: str = "", **form: str) -> Any:
    form = {"name": "Ada", "email": "ada@example.org", "country": "GB", **form}
    return client.post(f"{language}/c/{campaign.slug}/sign/", form | ({} if shown is None else {"shown": shown}))


def sealed_in(campaign: Campaign) -> Any:
    """The person in the campaign's only submission."""
    submission = Submission.objects.get(campaign=campaign)
    opener = Opener(campaign)
    opener.know([submission.sealing_key_id])
    return opener.open(submission.sealing_key_id, submission.sealed, bytes(submission.token_hash))


@pytest.fixture
def signed(campaign: Campaign, sign: Callable[..., bytes]) -> Campaign:
    """One signer of the first version is counted."""
    admit(campaign, sign)
    Submission.objects.all().delete()
    return campaign


def admit(campaign: Campaign, sign: Callable[..., bytes], number: int = 1, **person: Any) -> None:
    version, sha256 = current_text(campaign, "en")
    for _ in range(number):
        sign(campaign, **({"version": version, "text_sha256": sha256} | person))
    admission.admit_all(campaign)


def sums(campaign: Campaign) -> dict[str, int]:
    return TallySum.objects.by(campaign, "version")["version"]


def test_the_form_carries_which_text_is_shown_and_it_is_sealed(client: Any, campaign: Campaign) -> None:
    first = TextVersion.objects.get(campaign=campaign)
    shown = shown_by(client, campaign)
    assert first.hashes["en"].startswith(shown)
    assert post(client, campaign, shown).status_code == 303
    person = sealed_in(campaign)
    assert (person.version, person.text_sha256, person.language) == (1, first.hashes["en"], "en")


def test_who_posts_without_a_form_signs_the_text_of_now(client: Any, signed: Campaign) -> None:
    correct(signed, "I ask the Mayor to keep it open!")
    assert post(client, signed, None, "/be").status_code == 303
    person = sealed_in(signed)
    latest = TextVersion.objects.get(campaign=signed, number=2)
    assert (person.version, person.text_sha256) == (
        2,
        latest.hashes["en"],
    )


def test_who_had_the_page_open_signs_what_they_read(client: Any, signed: Campaign) -> None:
    shown = shown_by(client, signed)
    correct(signed, "I ask the Mayor to keep it open!")
    assert shown_by(client, signed) != shown
    assert post(client, signed, shown).status_code == 303
    assert sealed_in(signed).version == 1


def test_a_day_later_the_corrected_text_is_shown_first_and_nothing_typed_is_lost(client: Any, signed: Campaign) -> None:
    shown = shown_by(client, signed)
    correct(signed, "I ask the Mayor to keep it open!")
    later(signed, datetime.timedelta(hours=25))
    answer = post(client, signed, shown, name="Ada Lovelace")
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "was corrected" in page
    assert "keep it open!" in page
    assert 'value="Ada Lovelace"' in page
    again = page.split('name="shown" value="')[1].split('"')[0]
    assert post(client, signed, again).status_code == 303
    assert sealed_in(signed).version == 2


def test_where_a_correction_left_a_language_alone_readers_sign_the_new_version(client: Any, signed: Campaign) -> None:
    shown = shown_by(client, signed, "/fr")  # the original, for there is no French
    correct(signed, "Я прашу.", "be")
    assert shown_by(client, signed, "/fr") == shown
    assert post(client, signed, shown, "/fr").status_code == 303
    assert sealed_in(signed).version == 2


@pytest.mark.parametrize("garbage", ["x", "0" * 16, "\u2603", "' OR 1=1", "a" * 5000])
def test_what_no_form_of_ours_carries_is_shown_the_text(client: Any, campaign: Campaign, garbage: str) -> None:
    assert post(client, campaign, garbage).status_code == 422
    assert not Submission.objects.exists()


def test_a_process_that_still_remembers_the_old_text_takes_what_another_has_just_shown(
    client: Any, signed: Campaign
) -> None:
    shown_by(client, signed)
    a_second_ago = {slug: (until - campaigns.SEEN_FOR, one) for slug, (until, one) in campaigns._campaigns.items()}
    correct(signed, "I ask the Mayor to keep it open!")
    shown = label_of(current_text(signed, "en"))
    campaigns._campaigns.update(a_second_ago)
    assert post(client, signed, shown).status_code == 303
    assert sealed_in(signed).version == 2


def test_all_versions_count_and_make_the_total(signed: Campaign, sign: Callable[..., bytes]) -> None:
    correct(signed, "I ask the Mayor to keep it open!")
    admit(signed, sign, 3)
    assert sums(signed) == {"1": 1, "2": 3}
    assert public_figures(signed).total == 4
    assert check_tally(signed) == []


@pytest.mark.parametrize("claimed", [{"version": 2}, {"version": 7, "text_sha256": "f" * 64}, {"version": 0}])
def test_a_text_that_this_petition_never_had_is_counted_as_unknown(
    campaign: Campaign, sign: Callable[..., bytes], claimed: dict[str, Any]
) -> None:
    sign(campaign, **claimed)
    admission.admit_all(campaign)
    assert Signature.objects.get().version == 0
    assert sums(campaign) == {"0": 1}


def test_who_withdraws_is_taken_from_the_version_they_signed(
    signed: Campaign, sign: Callable[..., bytes], mail_of: Callable[..., dict[str, str]], client: Any
) -> None:
    correct(signed, "I ask the Mayor to keep it open!")
    version, sha256 = current_text(signed, "en")
    hashed = sign(signed, version=version, text_sha256=sha256)
    link = mail_of(signed, hashed)["withdraw"]
    admission.admit_all(signed)
    client.post(link)
    withdrawal.apply_withdrawals()
    assert sums(signed) == {"1": 1}
    assert check_tally(signed) == []


def test_a_wrong_sum_by_version_is_found_and_mended(signed: Campaign) -> None:
    TallySum.objects.filter(campaign=signed, dimension="version").update(n=5)
    assert [str(difference) for difference in check_tally(signed)] == ["version 1: the sum says 5, its parts 1"]
    check_tally(signed, repair=True)
    assert sums(signed) == {"1": 1}
    assert check_tally(signed) == []


# --- what is public ------------------------------------------------------------------------------------------------


def come(campaign: Campaign, version: int, number: int) -> None:
    register = Register.objects.get_or_create(campaign=campaign)[0]
    Register.objects.filter(pk=register.pk).update(last_number=register.last_number + number)
    today = timezone.now().date()
    count_in(register, [Arrival("PL", today, "web", "direct", "pl", "1m", version) for _ in range(number)])


def go(campaign: Campaign, version: int, number: int) -> None:
    count_out(
        Register.objects.get(campaign=campaign), [Departure("PL", timezone.now().date(), "web", version)] * number
    )


steps = st.lists(st.tuples(st.integers(1, 3), st.integers(-12, 25)), max_size=8)


@given(steps=steps)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_versions_make_the_total_at_every_stop_and_are_public_from_ten_on_in_tens(
    make_campaign: Callable[..., Campaign], steps: list[tuple[int, int]]
) -> None:
    campaign = make_campaign()
    before: dict[str, int] = {}
    editions = 0
    for version, number in steps:
        there = sums(campaign).get(str(version), 0)
        if number > 0:
            come(campaign, version, number)
        elif there:
            go(campaign, version, min(-number, there))
        publish_figures(campaign)
        counted = Register.objects.filter(campaign=campaign).values_list("counted", flat=True).first() or 0
        assert sum(sums(campaign).values()) == counted
        latest = PublishedFigures.objects.latest_of(campaign)
        shown = latest.versions if latest else {}
        assert all(figure >= 10 and figure % 10 == 0 for figure in shown.values())
        now = latest.edition if latest else 0
        assert shown == before or now > editions  # only an edition moves one
        before, editions = dict(shown), now
        told, rest = version_figures(campaign, public_figures(campaign))
        assert sum(version.count for version in told) + rest == counted
        assert rest >= 0


def test_the_numbers_page_and_its_data_say_how_many_signed_each_version(client: Any, signed: Campaign) -> None:
    correct(signed, "I ask the Mayor to keep it open!")
    come(signed, 1, 24)
    come(signed, 2, 15)
    publish_figures(signed)
    data = client.get(f"/c/{signed.slug}/numbers.json").json()
    assert [(version["version"], version["count"]) for version in data["versions"]] == [(1, 20), (2, 10)]
    assert data["other_versions"] == 10
    assert data["total"] == 40
    assert data["versions"][1]["reason"] == "A typo."
    text = data["versions"][1]["texts"][0]
    latest = TextVersion.objects.get(campaign=signed, number=2)
    assert text["sha256"] == latest.hashes["en"]
    table = client.get(f"/c/{signed.slug}/numbers.csv").content.decode()
    assert f"version,2,{timezone.now().date()},10" in table
    page = client.get(f"/c/{signed.slug}/numbers/").content.decode()
    assert "Version 2, of " in page


def test_a_version_below_ten_is_not_told(client: Any, signed: Campaign) -> None:
    come(signed, 1, 29)
    correct(signed, "I ask the Mayor to keep it open!")
    come(signed, 2, 9)
    publish_figures(signed)
    data = client.get(f"/c/{signed.slug}/numbers.json").json()
    assert [version["count"] for version in data["versions"]] == [20, 0]
