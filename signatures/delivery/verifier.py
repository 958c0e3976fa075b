#!/usr/bin/env python3
"""Checks a packet of signatures with nothing but Python 3.8 or newer: no network, no other program.

    python3 verify.py --key FINGERPRINT PACKET     a folder, or a .zip file; without PACKET, the folder of this file
    python3 verify.py --earlier OLD PACKET         signed by the key that signed an earlier packet (or its
                                                   manifest.json), and following it; may be repeated
    python3 verify.py --any-key PACKET             only whether the packet is whole, whoever made it

It checks the signature under the manifest and whose it is, every file's checksum, the totals, the numbers of the
signers and, where an earlier packet is given, what was taken back since. It names what is wrong. An archive has to be
as it was made: where another program packed it anew, unpack it and give the folder.

Take this file and the fingerprint from the organisation's web site, never from the packet: whoever made up a packet
would have made up the verifier and the letter in it as well.

It ends with status 0 where the packet verifies, 1 where something is wrong, 2 where the command is wrong, and 3 where
nothing is wrong but nobody vouched for the key. With --any-key, 0 says that the packet is whole and no more.
"""

import sys

if __name__ == "__main__":
    # Python looks for modules beside a script first: an argparse.py in the packet would be run. Only what is built
    # into Python may be imported before this, and so not even __future__: annotations that Python 3.8 cannot
    # evaluate stand in quotes.
    if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
        del sys.path[0]
    import os

    for _folder in (os.path.dirname(os.path.abspath(__file__)), os.getcwd()):
        # Also by PYTHONPATH.
        sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry) != os.path.realpath(_folder)]

import argparse
import csv
import hashlib
import io
import json
import os
import re
import stat
import struct
import zipfile
import zlib
from collections import Counter
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    Point = tuple[int, int, int, int]

FORMAT = 4
#: Packets are kept for long: those of earlier formats are checked by the rules of theirs.
FORMATS = (2, 3, FORMAT)
MANIFEST, SIGNATURE, COUNTRIES, AMENDMENTS = "manifest.json", "manifest.sig", "countries.csv", "amendments.csv"
TEXTS = "texts.json"
PART_ROWS = 50_000
PROFILES = ("count", "initials", "named", "full")
#: What operating systems leave in a folder that was looked at: no part of the packet, and said to be unchecked.
LEFT_BEHIND = {".DS_Store", "Thumbs.db", "desktop.ini"}
PIECE = 1 << 16
#: Bytes that are read before it is known who signed: 32 MiB hold two million numbers that were taken back.
MANIFEST_BYTES, SIGNATURE_BYTES = 1 << 25, 1 << 12
#: Bytes of a row in a spreadsheet, at most.
ROW_BYTES = 1 << 15
# What reading an altered archive raises, depending on the byte: also "needs a password" (RuntimeError),
# "unknown compression" (NotImplementedError, one of those), an offset below zero (ValueError).
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, RuntimeError, OverflowError)


#: What manifest.sig holds, to the byte.
SIGNATURE_TEXT = re.compile(
    rb"Ed25519 \(RFC 8032\) over the bytes of manifest\.json; checked by verify\.py\n"
    rb"public key: ([0-9a-f]{64})\nsignature: ([0-9a-f]{128})\n"
)
#: The folder that a packet's files lie in, in its archive.
FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}/")
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


def add(one: "Point", other: "Point") -> "Point":
    """The sum of two points (section 5.1.4)."""
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar: int, point: "Point") -> "Point":
    """The point, added up `scalar` times."""
    total = NEUTRAL
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point = add(point, point)
        scalar >>= 1
    return total


def same(one: "Point", other: "Point") -> bool:
    return (one[0] * other[2] - other[0] * one[2]) % P == 0 and (one[1] * other[2] - other[1] * one[2]) % P == 0


def decode_point(data: bytes) -> "Point | None":
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


def fingerprint_given(text: str) -> str:
    """A fingerprint as somebody typed it, with spaces or colons, as fingerprint_of has it. Raises ArgumentTypeError."""
    fingerprint = re.sub(r"[\s:]", "", text).lower()
    if not re.fullmatch(r"[0-9a-f]{64}", fingerprint):
        raise argparse.ArgumentTypeError("a fingerprint has 64 hexadecimal digits, this has not: " + ascii(text))
    return fingerprint


