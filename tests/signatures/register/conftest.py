"""The mail server that test_mailing.py makes, for the other tests of mails."""

from tests.signatures.register.test_mailing import smtp

__all__ = ["smtp"]
