"""The letter to edit: a letterhead, a place to sign, an annex on a page of its own, and a way for each text."""

import re
import zipfile
from io import BytesIO

import pytest

from petitions.models import Addressee
from tests.support.packets import plain


@pytest.fixture
def written(demand, signed, deliver, identity):
    """Makes the packet's letter in that language: (XML of its content, its styles by name)."""

    def write(language):
        Addressee.objects.filter(pk=signed.addressee_id).update(letters_in=language)
        signed.addressee.refresh_from_db()
        files = plain(deliver(signed, "named"), identity)
        with zipfile.ZipFile(BytesIO(files[f"letter-{language}.odt"])) as archive:
            xml = archive.read("content.xml").decode()
        found = re.findall(r'<style:style [^>]*style:name="([^"]+)"[^>]*>(.*?)</style:style>', xml, re.DOTALL)
        return xml, dict(found)

    return write


def paragraph(xml, text):
    """The style of the paragraph that begins so."""
    return re.search(rf'<text:[ph] [^>]*text:style-name="([^"]+)"[^>]*>{re.escape(text)}', xml)[1]


def test_a_letter_to_edit_is_a_letter(written):
    xml, styles = written("en")
    assert "border-bottom" in styles[paragraph(xml, "Friends of the Library")]
    assert 'break-before="page"' in styles["Annex-ltr"]
    for heading in ("Countries", "How this packet is checked", "For Friends of the Library", "We ask for your answer"):
        assert 'keep-with-next="always"' in styles[paragraph(xml, heading)]
    assert "border-top" in styles["Signature-ltr"]
    order = ["For Friends of the Library", '"Signature-ltr"', '"Annex-ltr"', "The petition as it was signed", "Stamp"]
    places = [xml.index(words, xml.index("For Friends")) for words in order]
    assert places == sorted(places)
    used = set(re.findall(r'text:style-name="([^"]+)"', xml))
    assert used <= set(styles)


def test_in_arabic_it_stands_at_the_right_and_each_text_goes_its_way(written):
    xml, styles = written("ar")
    for name in (paragraph(xml, "1. Keep it open."), paragraph(xml, "It closes at four.")):
        assert 'writing-mode="lr-tb"' in styles[name]
        assert 'text-align="right"' in styles[name]
    assert 'writing-mode="rl-tb"' in styles[paragraph(xml, "كيف أُكّدت هذه التواقيع")]
    assert 'writing-mode="rl-tb"' in styles["Facts"]
    assert "font-weight-complex" in styles["Section-rtl"]


def test_it_is_not_among_what_is_signed(signed, deliver):
    delivery = deliver(signed)
    files = plain(delivery)
    assert "letter-en.odt" in files
    assert "letter-en.odt" not in {file["name"] for file in delivery.manifest["files"]}
    assert "not part of what is signed" in files["README.txt"].decode()