def legible(text: str) -> str:
    """The text without anything that would move a terminal's cursor, begin a line or turn its direction."""
    return "".join(c if c.isprintable() or c in "\u200c\u200d" else ascii(c)[1:-1] for c in text)


def repeated(names: "Iterable[str]") -> "list[str]":
    return sorted(name for name, count in Counter(names).items() if count > 1)


# --- where the files are --------------------------------------------------------------------------------------


class Packet:
    """The files of a packet, by name, wherever they are."""

    label = ""

    def names(self) -> "list[str]":
        raise NotImplementedError

    def size(self, name: str) -> int:
        """In bytes, as it is said before the file is read. Raises KeyError where there is no such file."""
        raise NotImplementedError

    def pieces(self, name: str) -> "Iterator[bytes]":
        """The file, in pieces, never more than size(name). Raises KeyError, and much else (DAMAGE)."""
        raise NotImplementedError

    def read(self, name: str, most: int) -> bytes:
        """A whole file of at most so many bytes; of a larger one nothing is read. Raises KeyError, DAMAGE."""
        if self.size(name) > most:
            raise ValueError("larger than it may be")
        return b"".join(self.pieces(name))

    def left_behind(self) -> "list[str]":
        """Files that are no part of the packet, and not the packet's fault."""
        return []

    def problems(self) -> "Iterable[str]":
        """What is wrong with the whole, before any file is looked at."""
        return []


