"""The packet's shape: a zip archive of one folder with a manifest, written and read here and nowhere else.

amendments.csv, .pdf where somebody was named before who is no longer counted: which numbers to strike, in which packets
letter-en.pdf, .odt  what is demanded, of whom, how many signed, how that was found out; one in each language
countries.csv        totals by country, small ones merged as on the site
texts.json           each version of the text that was signed, in each language, to the byte
signers-0001.csv, .xlsx …
                     only where the profile allows; at most PART_ROWS rows each
signers-volume-001.pdf …
                     the same signers to print and bind
README.txt, verify.py
                     how to read the packet, and how to check it with nothing but Python
SHA256SUMS           the checksums of all these, as sha256sum reads them
manifest.json        totals, range, profile, and SHA-256, bytes and rows of every other file
manifest.sig         last: the organisation's signature under the manifest
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Sequence
from typing import IO, Any, Final, Self

import msgspec
from django.utils import timezone

from signatures.delivery.lists import csv_of
from signatures.delivery.verifier import AMENDMENTS, COUNTRIES, FORMAT, MANIFEST, PART_ROWS, SIGNATURE, TEXTS

__all__ = ["AMENDMENTS", "COUNTRIES", "FORMAT", "MANIFEST", "PART_ROWS", "SIGNATURE", "TEXTS"]


class FileEntry(msgspec.Struct, frozen=True):
    """One file of the packet."""

    name: str
    sha256: str
    bytes: int
    rows: int


class Range(msgspec.Struct, frozen=True):
    """Register numbers, both ends included."""

    first: int
    last: int


class Totals(msgspec.Struct, frozen=True):
    """`signatures` are counted in the range; `listed` of them are told of singly; `gaps` were taken back."""

    signatures: int
    countries: int
    listed: int
    gaps: int


class CountryTotal(msgspec.Struct, frozen=True):
    code: str
    name: str
    count: int


class Period(msgspec.Struct, frozen=True):
    """Days of signing, ISO 8601; "" where there is no signature."""

    first: str
    last: str


class Amendments(msgspec.Struct, frozen=True):
    """What became of earlier packets: how many signatures that the series counted were withdrawn or removed since, and
    the numbers of persons whom any packet listed to this addressee and who are to be struck there."""

    withdrawn: int
    numbers: list[int] = []


class Earlier(msgspec.Struct, frozen=True):
    """A finished packet to the same addressee."""

    reference: str
    first: int
    last: int
    manifest_sha256: str
    #: ISO 8601; "" in format 2.
    built_at: str = ""


class VersionText(msgspec.Struct, frozen=True):
    """The text of a version in one language, which is in texts.json."""

    language: str
    sha256: str


class VersionTotal(msgspec.Struct, frozen=True):
    """Signatures to one version of the petition's text, as countries are told of: from ten on, in tens; else 0."""

    number: int
    #: ISO 8601.
    published_on: str
    count: int
    texts: list[VersionText]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What is in the packet, for whoever checks it."""

    format: int
    software: str
    campaign: str
    title: str
    addressee: str
    series: int
    reference: str
    profile: str
    range: Range
    totals: Totals
    by_country: list[CountryTotal]
    other: int
    period: Period
    amendments: Amendments
    gap_numbers: list[int]
    #: Of the same series, which this packet goes on from.
    earlier: list[Earlier]
    #: Of other series; only those that tell of persons.
    other_series: list[Earlier] = []
    #: Signatures of the whole series up to this packet, less those that were withdrawn or removed since.
    to_date: int = 0
    by_version: list[VersionTotal] = []
    #: Signatures that no version accounts for.
    other_versions: int = 0
    built_at: str
    #: The fingerprint of the key that signs this.
    signed_by: str
    files: list[FileEntry]


#: The packet's checksums for other programs; the manifest has them as well, and is signed.
CHECKSUMS: Final = "SHA256SUMS"
#: What is compressed already is stored as it is.
_COMPRESSED: Final = (".pdf", ".xlsx", ".odt")


class PacketWriter:
    """Writes a packet into a stream that need not be seekable. Nothing of it is kept in memory.

    All files lie in one `folder`, so that unpacking it among other papers mixes nothing; without, as in older packets.
    """

    def __init__(self, stream: IO[bytes], folder: str = "") -> None:
        self._zip = zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self._folder = f"{folder}/" if folder else ""
        self.files: list[FileEntry] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        # One that was not closed is abandoned: else zipfile would end it when it is collected, in a closed stream.
        self._zip.fp = None

    def add(self, name: str, data: bytes, rows: int = 0) -> None:
        with self.adding(name) as file:
            file.write(data)
        self.files.append(FileEntry(name, hashlib.sha256(data).hexdigest(), len(data), rows))

    def add_unsigned(self, name: str, data: bytes) -> None:
        """A file that the manifest does not list: the verifier says so (verifier.EDITABLE)."""
        with self.adding(name) as file:
            file.write(data)

    def add_table(self, name: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """A CSV file, small enough to be made at once."""
        self.add(name, b"".join(csv_of(header, rows)), len(rows))

    def adding(self, name: str) -> IO[bytes]:
        """A file of the archive to write into. Whoever does so adds its entry to `files`."""
        return self._zip.open(self._info(name), "w", force_zip64=True)

    def close(self, manifest: Manifest, sign: Callable[[bytes], str]) -> str:
        """Write the manifest, which has to list `files`, and its signature; end the archive.

        Returns the SHA-256 of the manifest's bytes.
        """
        data = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
        self._zip.writestr(self._info(MANIFEST), data)
        self._zip.writestr(self._info(SIGNATURE), sign(data))
        self._zip.close()
        return hashlib.sha256(data).hexdigest()

    def _info(self, name: str) -> zipfile.ZipInfo:
        """A file's entry. It has the day and no time: when a packet was sealed, to the second, is nobody's business."""
        info = zipfile.ZipInfo(f"{self._folder}{name}", (*timezone.now().timetuple()[:3], 0, 0, 0))
        info.compress_type = zipfile.ZIP_STORED if name.endswith(_COMPRESSED) else zipfile.ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        return info
