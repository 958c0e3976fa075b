from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from signatures.delivery.verification import Damaged, sha256_of, verify
from signatures.delivery.verifier import (
    NOT_VOUCHED,
    NOT_VOUCHED_STATUS,
    WHOLE_ONLY,
    figures,
    fingerprint_given,
    grouped,
    legible,
    voucher,
)


class Command(BaseCommand):
    role = "worker"
    help = (
        "Verify a packet's signature, whose it is, files, checksums, rows, ranges and totals. Needs no database. "
        f"Ends with status {NOT_VOUCHED_STATUS} where nothing is wrong, but neither --key nor --earlier was given."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("packet", type=Path, help="the packet: a .zip or .zip.age file")
        parser.add_argument("--identity", type=Path, help="file with an age identity, for an encrypted packet")
        parser.add_argument(
            "--earlier", type=Path, action="append", default=[], help="earlier packet of the series; may be repeated"
        )
        who = parser.add_mutually_exclusive_group()
        who.add_argument(
            "--key",
            action="append",
            default=[],
            type=fingerprint_given,
            help="fingerprint of the key that must have signed it, from the web site; may be repeated",
        )
        who.add_argument("--any-key", action="store_true", help="check only that it is whole, whoever made it")

    def handle(
        self,
        *args: Any,
        packet: Path,
        identity: Path | None,
        earlier: list[Path],
        key: list[str],
        any_key: bool,
        **options: Any,
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
        vouched = voucher(key, earlier)
        if not vouched and not any_key:
            raise CommandError(NOT_VOUCHED, returncode=NOT_VOUCHED_STATUS)
        said = f"{figures(msgspec.to_builtins(manifest))}, {len(manifest.files)} files."
        name = legible(manifest.reference)
        self.stdout.write(f"{name} verifies: {said}" if vouched else f"{WHOLE_ONLY}\n{name}: {said}")
        self.stdout.write(f"SHA-256 {checksum}\nSigned by {vouched or 'the key'}: {grouped(manifest.signed_by)}")


def _identities(path: Path | None) -> list[str]:
    if path is None:
        return []
    try:
        lines = path.read_text().splitlines()
    except UnicodeDecodeError:
        raise CommandError(f"{path}: not an identity file") from None
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