class Folder(Packet):
    """A packet that was unpacked."""

    def __init__(self, path: str) -> None:
        self.path, self.label = path, os.path.basename(os.path.abspath(path))
        with os.scandir(path) as entries:
            self.modes = {entry.name: entry.stat(follow_symlinks=False).st_mode for entry in entries}

    def _files(self) -> "Iterator[str]":
        return (name for name in sorted(self.modes) if stat.S_ISREG(self.modes[name]))

    def names(self) -> "list[str]":
        return [name for name in self._files() if name not in LEFT_BEHIND]

    def left_behind(self) -> "list[str]":
        return [name for name in self._files() if name in LEFT_BEHIND]

    def problems(self) -> "Iterator[str]":
        """A packet holds files and nothing else; what a folder in it holds is not looked at."""
        for name, mode in sorted(self.modes.items()):
            if stat.S_ISLNK(mode):
                yield f"{name}: a link, and not a file"
            elif stat.S_ISDIR(mode):
                yield f"{name}: a folder, and a packet has none"
            elif not stat.S_ISREG(mode):
                yield f"{name}: neither a file nor a folder"

    def _path(self, name: str) -> str:
        if not stat.S_ISREG(self.modes[name]):
            raise KeyError(name)
        return os.path.join(self.path, name)

    def size(self, name: str) -> int:
        return os.lstat(self._path(name)).st_size

    def pieces(self, name: str) -> "Iterator[bytes]":
        left = self.size(name)
        # Should it have become a link or a pipe since: neither is followed, nor waited for.
        flags = os.O_RDONLY | sum(getattr(os, flag, 0) for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
        with open(os.open(self._path(name), flags), "rb") as file:
            while left > 0:
                piece = file.read(min(left, PIECE))
                if not piece:
                    raise EOFError
                left -= len(piece)
                yield piece


class Archive(Packet):
    """A packet as a zip file; `file` is a path, or a binary file that can seek.

    The archive has to be as we write it, for programs differ in what they make of another one: file upon file
    without a byte between them, then the directory, then its end.
    """

    HEADER = struct.Struct("<4s5H3L2H")
    HEADER_64 = struct.Struct("<HHQQ")
    ENTRY = 46  # bytes of a file's entry in the directory, before its name
    LARGE = 2**31 - 1  # what is larger, zipfile writes in eight bytes
    SYSTEMS = (0, 3)  # DOS and Unix: how others say that a file is a link, we do not know
    #: Bits of a file's flags: how hard it was compressed, sizes after the data, name in UTF-8. Not: encrypted.
    FLAGS, SIZES_FOLLOW, UTF_8 = 0x80E, 0x8, 0x800

    def __init__(self, file: "str | IO[bytes]", label: str) -> None:
        self.label = label
        try:
            self.zip = zipfile.ZipFile(file)
        except DAMAGE:
            raise Damaged(f"{label}: not a packet, or cut short") from None
        assert self.zip.fp is not None
        self.file: IO[bytes] = self.zip.fp
        self.folder = self._folder()
        self.files = {info.orig_filename[len(self.folder) :]: info for info in self.zip.infolist()}

    def _folder(self) -> str:
        """The one folder, with its slash, that all files lie in; "" where there is none, as in older packets."""
        names = [info.orig_filename for info in self.zip.infolist()]  # filename ends at a NUL
        folder = FOLDER.match(names[0]) if names else None
        return folder[0] if folder and all(name.startswith(folder[0]) for name in names) else ""

    def names(self) -> "list[str]":
        return [info.orig_filename[len(self.folder) :] for info in self.zip.infolist()]

    def size(self, name: str) -> int:
        return self.files[name].file_size

    def pieces(self, name: str) -> "Iterator[bytes]":
        info = self.files[name]
        size = crc = 0
        for piece in self._inflated(info):
            size, crc = size + len(piece), zlib.crc32(piece, crc)
            if size > info.file_size:
                break
            yield piece
        if size != info.file_size or crc != info.CRC:
            raise zipfile.BadZipFile("not as long as it says, or its checksum differs")

    def _inflated(self, info: zipfile.ZipInfo) -> "Iterator[bytes]":
        """At most PIECE bytes at a time; what does not belong to the compressed data is an error."""
        stored = info.compress_type == zipfile.ZIP_STORED
        if info.flag_bits & ~self.FLAGS or not (stored or info.compress_type == zipfile.ZIP_DEFLATED):
            raise ValueError("encrypted, or compressed in another way")
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        at, end = self._data_of(info)
        while at < end:
            self.file.seek(at)
            piece = self.file.read(min(end - at, PIECE))
            if not piece:
                raise EOFError
            at += len(piece)
            if stored:
                yield piece
                continue
            while piece and not inflate.eof:
                data = inflate.decompress(piece, PIECE)
                piece = inflate.unconsumed_tail
                if data:
                    yield data
            if inflate.unused_data or (inflate.eof and at < end):
                raise ValueError("other data follows the compressed data")
        if not stored:
            yield from self._rest(inflate)

    def _rest(self, inflate: Any) -> "Iterator[bytes]":
        while not inflate.eof:
            data = inflate.decompress(inflate.unconsumed_tail, PIECE)
            if not data:
                raise EOFError
            yield data

    def _data_of(self, info: zipfile.ZipInfo) -> "tuple[int, int]":
        """Where a file's data begins and ends in the archive."""
        self.file.seek(info.header_offset)
        *_, name, extra = self.HEADER.unpack(self.file.read(self.HEADER.size))
        start = info.header_offset + self.HEADER.size + name + extra
        return start, start + info.compress_size

    def problems(self) -> "Iterator[str]":
        """A zip archive may hide other data before, between and after its files, in comments and extra fields."""
        names, at = self.names(), 0
        yield from (f"{name}: there twice" for name in repeated(names))
        for info in self.zip.infolist():
            name = info.orig_filename
            if info.header_offset != at:
                yield f"{name}: something else stands before it in the archive, or in the same place"
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG) or info.external_attr & 0x10 or info.create_system not in self.SYSTEMS:
                yield f"{name}: a link or a folder, and not a file"
            if info.comment or info.extra != self._extra_of(info):
                yield f"{name}: its entry in the archive has a comment, or other data"
            try:
                if not self._is_headed(info):
                    yield f"{name}: its header is not what the archive's directory says"
                at = self._end_of(info)
            except DAMAGE:
                yield f"{name}: damaged"
        if at != self.zip.start_dir or not self._is_ended(at, self._end_of_directory(at)):
            yield f"{self.label}: something stands before the archive's directory or after it"

    def _extra_of(self, info: zipfile.ZipInfo) -> bytes:
        """What a file's entry in the directory has to add: sizes too large for four bytes."""
        large = []
        if max(info.file_size, info.compress_size) > self.LARGE:
            large += [info.file_size, info.compress_size]
        if info.header_offset > self.LARGE:
            large.append(info.header_offset)
        return struct.pack("<HH%dQ" % len(large), 1, 8 * len(large), *large) if large else b""

    def _name_of(self, info: zipfile.ZipInfo) -> bytes:
        return info.orig_filename.encode("utf-8" if info.flag_bits & self.UTF_8 else "cp437")

    def _is_headed(self, info: zipfile.ZipInfo) -> bool:
        """Whether the header before a file's data says what the directory says, and no more."""
        self.file.seek(info.header_offset)
        fields = self.HEADER.unpack(self.file.read(self.HEADER.size))
        mark, _, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes = fields
        name, extra = self.file.read(name_bytes), self.file.read(extra_bytes)
        told = (0, 0, 0) if flags & self.SIZES_FOLLOW else (info.CRC, info.file_size, info.compress_size)
        large = self.HEADER_64.pack(1, 16, *told[1:])
        sizes = {(told[1:], b""), ((2**32 - 1, 2**32 - 1), large)}
        known = (b"PK\3\4", info.flag_bits, info.compress_type, self._name_of(info), told[0])
        return (mark, flags, method, name, crc) == known and ((size, packed), extra) in sizes

    def _end_of(self, info: zipfile.ZipInfo) -> int:
        """Where the next file has to begin."""
        _, end = self._data_of(info)
        if not info.flag_bits & self.SIZES_FOLLOW:
            return end
        self.file.seek(end)
        told = self.file.read(24)
        for form in ("<4sLQQ", "<4sLLL"):
            if form.endswith("Q") or max(info.file_size, info.compress_size) <= self.LARGE:
                sizes = struct.pack(form, b"PK\7\10", info.CRC, info.compress_size, info.file_size)
                if told.startswith(sizes):
                    return end + len(sizes)
        raise ValueError("no sizes after the data")

    def _end_of_directory(self, at: int) -> int:
        """Where the directory, which begins there, ends; 0 where its entries are not as long as they say."""
        for info in self.zip.infolist():
            self.file.seek(at)
            entry = self.file.read(self.ENTRY)
            # Of name, extra field and comment; then the number of the disk.
            lengths = struct.pack("<4H", len(self._name_of(info)), len(info.extra), len(info.comment), 0)
            if entry[:4] != b"PK\1\2" or entry[28:36] != lengths:
                return 0
            at += self.ENTRY + len(self._name_of(info)) + len(info.extra) + len(info.comment)
        return at

    def _is_ended(self, start: int, end: int) -> bool:
        """Whether the directory, which begins and ends there, is followed by its end record and nothing else."""
        count, size, tail = len(self.names()), max(0, end - start), b""
        if count > 0xFFFF or max(start, size) > self.LARGE:
            tail = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, start)
            tail += struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
        short = min(count, 0xFFFF), min(count, 0xFFFF), min(size, 2**32 - 1), min(start, 2**32 - 1)
        tail += struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *short, 0)
        self.file.seek(end)
        return self.file.read(len(tail) + 1) == tail


