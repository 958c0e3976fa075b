from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from signatures.management.keyed import KeyedCommand
from signatures.register.bounces import read_bounces
from signatures.register.keyring import KeysDamaged, keyring


class Command(KeyedCommand):
    role = "worker"
    help = "Read bounce notices from mail servers: one file, a folder or a Maildir."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("place", type=Path, help="files read are deleted, except for a single file")

    def handle(self, *args: Any, place: Path, **options: Any) -> None:
        try:
            result = read_bounces(place, keyring().site_key())
        except OSError as error:
            raise CommandError(f"Nothing was read: {error.strerror or 'the file cannot be read'}.") from None
        except KeysDamaged as error:
            raise CommandError(f"Nothing was read: the keyring's {error} is damaged.") from None
        complaints = f"{result.complained} complaints, " if result.complained else ""
        self.stdout.write(f"{result.bounced} bounced, {complaints}{result.passed_over} ignored")
