"""Anchors of the audit trail outside the database: a file with one line an hour, which `verify_audit` reads.

A database whose owner cuts off the end of the trail verifies against itself. The file, on a worker's host, remembers
what the last entry was an hour ago at most; and which packets and signing keys there were.
"""

from __future__ import annotations

import datetime
import fcntl
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from signatures.models import Delivery, SigningKey
from staff.models import AuditEntry
from web.redaction import describe

log = logging.getLogger(__name__)

#: Of the file, in the folder that only workers write.
NAME: Final = "anchors.jsonl"


class NotAnAnchor(ValueError):
    """What was pasted is no anchor."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """What entry `seq` was, on some day: "17:9f86d0…"."""

    seq: int
    hash: bytes

    @classmethod
    def parse(cls, text: str) -> Anchor:
        """An anchor as it stands in a mail. Raises NotAnAnchor."""
        seq, _, digits = text.strip().partition(":")
        try:
            anchor = cls(int(seq), bytes.fromhex(digits))
        except ValueError:
            raise NotAnAnchor(text) from None
        if anchor.seq < 1 or len(anchor.hash) != 32:
            raise NotAnAnchor(text)
        return anchor


class Note(msgspec.Struct, frozen=True):
    """One line: the last entry at that time, the signing keys, and packets that no line before has."""

    at: datetime.datetime
    entry: str
    signing: list[str]
    packets: dict[str, str]

    @property
    def anchor(self) -> Anchor:
        return Anchor.parse(self.entry)


def note_hour(folder: Path, now: datetime.datetime) -> bool:
    """Add a line, unless this hour has one or the trail is empty. Says if it did."""
    last = AuditEntry.objects.first()
    if last is None:
        return False
    file = folder / NAME
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b", buffering=0) as lines:
            fcntl.flock(lines, fcntl.LOCK_EX)  # two workers of one host
            content = lines.read()
            notes, _ = _notes_in(content)
            if notes and _hour(notes[-1].at) == _hour(now):
                return False
            known = {number for note in notes for number in note.packets}
            fresh = {number: digest for number, digest in packets().items() if number not in known}
            note = Note(now, f"{last.seq}:{bytes(last.hash).hex()}", signing_keys(), fresh)
            torn = b"" if content.endswith(b"\n") or not content else b"\n"  # a line that a crash cut off
            lines.write(torn + msgspec.json.encode(note) + b"\n")
            os.fsync(lines.fileno())
    except OSError as error:
        log.error("the hourly anchor was not written to %s: %s", file, describe(error))
        return False
    return True


def read_notes(folder: Path) -> tuple[list[Note], list[str]]:
    """The lines of the file, and which of them are none. No file, no lines: the first hour has not come."""
    file = folder / NAME
    try:
        return _notes_in(file.read_bytes())
    except FileNotFoundError:
        return [], []
    except OSError as error:
        return [], [f"The hourly anchors in {file} cannot be read: {describe(error)}."]


def problems_beside(notes: Sequence[Note]) -> Iterator[str]:
    """What was noted of packets and signing keys and is not so any more."""
    now, keys = packets(Delivery.State.READY, Delivery.State.DISCARDED), set(signing_keys())
    for number, digest in {number: digest for note in notes for number, digest in note.packets.items()}.items():
        if now.get(number) != digest:
            yield f"Packet {number} differs from its hourly anchor, or is missing."
    for key in sorted({key for note in notes for key in note.signing} - keys):
        yield f"Signing key {key[:16]}… is missing."


def packets(*states: Delivery.State) -> dict[str, str]:
    """{number: SHA-256} of each packet in one of these states; without any, of those that are ready."""
    found = Delivery.objects.filter(state__in=states or [Delivery.State.READY]).order_by("pk")
    return {str(pk): digest for pk, digest in found.values_list("pk", "archive_sha256")}


def signing_keys() -> list[str]:
    return sorted(SigningKey.objects.values_list("sha256", flat=True))


def _notes_in(content: bytes) -> tuple[list[Note], list[str]]:
    notes, problems = [], []
    for n, line in enumerate(content.splitlines(), 1):
        try:
            note = msgspec.json.decode(line, type=Note)
            note.anchor  # noqa: B018 it may be none
            notes.append(note)
        except (msgspec.MsgspecError, NotAnAnchor):
            problems.append(f"Line {n} of the hourly anchors is damaged.")
    return notes, problems


def _hour(at: datetime.datetime) -> datetime.datetime:
    return at.astimezone(datetime.UTC).replace(minute=0, second=0, microsecond=0)
