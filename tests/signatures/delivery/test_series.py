"""A series of packets as an office reads it, that has nothing but the paper."""

import datetime
import re

import pypdfium2
import pytest
from django.utils import timezone

from petitions.models import Addressee
from signatures.delivery.verification import verify
from tests.support.packets import admit, path_of, plain, rows, sign_all, withdraw


def paper(pdf):
    """All that a PDF says, without line breaks."""
    with pypdfium2.PdfDocument(pdf) as document:
        text = " ".join(page.get_textpage().get_text_range() for page in document)
    return " ".join(text.replace("\ufffe", "").split())


def more_sign(campaign, sign, count=2, **given):
    for n in range(count):
        sign(campaign, name=f"Latecomer {n}", **({"share_name": "named-1"} | given))
    admit(campaign)


def check(delivery, identity, *earlier):
    """Its manifest, after it was found in order beside the earlier ones."""
    assert delivery.state == "ready", delivery.problem
    manifest, problems = verify(path_of(delivery), [identity], [path_of(old) for old in earlier])
    assert problems == []
    return manifest


def test_a_follow_up_says_what_it_follows_the_total_to_date_and_which_numbers_to_strike(
    signed, sign, deliver, identity
):
    first = deliver(signed, "named")
    withdraw(signed, 3)  # named
    withdraw(signed, 4)  # counted only: its number is nobody's business
    withdraw(signed, 9)  # named
    more_sign(signed, sign)
    second = deliver(signed, "named")
    manifest = check(second, identity, first)
    assert (manifest.amendments.withdrawn, manifest.amendments.numbers, manifest.to_date) == (3, [3, 9], 11)
    files = plain(second, identity)
    assert rows(files["amendments.csv"]) == [
        ["number", "packet"], ["3", first.reference], ["9", first.reference],
    ]  # fmt: skip
    letter, page = paper(files["letter-en.pdf"]), paper(files["amendments.pdf"])
    assert "Please strike numbers 3 and 9 in the lists that you have." in letter
    assert f"This packet follows packet {first.reference} of" in letter
    assert "New signatures under this petition to you: 2. Signatures to date: 11." in letter
    assert f"{second.reference}, packet 2 of this series" in letter
    assert re.search(rf"In packet {first.reference} of .*, numbers 1 to 12: 3 9\b", page)
    assert b"amendments.pdf" in files["README.txt"]
    more_sign(signed, sign)
    third = deliver(signed, "named")
    assert check(third, identity, first, second).amendments.numbers == []
    files = plain(third, identity)
    assert "amendments.csv" not in files
    assert "strike numbers" not in paper(files["letter-en.pdf"])


def test_a_first_letter_says_nothing_of_earlier_packets_and_nothing_that_is_nought(signed, deliver, identity):
    letter = paper(plain(deliver(signed, "named"), identity)["letter-en.pdf"])
    assert "12 people have signed this petition to you." in letter
    for words in ("follows packet", "to date", "ended", "Withdrawn or removed", "at least", "Changes to earlier"):
        assert words not in letter


def test_a_new_series_in_totals_does_not_swallow_the_numbers_that_were_named_before(signed, sign, deliver, identity):
    named = deliver(signed, "named")
    totals = deliver(signed, "count", series=2, first_number=1)
    withdraw(signed, 5)
    withdraw(signed, 6)
    more_sign(signed, sign)
    again = deliver(signed, "named", series=2)
    manifest = check(again, identity, named, totals)
    assert (manifest.amendments.withdrawn, manifest.amendments.numbers, manifest.to_date) == (2, [5], 12)
    assert [old.reference for old in manifest.earlier] == [totals.reference]
    assert [old.reference for old in manifest.other_series] == [named.reference]
    assert rows(plain(again, identity)["amendments.csv"])[1:] == [["5", named.reference]]


def test_a_number_that_two_lists_have_is_to_be_struck_in_both(signed, sign, deliver, identity):
    first = deliver(signed, "initials")
    second = deliver(signed, "named", series=2, first_number=1)
    withdraw(signed, 1)
    more_sign(signed, sign)
    third = deliver(signed, "named", series=2)
    manifest = check(third, identity, first, second)
    assert manifest.amendments.numbers == [1]
    assert rows(plain(third, identity)["amendments.csv"])[1:] == [["1", first.reference], ["1", second.reference]]