def unpacked_in(path: str) -> str:
    """The folder of the packet: that one, or the only thing in it, for some programs unpack into a folder of theirs."""
    there = [name for name in os.listdir(path) if name not in LEFT_BEHIND]
    inner = os.path.join(path, there[0]) if len(there) == 1 else path
    return inner if os.path.isdir(inner) and not os.path.islink(inner) else path


def packet_at(path: str) -> Packet:
    """The packet in a folder or a zip file. Raises Damaged, OSError."""
    if os.path.isdir(path):
        return Folder(unpacked_in(path))
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
#: And what format 4 has: which version of the petition's text was signed, and by how many.
_VERSION: Any = {"number": int, "published_on": str, "count": int, "texts": [{"language": str, "sha256": str}]}
SHAPE_4: Any = {**SHAPE_3, "by_version": [_VERSION], "other_versions": int}
SHAPES = {2: SHAPE, 3: SHAPE_3, FORMAT: SHAPE_4}


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


def short_int(digits: str) -> int:
    """A whole number of JSON; Python before 3.11 takes minutes for one of a million digits."""
    if len(digits) > 20:
        raise ValueError("too large")
    return int(digits)


def manifest_of(data: bytes) -> "dict[str, Any]":
    """The manifest that those bytes are. Raises Damaged."""
    try:
        manifest = json.loads(data.decode("utf-8"), parse_int=short_int)
    except (RecursionError, ValueError):
        raise Damaged(f"{MANIFEST}: damaged") from None
    format = manifest.get("format") if isinstance(manifest, dict) else None
    if isinstance(format, int) and format not in FORMATS:
        raise Damaged("%s: format %d is not one that this program knows" % (MANIFEST, format))
    wrong = misfit(manifest, SHAPES.get(format, SHAPE_4) if isinstance(format, int) else SHAPE_4)
    if wrong:
        raise Damaged(f'{MANIFEST}: damaged at "{wrong}"')
    return manifest


