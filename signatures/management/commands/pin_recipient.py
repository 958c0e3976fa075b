from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from signatures.register.keyring import KeysDamaged, keyring


class Command(BaseCommand):
    help = "Pin an officer's age recipient in the keyring: packets with names are encrypted to it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("recipient", help="age1…")

    def handle(self, *args: Any, username: str, recipient: str, **options: Any) -> None:
        try:
            keyring().pin_recipient(username, recipient)
        except (ValueError, KeysDamaged) as error:
            # Not what was typed: it may have been the secret key.
            raise CommandError(f"Nothing was pinned: {error}.") from None
        self.stdout.write(f"{username}: {recipient}")
