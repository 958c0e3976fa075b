"""The keyring: a directory that only workers mount. What is in here opens signatures; nothing else does.

    <campaign uid>.json   private key, pepper and register key of a campaign
    recipients.json       age recipients of staff, pinned: {"username": "age1…"}
    addressees.json       age recipients of addressees, pinned: {"id": {"recipient": "age1…", "agreement": reference}}
    spool-<id>.json       the age identity that opens the parts of a delivery while it is being built
    signing.json          the organisation's Ed25519 key, which signs manifests
    site.json             the key under which the whole site's mails are counted and bounces are known again
    shredding-<uid>.json  that a campaign's keys will be destroyed: who proved that they want it, since when it is told
    stopped.json          requests for that which an officer has stopped
    desk.txt              the workers' own age identity, to which officers' browsers seal what they look for

`init_keyring` makes it, once (own_keys.py). A worker only adds the keys of new campaigns: one that made a keyring where
it found none, because the folder was not mounted, put its own keys in place of those that are in use.

Destroying a campaign's file makes its sealed data unreadable in every backup (shredding).
"""

from __future__ import annotations

import base64
import fcntl
import json
import logging
import os
import secrets
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Final

import msgspec
import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from petitions.models import Campaign
from signatures import sealing
from signatures.identity import Mac
from signatures.models import CampaignKey, DeskKey, Register
from web.redaction import SafeWords, describe

log = logging.getLogger(__name__)


#: What the name of a file begins with until it is whole.
PENDING: Final = ".pending-"
SIGNING, SITE, DESK, RECIPIENTS = "signing.json", "site.json", "desk.txt", "recipients.json"
ADDRESSEES: Final = "addressees.json"
ANNOUNCED, STOPPED = "shredding-", "stopped.json"
#: Without these a folder is no keyring.
OWN: Final = (SIGNING, SITE, DESK)

#: Bytes of each secret in a campaign's file.
_LENGTHS: Final = {"private_key": 96, "pepper": 32, "register_key": 32}


class Announced(msgspec.Struct, frozen=True):
    """That a campaign's keys will be destroyed: by which request, wanted by whom, told how often and first when.

    Here and not in the database, whose rows are anybody's who can write there.
    """

    proposal: int
    by: list[str]
    told: int = 0
    #: By the worker's clock, in seconds since 1970.
    told_at: float | None = None


class AddresseePin(msgspec.Struct, frozen=True):
    """An addressee's own age recipient, and the reference of what was agreed on with them."""

    recipient: str
    agreement: str


class KeysMissing(SafeWords):
    """The keyring has no keys for this campaign: not provisioned yet, not mounted, or shredded."""


class KeysDamaged(KeysMissing):
    """There is a file, but not with what belongs in it. It is never made anew: restore it from the export."""


class ForeignPublicKey(SafeWords):
    """The database holds another public key than the keyring: somebody put theirs there."""


@dataclass(frozen=True)
class CampaignKeys:
    """The secrets of one campaign: never logged, never in the database."""

    uid: uuid.UUID
    private_key: bytes = field(repr=False)
    pepper: bytes = field(repr=False)
    register_key: bytes = field(repr=False)

    @cached_property
    def public_key(self) -> bytes:
        return sealing.public_key_of(self.private_key)

    @cached_property
    def mac(self) -> Mac:
        """Blinds mailboxes and names, and makes links, under the pepper."""
        return Mac(self.pepper)

    @cached_property
    def register_box(self) -> sealing.Box:
        return sealing.register_box(self.register_key, self.uid)


