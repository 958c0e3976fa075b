from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from signatures.register.keyring_backup import CannotKeep, import_keyring


class Command(BaseCommand):
    role = "worker"
    help = (
        "Restore missing keys from an export of the keyring. Never overwrites a key and never restores a shredded one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="file written by export_keyring")
        parser.add_argument("--identity", type=Path, required=True, help="file with one of the two age identities")

    def handle(self, *args: Any, file: Path, identity: Path, **options: Any) -> None:
        try:
            done = import_keyring(file.read_bytes(), identity.read_text())
        except CannotKeep as error:
            raise CommandError(f"Nothing was imported: {error}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{getattr(error, 'filename', None) or identity}: this file cannot be read.") from None
        restored, same, shredded = len(done.restored), len(done.same), len(done.shredded)
        self.stdout.write(f"Files restored: {restored}. Already present: {same}. Skipped because shredded: {shredded}.")
        if done.different:
            raise CommandError(f"Left unchanged although the export differs: {', '.join(done.different)}.")
