"""What officers write into the letter: seen as it will print, agreed to with the figures, and set into the packet."""

import datetime

import pypdfium2
import pytest
from django.conf import settings
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from petitions.models import Addressee
from signatures.delivery import build, previews
from signatures.desk import deliveries
from signatures.models import Delivery, LetterPreview, LetterTexts, LetterWords, read_letter, write_letter
from staff.models import Proposal, Role
from staff.refusals import NotAllowed
from tests.support.fixtures import acting_as
from tests.support.packets import plain

UNTIL = timezone.now().date() + datetime.timedelta(days=50)
TEXTS = LetterTexts("Dear Mayor,", "We ask.\n\nWe wait.", "Yours,")
WORDS = LetterWords(UNTIL, "Box 7\nAldermere", "Ada Example", "Chair", {"en": TEXTS})


def paper(pdf):
    with pypdfium2.PdfDocument(pdf) as document:
        text = " ".join(page.get_textpage().get_text_range() for page in document)
    return " ".join(text.replace("\ufffe", "").split())


@pytest.fixture
def two(staff):
    return [staff(Role.DELIVERY_OFFICER, username=name) for name in ("clara", "dora")]


@pytest.fixture
def requested(signed, two, packets, as_desk):
    with as_desk():
        return deliveries.request_delivery(signed, signed.addressee, "count", two[0])


def write(delivery, officer, words=WORDS):
    with acting_as(settings.DESK_ROLE):
        deliveries.change_letter(delivery, write_letter(words), officer)
    return Delivery.objects.get(pk=delivery.pk)


def look():
    with acting_as(settings.WORKER_ROLE):
        return previews.preview_letters()


def test_words_are_kept_in_one_spelling():
    assert write_letter(LetterWords()) == ""
    assert write_letter(LetterWords(texts={"de": LetterTexts()})) == ""
    assert read_letter(write_letter(WORDS)) == WORDS
    assert read_letter("") == LetterWords()


def test_the_letter_is_set_with_what_was_written_and_what_two_people_agreed_to(requested, two, as_desk):
    assert look() == 1
    assert look() == 0
    usual = paper(requested.previews.get().pdf)
    assert "PREVIEW" in usual
    assert "Dear Sir or Madam," in usual
    written = write(requested, two[0])
    assert look() == 1
    shown = paper(written.previews.get().pdf)
    for words in ("Dear Mayor,", "We ask.", "We wait.", "Box 7", "Ada Example, Chair", "Yours,"):
        assert words in shown
    assert written.previews.get().figures == {"signatures": 12, "listed": 0, "strikes": 0, "to_date": 12}
    with as_desk():
        deliveries.approve_delivery(written, two[1])
    with acting_as(settings.WORKER_ROLE):
        build.build_delivery(written.pk)
    built = Delivery.objects.get(pk=written.pk)
    assert built.state == "ready", built.problem
    letter = paper(plain(built)["letter-en.pdf"])
    assert "Dear Mayor," in letter
    assert "PREVIEW" not in letter
    look()
    assert not LetterPreview.objects.exists()


def test_a_changed_letter_is_a_request_of_its_own(requested, two, as_desk):
    before = requested.proposal
    changed = write(requested, two[0])
    assert changed.proposal != before
    assert changed.proposal.subject["letter"] == changed.letter_sha256
    before.refresh_from_db()
    assert (before.state, changed.state) == ("withdrawn", "requested")
    assert write(requested, two[0]).proposal == changed.proposal  # the same words: nothing new
    with pytest.raises(NotAllowed, match="whoever requested"):
        write(requested, two[1], LetterWords(name="Dora"))
    assert write(requested, two[0], LetterWords()).letter == ""


@pytest.mark.parametrize("change", [{"letter": '{"name":"Eve"}'}, {"state": "requested"}])
def test_no_word_of_what_was_decided_on_changes(requested, two, as_desk, change):
    with as_desk():
        deliveries.approve_delivery(requested, two[1])
    with pytest.raises(NotAllowed):
        write(requested, two[0])
    for role in (settings.DESK_ROLE, settings.WORKER_ROLE):
        try:
            with transaction.atomic(), acting_as(role):
                changed = Delivery.objects.filter(pk=requested.pk).update(**change)
        except DatabaseError:
            continue
        assert changed == 0


def test_nothing_is_built_with_other_words_than_were_agreed_to(requested, two, as_desk):
    Delivery.objects.filter(pk=requested.pk).update(letter='{"name":"Eve"}')
    with pytest.raises(NotAllowed), as_desk():
        deliveries.approve_delivery(requested, two[1])
    assert Delivery.objects.get(pk=requested.pk).state == "requested"


def test_of_a_list_the_preview_says_how_many_are_named(signed, two, packets, as_desk, identity):
    with as_desk():
        delivery = deliveries.request_delivery(signed, signed.addressee, "named", two[0])
    look()
    preview = delivery.previews.get()
    assert preview.figures["listed"] == 6
    assert "List of signers in 1 volume" in paper(preview.pdf)
    assert "6 signers agreed to be shown to you" in paper(preview.pdf)


# --- in the desk --------------------------------------------------------------------------------------------------


def page_of(delivery, name="change"):
    return reverse(f"admin:signatures_delivery_{name}", args=[delivery.pk])


def test_an_officer_writes_and_both_see_the_letter_before_it_is_approved(requested, two, staff_client):
    Addressee.objects.filter(pk=requested.addressee_id).update(letters_in="ar")
    asks, decides = map(staff_client, two)
    assert "The letter is being set" in decides.get(page_of(requested)).content.decode()
    form = asks.get(page_of(requested, "letter"))
    assert list(form.context["form"].languages) == ["ar", "en"]
    assert decides.get(page_of(requested, "letter")).url == page_of(requested)
    said = {"answer_by": UNTIL, "salutation_ar": "حضرة السيد", "words_en": "We ask.", "name": "Ada", "office": "Chair"}
    for wrong in ("2020-01-01", "2099-01-01", "soon"):
        answer = asks.post(page_of(requested, "letter"), said | {"answer_by": wrong})
        assert set(answer.context["form"].errors) == {"answer_by"}
    assert asks.post(page_of(requested, "letter"), said).url == page_of(requested)
    assert look() == 1
    seen = decides.get(page_of(requested)).content.decode()
    assert "What is approved" in seen
    for language in ("ar", "en"):
        answer = decides.get(f"{page_of(requested, 'preview')}?language={language}")
        assert answer["Content-Type"] == "application/pdf"
        assert answer.content.startswith(b"%PDF-")
    assert decides.get(f"{page_of(requested, 'preview')}?language=xx").url == page_of(requested)
    asked = Delivery.objects.get(pk=requested.pk).proposal
    asks.post(page_of(requested, "letter"), said | {"name": "Eve"})
    late = decides.post(page_of(requested, "approve"), {"proposal": asked.pk}, follow=True).content.decode()
    assert "The letter was changed meanwhile" in late
    assert Delivery.objects.get(pk=requested.pk).state == "requested"
    gone = decides.get(reverse("admin:staff_proposal_change", args=[asked.pk])).content.decode()
    assert "letter was changed after this request" in gone
    now = Proposal.objects.get(delivery=requested)
    assert "Approved" in decides.post(page_of(requested, "approve"), {"proposal": now.pk}, follow=True).content.decode()
