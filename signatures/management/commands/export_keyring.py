import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from signatures.register.keyring_backup import CannotKeep, export_keyring


class Command(BaseCommand):
    role = "worker"
    help = "Encrypt the whole keyring to two age recipients whose identities are kept offline; either opens it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="where to write it; must not be there yet")
        parser.add_argument("--recipient", action="append", default=[], metavar="age1…", help="give it twice")

    def handle(self, *args: Any, file: Path, recipient: list[str], **options: Any) -> None:
        try:
            sealed, count = export_keyring(recipient)
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(sealed)
                out.flush()
                os.fsync(out.fileno())
        except CannotKeep as error:
            raise CommandError(f"Nothing was exported: {error}") from None
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from None
        self.stdout.write(f"{file}: {count} files of the keyring. Keep it, and the two identities, in three places.")
