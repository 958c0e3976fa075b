from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.backup import BackupFailed, restore
from web.redaction import describe


class Command(BaseCommand):
    needs_keys = True
    help = (
        "Put a backup back into an empty database and empty folders. Run as root with the owner's DATABASE_URL, where "
        "the workers' keyring is (KEYRING_DIR). No worker works afterwards until replay_tombstones has run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("backup", type=Path, help="one backup's folder")
        parser.add_argument("--programs", type=Path, help="folder of pg_dump and pg_restore (default: on the path)")

    def handle(self, *args: Any, backup: Path, programs: Path | None, **options: Any) -> None:
        if settings.KEYRING_DIR is None:
            raise CommandError("KEYRING_DIR is unset: give the folder of the workers' keyring.")
        try:
            restore(backup, settings.KEYRING_DIR, programs)
        except BackupFailed as error:
            raise CommandError(f"{error}.") from None
        except OSError as error:
            raise CommandError(f"{describe(error)}.") from None
        self.stdout.write("Put back. Next, as a worker: replay_tombstones, rebuild_tallies --check, verify_audit.")
