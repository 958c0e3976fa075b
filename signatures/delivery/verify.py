"""Checking a packet with nothing but the packet: files, checksums, rows, ranges, totals, decryption."""

from __future__ import annotations

import csv
import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO

import msgspec
import pyrage

from signatures.delivery.packet import COUNTRIES, FORMAT, MANIFEST, PART_ROWS, FileEntry, Manifest

_AGE_HEADER = b"age-encryption.org/v1"
#: Bytes of the record that ends a zip archive, where no comment follows it.
_END_BYTES = 22
# What reading an altered archive raises, depending on the byte: also "needs a password" (RuntimeError),
# "unknown compression" (NotImplementedError, one of those), an offset below zero (ValueError).
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, RuntimeError, OverflowError)


class Damaged(Exception):
    """The packet cannot be read at all; says which file and why."""


def verify(path: Path, identities: Sequence[str] = ()) -> tuple[Manifest, list[str]]:
    """The packet's manifest, and what is wrong with the packet (nothing: it verifies).

    `identities` are age secret keys, needed where the packet is encrypted. Raises Damaged, OSError.
    """
    with closing(_plain(path, identities)) as plain, _archive(plain, path) as archive:
        manifest = _manifest(archive)
        problems = [
            *_nothing_around(archive, plain, path),
            *_listed_and_there(archive, manifest),
            *(problem for entry in manifest.files for problem in _check_file(archive, entry)),
            *_check_totals(archive, manifest),
        ]
    return manifest, problems


def sha256_of(path: Path) -> str:
    """The archive's own checksum, as the admin shows it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _archive(plain: IO[bytes], path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(plain)
    except _DAMAGE:
        raise Damaged(f"{path.name}: not a packet, or cut short") from None


def _plain(path: Path, identities: Sequence[str]) -> IO[bytes]:
    """The archive, decrypted in memory: in clear it touches no disk."""
    file = path.open("rb")
    encrypted = file.read(len(_AGE_HEADER)) == _AGE_HEADER
    file.seek(0)
    if not encrypted:
        return file
    with file:
        return _decrypted(file, path, identities)


def _decrypted(file: IO[bytes], path: Path, identities: Sequence[str]) -> IO[bytes]:
    if not identities:
        raise Damaged(f"{path.name}: encrypted; give the identity file with --identity")
    try:
        keys = [pyrage.x25519.Identity.from_str(identity) for identity in identities]
    except pyrage.IdentityError:
        raise Damaged("the identity file holds no age identity (AGE-SECRET-KEY-1…)") from None
    plain = io.BytesIO()
    try:
        pyrage.decrypt_io(file, plain, keys)
    except (pyrage.DecryptError, OSError, ValueError):
        raise Damaged(f"{path.name}: damaged, or not encrypted to this identity") from None
    plain.seek(0)
    return plain


def _manifest(archive: zipfile.ZipFile) -> Manifest:
    try:
        manifest = msgspec.json.decode(archive.read(MANIFEST), type=Manifest)
    except KeyError:
        raise Damaged(f"{MANIFEST}: missing") from None
    except (msgspec.MsgspecError, *_DAMAGE):
        raise Damaged(f"{MANIFEST}: damaged") from None
    if manifest.format != FORMAT:
        raise Damaged(f"{MANIFEST}: format {manifest.format} is not one this program knows")
    return manifest


def _nothing_around(archive: zipfile.ZipFile, plain: IO[bytes], path: Path) -> Iterator[str]:
    """A zip archive may hide other data before its first file, and in or as a comment after its last."""
    plain.seek(-_END_BYTES, io.SEEK_END)
    if plain.read(4) != b"PK\x05\x06" or min(info.header_offset for info in archive.infolist()) > 0:
        yield f"{path.name}: something stands before or after the archive"


def _listed_and_there(archive: zipfile.ZipFile, manifest: Manifest) -> Iterator[str]:
    there = [name for name in archive.namelist() if name != MANIFEST]
    listed = [entry.name for entry in manifest.files]
    yield from (f"{name}: listed in the manifest, but missing" for name in listed if name not in there)
    yield from (f"{name}: not listed in the manifest" for name in there if name not in listed)
    whole = archive.namelist()
    yield from (f"{name}: there twice" for name in sorted(set(whole)) if whole.count(name) > 1)
    yield from (f"{name}: listed twice" for name in sorted(set(listed)) if listed.count(name) > 1)


def _check_file(archive: zipfile.ZipFile, entry: FileEntry) -> Iterator[str]:
    if entry.name not in archive.namelist():
        return
    try:
        data = archive.read(entry.name)
        rows = len(_table(data)) if entry.name.endswith(".csv") else 0
    except (csv.Error, *_DAMAGE) as error:
        yield f"{entry.name}: damaged ({type(error).__name__})"
        return
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        yield f"{entry.name}: SHA-256 is not the manifest's"
    elif len(data) != entry.bytes:
        yield f"{entry.name}: {len(data)} bytes, the manifest says {entry.bytes}"
    elif rows != entry.rows:
        yield f"{entry.name}: {rows} rows, the manifest says {entry.rows}"


def _table(data: bytes) -> list[list[str]]:
    """The rows without the header."""
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))[1:]


def _check_totals(archive: zipfile.ZipFile, manifest: Manifest) -> Iterator[str]:
    totals, span = manifest.totals, manifest.range.last - manifest.range.first + 1
    if totals.signatures + totals.gaps != span:
        yield f"{MANIFEST}: {totals.signatures} signatures and {totals.gaps} gaps are not the range's {span} numbers"
    if sum(country.count for country in manifest.by_country) + manifest.other != totals.signatures:
        yield f"{MANIFEST}: the countries do not add up to {totals.signatures}"
    yield from _check_countries(archive, manifest)
    signers = [entry for entry in manifest.files if entry.name.startswith("signers-")]
    if sum(entry.rows for entry in signers) != totals.listed:
        yield f"{MANIFEST}: the parts do not add up to {totals.listed} signers"
    if manifest.profile == "count" and signers:
        yield f"{signers[0].name}: a packet of totals must not list signers"
    if any(entry.rows > PART_ROWS for entry in signers):
        yield f"{MANIFEST}: a part is larger than {PART_ROWS} rows"
    yield from _check_numbers(archive, manifest, signers)


def _check_countries(archive: zipfile.ZipFile, manifest: Manifest) -> Iterator[str]:
    """The table of countries says what the manifest says."""
    try:
        rows = [(code, int(count)) for code, _, count in _table(archive.read(COUNTRIES))]
    except KeyError:
        yield f"{COUNTRIES}: missing"
    except (csv.Error, *_DAMAGE):
        yield f"{COUNTRIES}: damaged"
    else:
        if rows != [*((country.code, country.count) for country in manifest.by_country), ("", manifest.other)]:
            yield f"{COUNTRIES}: its figures are not the manifest's"


def _check_numbers(archive: zipfile.ZipFile, manifest: Manifest, signers: Sequence[FileEntry]) -> Iterator[str]:
    """Numbers rise through all parts, lie in the range, and none is one that was taken back."""
    previous, gaps = manifest.range.first - 1, set(manifest.gap_numbers)
    for entry in signers:
        try:
            numbers = [int(row[0]) for row in _table(archive.read(entry.name))]
        except (KeyError, IndexError, csv.Error, *_DAMAGE):
            yield f"{entry.name}: its numbers cannot be read"
            return
        for number in numbers:
            if not previous < number <= manifest.range.last:
                yield f"{entry.name}: number {number} is out of order or out of the range"
                return
            if number in gaps:
                yield f"{entry.name}: number {number} was taken back and must not be listed"
            previous = number
