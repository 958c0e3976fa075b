from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from signatures.register.keyring import KeysMissing
from signatures.register.own_keys import DESK, SIGNING, WrongKeyring, init_keyring
from web.redaction import describe


class Command(BaseCommand):
    role = "worker"
    help = (
        "Make the organisation's keyring, once, before the first worker starts. Refused where the database publishes "
        "keys that the keyring lacks: those are restored with import_keyring."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--lost",
            action="append",
            default=[],
            choices=[DESK, SIGNING],
            help="this key is lost for good, in every export too: publish another one in its place",
        )

    def handle(self, *args: Any, lost: list[str], **options: Any) -> None:
        try:
            made = init_keyring(lost=lost)
        except (WrongKeyring, ImproperlyConfigured) as error:
            raise CommandError(f"Nothing was made. {error}") from None
        except KeysMissing as error:
            raise CommandError(f"{error} is damaged. Restore it with import_keyring, or move it away.") from None
        except OSError as error:
            raise CommandError(f"The keyring cannot be written: {describe(error)}.") from None
        said = f"made {', '.join(made)}. Export it now." if made else "nothing was missing."
        self.stdout.write(f"{settings.KEYRING_DIR}: {said}")
