"""The packet's shape: a zip archive with a manifest, written and read here and nowhere else.

letter.txt           what is demanded, of whom, how many signed, how that was found out
countries.csv        totals by country, small ones merged as on the site
signers-0001.csv …   only where the profile allows; at most PART_ROWS rows each
README.txt, verify.py
                     how to read the packet, and how to check it with nothing but Python
manifest.json        totals, range, profile, and SHA-256, bytes and rows of every other file
manifest.sig         last: the organisation's signature under the manifest
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, Final, Self

import msgspec

from signatures.delivery.verifier import COUNTRIES, FORMAT, MANIFEST, PART_ROWS, SIGNATURE

__all__ = ["COUNTRIES", "FORMAT", "MANIFEST", "PART_ROWS", "SIGNATURE"]


# A cell that begins like this is a formula to a spreadsheet. So is what follows a separator inside a
# quoted cell, where the reader's locale separates by another sign than ours.
_FORMULA: Final = re.compile(r"(^|[;,|\t\r\n])([\s\"]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")


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
    """Signatures that finished packets of the series counted and that were taken back since. `numbers`: where told."""

    withdrawn: int
    numbers: list[int] = []


class Earlier(msgspec.Struct, frozen=True):
    """A finished packet of the same series, which this one goes on from."""

    reference: str
    first: int
    last: int
    manifest_sha256: str


class Manifest(msgspec.Struct, frozen=True):
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
    earlier: list[Earlier]
    built_at: str
    #: The fingerprint of the key that signs this.
    signed_by: str
    files: list[FileEntry]


def safe_cell(text: str) -> str:
    """The text so that no spreadsheet takes any of it for a formula: an apostrophe before what could be one."""
    return _FORMULA.sub(r"\1\2'", text)


@dataclass(slots=True)
class Counter:
    """How many rows a table has, known when it is written."""

    rows: int = 0


class PacketWriter:
    """Writes a packet into a stream that need not be seekable. Nothing of it is kept in memory."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self.files: list[FileEntry] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        # One that was not closed is abandoned: else zipfile would end it when it is collected, in a closed stream.
        self._zip.fp = None

    def add_text(self, name: str, text: str) -> None:
        self._add(name, iter([text.encode()]), Counter())

    def add_table(self, name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        """A CSV file as RFC 4180 has it, with a byte order mark for Excel. Returns the number of rows."""
        counter = Counter()
        self._add(name, _csv_chunks(header, rows, counter), counter)
        return counter.rows

    def add_parts(self, stem: str, header: Sequence[str], rows: Iterator[Sequence[Any]]) -> int:
        """The rows in as many tables as they need: stem-0001.csv, … Returns the number of rows."""
        total = 0
        for part, first in enumerate(rows, start=1):  # peeks, so that there is no empty last part
            chunk = _first_and(first, rows, PART_ROWS)
            total += self.add_table(f"{stem}-{part:04}.csv", header, chunk)
        return total

    def close(self, manifest: Manifest, sign: Callable[[bytes], str]) -> str:
        """Write the manifest, which has to list `files`, and its signature; end the archive.

        Returns the SHA-256 of the manifest's bytes.
        """
        data = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
        self._zip.writestr(MANIFEST, data)
        self._zip.writestr(SIGNATURE, sign(data))
        self._zip.close()
        return hashlib.sha256(data).hexdigest()

    def _add(self, name: str, chunks: Iterator[bytes], counter: Counter) -> None:
        digest, size = hashlib.sha256(), 0
        with self._zip.open(name, "w", force_zip64=True) as file:
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                file.write(chunk)
        self.files.append(FileEntry(name, digest.hexdigest(), size, counter.rows))


def _first_and(first: Sequence[Any], rows: Iterator[Sequence[Any]], limit: int) -> Iterator[Sequence[Any]]:
    yield first
    for count, row in enumerate(rows, start=2):
        yield row
        if count == limit:
            return


def _csv_chunks(header: Sequence[str], rows: Iterable[Sequence[Any]], counter: Counter) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    buffer.write("\ufeff")
    writer.writerow(header)
    for row in rows:
        writer.writerow([safe_cell(cell) if isinstance(cell, str) else cell for cell in row])
        counter.rows += 1
        if counter.rows % 1000 == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()
