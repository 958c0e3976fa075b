"""Tombstones: that a signature was withdrawn, a mailbox erased or a campaign shredded, kept where a backup of the
database cannot undo it.

    <keyring>/tombstones.log            one line each, chained by hashes; a worker writes it before it commits
    <TOMBSTONES_COPY_DIR>/*.age         the same, in pieces, encrypted to RECOVERY_RECIPIENTS: for a place off this host

Blind: what stands in a line are labels under the keyring's site key, and nothing leads from them to a mailbox. Each
names one row by its key and day (a restored row is the same row), and the mailbox in that campaign with the time (for
what is older than that). Who signs anew makes another row, later, and no tombstone is in the way.
"""

from __future__ import annotations

import datetime
import fcntl
import hashlib
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Final

import msgspec
import pyrage
from django.conf import settings
from django.utils import timezone

from petitions.models import Campaign
from signatures.identity import Mac, links_label, unsubscription_hash
from signatures.models import Signature
from signatures.register.keyring import CampaignKeys, ForeignPublicKey, KeysMissing, keyring, keys_of
from staff import audit
from staff.models import AuditEntry
from web.redaction import SafeWords

log = logging.getLogger(__name__)

NAME: Final = "tombstones.log"
WITHDRAWN, ERASED, SHREDDED = "withdrawn", "erased", "shredded"
MARK_BYTES: Final = 16
#: What the audit trail calls it, and how often at most.
NOTED: Final = "tombstones.head"
EVERY: Final = datetime.timedelta(hours=1)


class TombstonesDamaged(SafeWords):
    """The file, or a copy, is not what workers wrote: a line was altered, left out or moved."""


