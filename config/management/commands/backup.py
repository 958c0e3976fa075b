from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.backup import KEPT_DAYS, BackupFailed, backup, delete_old
from web.redaction import describe


class Command(BaseCommand):
    help = (
        "Back up the database and what belongs to it (media, attachments, packets), and delete backups of more than "
        f"{KEPT_DAYS} days. Run as root with the owner's DATABASE_URL. The keyring goes elsewhere: export_keyring."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="where backups lie, each in a folder of its own")
        parser.add_argument("--programs", type=Path, help="folder of pg_dump and pg_restore (default: on the path)")

    def handle(self, *args: Any, folder: Path, programs: Path | None, **options: Any) -> None:
        now = timezone.now()
        try:
            made = backup(folder, now, programs)
            old = delete_old(folder, now)
        except BackupFailed as error:
            raise CommandError(f"No backup was made. {error}.") from None
        except OSError as error:
            raise CommandError(f"No backup was made. {describe(error)}.") from None
        self.stdout.write(f"made {made}" + (f"; deleted {len(old)} of more than {KEPT_DAYS} days" if old else ""))