def read_small(packet: Packet, name: str, most: int) -> bytes:
    """A file that is read before it is known who made the packet. Raises Damaged."""
    try:
        return packet.read(name, most)
    except KeyError:
        raise Damaged(f"{name}: missing") from None
    except DAMAGE:
        raise Damaged(f"{name}: damaged, or too large") from None


def read_signed(packet: Packet) -> "tuple[dict[str, Any], bytes, str]":
    """(manifest, its bytes, the fingerprint of the key that signed them).

    Raises Damaged where the signature is not the manifest's: what it says is not even looked at then.
    """
    data = read_small(packet, MANIFEST, MANIFEST_BYTES)
    written = SIGNATURE_TEXT.fullmatch(read_small(packet, SIGNATURE, SIGNATURE_BYTES))
    if written is None:
        raise Damaged(f"{SIGNATURE}: damaged, or not one key and one signature alone")
    public_key, signature = (bytes.fromhex(part.decode("ascii")) for part in written.groups())
    if not is_signed(public_key, data, signature):
        raise Damaged(f"{SIGNATURE}: the signature is not that of {MANIFEST}: one of the two was altered")
    return manifest_of(data), data, fingerprint_of(public_key)


def read_earlier(packet: Packet) -> "tuple[dict[str, Any], bytes, str]":
    """The same of an earlier packet; Damaged says which."""
    try:
        return read_signed(packet)
    except Damaged as error:
        raise Damaged(f"{packet.label}: {error}") from None


def check_key(manifest: "dict[str, Any]", signed_by: str, keys: "Sequence[str]") -> "Iterator[str]":
    """`signed_by` is the fingerprint of the key that did sign, `keys` are those that may; none: any may."""
    if signed_by != manifest["signed_by"]:
        yield f"{SIGNATURE}: signed by another key than the manifest names"
    if keys and signed_by not in keys:
        yield f"{SIGNATURE}: signed by the key {signed_by} and not by the one you gave"


# --- files, totals, numbers -----------------------------------------------------------------------------------


def table(data: bytes) -> "list[list[str]]":
    """The rows of a CSV file, without its header."""
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))[1:]


def sheet_numbers(data: bytes, rows: int = PART_ROWS) -> "list[int]":
    """The first column of an XLSX file's sheet, without its header. Raises DAMAGE where it has far more than `rows`."""
    number = re.compile(rb'<c r="A\d+"(?: s="\d+")?><v>(\d{1,20})</v>')  # texts have a t=
    found: list[int] = []
    window, left = b"", (rows + 2) * ROW_BYTES
    with zipfile.ZipFile(io.BytesIO(data)) as book, book.open("xl/worksheets/sheet1.xml") as sheet:
        if book.getinfo("xl/worksheets/sheet1.xml").compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError("compressed in another way")  # which zipfile would decompress at once, whatever its size
        while True:
            piece = sheet.read(PIECE)
            left -= len(piece)
            if left < 0 or len(found) > rows:
                raise ValueError("more rows than the manifest says")
            window += piece
            end = 0
            for match in number.finditer(window):
                found.append(int(match[1]))
                end = match.end()
            if not piece:
                return found
            window = window[max(end, len(window) - 100) :]  # a number may stand across two pieces


def unsigned(packet: Packet, manifest: "dict[str, Any]") -> "list[str]":
    """The files that are there to be edited, and so are not checked."""
    listed = {entry["name"] for entry in manifest["files"]}
    names = [name for name in packet.names() if EDITABLE.fullmatch(name) and name not in listed]
    return [] if manifest["format"] == 2 else sorted(names)


