"""Keeping the keyring: an export for two people who keep it offline, and the way back.

A backup of the database is worthless without the keyring, and that is the point; so the keyring needs
a backup of its own, which the host it is on cannot open.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import pyrage

from signatures.models import Shredding
from signatures.register import tombstones
from signatures.register.keyring import keyring
from staff import audit

FORMAT: Final = "undersigned keyring 1"
#: A name that stays inside the directory.
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class CannotKeep(Exception):
    """Why nothing was exported or imported, in one line."""


class Export(msgspec.Struct, forbid_unknown_fields=True):
    """What is inside: {file: base64 of what is in it}."""

    format: str
    files: dict[str, str]


@dataclass(slots=True)
class Imported:
    """Files by what became of them."""

    restored: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    shredded: list[str] = field(default_factory=list)


def export_keyring(recipients: Sequence[str]) -> tuple[bytes, int]:
    """The keyring, encrypted to two age recipients, and how many files it holds. Raises CannotKeep."""
    if len(set(recipients)) != 2:
        raise CannotKeep("name two different recipients, held by two people.")
    try:
        keys = [pyrage.x25519.Recipient.from_str(recipient) for recipient in recipients]
    except pyrage.RecipientError:
        raise CannotKeep("a recipient must look like age1….") from None
    files = keyring().files()
    if not files:
        raise CannotKeep("the keyring is empty.")
    export = Export(FORMAT, {name: base64.b64encode(content).decode() for name, content in files.items()})
    sealed = pyrage.encrypt(msgspec.json.encode(export), keys)
    detail = {"files": len(files), "sha256": hashlib.sha256(sealed).hexdigest(), "recipients": list(recipients)}
    audit.append(None, "keyring.export", None, detail=detail)
    return sealed, len(files)


def import_keyring(sealed: bytes, identity: str) -> Imported:
    """Put back what the keyring lacks. Raises CannotKeep; nothing is changed then."""
    export = _opened(sealed, identity)
    gone = {f"{uid}.json" for uid in Shredding.objects.values_list("campaign__uid", flat=True)}
    done, ring, here = Imported(), keyring(), keyring().files()
    for name, text in sorted(export.files.items()):
        content = base64.b64decode(text)
        if name in gone:
            done.shredded.append(name)
        elif name not in here:
            ring.put_back(name, content)
            done.restored.append(name)
        elif name == tombstones.NAME and here[name] != content:
            (done.restored if tombstones.take_over(content) else done.same).append(name)
        else:
            (done.same if here[name] == content else done.different).append(name)
    detail = {"restored": len(done.restored), "shredded": len(done.shredded), "different": len(done.different)}
    audit.append(None, "keyring.import", None, detail=detail)
    return done


def _opened(sealed: bytes, identity: str) -> Export:
    lines = [line.strip() for line in identity.splitlines() if line.strip() and not line.startswith("#")]
    try:
        identities = [pyrage.x25519.Identity.from_str(line) for line in lines]
        export = msgspec.json.decode(pyrage.decrypt(sealed, identities), type=Export)
    except pyrage.IdentityError:
        raise CannotKeep("the identity file contains no age identity.") from None
    except pyrage.DecryptError:
        raise CannotKeep("this identity cannot open it, or the file was altered.") from None
    except msgspec.MsgspecError:
        raise CannotKeep("this is not an export of a keyring.") from None
    if export.format != FORMAT or not all(NAME.fullmatch(name) for name in export.files):
        raise CannotKeep("this is not an export of a keyring.")
    return export