class Tombstone(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What one line says. Labels in hexadecimal."""

    campaign: str
    kind: str
    #: When, in ISO 8601 and UTC.
    at: str
    #: Of the row; "" where no signature was there.
    row: str = ""
    #: Of the mailbox in this campaign.
    mailbox: str = ""
    #: Beside its confirmation links (identity.py), and of the link that ends updates; where the keys are here.
    links: str = ""
    news: str = ""

    @property
    def moment(self) -> datetime.datetime:
        return datetime.datetime.fromisoformat(self.at)


class Line(msgspec.Struct, frozen=True, gc=False):
    """A numbered tombstone; `hash` is that of all lines up to it."""

    n: int
    tombstone: Tombstone
    hash: str

    @property
    def head(self) -> str:
        return f"{self.n}:{self.hash}"


_encoder = msgspec.json.Encoder()
_lines = msgspec.json.Decoder(Line)


class Marks:
    """The labels of this keyring."""

    def __init__(self) -> None:
        self._mac = Mac(keyring().site_key())

    def of_row(self, campaign: str, key: int, fingerprint: bytes, signed_on: datetime.date) -> str:
        """A sequence begins again after a restore, so the day is part of it."""
        return self._of(f"row\0{campaign}\0{key}\0{signed_on.isoformat()}\0".encode() + fingerprint)

    def of_mailbox(self, campaign: str, fingerprint: bytes) -> str:
        return self._of(f"mailbox\0{campaign}\0".encode() + fingerprint)

    def start(self) -> str:
        """What the chain begins with: another keyring's file does not verify."""
        return self._of(b"first")

    def _of(self, what: bytes) -> str:
        return self._mac(b"tombstone\0" + what)[:MARK_BYTES].hex()


# --- writing ----------------------------------------------------------------------------------------------------------


def bury(campaign: Campaign, signatures: Iterable[Signature], kind: str = WITHDRAWN) -> None:
    """Note rows that are about to be emptied. On disk when this returns: a note too many does no harm, for whoever
    asked is going to be withdrawn in any case."""
    marks, at, uid = Marks(), _now(), str(campaign.uid)
    keys = _keys(campaign)
    found = []
    for signature in signatures:
        if signature.fingerprint is not None:
            mark = bytes(signature.fingerprint)
            row = marks.of_row(uid, signature.pk, mark, signature.signed_on)
            found.append(Tombstone(uid, kind, at, row, marks.of_mailbox(uid, mark), *_links(keys, mark, kind)))
    append(found, marks)


def bury_mailbox(campaign: Campaign, fingerprint: bytes) -> None:
    """Note that all that this campaign held of a mailbox was erased."""
    marks, uid = Marks(), str(campaign.uid)
    links = _links(_keys(campaign), fingerprint, ERASED)
    append([Tombstone(uid, ERASED, _now(), "", marks.of_mailbox(uid, fingerprint), *links)], marks)


def bury_campaign(campaign: Campaign) -> None:
    """Note that this campaign's keys are destroyed, before they are."""
    append([Tombstone(str(campaign.uid), SHREDDED, _now())], Marks())


def _keys(campaign: Campaign) -> CampaignKeys | None:
    try:
        return keys_of(campaign)
    except (KeysMissing, ForeignPublicKey):
        return None


def _links(keys: CampaignKeys | None, mark: bytes, kind: str) -> tuple[str, str]:
    if keys is None:
        return "", ""
    news = unsubscription_hash(keys.mac, mark).hex() if kind == ERASED else ""
    return links_label(keys.mac, mark).hex(), news


def _now() -> str:
    return timezone.now().astimezone(datetime.UTC).isoformat(timespec="microseconds")


def append(tombstones: Sequence[Tombstone], marks: Marks) -> None:
    """Add lines to the file; one process at a time, and a line that was cut off by a crash goes first."""
    if not tombstones:
        return
    handle = os.open(_path(), os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(handle, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        last = _last_line(file)
        n, previous = (last.n, last.hash) if last else (0, marks.start())
        for tombstone in tombstones:
            n, previous = n + 1, _hash(previous, n + 1, tombstone)
            file.write(_encoder.encode(Line(n, tombstone, previous)) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _last_line(file: IO[bytes]) -> Line | None:
    """The last whole line; the file stands behind it then, and what is not whole is cut off."""
    size = file.seek(0, os.SEEK_END)
    block = 4096
    while True:
        start = max(0, size - block)
        file.seek(start)
        whole = file.read()
        end = whole.rfind(b"\n") + 1
        begin = whole.rfind(b"\n", 0, max(0, end - 1)) + 1
        if begin or not start:
            break
        block *= 16
    file.seek(start + end)
    file.truncate()
    return _lines.decode(whole[begin:end]) if end else None


def _hash(previous: str, n: int, tombstone: Tombstone) -> str:
    return hashlib.sha256(f"{previous}\n{n}\n".encode() + _encoder.encode(tombstone)).hexdigest()


def _path() -> Path:
    return keyring().directory / NAME


# --- reading ----------------------------------------------------------------------------------------------------------


def head() -> str:
    """Number and hash of the last tombstone, as the audit trail keeps them; "" where there is none."""
    if not _path().exists():
        return ""
    with _path().open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        last = _last_line(file)
    return last.head if last else ""


def local_lines() -> list[Line]:
    """All of this keyring. Raises TombstonesDamaged."""
    return list(_verified(_read(_path()), Marks().start())) if _path().exists() else []


def _read(path: Path) -> Iterator[Line]:
    for text in path.read_bytes().splitlines(keepends=True):
        if not text.endswith(b"\n"):
            return  # cut off by a crash: whoever wrote it committed nothing
        yield _decoded(text)


def _decoded(text: bytes) -> Line:
    try:
        return _lines.decode(text)
    except msgspec.MsgspecError:
        raise TombstonesDamaged("a tombstone cannot be read") from None


def _verified(lines: Iterable[Line], previous: str, n: int = 0) -> Iterator[Line]:
    for line in lines:
        if line.n != n + 1 or line.hash != _hash(previous, line.n, line.tombstone):
            raise TombstonesDamaged(f"tombstone {n + 1} is not what was written")
        n, previous = line.n, line.hash
        yield line


def take_over(exported: bytes) -> bool:
    """Continue with the lines of an export where they go on from this file's; says whether they did.

    An older export, or one of another branch, changes nothing: its lines are in the copy (replaying.py, `union`).
    """
    with _path().open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        own = file.read()
        if not exported.startswith(own):
            return False
        file.write(exported[len(own) :])
        file.flush()
        os.fsync(file.fileno())
    return True


def note_head() -> bool:
    """Write into the audit trail where the tombstones end, at most hourly: the trail's anchor holds it then.

    Says whether it was written: only where there are more.
    """
    now = head()
    noted = AuditEntry.objects.filter(action=NOTED).order_by("-seq").values_list("detail", "at").first()
    if not now or (noted and (noted[0] == {"head": now} or timezone.now() - noted[1] < EVERY)):
        return False
    audit.append(None, NOTED, None, detail={"head": now})
    return True


# --- the copy ---------------------------------------------------------------------------------------------------------


def copy_tombstones() -> int:
    """Add what is new to the copy, in a file of its own; returns how many tombstones that were.

    Nothing is ever written over. Where the copy continues otherwise than this file does, because the keyring was
    restored from an older export, all that differs is copied: whoever reads the copy takes the union.
    """
    place = settings.TOMBSTONES_COPY_DIR
    if not place or not (now := head()):
        return 0
    folder = Path(place)
    copied = {name: end for name in _pieces(folder) if (end := _end_of(name))}
    if _short(now) in copied.values():
        return 0
    lines = local_lines()
    known = max((at for at, line in enumerate(lines, 1) if _short(line.head) in copied.values()), default=0)
    new = lines[known:]
    sealed = pyrage.encrypt(b"".join(_encoder.encode(line) + b"\n" for line in new), _recovery_recipients())
    _write(folder / f"tombstones-{new[0].n:09}-{_short(new[-1].head)}.age", sealed)
    return len(new)


def _pieces(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("tombstones-*.age"))


def _end_of(name: str) -> str:
    """ "000000007-0a1b2c3d4e5f6071" of the last line in a piece."""
    return name.removesuffix(".age").partition("-")[2].partition("-")[2]


def _short(line_head: str) -> str:
    n, _, hashed = line_head.partition(":")
    return f"{int(n):09}-{hashed[:16]}"


def _recovery_recipients() -> list[pyrage.x25519.Recipient]:
    return [pyrage.x25519.Recipient.from_str(one) for one in settings.RECOVERY_RECIPIENTS]


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all; the folder may be of another host, so no link."""
    pending = path.with_name(f".pending-{path.name}")
    handle = os.open(pending, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(pending, path)


def copied_lines(folder: Path, identities: Sequence[str]) -> list[Line]:
    """What the copy holds, for the holder of one of the recovery identities. Raises TombstonesDamaged."""
    keys = [pyrage.x25519.Identity.from_str(one) for one in identities]
    found: list[Line] = []
    for name in _pieces(folder):
        try:
            text = pyrage.decrypt((folder / name).read_bytes(), keys)
        except pyrage.DecryptError:
            raise TombstonesDamaged(f"{name} cannot be opened with this identity") from None
        lines = [_decoded(one) for one in text.splitlines(keepends=True)]
        if lines:  # within a piece the chain is whole; between pieces it is where nothing was restored
            found += [lines[0], *_verified(lines[1:], lines[0].hash, lines[0].n)]
    return found
