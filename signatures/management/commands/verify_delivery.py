from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from signatures.delivery.verification import Damaged, sha256_of, verify
from signatures.delivery.verifier import figures, grouped


class Command(BaseCommand):
    role = "worker"
    help = "Verify a packet's signature, files, checksums, rows, ranges and totals. Needs no database."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("packet", type=Path, help="the packet: a .zip or .zip.age file")
        parser.add_argument("--identity", type=Path, help="file with an age identity, for an encrypted packet")
        parser.add_argument(
            "--earlier", type=Path, action="append", default=[], help="earlier packet of the series; may be repeated"
        )
        parser.add_argument("--key", default="", help="fingerprint of the key that must have signed it")

    def handle(
        self, *args: Any, packet: Path, identity: Path | None, earlier: list[Path], key: str, **options: Any
    ) -> None:
        try:
            manifest, problems = verify(packet, _identities(identity), earlier, key)
            checksum = sha256_of(packet)
        except Damaged as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{error.filename or packet}: {error.strerror}") from None
        if problems:
            raise CommandError("The packet does not verify.\n" + "\n".join(problems))
        self.stdout.write(
            f"{manifest.reference} verifies: {figures(msgspec.to_builtins(manifest))}, {len(manifest.files)} files.\n"
            f"SHA-256 {checksum}\nSigned by the key {grouped(manifest.signed_by)}"
        )


def _identities(path: Path | None) -> list[str]:
    if path is None:
        return []
    try:
        lines = path.read_text().splitlines()
    except UnicodeDecodeError:
        raise CommandError(f"{path}: not an identity file") from None
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
