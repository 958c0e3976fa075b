"""What an office might be handed at the edges: nobody, one, nobody named, long names, long letters, keys that go."""

import datetime

import pypdfium2
import pytest
from django.conf import settings

from petitions.models import Demand
from signatures.delivery import build, parts
from signatures.delivery.lists import Listed, pdf_of
from signatures.delivery.verification import verify
from signatures.desk import deliveries
from signatures.models import Delivery, Handover, LetterTexts, LetterWords, write_letter
from signatures.register.recipients import pin_by_hand, unpin_by_hand
from signatures.sealing import Person
from tests.signatures.delivery.test_typesetting import SCRIPTS
from tests.signatures.delivery.test_volumes import PROFILES, pages_of, volume_of
from tests.support.fixtures import acting_as
from tests.support.packets import PEOPLE, admit, approved, path_of, plain, rows, sign_all, withdraw

KEY_OF = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"


def paper(pdf):
    with pypdfium2.PdfDocument(pdf) as document:
        texts = [page.get_textpage().get_text_range() for page in document]
    return " ".join(" ".join(texts).replace("\ufffe", "").split())


def test_one_signature_is_one_in_every_sentence(campaign, sign, deliver, identity):
    sign_all(campaign, sign, PEOPLE[:1])
    delivery = deliver(campaign, "named")
    assert delivery.problem == ""
    letter = paper(plain(delivery, identity)["letter-en.pdf"])
    assert "1 person has signed this petition to you." in letter
    assert "1 signer agreed to be shown to you and is listed." in letter
    assert "with 1 signature under the petition" in letter
    assert "The others" not in letter


def test_where_nobody_agreed_to_be_named_the_packet_counts_and_lists_nobody(campaign, sign, deliver, identity):
    sign(campaign, **PEOPLE[1])
    admit(campaign)
    delivery = deliver(campaign, "named")
    assert delivery.problem == ""
    assert verify(path_of(delivery), [identity])[1] == []
    files = plain(delivery, identity)
    assert rows(files["signers-0001.csv"])[1:] == []
    assert "0 signers agreed to be shown to you and are listed. The others are counted only." in paper(
        files["letter-en.pdf"]
    )
    assert "Of each of them" not in paper(files["letter-en.pdf"])
    assert "0 signers are listed in this volume." in paper(files["signers-volume-001.pdf"])


@pytest.mark.parametrize("names", [("anna",), ("anna", "boris")])
def test_keys_that_are_revoked_while_it_is_built_get_nothing(
    signed, officers, packets, identity, monkeypatch, names, keyring
):
    """With one of two the packet is the other's; with none it fails in words, and is built once there is a key."""
    pin_by_hand(officers[1], KEY_OF)
    delivery, spool_all = approved(signed, officers, "named"), parts._spool_all

    def revoked_meanwhile(*given):
        for name in names:
            unpin_by_hand(name)
        yield from spool_all(*given)

    monkeypatch.setattr(parts, "_spool_all", revoked_meanwhile)
    with acting_as(settings.WORKER_ROLE):
        build.build_delivery(delivery.pk)
    delivery.refresh_from_db()
    if len(names) == 1:
        assert (delivery.state, delivery.problem) == ("ready", "")
        assert path_of(delivery).read_bytes().count(b"-> X25519 ") == 2  # the other's, and the workers'
        with pytest.raises(Exception, match="not encrypted to this identity"):
            verify(path_of(delivery), [identity])
        return
    assert delivery.state == "failed"
    assert delivery.problem == "Neither anna nor boris has a key in use. Make one under Officer keys, then build again."
    assert not list(packets.rglob("*.age"))
    monkeypatch.setattr(parts, "_spool_all", spool_all)
    keyring.pin_recipient("anna", KEY_OF)
    Delivery.objects.filter(pk=delivery.pk).update(state="approved", problem="")
    with acting_as(settings.WORKER_ROLE):
        assert build.build_delivery(delivery.pk)


@pytest.mark.parametrize("profile", PROFILES)
def test_names_of_120_characters_in_each_script_leave_no_page_and_no_column(profile):
    signers = [
        Listed(
            number,
            Person(name=(text * 120)[:120], email="a@example.org", country="VC", place=(text * 120)[:120]),
            datetime.date(2026, 1, 1),
        )
        for number, text in enumerate(SCRIPTS.values(), start=1)
    ]
    for language in ("be", "ar"):
        # A page that was reckoned otherwise than it prints fails the build (typst/list.typ).
        assert len(pages_of(pdf_of(volume_of(language, profile, len(signers)), signers))) > 1


def test_a_letter_of_three_pages_keeps_its_figures_together_and_what_is_signed_with_what_is_asked(
    campaign, sign, deliver
):
    for position in range(1, 4):
        Demand.objects.create(campaign=campaign, position=position, text="x" * 300)
    sign_all(campaign, sign, PEOPLE[:2])
    texts = LetterTexts(words="\n\n".join(["We have asked before, and were told to wait. " * 12] * 16))
    delivery = deliver(campaign, letter=write_letter(LetterWords(texts={"en": texts})))
    assert delivery.problem == ""
    pages = [" ".join(page.split()) for page in pages_of(plain(delivery)["letter-en.pdf"])]
    signed = next(at for at, page in enumerate(pages) if "Name and office" in page)
    assert signed == 2
    assert "We ask for your answer by" in pages[signed]
    assert "Numbers in the register" in next(page for page in pages if "2 signatures" in page)


@pytest.mark.django_db
def test_who_withdraws_after_the_handing_over_is_struck_by_the_next_and_the_packet_stays_what_it_was(
    signed, sign, deliver, identity, officers
):
    first = deliver(signed, "named")
    before = path_of(first).read_bytes()
    Handover.objects.create(delivery=first, kind="handed", on=first.built_at.date(), recorded_by=officers[0])
    withdraw(signed, 1)
    withdraw(signed, 3)
    assert path_of(first).read_bytes() == before
    assert verify(path_of(first), [identity])[1] == []
    assert not deliveries.may_be_discarded(first)
    sign_all(signed, sign, [{**PEOPLE[0], "email": "later@example.org"}])
    second = deliver(signed, "named")
    files = plain(second, identity)
    assert rows(files["amendments.csv"])[1:] == [["1", first.reference], ["3", first.reference]]
    assert "Please strike numbers 1 and 3 in the lists that you have." in paper(files["letter-en.pdf"])
    assert verify(path_of(second), [identity], [path_of(first)])[1] == []
