"""What was signed stays as it was, whoever writes: config/database/text_versions.sql."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, transaction

from petitions.models import Campaign, Correction, Demand, TextVersion, is_signed
from staff.refusals import violated_constraint
from tests.support.fixtures import a_proposal

pytestmark = pytest.mark.django_db


@pytest.fixture
def demand(campaign: Campaign) -> Demand:
    return Demand.objects.create(
        campaign=campaign, position=1, text="Open it.", translations={"be": {"text": "Адкрыйце."}}
    )


@pytest.fixture
def signed(campaign: Campaign, demand: Demand, sign: Callable[..., bytes]) -> Campaign:
    sign(campaign, confirmed=False)
    return campaign


def versions(campaign: Campaign) -> list[TextVersion]:
    return list(TextVersion.objects.filter(campaign=campaign))


def refusal(change: Callable[[], Any]) -> str:
    with pytest.raises(DatabaseError) as refused, transaction.atomic():
        change()
    if isinstance(refused.value, ProgrammingError):
        return "no right"
    assert isinstance(refused.value, IntegrityError)
    return violated_constraint(refused.value)


def test_what_opens_has_a_first_version_with_the_hash_of_its_text(campaign: Campaign) -> None:
    (first,) = versions(campaign)
    text = first.text_in("en")
    assert first.number == 1
    assert first.hashes == {"en": hashlib.sha256(text.encode()).hexdigest()}
    assert first.content_in("en") == {
        "campaign": str(campaign.uid),
        "language": "en",
        "title": "Keep the library open",
        "pledge": "I ask the Mayor to keep it open.",
        "demands": [],
        "addressee": "The Mayor",
        "institution": "",
        "signatures_per_mailbox": 1,
    }


def test_a_draft_has_no_version(make_campaign: Callable[..., Campaign]) -> None:
    assert not versions(make_campaign(state="draft"))


def test_each_language_says_what_its_page_says(campaign: Campaign, demand: Demand) -> None:
    campaign.translations = {"be": {"title": "Няхай працуе", "lead": "…"}, "fr": {"lead": "Elle ferme."}}
    campaign.save()
    latest = versions(campaign)[-1]
    assert set(latest.texts) == {"en", "be"}  # a translated lead is no part of what is signed
    said = latest.content_in("be")
    assert said["title"] == "Няхай працуе"
    assert said["demands"] == [{"text": "Адкрыйце.", "explanation": ""}]
    assert said["pledge"] == campaign.pledge  # as on the page: in the original
    assert latest.hash_for("fr", "en") == latest.hashes["en"] != latest.hash_for("be", "en")


def test_what_is_not_signed_text_makes_no_version(campaign: Campaign) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(lead="Another lead.", background="Much more.", goal=5)
    assert len(versions(campaign)) == 1


@pytest.mark.django_db(transaction=True)
def test_before_anybody_signed_each_saving_is_a_version_of_its_own(campaign: Campaign) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(title="Another title")
    with transaction.atomic():  # one saving, in three steps
        Campaign.objects.filter(pk=campaign.pk).update(title="A third title")
        demand = Demand.objects.create(campaign=campaign, position=1, text="Open it.")
        Demand.objects.filter(pk=demand.pk).update(text="Open it at once.")
    said = [version.content_in("en") for version in versions(campaign)]
    assert [content["title"] for content in said] == ["Keep the library open", "Another title", "A third title"]
    assert said[-1]["demands"] == [{"text": "Open it at once.", "explanation": ""}]


CHANGES: dict[str, Callable[[Campaign], Any]] = {
    "title": lambda c: Campaign.objects.filter(pk=c.pk).update(title="Close the library"),
    "pledge": lambda c: Campaign.objects.filter(pk=c.pk).update(pledge="I pay."),
    "translation": lambda c: Campaign.objects.filter(pk=c.pk).update(translations={"be": {"pledge": "Плачу."}}),
    "original language": lambda c: Campaign.objects.filter(pk=c.pk).update(language="ru"),
    "persons per mailbox": lambda c: Campaign.objects.filter(pk=c.pk).update(persons_per_mailbox=5),
    "demand": lambda c: c.demands.update(text="Close it."),
    "demand's explanation": lambda c: c.demands.update(explanation="For good."),
    "demand's translation": lambda c: c.demands.update(translations={"be": {"text": "Зачыніце."}}),
    "a demand more": lambda c: Demand.objects.create(campaign=c, position=2, text="And pay."),
    "a demand less": lambda c: c.demands.all().delete(),
    "order of demands": lambda c: Demand.objects.bulk_create([Demand(campaign=c, position=9, text="First.")]),
    "addressee": lambda c: type(c.addressee).objects.filter(pk=c.addressee_id).update(name="The King"),
    "institution": lambda c: type(c.addressee).objects.filter(pk=c.addressee_id).update(institution="Court"),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("as_whom", ["desk", "owner"])
def test_nobody_changes_what_somebody_signed(
    signed: Campaign, what: str, as_whom: str, as_desk: Callable[[], Any]
) -> None:
    if as_whom == "owner":
        assert refusal(lambda: CHANGES[what](signed)) == "signed_text_is_fixed"
        return
    with transaction.atomic(), as_desk():
        assert refusal(lambda: CHANGES[what](signed)) == "signed_text_is_fixed"


def test_the_rest_of_a_signed_campaign_stays_free(signed: Campaign, as_desk: Callable[[], Any]) -> None:
    with as_desk():
        Campaign.objects.filter(pk=signed.pk).update(
            lead="Another.", goal=7, translations={"be": {"lead": "Яшчэ."}}, donate_url="https://example.org/"
        )
        type(signed.addressee).objects.filter(pk=signed.addressee_id).update(address="1 Main Street", letters_in="ru")
        signed.demands.update(position=3)  # the same words in the same order
    assert len(versions(signed)) == 1


def test_a_campaign_is_signed_from_the_first_submission_on(
    campaign: Campaign, sign: Callable[..., bytes], as_desk: Callable[[], Any]
) -> None:
    def told() -> bool:
        with as_desk():
            return bool(Campaign.objects.annotate(signed=is_signed()).get(pk=campaign.pk).signed)

    assert not told()
    sign(campaign, confirmed=False)
    assert told()


def test_no_tier_writes_a_version(signed: Campaign, as_desk: Callable[[], Any], as_public: Callable[[], Any]) -> None:
    (first,) = versions(signed)
    for tier in (as_desk, as_public):
        for write in (
            lambda: TextVersion.objects.filter(pk=first.pk).update(reason="x"),
            lambda: TextVersion.objects.filter(pk=first.pk).delete(),
            lambda: TextVersion.objects.create(campaign=signed, number=2, texts={}, hashes={}, made_in=1),
            lambda: Correction.objects.filter(campaign=signed).update(published_at="2026-01-01T00:00Z"),
        ):
            with transaction.atomic(), tier():
                assert refusal(write) == "no right"


@pytest.mark.django_db(transaction=True)
def test_not_even_the_owner_changes_a_version_that_was_made(campaign: Campaign) -> None:
    own = TextVersion.objects.filter(campaign=campaign)
    assert refusal(lambda: own.update(reason="x")) == "text_version_is_final"
    assert refusal(lambda: own.update(texts={}, made_in=1)) == "text_version_is_final"
    assert refusal(own.delete) == "text_version_is_final"


# --- corrections --------------------------------------------------------------------------------------------------


def change(of: Any, field: str, text: str, language: str = "en") -> dict[str, Any]:
    return {"of": of._meta.model_name, "id": of.pk, "field": field, "language": language, "was": "", "text": text}


@pytest.fixture
def publish(signed: Campaign, as_desk: Callable[[], Any]) -> Callable[..., int]:
    """Carries out a correction as the desk does, approved by somebody else unless told otherwise."""

    def carry_out(*changes: dict[str, Any], approved: bool = True, corrects: int = 1, **subject: Any) -> int:
        asked, other = (User.objects.get_or_create(username=name)[0] for name in ("anna", "ben"))
        with as_desk():
            made = Correction.objects.create(
                campaign=signed, corrects=corrects, changes=list(changes), reason="A letter was missing."
            )
        said = {"campaign": signed.pk, "correction": made.pk, "corrects": corrects} | subject
        a_proposal("correction", said, asked, other if approved else None)
        with as_desk(), connection.cursor() as cursor:
            cursor.execute("SELECT publish_correction(%s)", [made.pk])
            number: int = cursor.fetchone()[0]
        return number

    return carry_out


def test_an_approved_correction_makes_the_next_version(
    signed: Campaign, demand: Demand, publish: Callable[..., int]
) -> None:
    number = publish(
        change(signed, "title", "Keep the library open!"),
        change(demand, "text", "Адкрыйце яе.", "be"),
        change(demand, "text", "Ouvrez-la.", "fr"),
        change(signed.addressee, "name", "The Lord Mayor"),
    )
    signed.refresh_from_db()
    latest = versions(signed)[-1]
    assert number == latest.number == 2
    assert latest.reason == "A letter was missing."
    assert signed.title == "Keep the library open!"
    assert latest.content_in("en")["addressee"] == "The Lord Mayor"
    assert latest.content_in("be")["demands"][0]["text"] == "Адкрыйце яе."
    assert latest.content_in("fr")["demands"][0]["text"] == "Ouvrez-la."
    assert refusal(lambda: Campaign.objects.filter(pk=signed.pk).update(title="x")) == "signed_text_is_fixed"


def test_a_correction_takes_a_second_person(signed: Campaign, publish: Callable[..., int]) -> None:
    alone = refusal(lambda: publish(change(signed, "title", "Keep it open"), approved=False))
    assert alone == "correction_needs_two_people"
    other_terms = refusal(lambda: publish(change(signed, "title", "Keep it open"), campaign=signed.pk + 1))
    assert other_terms == "correction_needs_two_people"
    assert len(versions(signed)) == 1


def test_a_correction_of_an_earlier_version_is_refused(signed: Campaign, publish: Callable[..., int]) -> None:
    publish(change(signed, "title", "Keep the library open!"))
    late = refusal(lambda: publish(change(signed, "title", "Keep it"), corrects=1))
    assert late == "correction_is_of_the_latest"


@pytest.mark.parametrize("field", ["slug", "persons_per_mailbox", "state", "title, lead"])
def test_a_correction_changes_nothing_but_signed_words(
    signed: Campaign, publish: Callable[..., int], field: str
) -> None:
    assert refusal(lambda: publish(change(signed, field, "2"))) == "correction_of_its_own_texts"


def test_a_correction_changes_no_other_campaign(
    signed: Campaign, publish: Callable[..., int], make_campaign: Callable[..., Campaign]
) -> None:
    other = make_campaign(title="Another")
    for theirs in (change(other, "title", "x"), change(other.addressee, "name", "x")):
        assert refusal(lambda theirs=theirs: publish(theirs)) == "correction_of_its_own_texts"
    blank = refusal(lambda: publish(change(signed, "title", "")))
    assert blank == "correction_of_its_own_texts"
    assert refusal(lambda: publish(change(signed, "title", str(signed.title)))) == "correction_changes_something"


def test_an_addressee_of_another_signed_petition_is_not_renamed_with_this_one(
    signed: Campaign,
    publish: Callable[..., int],
    make_campaign: Callable[..., Campaign],
    sign: Callable[..., bytes],
) -> None:
    sign(make_campaign(addressee=signed.addressee), confirmed=False)
    assert refusal(lambda: publish(change(signed.addressee, "name", "The King"))) == "signed_text_is_fixed"
