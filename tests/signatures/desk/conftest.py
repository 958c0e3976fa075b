"""The mail server that test_mailing.py makes, for what the desk has mailed."""

from tests.signatures.register.test_mailing import smtp

__all__ = ["smtp"]
