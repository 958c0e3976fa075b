from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from signatures.register.replaying import TombstonesTooOld, replay_tombstones, union
from signatures.register.restored import note_replayed
from signatures.register.tombstones import TombstonesDamaged


class Command(BaseCommand):
    role = "worker"
    help = (
        "After a restore of the database: withdraw, erase and shred again what was since that backup. May be run twice."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--copy", type=Path, help="folder with the encrypted copy (TOMBSTONES_COPY_DIR)")
        parser.add_argument("--identity", type=Path, help="file with one of the recovery identities; with --copy")
        parser.add_argument("--at-least", default="", help='head that the last anchor names, "12:4f…"')

    def handle(self, *args: Any, copy: Path | None, identity: Path | None, at_least: str, **options: Any) -> None:
        if (copy is None) != (identity is None):
            raise CommandError("--copy and --identity go together.")
        try:
            lines = union(copy, _identities(identity) if identity else (), at_least=at_least)
        except (TombstonesTooOld, TombstonesDamaged) as error:
            raise CommandError(f"Nothing was changed: {error}.") from None
        except OSError as error:
            raise CommandError(f"{error.filename}: this file cannot be read.") from None
        done = replay_tombstones(lines)
        waited = note_replayed()
        changed = f"Withdrawn again: {done.signatures}. Submissions dropped: {done.submissions}."
        if done.campaigns:
            changed += f" Shredded again: {done.campaigns}."
        self.stdout.write(f"Tombstones: {done.tombstones}. {changed}")
        if waited:
            kept = "Workers may be started. Files that no delivery knows stay until you remove orphans-kept"
            self.stdout.write(f"{kept} from {settings.KEYRING_DIR}.")


def _identities(path: Path) -> list[str]:
    lines = [line.strip() for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        raise CommandError(f"{path}: the identity file contains no age identity.")
    return lines
