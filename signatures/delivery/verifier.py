#!/usr/bin/env python3
"""Checks a packet of signatures with nothing but Python 3.8 or newer: no network, no other program.

    python3 verify.py                          the packet in the folder where this file lies
    python3 verify.py PACKET                   another folder, or a .zip file
    python3 verify.py --earlier OLD PACKET     also against an earlier packet (or its manifest.json); may be repeated
    python3 verify.py --key FINGERPRINT        the key that has to have signed, as the letter or the web site has it

It checks the signature under the manifest, every file's checksum, the totals, the numbers of the signers and,
where an earlier packet is given, what was taken back since. It names what is wrong and ends with status 1.

Take this file from the organisation's web site rather than from the packet: whoever made up a packet would
have made up the verifier in it as well.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import os
import re
import struct
import sys
import zipfile
import zlib
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Point = tuple[int, int, int, int]

FORMAT = 3
#: Packets are kept for long: those of earlier formats are checked by the rules of theirs.
FORMATS = (2, FORMAT)
MANIFEST, SIGNATURE, COUNTRIES, AMENDMENTS = "manifest.json", "manifest.sig", "countries.csv", "amendments.csv"
PART_ROWS = 50_000
PROFILES = ("count", "initials", "named", "full")
#: What the packet is opened with, and what an operating system leaves in a folder: not part of the packet.
IGNORED = {".DS_Store", "Thumbs.db", "__pycache__", "desktop.ini"}
# What reading an altered archive raises, depending on the byte: also "needs a password" (RuntimeError),
# "unknown compression" (NotImplementedError, one of those), an offset below zero (ValueError).
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, RuntimeError, OverflowError)


#: Letters to edit, which are no part of what is signed; in format 2 they were.
EDITABLE = re.compile(r"letter-[A-Za-z-]+\.odt")


class Damaged(Exception):
    """The packet cannot be read at all; says which file and why."""


# --- Ed25519, RFC 8032 section 5.1 ---------------------------------------------------------------------------
# The standard library has none. Slow and not in constant time, which is well for checking what is public.

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)
# Points are (X, Y, Z, T) with x = X/Z, y = Y/Z, x*y = T/Z.
NEUTRAL = (0, 1, 1, 0)


def add(one: Point, other: Point) -> Point:
    """The sum of two points (section 5.1.4)."""
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar: int, point: Point) -> Point:
    """The point, added up `scalar` times."""
    total = NEUTRAL
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point = add(point, point)
        scalar >>= 1
    return total


def same(one: Point, other: Point) -> bool:
    return (one[0] * other[2] - other[0] * one[2]) % P == 0 and (one[1] * other[2] - other[1] * one[2]) % P == 0


def decode_point(data: bytes) -> Point | None:
    """The point that 32 bytes stand for (section 5.1.3), or None."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def is_signed(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature (64 bytes) of the message is the key's (32 bytes); section 5.1.7."""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    key, commitment = decode_point(public_key), decode_point(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or scalar >= L:
        return False
    digest = hashlib.sha512(signature[:32] + public_key + message).digest()
    challenge = int.from_bytes(digest, "little") % L
    return same(times(scalar, BASE), add(commitment, times(challenge, key)))


def fingerprint_of(public_key: bytes) -> str:
    """How a key is told from another on paper: the SHA-256 of its 32 bytes, in hexadecimal."""
    return hashlib.sha256(public_key).hexdigest()


def grouped(fingerprint: str) -> str:
    """The same for the eye: in groups of four."""
    return " ".join(fingerprint[at : at + 4] for at in range(0, len(fingerprint), 4))


# --- where the files are --------------------------------------------------------------------------------------


class Packet:
    """The files of a packet, by name, wherever they are."""

    label = ""

    def names(self) -> list[str]:
        raise NotImplementedError

    def read(self, name: str) -> bytes:
        """Raises KeyError where there is no such file, and much else (DAMAGE) where it is damaged."""
        raise NotImplementedError

    def problems(self) -> list[str]:
        """What is wrong with the whole, before any file is looked at."""
        return []


class Folder(Packet):
    """A packet that was unpacked."""

    def __init__(self, path: str) -> None:
        self.path, self.label = path, os.path.basename(os.path.abspath(path))

    def names(self) -> list[str]:
        found = []
        for folder, folders, files in os.walk(self.path):
            folders[:] = sorted(set(folders) - IGNORED)
            inside = os.path.relpath(folder, self.path)
            found += [name if inside == "." else os.path.join(inside, name) for name in sorted(set(files) - IGNORED)]
        return found

    def read(self, name: str) -> bytes:
        if name in (os.curdir, os.pardir) or os.path.basename(name) != name:
            raise KeyError(name)  # a manifest must not send us to read anything elsewhere
        try:
            with open(os.path.join(self.path, name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            raise KeyError(name) from None


class Archive(Packet):
    """A packet as a zip file; `file` is a path, or a binary file that can seek."""

    END_BYTES = 22  # of the record that ends a zip archive, where no comment follows it

    def __init__(self, file: str | IO[bytes], label: str) -> None:
        self.label = label
        try:
            self.zip = zipfile.ZipFile(file)
        except DAMAGE:
            raise Damaged(f"{label}: not a packet, or cut short") from None

    def names(self) -> list[str]:
        return self.zip.namelist()

    def read(self, name: str) -> bytes:
        return self.zip.read(name)

    def problems(self) -> list[str]:
        """A zip archive may hide other data before its first file, and in or as a comment after its last."""
        names = self.names()
        file = self.zip.fp
        assert file is not None
        file.seek(-self.END_BYTES, io.SEEK_END)
        around = file.read(4) != b"PK\x05\x06" or min(info.header_offset for info in self.zip.infolist()) > 0
        found = [f"{self.label}: something stands before or after the archive"] if around else []
        return found + [f"{name}: there twice" for name in sorted(set(names)) if names.count(name) > 1]


def packet_at(path: str) -> Packet:
    """The packet in a folder or a zip file. Raises Damaged, OSError."""
    if os.path.isdir(path):
        return Folder(path)
    with open(path, "rb") as file:
        if file.read(19) == b"age-encryption.org/":
            raise Damaged(f"{path}: encrypted; open it first, in the organisation's web site or with age")
    return Archive(path, os.path.basename(path))


# --- the manifest ---------------------------------------------------------------------------------------------

#: What a manifest has to hold: name → type, or for lists [type], or a shape of its own.
SHAPE: Any = {
    "format": int, "software": str, "campaign": str, "title": str, "addressee": str, "series": int,
    "reference": str, "profile": str, "range": {"first": int, "last": int},
    "totals": {"signatures": int, "countries": int, "listed": int, "gaps": int},
    "by_country": [{"code": str, "name": str, "count": int}], "other": int,
    "period": {"first": str, "last": str}, "amendments": {"withdrawn": int, "numbers": [int]},
    "gap_numbers": [int], "earlier": [{"reference": str, "first": int, "last": int, "manifest_sha256": str}],
    "built_at": str, "signed_by": str,
    "files": [{"name": str, "sha256": str, "bytes": int, "rows": int}],
}  # fmt: skip
_EARLIER: Any = [{"reference": str, "first": int, "last": int, "manifest_sha256": str, "built_at": str}]
#: What format 3 has in addition.
SHAPE_3: Any = {**SHAPE, "earlier": _EARLIER, "other_series": _EARLIER, "to_date": int}


def misfit(value: Any, shape: Any, at: str = "") -> str:
    """Where a value is not of the shape: the name of the place, or ""."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return at or "the whole"
        names = (misfit(value[name], part, name) if name in value else name for name, part in shape.items())
        return next(filter(None, names), "")
    if isinstance(shape, list):
        if not isinstance(value, list):
            return at
        return next(filter(None, (misfit(item, shape[0], at) for item in value)), "")
    fits = isinstance(value, shape) and not isinstance(value, bool)
    return "" if fits and not (shape is int and abs(value) >= 2**63) else at


def read_manifest(packet: Packet) -> tuple[dict[str, Any], bytes]:
    """(manifest, its bytes). Raises Damaged."""
    try:
        data = packet.read(MANIFEST)
        manifest = json.loads(data.decode("utf-8"))
    except KeyError:
        raise Damaged(f"{MANIFEST}: missing") from None
    except (RecursionError, *DAMAGE):
        raise Damaged(f"{MANIFEST}: damaged") from None
    format = manifest.get("format") if isinstance(manifest, dict) else None
    if isinstance(format, int) and format not in FORMATS:
        raise Damaged("%s: format %d is not one that this program knows" % (MANIFEST, format))
    wrong = misfit(manifest, SHAPE if format == 2 else SHAPE_3)
    if wrong:
        raise Damaged(f'{MANIFEST}: damaged at "{wrong}"')
    return manifest, data


def public_key_of(packet: Packet) -> tuple[bytes, bytes]:
    """(public key, signature) as the packet says them. Raises KeyError, ValueError."""
    text = packet.read(SIGNATURE).decode("ascii")
    lines = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    return bytes.fromhex(lines["public key"]), bytes.fromhex(lines["signature"])


def check_signature(packet: Packet, manifest: dict[str, Any], data: bytes, expected: str = "") -> list[str]:
    """What is wrong with the signature. `expected` is the fingerprint of the key that has to have signed."""
    try:
        public_key, signature = public_key_of(packet)
    except KeyError:
        return [f"{SIGNATURE}: missing, or without a key and a signature"]
    except DAMAGE:
        return [f"{SIGNATURE}: damaged"]
    if not is_signed(public_key, data, signature):
        return [f"{SIGNATURE}: the signature is not this manifest's: one of the two was altered"]
    fingerprint = fingerprint_of(public_key)
    problems = []
    if fingerprint != manifest["signed_by"]:
        problems.append(f"{SIGNATURE}: signed by another key than the manifest names")
    wanted = re.sub(r"[\s:]", "", expected).lower()
    if wanted and fingerprint != wanted:
        problems.append(f"{SIGNATURE}: signed by the key {fingerprint} and not by the one you gave")
    return problems


# --- files, totals, numbers -----------------------------------------------------------------------------------


def table(data: bytes) -> list[list[str]]:
    """The rows of a CSV file, without its header."""
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))[1:]


def sheet_numbers(data: bytes) -> list[int]:
    """The first column of an XLSX file's sheet, without its header."""
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml")
    return [int(number) for number in re.findall(rb'<c r="A\d+"(?: s="\d+")?><v>(\d+)</v>', sheet)]  # texts have a t=


def unsigned(packet: Packet, manifest: dict[str, Any]) -> list[str]:
    """The files that are there to be edited, and so are not checked."""
    listed = {entry["name"] for entry in manifest["files"]}
    names = [name for name in packet.names() if EDITABLE.fullmatch(name) and name not in listed]
    return [] if manifest["format"] == 2 else sorted(names)


def check_list_of_files(packet: Packet, manifest: dict[str, Any]) -> list[str]:
    listed = [entry["name"] for entry in manifest["files"]]
    left_out = {MANIFEST, SIGNATURE, *unsigned(packet, manifest)}
    there = [name for name in packet.names() if name not in left_out]
    problems = [f"{name}: listed in the manifest, but missing" for name in listed if name not in there]
    problems += [f"{name}: not listed in the manifest" for name in there if name not in listed]
    return problems + [f"{name}: listed twice" for name in sorted(set(listed)) if listed.count(name) > 1]


def check_file(packet: Packet, entry: dict[str, Any]) -> tuple[list[str], list[int] | None]:
    """What is wrong with one file; and the numbers of the signers it lists (None where it lists none)."""
    name, numbers = entry["name"], None
    try:
        data = packet.read(name)
    except KeyError:
        return [], None  # told already
    except DAMAGE as error:
        return [f"{name}: damaged ({type(error).__name__})"], None
    if hashlib.sha256(data).hexdigest() != entry["sha256"]:
        return [f"{name}: its SHA-256 is not the manifest's"], None
    if len(data) != entry["bytes"]:
        return ["%s: %d bytes, the manifest says %d" % (name, len(data), entry["bytes"])], None
    try:
        if name.startswith("signers-") and name.endswith(".csv"):
            numbers = [int(row[0]) for row in table(data)]
        elif name.startswith("signers-") and name.endswith(".xlsx"):
            numbers = sheet_numbers(data)
        rows = len(table(data)) if name.endswith(".csv") else len(numbers or [])
    except (csv.Error, IndexError, KeyError, *DAMAGE):
        return [f"{name}: its rows cannot be read"], None
    if name.endswith((".csv", ".xlsx")) and rows != entry["rows"]:
        return ["%s: %d rows, the manifest says %d" % (name, rows, entry["rows"])], numbers
    return [], numbers


def check_totals(manifest: dict[str, Any]) -> Iterator[str]:
    """Whether the manifest's own figures agree with each other."""
    totals, span = manifest["totals"], manifest["range"]["last"] - manifest["range"]["first"] + 1
    listed, gaps = totals["listed"], manifest["gap_numbers"]
    if manifest["profile"] not in PROFILES:
        yield "there is no profile {!r}".format(manifest["profile"])
    if min(totals.values()) < 0 or manifest["other"] < 0 or span < 0 or manifest["amendments"]["withdrawn"] < 0:
        yield "a figure is below zero"
    if totals["signatures"] + totals["gaps"] != span:
        yield "%d signatures and %d gaps are not the range's %d numbers" % (totals["signatures"], totals["gaps"], span)
    if sum(country["count"] for country in manifest["by_country"]) + manifest["other"] != totals["signatures"]:
        yield "the countries do not add up to %d" % totals["signatures"]
    if listed > totals["signatures"]:
        yield "more are listed than have signed"
    if manifest["profile"] == "full" and listed != totals["signatures"]:
        yield "everybody has to be listed in a full packet"
    if manifest["profile"] != "count":
        amended = manifest["amendments"]
        if len(gaps) != totals["gaps"] or (manifest["format"] == 2 and len(amended["numbers"]) > amended["withdrawn"]):
            yield "its numbers that were taken back are not as many as it says"
        first, last = manifest["range"]["first"], manifest["range"]["last"]
        if gaps != sorted(set(gaps)) or (gaps and not first <= gaps[0] <= gaps[-1] <= last):
            yield "its gaps are out of order or out of the range"


def check_sums(manifest: dict[str, Any]) -> Iterator[str]:
    """What format 3 says in addition: the sum of the series, and the countries of those listed."""
    totals, amended = manifest["totals"], manifest["amendments"]
    if manifest["to_date"] < totals["signatures"] - amended["withdrawn"]:
        yield "its total to date is less than it adds"
    if not manifest["earlier"] and (manifest["to_date"] != totals["signatures"] or amended["withdrawn"]):
        yield "the first packet of a series has no other total to date, and takes nothing back"
    if manifest["profile"] == "count" and (amended["numbers"] or manifest["other_series"]):
        yield "a packet of totals must not tell of numbers"
    if manifest["profile"] != "count" and sum(c["count"] for c in manifest["by_country"]) > totals["listed"]:
        yield "its countries are more than those of the signers listed"


def check_strikes(packet: Packet, manifest: dict[str, Any]) -> list[str]:
    """The table of numbers to strike has those of the manifest, each in a packet that the manifest knows."""
    if AMENDMENTS not in packet.names():
        return [f"{AMENDMENTS}: missing"] if manifest["amendments"]["numbers"] else []
    try:
        rows = [(int(row[0]), row[1]) for row in table(packet.read(AMENDMENTS))]
    except (csv.Error, IndexError, KeyError, *DAMAGE):
        return [f"{AMENDMENTS}: damaged"]
    spans = {old["reference"]: old for old in manifest["earlier"] + manifest["other_series"]}
    problems = []
    if sorted({number for number, _ in rows}) != manifest["amendments"]["numbers"]:
        problems.append(f"{AMENDMENTS}: its numbers are not the manifest's")
    for number, reference in rows:
        if reference not in spans or not spans[reference]["first"] <= number <= spans[reference]["last"]:
            problems.append("%s: number %d is in no packet %s" % (AMENDMENTS, number, reference))
    return problems


def check_parts(manifest: dict[str, Any]) -> Iterator[str]:
    """Whether the parts, in each of their forms, list as many signers as the manifest says."""
    signers = [entry for entry in manifest["files"] if entry["name"].startswith("signers-")]
    if manifest["profile"] == "count":
        for entry in signers:
            yield "{}: a packet of totals must not list signers".format(entry["name"])
        return
    for entry in signers:
        if entry["rows"] > PART_ROWS:
            yield "%s: %d rows, more than %d" % (entry["name"], entry["rows"], PART_ROWS)
    for ending in (".csv", ".xlsx", ".pdf"):
        rows = [entry["rows"] for entry in signers if entry["name"].endswith(ending)]
        if (rows or ending == ".csv") and sum(rows) != manifest["totals"]["listed"]:
            yield "%s: the %s parts do not add up to %d signers" % (MANIFEST, ending, manifest["totals"]["listed"])


def check_countries(packet: Packet, manifest: dict[str, Any]) -> list[str]:
    """The table of countries says what the manifest says."""
    try:
        rows = [(row[0], int(row[2])) for row in table(packet.read(COUNTRIES))]
    except KeyError:
        return [f"{COUNTRIES}: missing"]
    except (csv.Error, IndexError, *DAMAGE):
        return [f"{COUNTRIES}: damaged"]
    wanted = [(country["code"], country["count"]) for country in manifest["by_country"]] + [("", manifest["other"])]
    return [] if rows == wanted else [f"{COUNTRIES}: its figures are not the manifest's"]


def check_numbers(manifest: dict[str, Any], numbers: dict[str, list[int]]) -> Iterator[str]:
    """`numbers` is {file: numbers}: they rise through all parts, lie in the range, and none was taken back."""
    gaps = set(manifest["gap_numbers"])
    previous = manifest["range"]["first"] - 1
    for name in sorted(name for name in numbers if name.endswith(".csv")):
        for number in numbers[name]:
            if not previous < number <= manifest["range"]["last"]:
                yield "%s: number %d is out of order or out of the range" % (name, number)
                return
            if number in gaps:
                yield "%s: number %d was withdrawn or removed and must not be listed" % (name, number)
            previous = number
        twin = numbers.get(name[: -len(".csv")] + ".xlsx")
        if twin is not None and twin != numbers[name]:
            yield f"{name}: other numbers than its .xlsx has"


# --- against earlier packets ----------------------------------------------------------------------------------


def check_earlier(manifest: dict[str, Any], earlier: list[tuple[dict[str, Any], bytes]]) -> Iterator[str]:
    """`earlier` is [(manifest, its bytes)] of packets handed over before."""
    told = {entry["reference"]: entry for entry in manifest["earlier"] + manifest.get("other_series", [])}
    for old, data in earlier:
        name, span = old["reference"], old["range"]
        other_series = manifest["format"] != 2 and old["series"] != manifest["series"] and name in told
        for what in ("campaign", "addressee") if other_series else ("campaign", "addressee", "series"):
            if old[what] != manifest[what]:
                yield f"{name}: of another {what}"
                return
        overlaps = span["first"] <= manifest["range"]["last"] and manifest["range"]["first"] <= span["last"]
        if overlaps and not other_series:
            yield f"{name}: has some of the numbers of this packet"
        if name not in told:
            yield f"{name}: this packet does not know of it"
        elif hashlib.sha256(data).hexdigest() != told[name]["manifest_sha256"]:
            yield f"{name}: its manifest is not the one that this packet was built upon"
    there = {old["reference"] for old, _ in earlier}
    if {entry["reference"] for entry in manifest["earlier"]} <= there:
        yield from check_series(manifest, [old for old, _ in earlier if old["series"] == manifest["series"]])
    if set(told) == there:
        yield from check_amendments(manifest, [old for old, _ in earlier])


def check_series(manifest: dict[str, Any], earlier: list[dict[str, Any]]) -> Iterator[str]:
    """With all earlier packets of the series there: the ranges leave no hole, and the totals add up."""
    expected = 1
    for first, last in sorted((old["range"]["first"], old["range"]["last"]) for old in [*earlier, manifest]):
        if first > expected:
            yield "%s: numbers %d to %d are in none of the packets" % (MANIFEST, expected, first - 1)
        expected = max(expected, last + 1)
    counted = sum(old["totals"]["signatures"] - old["amendments"]["withdrawn"] for old in earlier)
    if manifest["amendments"]["withdrawn"] > counted:
        yield f"{MANIFEST}: more are taken back than earlier packets counted"
    counted += manifest["totals"]["signatures"] - manifest["amendments"]["withdrawn"]
    if manifest["format"] != 2 and manifest["to_date"] != counted:
        yield "%s: its total to date is %d, but the packets add up to %d" % (MANIFEST, manifest["to_date"], counted)


def check_amendments(manifest: dict[str, Any], earlier: list[dict[str, Any]]) -> Iterator[str]:
    """With all earlier packets there: each number is taken back once, and was in one of them."""
    for number in manifest["amendments"]["numbers"]:
        if not any(old["range"]["first"] <= number <= old["range"]["last"] for old in earlier):
            yield "%s: number %d is said to be taken back, but is in no earlier packet" % (MANIFEST, number)
        if any(number in old["gap_numbers"] or number in old["amendments"]["numbers"] for old in earlier):
            yield "%s: number %d was taken back in an earlier packet already" % (MANIFEST, number)


# --- all together ---------------------------------------------------------------------------------------------


def check(packet: Packet, earlier: Sequence[Packet] = (), key: str = "") -> tuple[dict[str, Any], list[str]]:
    """(manifest, what is wrong with the packet). `earlier` are packets. Raises Damaged."""
    manifest, data = read_manifest(packet)
    problems = check_signature(packet, manifest, data, key)
    problems += packet.problems() + check_list_of_files(packet, manifest)
    numbers: dict[str, list[int]] = {}
    for entry in manifest["files"]:
        found, listed = check_file(packet, entry)
        problems += found
        if listed is not None:
            numbers[entry["name"]] = listed
    problems += [f"{MANIFEST}: {problem}" for problem in check_totals(manifest)]
    problems += check_parts(manifest)
    problems += check_countries(packet, manifest)
    if manifest["format"] != 2:
        problems += [f"{MANIFEST}: {problem}" for problem in check_sums(manifest)]
        problems += check_strikes(packet, manifest)
    problems += check_numbers(manifest, numbers)
    before: list[tuple[dict[str, Any], bytes]] = []
    for old in earlier:
        old_manifest, old_data = read_manifest(old)
        before.append((old_manifest, old_data))
        problems += [f"{old.label}: {problem}" for problem in check_signature(old, old_manifest, old_data, key)]
        if old_manifest["signed_by"] != manifest["signed_by"]:
            problems.append(f"{old.label}: signed by another key: is that said on the web site?")
    problems += check_earlier(manifest, before)
    return manifest, problems


def counted(count: int, one: str, many: str) -> str:
    return "%d %s" % (count, one if count == 1 else many)


def figures(manifest: dict[str, Any]) -> str:
    """Its range and totals, in words; what is nought is left out."""
    totals, span = manifest["totals"], manifest["range"]
    said = [counted(totals["signatures"], "signature", "signatures")]
    if totals["countries"] > 1:
        said[0] += " from %d countries" % totals["countries"]
    if manifest["profile"] != "count":
        said.append("%d listed" % totals["listed"])
    if totals["gaps"]:
        said.append("%d withdrawn or removed before" % totals["gaps"])
    return "numbers %d to %d: %s" % (span["first"], span["last"], ", ".join(said))


def summary(packet: Packet, manifest: dict[str, Any]) -> Iterator[str]:
    """What a packet that verifies says of itself, in lines."""
    yield "{}: {}".format(manifest["reference"], manifest["title"])
    yield "to {}".format(manifest["addressee"])
    yield figures(manifest)
    if manifest["earlier"]:
        yield "follows %s, of which %s withdrawn or removed since" % (
            counted(len(manifest["earlier"]), "earlier packet", "earlier packets"),
            counted(manifest["amendments"]["withdrawn"], "signature was", "signatures were"),
        )
    if manifest["amendments"]["numbers"]:
        yield "numbers to strike in earlier lists: " + ", ".join(map(str, manifest["amendments"]["numbers"]))
    yield "%d files. Signed by the key with the fingerprint" % len(manifest["files"])
    yield "  " + grouped(manifest["signed_by"])
    for name in unsigned(packet, manifest):
        yield name + ": not checked, for it is there to be edited"
    yield "Compare it with the printed letter and with the organisation's web site."


def main(arguments: list[str] | None = None) -> int:
    """Check what the command line names; returns the exit status."""
    parser = argparse.ArgumentParser(description="Checks a packet of signatures.")
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("packet", nargs="?", default=here, help="its folder, or the .zip file")
    parser.add_argument("--earlier", action="append", default=[], help="an earlier packet; may be repeated")
    parser.add_argument("--key", default="", help="the fingerprint of the key that has to have signed")
    options = parser.parse_args(arguments)
    try:
        earlier = [packet_at(os.path.dirname(p) or "." if p.endswith(MANIFEST) else p) for p in options.earlier]
        packet = packet_at(options.packet)
        manifest, problems = check(packet, earlier, options.key)
    except Damaged as error:
        problems = [str(error)]
    except OSError as error:
        problems = [f"{error.filename}: {error.strerror}"]
    if problems:
        print("THE PACKET DOES NOT VERIFY.", *problems, sep="\n", file=sys.stderr)
        return 1
    print("The packet verifies.", *summary(packet, manifest), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
