from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandError

from signatures.management.keyed import KeyedCommand
from signatures.register.keyring import KeysDamaged
from signatures.register.own_keys import OFFICER
from signatures.register.recipients import pin_by_hand, unpin_by_hand


class Command(KeyedCommand):
    role = "worker"
    may_lack = (OFFICER,)
    help = (
        "Pin or remove an officer's age recipient in the keyring without a second person. For the first "
        "officers, who can then approve the others' keys in the admin, and for emergencies."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        either = parser.add_mutually_exclusive_group(required=True)
        either.add_argument("recipient", nargs="?", help="age1…")
        either.add_argument(
            "--remove", action="store_true", help="remove the pinned recipient: the officer left, or lost the identity"
        )

    def handle(self, *args: Any, username: str, recipient: str | None, remove: bool, **options: Any) -> None:
        if recipient is None:
            self._unpin(username)
        else:
            self._pin(username, recipient)

    def _pin(self, username: str, recipient: str) -> None:
        officer = User.objects.only("id", "username", "is_active").filter(username=username, is_active=True).first()
        if officer is None:
            raise CommandError(f"Nothing was pinned: there is no active user {username}.")
        try:
            pin_by_hand(officer, recipient)
        except (ValueError, KeysDamaged) as error:
            # Not what was typed: it may have been the secret key.
            raise CommandError(f"Nothing was pinned: {error}.") from None
        self.stdout.write(f"{username}: {recipient}")

    def _unpin(self, username: str) -> None:
        try:
            removed = unpin_by_hand(username)
        except KeysDamaged as error:
            raise CommandError(f"Nothing was removed: {error}.") from None
        if not removed:
            raise CommandError(f"Nothing was removed: no age recipient is pinned for {username}.")
        self.stdout.write(f"{username}: age recipient removed")
