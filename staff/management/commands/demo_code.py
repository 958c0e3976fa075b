"""The six digits that a demo login's authenticator app would show now."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.mfa.utils import decrypt
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from staff.login.adapters import SealedUnderAnotherKey


class Command(BaseCommand):
    help = "Print the current second-factor code of a demo user."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        if settings.HTTPS or settings.MAIL_URL:
            raise CommandError("This only works in the demo. On a real site, codes come from people's own devices.")
        app = Authenticator.objects.filter(user__username=username, type=Authenticator.Type.TOTP).first()
        if app is None:
            raise CommandError(f"There is no user {username!r} with an authenticator app.")
        counter, gone = divmod(int(time.time()), settings.MFA_TOTP_PERIOD)
        try:
            code = format_hotp_value(hotp_value(decrypt(app.data["secret"]), counter))
        except SealedUnderAnotherKey as error:
            raise CommandError(str(error)) from None
        self.stdout.write(code)
        self.stderr.write(f"Next code in {settings.MFA_TOTP_PERIOD - gone} seconds; each works once.")
