"""The first administrator of an installation, or another way in for one who lost theirs."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from staff.login.links import one_time_link
from staff.login.names import known_as, refuse_mistakable
from staff.models import Membership, Role

NEXT_STEPS = """
  {link}

Open this link in {username}'s browser. It asks for a password and a second factor (a passkey or an authenticator
app), shows recovery codes, and leads to the desk. It works once and expires after a day. Anyone who has it can log
in as {username}, so do not send it. Passkeys only work over https or on localhost, not at a numeric address.
"""


class Command(BaseCommand):
    help = "Create an administrator and print a one-time link that takes them through enrolment."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--username", help="asked for if not given")
        parser.add_argument("--email", help="asked for if not given; may be empty")

    def handle(self, *args: Any, username: str | None, email: str | None, **options: Any) -> None:
        try:
            username = username or input("Username: ").strip()
            username = known_as(username)
            user = User.objects.filter(username=username).first()
            if user is None:
                email = input("E-mail (may be empty): ").strip() if email is None else email
                user = _made(username, email)
        except (EOFError, KeyboardInterrupt):
            raise CommandError("Nobody was created: give --username and --email.") from None
        if not Membership.objects.filter(user=user, role=Role.ADMINISTRATOR).exists() or not user.is_active:
            raise CommandError(
                f"{username} already exists and is not an active administrator. Choose another username."
            )
        self.stdout.write(NEXT_STEPS.format(link=one_time_link(user), username=username))


@transaction.atomic
def _made(username: str, email: str) -> User:
    user = User(username=username, email=email)
    user.set_unusable_password()
    try:
        user.full_clean()
        refuse_mistakable(username)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error
    user.save()
    Membership.objects.create(user=user, role=Role.ADMINISTRATOR)
    return user
