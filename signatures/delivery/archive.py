"""The packet as a file: its archive written, encrypted while it streams, stored, and on the disk before it is ready."""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import msgspec
from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, storages
from django.template.loader import render_to_string
from django.utils import timezone, translation

from signatures.delivery import verifier
from signatures.delivery.amendments import amendments_pdf
from signatures.delivery.encrypting import encrypted
from signatures.delivery.letter import compose, languages_of, letter_pdf
from signatures.delivery.odt import letter_odt
from signatures.delivery.packet import (
    AMENDMENTS,
    CHECKSUMS,
    COUNTRIES,
    FORMAT,
    CountryTotal,
    FileEntry,
    Manifest,
    PacketWriter,
    Range,
    Totals,
)
from signatures.delivery.parts import SpooledFile, build_again, files_of, forget_spool, read_spooled
from signatures.delivery.signing import Signer, signer
from signatures.delivery.snapshot import Sealed
from signatures.delivery.state import CannotBuild, change
from signatures.delivery.versions import add_texts, versions_in
from signatures.models import Delivery, DeliveryPart
from signatures.public_figures.figures import Figures
from signatures.register.keyring import KeysMissing

#: The verifier is a program of its own; each packet has a copy.
VERIFIER: Final = Path(verifier.__file__)


def write_archive(delivery: Delivery, sealed: Sealed, recipients: Sequence[str]) -> bool:
    """Write the delivery's packet, encrypted to the recipients if there are any, and make the delivery ready.

    False where a spooled part is not as it was written: it is to be built again. Raises CannotBuild, OSError.
    """
    with tempfile.TemporaryFile() as spool:  # holds ciphertext only, or totals
        hashing = Hashing(spool)
        with encrypted(hashing, recipients) as stream:  # type: ignore[arg-type]
            packet = write_packet(delivery, sealed, stream)
        if packet is None:
            return False
        manifest, manifest_sha256 = packet
        spool.seek(0)
        with stored(spool, _archive_name(delivery, recipients)) as archive:
            change(
                delivery,
                state=Delivery.State.READY,
                manifest=msgspec.to_builtins(manifest),
                manifest_sha256=manifest_sha256,
                archive=archive,
                archive_sha256=hashing.digest.hexdigest(),
                built_at=timezone.now(),
                withdrawals_wait_until=None,
            )
    forget_spool(delivery)
    return True


def _archive_name(delivery: Delivery, recipients: Sequence[str]) -> str:
    """Another one for each try: a worker that lost its lock must not write into, or delete, another's packet."""
    return f"{delivery.reference}-{secrets.token_hex(4)}.zip" + (".age" if recipients else "")


@contextmanager
def stored(spool: IO[bytes], name: str) -> Iterator[str]:
    """The packet in its storage, on disk; taken away again where what follows is refused."""
    storage = storages["packets"]
    try:
        name = storage.save(name, File(spool))
        _reach_the_disk(storage, name)
        yield name
    except (OSError, CannotBuild):
        # Not on every error: where the connection broke, the UPDATE may have been made, and the packet be ready.
        storage.delete(name)
        raise