def check_list_of_files(packet: Packet, manifest: "dict[str, Any]") -> "list[str]":
    listed = [entry["name"] for entry in manifest["files"]]
    left_out = {MANIFEST, SIGNATURE, *unsigned(packet, manifest)}
    there = [name for name in packet.names() if name not in left_out]
    missing, unknown = set(listed) - set(there), set(there) - set(listed)
    problems = [f"{name}: listed in the manifest, but missing" for name in listed if name in missing]
    problems += [f"{name}: not listed in the manifest" for name in there if name in unknown]
    return problems + [f"{name}: listed twice" for name in repeated(listed)]


def read_checked(packet: Packet, entry: "dict[str, Any]") -> "tuple[str, bytes]":
    """(what is wrong, the file where it is a table). Raises KeyError, DAMAGE."""
    name, digest, kept = entry["name"], hashlib.sha256(), []
    size = packet.size(name)
    if size != entry["bytes"]:  # so that no more is decompressed than is signed for
        told = name, size, entry["bytes"]
        return "%s: its SHA-256 is not the manifest's: %d bytes, and not %d" % told, b""
    for piece in packet.pieces(name):
        digest.update(piece)
        if name.endswith((".csv", ".xlsx")):
            kept.append(piece)
    wrong = digest.hexdigest() != entry["sha256"]
    return f"{name}: its SHA-256 is not the manifest's" if wrong else "", b"".join(kept)


def check_file(packet: Packet, entry: "dict[str, Any]") -> "tuple[list[str], list[int] | None]":
    """What is wrong with one file; and the numbers of the signers it lists (None where it lists none)."""
    name, numbers = entry["name"], None
    try:
        wrong, data = read_checked(packet, entry)
    except KeyError:
        return [], None  # told already
    except DAMAGE as error:
        return [f"{name}: damaged ({type(error).__name__})"], None
    if wrong:
        return [wrong], None
    try:
        if name.startswith("signers-") and name.endswith(".csv"):
            numbers = [int(row[0]) for row in table(data)]
        elif name.startswith("signers-") and name.endswith(".xlsx"):
            numbers = sheet_numbers(data, min(entry["rows"], PART_ROWS))
        rows = len(table(data)) if name.endswith(".csv") else len(numbers or [])
    except (csv.Error, IndexError, KeyError, *DAMAGE):
        return [f"{name}: its rows cannot be read"], None
    if name.endswith((".csv", ".xlsx")) and rows != entry["rows"]:
        return ["%s: %d rows, the manifest says %d" % (name, rows, entry["rows"])], numbers
    return [], numbers


def check_totals(manifest: "dict[str, Any]") -> "Iterator[str]":
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


def check_sums(manifest: "dict[str, Any]") -> "Iterator[str]":
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


def read_listed(packet: Packet, manifest: "dict[str, Any]", name: str) -> bytes:
    """A file, as long as the manifest says. Raises KeyError, also where it is not listed, and DAMAGE."""
    return packet.read(name, {entry["name"]: entry["bytes"] for entry in manifest["files"]}[name])


def check_versions(packet: Packet, manifest: "dict[str, Any]") -> "Iterator[str]":
    """The versions make the total, and each text is there, to the byte that its hash says."""
    versions, numbers = manifest["by_version"], [version["number"] for version in manifest["by_version"]]
    if min([manifest["other_versions"], *(version["count"] for version in versions)]) < 0:
        yield f"{MANIFEST}: a figure of its versions is below zero"
    if sum(version["count"] for version in versions) + manifest["other_versions"] != manifest["totals"]["signatures"]:
        yield "%s: its versions do not add up to %d" % (MANIFEST, manifest["totals"]["signatures"])
    if numbers != sorted(set(numbers)):
        yield f"{MANIFEST}: its versions are out of order, or there twice"
    told = [(v["number"], text["language"], text["sha256"]) for v in versions for text in v["texts"]]
    if not told and TEXTS not in packet.names():
        return
    try:
        texts = json.loads(read_listed(packet, manifest, TEXTS).decode("utf-8"), parse_int=short_int)
        there = [(text["version"], text["language"], text["text"]) for text in texts]
        hashed = [(number, code, hashlib.sha256(text.encode("utf-8")).hexdigest()) for number, code, text in there]
    except KeyError:
        yield f"{TEXTS}: missing, or not what it should be"
    except (AttributeError, RecursionError, TypeError, *DAMAGE):
        yield f"{TEXTS}: damaged"
    else:
        if hashed != told:
            yield f"{TEXTS}: its texts are not those whose hashes the manifest tells"


