"""A correction of what people signed, from outside: asked for by one, read and approved by another, told to readers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from petitions.models import Addressee, Campaign, Correction, Demand, TextVersion, Update
from signatures.models import Mailing, NewsMail, Submission
from signatures.register import admission, news
from signatures.register.keyring import keys_of
from signatures.sign_form.shown_text import current_text
from staff.models import AuditEntry, Proposal, Role
from tests.signatures.register.test_versions import forget

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed(campaign: Campaign, sign: Callable[..., bytes]) -> Campaign:
    Demand.objects.create(campaign=campaign, position=1, text="Open it untill eight.")
    campaign.translate("be", {"title": "Няхай працуе"})
    campaign.save()
    version, sha256 = current_text(campaign, "en")
    sign(campaign, updates="updates-3.en", email="reader@example.org", version=version, text_sha256=sha256)
    admission.admit_all(campaign)
    Submission.objects.all().delete()
    return campaign


@pytest.fixture
def campaigner(staff: Callable[..., User]) -> User:
    return staff(Role.CAMPAIGNER, username="anna")


def page_of(campaign: Campaign, name: str = "correct") -> str:
    return reverse(f"admin:petitions_campaign_{name}", args=[campaign.pk])


def filled(browser: Any, campaign: Campaign, reason: str = "A typo.", **new: str) -> dict[str, str]:
    """The form as a browser would send it, with these texts anew: campaign_title_en="…"."""
    form = browser.get(page_of(campaign)).context["form"]
    sent = {"reason": reason} | {text.key: text.now for text in form.texts}
    for name, text in new.items():
        of, field, language = name.split("_")
        (key,) = [t.key for t in form.texts if (t.row._meta.model_name, t.field, t.language) == (of, field, language)]
        sent[key] = text
    return sent


def asked_for(browser: Any, campaign: Campaign, **new: str) -> Proposal:
    answer = browser.post(page_of(campaign), filled(browser, campaign, **new))
    assert answer.status_code == 302, answer.context["form"].errors
    return Proposal.objects.get(kind="correction")


def test_one_asks_another_reads_every_word_and_approves(
    signed: Campaign,
    campaigner: User,
    staff: Callable[..., User],
    staff_client: Callable[..., Any],
    client: Any,
    as_worker: Callable[[], Any],
) -> None:
    anna, ben = staff_client(campaigner), staff_client(staff(Role.MODERATOR, username="ben"))
    proposal = asked_for(
        anna, signed, demand_text_en="Open it until eight.", campaign_title_be="Няхай бібліятэка працуе",
    )  # fmt: skip
    assert TextVersion.objects.filter(campaign=signed).count() == 1
    change = reverse("admin:staff_proposal_change", args=[proposal.pk])
    shown = ben.get(change).content.decode()
    assert "untill" in shown
    assert "<ins>" in shown
    assert "becomes version 2" in shown
    anna.post(reverse("admin:staff_proposal_approve", args=[proposal.pk]))
    assert TextVersion.objects.filter(campaign=signed).count() == 1
    ben.post(reverse("admin:staff_proposal_approve", args=[proposal.pk]))
    latest = TextVersion.objects.get(campaign=signed, number=2)
    assert latest.reason == "A typo."
    assert signed.demands.get().text == "Open it until eight."
    assert latest.content_in("be")["title"] == "Няхай бібліятэка працуе"
    actions = AuditEntry.objects.filter(detail__proposal=proposal.pk).order_by("seq").values_list("action", flat=True)
    assert list(actions) == ["correction.request", "correction.approve"]
    forget()
    assert "Open it until eight." in client.get(f"/c/{signed.slug}/").content.decode()
    with as_worker():
        assert news.list_batch() == 1
    mailing = Mailing.objects.get()
    edition = news.Edition(mailing, keys_of(signed))
    reader = news._reader(edition, NewsMail.objects.get(mailing=mailing).signature)
    body = str(news.news_mail(edition, reader).body)
    assert "A typo." in body
    assert "/withdraw/" in body
    update = Update.objects.get(campaign=signed)
    told = client.get(update.get_absolute_url()).content.decode()
    assert f"/c/{signed.slug}/versions/" in told
    assert f"/be/c/{signed.slug}/versions/" in client.get(f"/be{update.get_absolute_url()}").content.decode()


def test_a_rejected_correction_changes_nothing(
    signed: Campaign, campaigner: User, staff: Callable[..., User], staff_client: Callable[..., Any]
) -> None:
    proposal = asked_for(staff_client(campaigner), signed, campaign_title_en="Close the library")
    ben = staff_client(staff(Role.CAMPAIGNER, username="ben"))
    ben.post(reverse("admin:staff_proposal_refuse", args=[proposal.pk]), {"reason": "That is another petition."})
    assert TextVersion.objects.filter(campaign=signed).count() == 1
    assert not Mailing.objects.exists()
    signed.refresh_from_db()
    assert signed.title == "Keep the library open"


def test_the_second_of_two_corrections_is_told_why_not(
    signed: Campaign, campaigner: User, staff: Callable[..., User], staff_client: Callable[..., Any]
) -> None:
    anna, ben = staff_client(campaigner), staff_client(staff(Role.MODERATOR, username="ben"))
    for title in ("Keep the library open!", "Keep it open"):
        anna.post(page_of(signed), filled(anna, signed, campaign_title_en=title))
    for proposal in Proposal.objects.filter(kind="correction").order_by("pk"):
        answer = ben.post(reverse("admin:staff_proposal_approve", args=[proposal.pk]), follow=True)
    assert "Another correction was published" in answer.content.decode()
    signed.refresh_from_db()
    assert signed.title == "Keep the library open!"


@pytest.mark.parametrize(
    ("reason", "new", "said"),
    [
        ("", {"campaign_title_en": "Keep it"}, "This field is required"),
        ("Why not.", {}, "Nothing was changed"),
        ("Ask anna@example.org.", {"campaign_title_en": "Keep it"}, "address"),
        ("Why not.", {"campaign_title_en": ""}, "This field is required"),
        ("Why not.", {"campaign_title_en": "x" * 201}, "at most 200"),
        ("Why not.", {"campaign_title_en": "Keep \u202e it"}, "U+202E"),
    ],
)
def test_a_correction_that_cannot_be_is_refused_in_words_and_nothing_typed_is_lost(
    signed: Campaign, campaigner: User, staff_client: Callable[..., Any], reason: str, new: dict[str, str], said: str
) -> None:
    anna = staff_client(campaigner)
    answer = anna.post(page_of(signed), filled(anna, signed, reason, demand_text_be="Да васьмі.", **new) if new else
                       filled(anna, signed, reason))  # fmt: skip
    page = answer.content.decode()
    assert answer.status_code == 200
    assert said in page
    assert not new or "Да васьмі." in page
    assert not Correction.objects.exists()


def test_line_ends_as_browsers_send_them_are_no_change(
    campaign: Campaign, sign: Callable[..., bytes], campaigner: User, staff_client: Callable[..., Any]
) -> None:
    campaign.pledge = "I ask the Mayor.\nToday."
    campaign.save()
    sign(campaign, confirmed=False)
    anna = staff_client(campaigner)
    sent = {name: text.replace("\n", "\r\n") for name, text in filled(anna, campaign).items()}
    assert "Nothing was changed" in anna.post(page_of(campaign), sent).content.decode()


def test_who_signed_nothing_is_corrected_by_nobody(
    campaign: Campaign, campaigner: User, staff_client: Callable[..., Any]
) -> None:
    assert "Nobody has signed it yet" in staff_client(campaigner).get(page_of(campaign)).content.decode()


def test_the_usual_pages_leave_alone_what_was_signed(
    signed: Campaign, campaigner: User, staff_client: Callable[..., Any]
) -> None:
    anna = staff_client(campaigner)
    form = anna.get(page_of(signed, "change")).context["adminform"].form
    assert not {"title", "pledge", "addressee", "persons_per_mailbox", "language"} & set(form.fields)
    assert "lead" in form.fields
    translations = anna.get(f"{page_of(signed, 'translations')}?language=fr").context["form"]
    assert {field.attname for _row, field in translations.asked} >= {"lead", "responsible"}
    assert not {field.attname for _row, field in translations.asked} & {"title", "pledge", "text"}
    addressee = anna.get(reverse("admin:petitions_addressee_change", args=[signed.addressee_id]))
    assert not {"name", "institution"} & set(addressee.context["adminform"].form.fields)


def test_an_addressee_of_two_signed_petitions_is_not_offered_for_correction(
    signed: Campaign,
    make_campaign: Callable[..., Campaign],
    sign: Callable[..., bytes],
    campaigner: User,
    staff_client: Callable[..., Any],
) -> None:
    def offered() -> bool:
        texts = staff_client(campaigner).get(page_of(signed)).context["form"].texts
        return any(isinstance(text.row, Addressee) for text in texts)

    assert offered()
    sign(make_campaign(addressee=signed.addressee))
    assert not offered()
