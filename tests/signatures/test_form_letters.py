"""Form letters as they go over the wire: what a mail provider has to be able to read, byte by byte."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

import pytest

from signatures.register.form_letters import PLACE, FormLetter

LINK = f"https://petitions.an-organisation-with-a-long-name.example.org/be/unsubscribe/{'A' * 43}/"
SUBJECT = "Навіны: " + " ".join(["вельмі"] * 20)
TEXTS = {
    "English": "There is news.\n\nLeave: in one step\n" + PLACE + "\n",
    "a long line": "word " * 60 + "\n" + PLACE + "\n",
    "Belarusian": "Ёсць навіны ад нас.\n\nАдмовіцца:\n" + PLACE + "\n",
    "a line that begins with a dot": "Dots:\n.\n..\n" + PLACE + "\n",
}


def letter(text: str = TEXTS["English"], subject: str = "News") -> FormLetter:
    headers = {"Auto-Submitted": "auto-generated", "Precedence": "bulk"}
    return FormLetter.of(subject, text, "Петиции <news@example.org>", headers)


def read(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=email.policy.default)  # type: ignore[return-value]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_copy_says_what_was_written_with_the_readers_own_link(text: str) -> None:
    mail = read(letter(text, SUBJECT).to("ada@example.org", LINK).message().as_bytes())
    assert mail.get_content().replace("\r\n", "\n") == text.replace(PLACE, LINK)
    assert (mail["To"], mail["Precedence"]) == ("ada@example.org", "bulk")
    assert str(mail["Subject"]) == SUBJECT
    assert str(mail["From"]) == "Петиции <news@example.org>"
    assert [defect for part in mail.walk() for defect in part.defects] == []


def test_the_link_that_ends_it_stands_in_its_header_as_it_is() -> None:
    """RFC 2369 wants a URL; an encoded word, which the standard library makes of a long one, is none."""
    whole = letter().to("ada@example.org", LINK).message().as_bytes()
    assert f"\r\nList-Unsubscribe:\r\n <{LINK}>\r\n".encode() in whole
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in whole


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_line_is_longer_than_a_server_takes_and_all_end_alike(text: str) -> None:
    whole = letter(text, "long " * 60).to("ada@example.org", LINK).message().as_bytes()
    assert whole.isascii()
    assert b"\n" not in whole.replace(b"\r\n", b"")
    assert b"\r" not in whole.replace(b"\r\n", b"")
    assert max(map(len, whole.split(b"\r\n"))) <= 998


def test_each_copy_is_a_mail_of_its_own_and_a_foreign_domain_goes_in_ascii() -> None:
    form = letter()
    one, other = (read(form.to("ada@bücher.example", LINK).message().as_bytes()) for _ in range(2))
    assert one["To"] == "ada@xn--bcher-kva.example"
    assert one["Message-ID"] != other["Message-ID"]


@pytest.mark.parametrize(
    "address", ["a b@example.org", "a@x\r\nBcc: b@example.org", "é@example.org", "nobody", "<a@b>"]
)
def test_what_cannot_stand_in_a_header_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="header"):
        letter().to(address, LINK)