def check_strikes(packet: Packet, manifest: "dict[str, Any]") -> "list[str]":
    """The table of numbers to strike has those of the manifest, each in a packet that the manifest knows."""
    if AMENDMENTS not in packet.names():
        return [f"{AMENDMENTS}: missing"] if manifest["amendments"]["numbers"] else []
    try:
        rows = [(int(row[0]), row[1]) for row in table(read_listed(packet, manifest, AMENDMENTS))]
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


def check_parts(manifest: "dict[str, Any]") -> "Iterator[str]":
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


def check_countries(packet: Packet, manifest: "dict[str, Any]") -> "list[str]":
    """The table of countries says what the manifest says."""
    try:
        rows = [(row[0], int(row[2])) for row in table(read_listed(packet, manifest, COUNTRIES))]
    except KeyError:
        return [f"{COUNTRIES}: missing"]
    except (csv.Error, IndexError, *DAMAGE):
        return [f"{COUNTRIES}: damaged"]
    wanted = [(country["code"], country["count"]) for country in manifest["by_country"]] + [("", manifest["other"])]
    return [] if rows == wanted else [f"{COUNTRIES}: its figures are not the manifest's"]


def check_numbers(manifest: "dict[str, Any]", numbers: "dict[str, list[int]]") -> "Iterator[str]":
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


def check_earlier(manifest: "dict[str, Any]", earlier: "list[tuple[dict[str, Any], bytes]]") -> "Iterator[str]":
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


def check_series(manifest: "dict[str, Any]", earlier: "list[dict[str, Any]]") -> "Iterator[str]":
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


def check_amendments(manifest: "dict[str, Any]", earlier: "list[dict[str, Any]]") -> "Iterator[str]":
    """With all earlier packets there: each number is taken back once, and was in one of them."""
    for number in manifest["amendments"]["numbers"]:
        if not any(old["range"]["first"] <= number <= old["range"]["last"] for old in earlier):
            yield "%s: number %d is said to be taken back, but is in no earlier packet" % (MANIFEST, number)
        if any(number in old["gap_numbers"] or number in old["amendments"]["numbers"] for old in earlier):
            yield "%s: number %d was taken back in an earlier packet already" % (MANIFEST, number)


# --- all together ---------------------------------------------------------------------------------------------


def check(
    packet: Packet, earlier: "Sequence[Packet]" = (), key: "str | Sequence[str]" = ()
) -> "tuple[dict[str, Any], list[str]]":
    """(manifest, what is wrong with the packet). `earlier` are packets, `key` is a fingerprint, or several.

    Without a key, that of the earlier packets has to have signed. Without both, any key may have signed: then nothing
    is said about who made the packet, and it must not be called verified. Raises Damaged;
    ArgumentTypeError where the key is no fingerprint.
    """
    keys = [fingerprint_given(text) for text in ([key] if isinstance(key, str) and key else key)]
    problems = list(packet.problems())
    try:
        manifest, _, signed_by = read_signed(packet)
        before = [(old, *read_earlier(old)) for old in earlier]
    except Damaged as error:
        raise Damaged("\n".join(map(legible, [*problems, *str(error).split("\n")]))) from None
    strange = list(check_key(manifest, signed_by, keys))
    for old, old_manifest, _, old_signed_by in before:
        strange += [f"{old.label}: {problem}" for problem in check_key(old_manifest, old_signed_by, keys)]
        if not keys and old_signed_by != signed_by:
            strange.append(f"{old.label}: signed by another key: is that said on the web site?")
    problems += strange or check_files(packet, manifest)
    problems += check_earlier(manifest, [(old_manifest, old_data) for _, old_manifest, old_data, _ in before])
    return manifest, [legible(problem) for problem in problems]


def check_files(packet: Packet, manifest: "dict[str, Any]") -> "list[str]":
    """What is wrong with a packet that the right key signed, taken by itself."""
    problems = check_list_of_files(packet, manifest)
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
    if manifest["format"] >= 4:
        problems += check_versions(packet, manifest)
    return [*problems, *check_numbers(manifest, numbers)]


