from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from signatures.register.keyring_backup import CannotKeep, import_keyring


class Command(BaseCommand):
    role = "worker"
    help = "Put back what the keyring lacks, from an export. Never overwrites; never brings back what was shredded."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="what export_keyring wrote")
        parser.add_argument("--identity", type=Path, required=True, help="a file with one of the two age identities")

    def handle(self, *args: Any, file: Path, identity: Path, **options: Any) -> None:
        try:
            done = import_keyring(file.read_bytes(), identity.read_text())
        except CannotKeep as error:
            raise CommandError(f"Nothing was imported: {error}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{getattr(error, 'filename', None) or identity}: it cannot be read.") from None
        restored, same, shredded = len(done.restored), len(done.same), len(done.shredded)
        self.stdout.write(f"{restored} files restored, {same} there already, {shredded} left out: shredded.")
        if done.different:
            raise CommandError(f"Left as they are, though the export has others: {', '.join(done.different)}.")