def _reach_the_disk(storage: Storage, name: str) -> None:
    """After a power cut, PostgreSQL still says "ready"; so the file, and its name in the directory, come first."""
    try:
        path = Path(storage.path(name))
    except NotImplementedError:
        return  # a storage elsewhere has it once it has answered
    for place in (path, path.parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class Hashing:
    """Hashes what goes to a file on its way."""

    def __init__(self, file: IO[bytes]) -> None:
        self.digest = hashlib.sha256()
        self._file = file

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def write_packet(delivery: Delivery, sealed: Sealed, stream: IO[bytes]) -> tuple[Manifest, str] | None:
    """Write the delivery's packet to the stream; returns the manifest and the SHA-256 of its bytes.

    None where a spooled part is not as it was written: it is to be built again. Raises CannotBuild.
    """
    try:
        signs = signer()
    except KeysMissing:
        raise CannotBuild("The manifest signing key in the keyring is missing or damaged.") from None
    with PacketWriter(stream, delivery.reference) as writer:
        for part in sealed.parts:
            if not all(_add_spooled(delivery, file, writer) for file in files_of(part)):
                build_again([part])
                return None
        draft = draft_manifest(delivery, sealed, signs)
        _add_countries(delivery, sealed.figures, writer)
        add_texts(delivery, draft.by_version, writer)
        _add_amendments(delivery, draft, sealed.strikes, writer)
        _add_letters(delivery, draft, writer)
        _add_help(delivery, draft, writer)
        _add_checksums(writer)
        manifest = msgspec.structs.replace(draft, files=writer.files)
        return manifest, writer.close(manifest, signs.sign)


def _add_spooled(delivery: Delivery, file: SpooledFile, writer: PacketWriter) -> bool:
    with writer.adding(file.name) as target:
        whole = read_spooled(delivery, file, target)
    writer.files.append(FileEntry(file.name, file.sha256, file.bytes, file.rows))
    return whole


def _add_countries(delivery: Delivery, figures: Figures, writer: PacketWriter) -> None:
    rows = [(country.code, country.name, country.count) for country in figures.countries]
    rest = "not listed" if delivery.holds_persons else "other"
    writer.add_table(COUNTRIES, ("code", "country", "signatures"), [*rows, ("", rest, figures.other)])


def _add_amendments(
    delivery: Delivery, draft: Manifest, strikes: Sequence[tuple[int, str]], writer: PacketWriter
) -> None:
    """Which numbers to strike in earlier packets: a table, and a page to put with the list."""
    if strikes:
        writer.add_table(AMENDMENTS, ("number", "packet"), strikes)
        language = languages_of(delivery)[0]
        writer.add("amendments.pdf", amendments_pdf(delivery, draft, strikes, language))


def _add_letters(delivery: Delivery, draft: Manifest, writer: PacketWriter) -> None:
    """In each language; after what it prints the checksums of."""
    files = list(writer.files)
    for language in languages_of(delivery):
        letter = compose(delivery, draft, files, language)
        writer.add(f"letter-{language}.pdf", letter_pdf(letter))
        # To be edited, so it is not among what is signed.
        writer.add_unsigned(f"letter-{language}.odt", letter_odt(letter))


def _add_help(delivery: Delivery, draft: Manifest, writer: PacketWriter) -> None:
    context = {
        "delivery": delivery,
        "manifest": draft,
        "key_url": f"{settings.SITE_URL}/signing-key/",
    }
    with translation.override(languages_of(delivery)[0]):
        writer.add("README.txt", render_to_string("signatures/delivery/readme.txt", context).encode())
    writer.add("verify.py", VERIFIER.read_bytes())


def _add_checksums(writer: PacketWriter) -> None:
    """Of all files so far, for offices that have sha256sum (or certutil) and no Python."""
    lines = [f"{entry.sha256}  {entry.name}\n" for entry in writer.files]
    writer.add(CHECKSUMS, "".join(lines).encode())


def draft_manifest(delivery: Delivery, sealed: Sealed, signs: Signer) -> Manifest:
    """The manifest, but for its files."""
    figures = sealed.figures
    by_version = versions_in(delivery, figures.total)
    tables = [part for part in sealed.parts if part.kind == DeliveryPart.Kind.TABLES]
    return Manifest(
        format=FORMAT,
        software=f"undersigned {settings.VERSION}",
        campaign=delivery.campaign.slug,
        title=str(delivery.campaign.title),
        addressee=str(delivery.addressee),
        series=delivery.series,
        reference=delivery.reference,
        profile=delivery.profile,
        range=Range(delivery.first_number, delivery.last_number),
        totals=Totals(
            signatures=figures.total,
            countries=figures.country_count,
            listed=sum(files_of(part)[0].rows for part in tables),
            gaps=len(sealed.gaps),
        ),
        by_country=[CountryTotal(country.code, country.name, country.count) for country in figures.countries],
        other=figures.other,
        period=sealed.period,
        amendments=sealed.amendments,
        # In a packet of totals, a number would say which of the signers took back.
        gap_numbers=sealed.gaps if delivery.holds_persons else [],
        earlier=sealed.earlier,
        other_series=sealed.other_series,
        to_date=sealed.to_date,
        by_version=by_version,
        other_versions=figures.total - sum(version.count for version in by_version),
        built_at=timezone.now().date().isoformat(),
        signed_by=signs.fingerprint,
        files=[],
    )
