"""Form letters as they go over the wire: what a mail provider has to be able to read, byte by byte."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

import pytest

from signatures.identity import canonical_mailbox
from signatures.register.form_letters import FormLetter, Letter, place

LINK = f"https://petitions.an-organisation-with-a-long-name.example.org/be/unsubscribe/{'A' * 43}/"
SUBJECT = "Навіны: " + " ".join(["вельмі"] * 20)
TEXTS = {
    "English": "There is news.\n\nLeave: in one step\n" + place("leave") + "\n",
    "a long line": "word " * 60 + "\n" + place("leave") + "\n",
    "Belarusian": "Ёсць навіны ад нас.\n\nАдмовіцца:\n" + place("leave") + "\n",
    "a line that begins with a dot": "Dots:\n.\n..\n" + place("leave") + "\n",
}


def copy(form: FormLetter, address: str = "ada@example.org") -> Letter:
    return form.to(address, {"leave": LINK}, {"List-Unsubscribe": f"<{LINK}>"})


def letter(text: str = TEXTS["English"], subject: str = "News") -> FormLetter:
    headers = {"Auto-Submitted": "auto-generated", "Precedence": "bulk"}
    return FormLetter.of(subject, text, "Петиции <news@example.org>", headers)


def read(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=email.policy.default)  # type: ignore[return-value]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_copy_says_what_was_written_with_the_readers_own_link(text: str) -> None:
    mail = read(copy(letter(text, SUBJECT)).message().as_bytes())
    assert mail.get_content().replace("\r\n", "\n") == text.replace(place("leave"), LINK)
    assert (mail["To"], mail["Precedence"]) == ("ada@example.org", "bulk")
    assert str(mail["Subject"]) == SUBJECT
    assert str(mail["From"]) == "Петиции <news@example.org>"
    assert [defect for part in mail.walk() for defect in part.defects] == []


def test_the_link_that_ends_it_stands_in_its_header_as_it_is() -> None:
    """RFC 2369 wants a URL; an encoded word, which the standard library makes of a long one, is none."""
    whole = copy(letter()).message().as_bytes()
    assert f"\r\nList-Unsubscribe: <{LINK}>\r\n".encode() in whole


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_line_is_longer_than_a_server_takes_and_all_end_alike(text: str) -> None:
    whole = copy(letter(text, "long " * 60)).message().as_bytes()
    assert whole.isascii()
    assert b"\n" not in whole.replace(b"\r\n", b"")
    assert b"\r" not in whole.replace(b"\r\n", b"")
    assert max(map(len, whole.split(b"\r\n"))) <= 998


def test_each_copy_is_a_mail_of_its_own_and_a_foreign_domain_goes_in_ascii() -> None:
    form = letter()
    one, other = (read(copy(form, "ada@bücher.example").message().as_bytes()) for _ in range(2))
    assert one["To"] == "ada@xn--bcher-kva.example"
    assert one["Message-ID"] != other["Message-ID"]


@pytest.mark.parametrize(
    "domain", ["straße.example", "STRAẞE.example", "a.straße.example", "βόλος.example", "ᏣᎳᎩ.example"]
)
def test_the_mail_goes_to_the_mailbox_that_the_signature_belongs_to(domain: str) -> None:
    copied = copy(letter(), f"ada@{domain}")
    assert copied.to == [canonical_mailbox(f"ada@{domain}")]
    assert read(copied.message().as_bytes())["To"] == copied.to[0]


def test_the_sender_has_the_domain_that_it_is_written_with() -> None:
    form = FormLetter.of("News", TEXTS["English"], "Петиции <news@straße.example>", {})
    copied = copy(form)
    assert "news@xn--strae-oqa.example" in copied.from_email
    assert str(read(copied.message().as_bytes())["From"]) == "Петиции <news@xn--strae-oqa.example>"


@pytest.mark.parametrize(
    "address", ["a b@example.org", "a@x\r\nBcc: b@example.org", "é@example.org", "nobody", "<a@b>"]
)
def test_what_cannot_stand_in_a_header_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="header"):
        copy(letter(), address)


def test_text_and_html_are_alternatives_that_say_the_same() -> None:
    html = f'<p dir="auto">Падпіс</p>\n<a href="{place("leave")}">{place("leave")}</a>'
    form = FormLetter.of("News", TEXTS["Belarusian"], "news@example.org", {}, html)
    mail = read(copy(form).message().as_bytes())
    assert mail.get_content_type() == "multipart/alternative"
    plain, rich = (part.get_content().replace("\r\n", "\n") for part in mail.iter_parts())
    assert plain.rstrip("\n") == TEXTS["Belarusian"].replace(place("leave"), LINK).rstrip("\n")
    assert rich.rstrip("\n") == html.replace(place("leave"), LINK)
    assert [defect for part in mail.walk() for defect in part.defects] == []
