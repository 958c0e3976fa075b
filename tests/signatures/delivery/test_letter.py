"""The letter as an office reads it: one page to be signed, an annex, and a slip to give back."""

import datetime

import msgspec
import pypdfium2
import pytest
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from petitions.models import Addressee, Demand
from signatures.delivery import letter
from signatures.delivery.packet import Manifest
from tests.support.packets import sign_all
from web.i18n.cldr import day
from web.i18n.languages import LANGUAGES
from web.models import Section


def pages_of(delivery, language="en"):
    """The text of each page, without line breaks."""
    manifest = msgspec.convert(delivery.manifest, Manifest)
    pdf = letter.letter_pdf(letter.compose(delivery, manifest, manifest.files, language))
    with pypdfium2.PdfDocument(pdf) as document:
        pages = [page.get_textpage().get_text_range() for page in document]
    return [" ".join(text.replace("\ufffe", "").split()) for text in pages]


@pytest.fixture
def petition(campaign):
    """All that a letter says of a petition; nobody has signed it yet, for what was signed stays."""
    Section.objects.filter(pk=campaign.section_id).update(postal_address="Reading Room Lane 4\nAldermere")
    Addressee.objects.filter(pk=campaign.addressee_id).update(
        address="1 Market Square\nAldermere", institution="Town hall"
    )
    for position, text in enumerate(["Open until eight.", "Two more librarians.", "Say the hours a year ahead."], 1):
        Demand.objects.create(campaign=campaign, position=position, text=text, explanation="It closes at four.")
    campaign.refresh_from_db()
    return campaign


@pytest.fixture
def signed(petition, sign):
    sign_all(petition, sign)
    return petition


def test_what_is_signed_fits_a_page_and_says_what_an_office_needs(signed, deliver):
    delivery = deliver(signed)
    pages = pages_of(delivery)
    until = day(timezone.now().date() + datetime.timedelta(days=30))
    for words in (
        "Reading Room Lane 4", "1 Market Square", "Dear Sir or Madam,", f"the petition “{signed.title}”",
        signed.pledge, "2 Two more librarians.", f"We ask for your answer by {until}, to:", "Yours faithfully,",
        "Name and office", "Enclosures Annex Receipt",
    ):  # fmt: skip
        assert words in pages[0], words
    assert "It closes at four." not in pages[0]
    assert "The petition as it was signed" in pages[1]
    assert "It closes at four." in pages[1]
    assert f"We have received packet {delivery.reference} of" in pages[-1]
    assert "Registration number" in pages[-1]


@pytest.mark.acceptance
def test_in_each_language_one_page_is_signed_and_one_given_back(signed, deliver, identity):
    delivery = deliver(signed, "named")
    for language in (language.code for language in LANGUAGES):
        pages = pages_of(delivery, language)
        with translation.override(language):
            if language != "ar":  # PDFium tells its letters in the order of the paper
                assert _("Name and office") in pages[0], language
                assert _("Receipt") in pages[-1], language
        assert len(pages) in (3, 4), language


def test_nobody_signs_a_page_with_nothing_else_on_it(petition, sign, deliver):
    Demand.objects.filter(campaign=petition).update(text="A demand of many words " * 8 + "x" * 100)
    for position in range(4, 12):
        Demand.objects.create(campaign=petition, position=position, text="y" * 300)
    sign_all(petition, sign)
    pages = pages_of(deliver(petition))
    signed = next(page for page in pages if "Name and office" in page)
    assert "We ask for your answer" in signed
    assert "Yours faithfully" in signed


def test_who_verifies_is_asked_for_the_result(signed, deliver):
    notary = Addressee.objects.create(name="A notary", trusted_third_party=True)
    page = pages_of(deliver(signed, addressee=notary))[0]
    assert "Please send us the result of your verification by" in page
    assert "hereby hand over" not in page