def test_a_packet_of_totals_tells_of_no_number(signed, sign, deliver, identity):
    deliver(signed, "named")
    withdraw(signed, 3)
    more_sign(signed, sign)
    totals = deliver(signed, "count")
    assert (totals.manifest["amendments"], totals.manifest["other_series"]) == ({"withdrawn": 1, "numbers": []}, [])
    files = plain(totals)
    assert "amendments.csv" not in files
    assert "withdrawn or removed since: 1." in paper(files["letter-en.pdf"])


def test_where_many_are_to_be_struck_the_letter_leads_to_the_page(campaign, sign, deliver, identity, settings):
    sign_all(campaign, sign, [{"name": f"Signer {n}"} for n in range(90)])
    deliver(campaign, "named")
    for number in range(1, 90, 2):
        withdraw(campaign, number)
    more_sign(campaign, sign)
    files = plain(deliver(campaign, "named"), identity)
    assert "amendments.pdf and amendments.csv list: 45 in all" in paper(files["letter-en.pdf"])
    assert paper(files["amendments.pdf"]).count(" 89") == 1


def test_where_persons_are_listed_their_countries_are_exact_or_none(make_campaign, sign, deliver, identity):
    british, mixed = make_campaign(), make_campaign()
    for n in range(31):
        sign(british, country="GB", share_name="named-1")
        sign(mixed, country=("GB", "DE", "FR")[n % 3], share_name="named-1" if n % 2 else "")
    admit(british)
    admit(mixed)
    manifest = check(deliver(british, "named", series=1, first_number=1), identity)
    assert [(c.code, c.count) for c in manifest.by_country] == [("GB", 31)]
    assert manifest.other == 0
    files = plain(deliver(mixed, "named", series=1, first_number=1), identity)
    listed = [row[3] for row in rows(files["signers-0001.csv"])[1:]]
    assert {row[0]: int(row[2]) for row in rows(files["countries.csv"])[1:]} == {
        code: listed.count(code) for code in set(listed)
    } | {"": 31 - len(listed)}
    letter = paper(files["letter-en.pdf"])
    assert "These are the countries of the signers listed." in letter
    assert "at least" not in letter


@pytest.mark.parametrize("profile", ["count", "initials", "named", "full"])
def test_a_third_party_is_not_spoken_to_as_the_one_who_is_petitioned(signed, deliver, identity, profile):
    notary = Addressee.objects.create(name="A notary", trusted_third_party=True)
    delivery = deliver(signed, profile, addressee=notary)
    files = plain(delivery, identity if profile != "count" else None)
    letter = paper(files["letter-en.pdf"])
    assert "petition to The Mayor" in letter
    assert "petition to you" not in letter
    until = (timezone.now().date() + datetime.timedelta(days=90)).strftime("%Y")
    for text in [letter] + [paper(data) for name, data in files.items() if "volume" in name]:
        assert "named to you" not in text
        assert ("Confidential" in text and "destroy it by" in text and until in text) == (profile != "count")
    for name, data in files.items():
        if "volume" in name:  # on each page, but for the cover, which says it in a sentence
            with pypdfium2.PdfDocument(data) as document:
                pages = [page.get_textpage().get_text_range() for page in document]
            assert all("Confidential, to be destroyed by" in page for page in pages[1:])


def test_what_concerns_the_authority_is_not_confidential(signed, deliver, identity):
    files = plain(deliver(signed, "named"), identity)
    assert "Confidential" not in paper(files["letter-en.pdf"]) + paper(files["signers-volume-001.pdf"])


@pytest.mark.parametrize(
    "language",
    ["ar", "uk", *(pytest.param(code, marks=pytest.mark.acceptance) for code in ("be", "ru", "pl", "de", "fr", "es"))],
)
def test_a_letter_is_composed_in_each_language_whatever_the_counts(campaign, sign, deliver, identity, language):
    Addressee.objects.filter(pk=campaign.addressee_id).update(letters_in=language)
    campaign.addressee.refresh_from_db()
    for count, agreed in ((1, ""), (1, "named-1"), (2, "named-1"), (3, "named-1")):
        more_sign(campaign, sign, count, share_name=agreed)
        delivery = deliver(campaign, "named")
        check(delivery, identity)
        letter = paper(plain(delivery, identity)[f"letter-{language}.pdf"])
        assert "%(" not in letter
        withdraw(campaign, delivery.last_number)
