from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.management.base import BaseCommand, CommandError
from email_validator import EmailNotValidError, validate_email

from signatures.register.relay import Away, Relay, Reply

TEXT = """This is a test. It was sent by the same way as the mails to people who sign.

What to look at in its headers, as your mail program shows them ("Show original"):
- SPF, DKIM and DMARC: each should say "pass", for the domain of the sender.
- From and Return-Path: the sender that is configured, and where notices of undelivered mails go.
"""


class Command(BaseCommand):
    role = "worker"
    help = "Send one mail by the way of all others, and say what the mail server answered."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("address", help="a mailbox of your own, at the provider that you wonder about")
        parser.add_argument("--neutral", action="store_true", help="from the sender for campaigns at risk")

    def handle(self, *args: Any, address: str, neutral: bool, **options: Any) -> None:
        sender = settings.NEUTRAL_FROM_EMAIL if neutral else settings.DEFAULT_FROM_EMAIL
        try:
            validate_email(address, check_deliverability=False)
        except EmailNotValidError:
            raise CommandError("that is no address that mail can be sent to.") from None
        try:
            with Relay() as relay:
                answer = relay.send(EmailMessage("Test", TEXT, sender, [address]))
        except Away as error:
            raise CommandError(f"the mail server is unavailable ({error}).") from None
        if answer.reply is not Reply.TAKEN:
            raise CommandError(f"the mail server said: {answer.reply.value} ({answer.words}).")
        self.stdout.write(f"The mail server has taken it, from {sender}. Now look whether it arrives, and where.")