class Keyring:
    """The keys in one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def make(self) -> list[str]:
        """Make what belongs in every keyring and is not there; returns the names. Nothing that is there changes."""
        self.make_directory()
        fresh = {
            SIGNING: json.dumps({"ed25519": _random()}),
            SITE: json.dumps({"site_key": _random()}),
            DESK: f"{pyrage.x25519.Identity.generate()}\n",
            RECIPIENTS: "{}",
        }
        made = [name for name in fresh if not (self.directory / name).exists()]
        for name in made:
            self._write(self.directory / name, fresh[name], replace=False)
        return made

    def make_directory(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def lacks(self) -> list[str]:
        """The files without which it is no keyring. Raises OSError where that cannot be seen."""
        try:
            there = {entry.name for entry in os.scandir(self.directory)}
        except FileNotFoundError:
            there = set()
        return [name for name in OWN if name not in there]

    def campaigns(self) -> set[str]:
        """The uids of the campaigns that it has a file of. Raises OSError."""
        return {path.stem for path in self.directory.iterdir() if path.suffix == ".json"}

    def keys_of(self, uid: uuid.UUID) -> CampaignKeys:
        """A campaign's keys. Raises KeysMissing or KeysDamaged."""
        try:
            stored = json.loads(self._path(uid).read_text())
            secret = {name: base64.b64decode(stored[name], validate=True) for name in _LENGTHS}
        except FileNotFoundError:
            raise KeysMissing(str(uid)) from None
        except OSError as error:  # else it would be taken for a mail server that is away, or a full disk
            raise KeysMissing(f"{uid}: {describe(error)}") from None
        except (ValueError, KeyError, TypeError):  # no JSON, no UTF-8, no base64 (ValueErrors all); no such key
            raise KeysDamaged(str(uid)) from None
        if any(len(secret[name]) != length for name, length in _LENGTHS.items()):
            raise KeysDamaged(str(uid))
        return CampaignKeys(uid=uid, **secret)

    def provision(self, uid: uuid.UUID) -> CampaignKeys:
        """A campaign's keys, made now where there are none. Two workers at once make one set.

        Raises KeysMissing where there is no keyring, and KeysDamaged.
        """
        fresh = {
            "private_key": sealing.generate_private_key(),
            "pepper": secrets.token_bytes(32),
            "register_key": secrets.token_bytes(32),
        }
        text = json.dumps({name: base64.b64encode(value).decode() for name, value in fresh.items()})
        if not self._path(uid).exists():
            if self.lacks():
                raise KeysMissing("there is no keyring in this folder")
            self._write(self._path(uid), text, replace=False)
        return self.keys_of(uid)

    def signing_key(self) -> Ed25519PrivateKey:
        """The organisation's key. Raises KeysMissing or KeysDamaged."""
        try:
            return Ed25519PrivateKey.from_private_bytes(
                base64.b64decode(json.loads(self._own(SIGNING))["ed25519"], validate=True)
            )
        except (ValueError, KeyError, TypeError):  # as in keys_of(); or not 32 bytes
            raise KeysDamaged(SIGNING) from None

    def site_key(self) -> bytes:
        """32 bytes that belong to no campaign. Raises KeysMissing or KeysDamaged.

        Losing it costs nothing but the day's counts and the bounces still under way.
        """
        try:
            key = base64.b64decode(json.loads(self._own(SITE))["site_key"], validate=True)
        except (ValueError, KeyError, TypeError):
            raise KeysDamaged(SITE) from None
        if len(key) != 32:
            raise KeysDamaged(SITE)
        return key

    def spool_identity(self, delivery: int) -> pyrage.x25519.Identity:
        """What opens the spooled parts of a delivery, made now where there is none. Raises KeysDamaged."""
        path = self._spool_path(delivery)
        if not path.exists():
            self._write(path, json.dumps({"age": str(pyrage.x25519.Identity.generate())}), replace=False)
        try:
            return pyrage.x25519.Identity.from_str(json.loads(path.read_text())["age"])
        except (ValueError, KeyError, TypeError, pyrage.IdentityError):
            raise KeysDamaged(path.name) from None

    def forget_spool_identity(self, delivery: int) -> None:
        """What was spooled for that delivery can be opened by nobody from now on."""
        self._spool_path(delivery).unlink(missing_ok=True)

    def spools(self) -> set[int]:
        """The deliveries whose parts can be opened."""
        return {int(path.stem.removeprefix("spool-")) for path in self.directory.glob("spool-*.json")}

    def destroy(self, uid: uuid.UUID) -> bool:
        """Destroy a campaign's keys. Says if there were any. What the disk keeps of them is the disk's business."""
        try:
            self._path(uid).unlink()
        except FileNotFoundError:
            return False
        self._reach_the_disk()
        return True

    def note_shredding(self, uid: uuid.UUID, note: Announced) -> None:
        self._write(self._announced_path(uid), msgspec.json.encode(note).decode(), replace=True)

    def shreddings(self) -> dict[uuid.UUID, Announced]:
        """{campaign uid: what is announced}. One that is damaged counts for nothing: it has to be proven again."""
        found = {}
        for path in self.directory.glob(f"{ANNOUNCED}*.json"):
            with suppress(ValueError, OSError, msgspec.MsgspecError):
                uid = uuid.UUID(path.stem.removeprefix(ANNOUNCED))
                found[uid] = msgspec.json.decode(path.read_bytes(), type=Announced)
        return found

    def forget_shredding(self, uid: uuid.UUID) -> None:
        self._announced_path(uid).unlink(missing_ok=True)
        self._reach_the_disk()

    def stopped_shreddings(self) -> set[int]:
        """The requests that were stopped. Raises KeysDamaged."""
        try:
            return msgspec.json.decode((self.directory / STOPPED).read_bytes(), type=set[int])
        except FileNotFoundError:
            return set()
        except (OSError, msgspec.MsgspecError):
            raise KeysDamaged(STOPPED) from None

    def stop_shredding(self, uid: uuid.UUID) -> None:
        """For good: what is announced of this campaign is forgotten, and its request counts for nothing any more."""
        with self._writing_recipients():
            if note := self.shreddings().get(uid):
                stopped = sorted(self.stopped_shreddings() | {note.proposal})
                self._write(self.directory / STOPPED, json.dumps(stopped), replace=True)
            self.forget_shredding(uid)

    def files(self) -> dict[str, bytes]:
        """What has to be kept of it: {name: content}. Not what is under way, nor what only opens spooled parts."""
        if not self.directory.exists():
            return {}
        passing = (PENDING, "spool-", ANNOUNCED, STOPPED)
        kept = (path for path in self.directory.iterdir() if path.is_file() and not path.name.startswith(passing))
        return {path.name: path.read_bytes() for path in kept}

    def put_back(self, name: str, content: bytes) -> None:
        """A file from an export, where there is none of that name."""
        self.make_directory()
        self._write(self.directory / name, content.decode(), replace=False)

    def recipients(self) -> dict[str, str]:
        """The pinned age recipients of staff: {"username": "age1…"}. Raises KeysDamaged."""
        try:
            return msgspec.json.decode(self._recipients_path.read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise KeysDamaged(f"{RECIPIENTS}: {describe(error)}") from None
        except msgspec.MsgspecError:
            raise KeysDamaged(self._recipients_path.name) from None

    def pin_recipient(self, username: str, recipient: str) -> None:
        """Packets asked for or approved by this officer are encrypted to this age recipient from now on.

        Raises ValueError where it is no age recipient.
        """
        try:
            pyrage.x25519.Recipient.from_str(recipient)
        except pyrage.RecipientError:
            raise ValueError("not an age recipient: it must look like age1…") from None
        with self._writing_recipients():
            self._write(self._recipients_path, json.dumps(self.recipients() | {username: recipient}), replace=True)

    def unpin_recipient(self, username: str, recipient: str) -> None:
        """Nothing is encrypted to this officer under that recipient from now on. Raises KeysDamaged."""
        with self._writing_recipients():
            pinned = self.recipients()
            if pinned.get(username) == recipient:
                del pinned[username]
                self._write(self._recipients_path, json.dumps(pinned), replace=True)

    def addressee_pins(self) -> dict[int, AddresseePin]:
        """The pinned age recipients of addressees, by their keys in the database. Raises KeysDamaged."""
        try:
            return msgspec.json.decode((self.directory / ADDRESSEES).read_bytes(), type=dict[int, AddresseePin])
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise KeysDamaged(f"{ADDRESSEES}: {describe(error)}") from None
        except msgspec.MsgspecError:
            raise KeysDamaged(ADDRESSEES) from None

    def pin_addressee(self, addressee: int, pin: AddresseePin) -> None:
        """Packets with persons to this addressee are encrypted to their own key, too, from now on."""
        with self._writing_recipients():
            self._write_addressees(self.addressee_pins() | {addressee: pin})

    def unpin_addressee(self, addressee: int, recipient: str) -> None:
        """Nothing is encrypted to this addressee under that recipient from now on. Raises KeysDamaged."""
        with self._writing_recipients():
            pins = self.addressee_pins()
            if addressee in pins and pins[addressee].recipient == recipient:
                del pins[addressee]
                self._write_addressees(pins)

    def _write_addressees(self, pins: dict[int, AddresseePin]) -> None:
        self._write(self.directory / ADDRESSEES, msgspec.json.encode(pins).decode(), replace=True)

    def desk_identity(self) -> pyrage.x25519.Identity:
        """The workers' own age identity. Raises KeysMissing or KeysDamaged."""
        try:
            return pyrage.x25519.Identity.from_str(self._own(DESK).strip())
        except (pyrage.IdentityError, ValueError):
            raise KeysDamaged(DESK) from None

    def _own(self, name: str) -> str:
        """What is in that file. Raises KeysMissing; ValueError where it is no text."""
        try:
            return (self.directory / name).read_text()
        except FileNotFoundError:
            raise KeysMissing(name) from None
        except OSError as error:
            raise KeysMissing(f"{name}: {describe(error)}") from None

    @contextmanager
    def _writing_recipients(self) -> Iterator[None]:
        """One process at a time reads the list and writes it anew; a killed one lets go."""
        handle = os.open(self.directory, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    @property
    def _recipients_path(self) -> Path:
        return self.directory / RECIPIENTS

    def _announced_path(self, uid: uuid.UUID) -> Path:
        return self.directory / f"{ANNOUNCED}{uid}.json"

    def _spool_path(self, delivery: int) -> Path:
        return self.directory / f"spool-{delivery}.json"

    def _path(self, uid: uuid.UUID) -> Path:
        return self.directory / f"{uid}.json"

    def _write(self, path: Path, text: str, *, replace: bool) -> None:
        """Whole or not at all, on disk before it counts, readable by the owner alone."""
        handle, name = tempfile.mkstemp(dir=self.directory, prefix=PENDING)  # mode 0600
        try:
            with os.fdopen(handle, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            if replace:
                os.replace(name, path)
            else:
                # link() fails where the name exists: the worker that came first wins, and both use its keys.
                try:
                    os.link(name, path)
                except FileExistsError:
                    return
        finally:
            Path(name).unlink(missing_ok=True)
        self._reach_the_disk()

    def _reach_the_disk(self) -> None:
        directory = os.open(self.directory, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)


def _random() -> str:
    """32 random bytes, in base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


@cache
def _keyring_in(directory: Path) -> Keyring:
    return Keyring(directory)


def keyring() -> Keyring:
    """This process's keyring. Raises ImproperlyConfigured in a process that has none, as web."""
    if settings.KEYRING_DIR is None:
        raise ImproperlyConfigured("KEYRING_DIR is not set: this process holds no keys.")
    return _keyring_in(settings.KEYRING_DIR)


def keys_of(campaign: Campaign) -> CampaignKeys:
    """The campaign's keys, once they are seen to be the ones that the web seals to.

    Raises KeysMissing, KeysDamaged or ForeignPublicKey.
    """
    keys = keyring().keys_of(campaign.uid)
    stored = CampaignKey.objects.filter(campaign=campaign).values_list("public_key", flat=True).first()
    if stored is None or bytes(stored) != keys.public_key:
        raise ForeignPublicKey(campaign.slug)
    return keys


def provision_campaigns() -> int:
    """Make keys and a register for each campaign that has none yet; returns for how many.

    The keyring comes first: a public key without its private key would collect what nobody can open.
    """
    made = 0
    for campaign in Campaign.objects.filter(key__isnull=True):
        try:
            keys = keyring().provision(campaign.uid)
        except KeysDamaged:
            log.error("no keys were created for campaign %s: its entry in the keyring is damaged", campaign.slug)
            continue
        Register.objects.get_or_create(campaign=campaign)
        _, created = CampaignKey.objects.get_or_create(campaign=campaign, defaults={"public_key": keys.public_key})
        made += created
    return made


def publish_desk_key() -> None:
    """Write the workers' own recipient where officers' browsers find it, where there is none.

    Another one is left as it is: the worker may have the wrong keyring (own_keys.py).
    """
    try:
        recipient = str(keyring().desk_identity().to_public())
    except KeysDamaged:
        log.error("the workers' own age identity in the keyring is damaged")
        return
    if not DeskKey.objects.exists():
        DeskKey.objects.get_or_create(id=1, defaults={"recipient": recipient})
