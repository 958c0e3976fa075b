"""Opening a packet where it is encrypted, then checking it as any outsider does: with verifier.py."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import msgspec
import pyrage

from signatures.delivery.packet import Manifest
from signatures.delivery.verifier import Archive, Damaged, Folder, Packet, check, unpacked_in

__all__ = ["Damaged", "sha256_of", "verify"]

_AGE_HEADER = b"age-encryption.org/v1"


def verify(
    path: Path, identities: Sequence[str] = (), earlier: Sequence[Path] = (), key: str | Sequence[str] = ()
) -> tuple[Manifest, list[str]]:
    """The packet's manifest, and what is wrong with the packet.

    `identities` are age secret keys, needed where a packet is encrypted; `earlier` are packets of the same series;
    `key` is the fingerprint of the key that has to have signed, or several. Where both are missing, a packet in which
    nothing is wrong is whole, but anybody's. Raises Damaged, OSError.
    """
    with ExitStack() as open_files:
        packet, *before = (_opened(place, identities, open_files) for place in (path, *earlier))
        manifest, problems = check(packet, before, key)
    return msgspec.convert(manifest, Manifest), problems


def sha256_of(path: Path) -> str:
    """The archive's own checksum, as the admin shows it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _opened(path: Path, identities: Sequence[str], open_files: ExitStack) -> Packet:
    if path.is_dir():
        return Folder(unpacked_in(str(path)))
    return Archive(open_files.enter_context(_plain(path, identities)), path.name)


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
