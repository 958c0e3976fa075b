import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from signatures.management.keyed import KeyedCommand
from signatures.register.keyring_backup import CannotKeep, export_keyring


class Command(KeyedCommand):
    role = "worker"
    help = (
        "Encrypt the whole keyring to two age recipients whose identities are kept offline. Either of them can open it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="file to write; must not exist yet")
        parser.add_argument(
            "--recipient", action="append", default=[], metavar="age1…", help="age recipient; give this option twice"
        )

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
        self.stdout.write(
            f"Exported to {file}, files: {count}. Keep the export and the two identities in three separate places."
        )