#: Said where a packet is whole, but neither --key nor --earlier says whose key has to have signed it.
NOT_VOUCHED = (
    "NOT VERIFIED: nothing was given that says whose key signed this packet. Repeat with --key and the fingerprint "
    "from the organisation's web site, not from the packet."
)
#: The exit status then.
NOT_VOUCHED_STATUS = 3
WHOLE_ONLY = "The packet is whole, but WHO MADE IT WAS NOT CHECKED (--any-key)."


def voucher(keys: "Sequence[str]", earlier: "Iterable[Any]") -> str:
    """Who says that the key is the organisation's, once nothing is wrong; "" where nobody does."""
    if keys:
        return "the key that you gave"
    return "the key of the earlier packet that you gave" if earlier else ""


def counted(count: int, one: str, many: str) -> str:
    return "%d %s" % (count, one if count == 1 else many)


def figures(manifest: "dict[str, Any]") -> str:
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


def versions_in_words(manifest: "dict[str, Any]") -> "Iterator[str]":
    """Which texts were signed, where there was more than one."""
    versions = manifest.get("by_version", [])
    if len(versions) < 2:
        return
    for version in versions:
        few = "fewer than are told of singly"
        said = counted(version["count"], "signature", "signatures") if version["count"] else few
        yield "version %d of the text, of %s: %s" % (version["number"], version["published_on"], said)
    yield "not told apart by version: %d" % manifest["other_versions"]


def summary(packet: Packet, manifest: "dict[str, Any]") -> "Iterator[str]":
    """What a packet that verifies says of itself, in lines."""
    yield "{}: {}".format(manifest["reference"], manifest["title"])
    yield "to {}".format(manifest["addressee"])
    yield figures(manifest)
    yield from versions_in_words(manifest)
    if manifest["earlier"]:
        yield "follows %s, of which %s withdrawn or removed since" % (
            counted(len(manifest["earlier"]), "earlier packet", "earlier packets"),
            counted(manifest["amendments"]["withdrawn"], "signature was", "signatures were"),
        )
    if manifest["amendments"]["numbers"]:
        yield "numbers to strike in earlier lists: " + ", ".join(map(str, manifest["amendments"]["numbers"]))
    yield "%d files. The fingerprint of the key that signed it:" % len(manifest["files"])
    yield "  " + grouped(manifest["signed_by"])
    for name in unsigned(packet, manifest):
        yield name + ": not checked, for it is there to be edited"
    for name in packet.left_behind():
        yield name + ": not checked, for it is no part of the packet"


def options_of(arguments: "list[str] | None") -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Checks a packet of signatures.", allow_abbrev=False)
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("packet", nargs="?", default=here, help="its folder, or the .zip file")
    parser.add_argument("--earlier", action="append", default=[], help="an earlier packet; may be repeated")
    who = parser.add_mutually_exclusive_group()
    who.add_argument(
        "--key", action="append", default=[], type=fingerprint_given, metavar="FINGERPRINT",
        help="the fingerprint of the key that has to have signed, from the organisation's web site; may be repeated",
    )  # fmt: skip
    who.add_argument("--any-key", action="store_true", help="check only that the packet is whole, whoever made it")
    return parser.parse_args(arguments)


def main(arguments: "list[str] | None" = None) -> int:
    """Check what the command line names; returns the exit status."""
    options = options_of(arguments)
    try:
        earlier = [packet_at(os.path.dirname(p) or "." if p.endswith(MANIFEST) else p) for p in options.earlier]
        packet = packet_at(options.packet)
        manifest, problems = check(packet, earlier, options.key)
    except Damaged as error:
        problems = str(error).split("\n")
    except OSError as error:
        problems = [f"{error.filename}: {error.strerror}"]
    if problems:
        print("THE PACKET DOES NOT VERIFY.", *map(legible, problems), sep="\n", file=sys.stderr)
        return 1
    vouched = voucher(options.key, earlier)
    if not vouched and not options.any_key:
        print(NOT_VOUCHED, file=sys.stderr)
        return NOT_VOUCHED_STATUS
    verdict = f"The packet verifies. It was signed by {vouched}." if vouched else WHOLE_ONLY
    print(verdict, *map(legible, summary(packet, manifest)), sep="\n")
    return 0


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # whatever a console can show
    sys.exit(main())
