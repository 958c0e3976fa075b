"""Help with a slip in a mailbox's provider."""

import pytest

from signatures.mail_providers import LARGE
from signatures.sign_form.email_typos import likely_meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ada@gmial.com", "ada@gmail.com"),
        ("ada@gmail.con", "ada@gmail.com"),
        ("ada@Hotnail.com", "ada@hotmail.com"),
        ("ada@outlok.com", "ada@outlook.com"),
        ("ada@gmai.com", "ada@gmail.com"),
        ("ada@gmail.com", ""),
        ("ada@mail.com", ""),
        ("ada@ymail.com", ""),
        ("ada@example.org", ""),
        ("ada", ""),
        ("@gmial.com", ""),
        ("", ""),
    ],
)
def test_a_slip_is_noticed_and_nothing_else(typed: str, meant: str) -> None:
    assert likely_meant(typed) == meant


def test_no_provider_is_taken_for_a_slip_of_another() -> None:
    assert [likely_meant(f"ada@{provider}") for provider in LARGE] == [""] * len(LARGE)
