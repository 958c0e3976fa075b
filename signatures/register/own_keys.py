"""Whether this is the keyring of this database: no worker works with another one, or with none.

A worker whose keyring folder was empty or not mounted once made new keys, and put them in place of those in use. So
a keyring is made by hand, once, and before each piece of work a worker looks whether its keyring holds what the
database publishes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, transaction

from signatures.models import DeskKey, SigningKey
from signatures.register.keyring import Keyring, KeysMissing, keyring, publish_desk_key
from signatures.register.mailbox_requests import publish_request_key
from signatures.register.restored import awaits_tombstones
from web.redaction import SafeWords, describe

CAMPAIGN, DESK, SIGNING, OFFICER, ADDRESSEE = "campaign", "desk", "signing", "officer", "addressee"
#: So many are named; a keyring that lacks more lacks all.
NAMED: Final = 20
# Raw: one `init_keyring` at a time, on whichever host: the second finds what the first has published.
_LOCK: Final = "LOCK TABLE signatures_deskkey IN SHARE ROW EXCLUSIVE MODE"

# Raw: this is asked before each stage, so it is one round trip (0.4 ms with 500 campaigns). A shredded campaign has no
# keys any more. Of signing keys older ones stay published; the keyring holds the one that signs now.
PUBLISHED: Final = """
SELECT 'campaign', c.slug, c.uid::text FROM signatures_campaignkey k JOIN petitions_campaign c ON c.id = k.campaign_id
 WHERE NOT EXISTS (SELECT FROM signatures_shredding s WHERE s.campaign_id = c.id)
UNION ALL SELECT 'desk', '', recipient FROM signatures_deskkey
UNION ALL SELECT 'signing', left(sha256, 16), sha256 FROM signatures_signingkey
UNION ALL SELECT 'officer', u.username, r.recipient
            FROM signatures_recipient r JOIN auth_user u ON u.id = r.officer_id WHERE r.state = 'pinned'
UNION ALL SELECT 'addressee', a.name, k.addressee_id || ' ' || k.recipient
            FROM signatures_addresseekey k JOIN petitions_addressee a ON a.id = k.addressee_id WHERE k.state = 'pinned'
ORDER BY 1, 2
"""


class Key(NamedTuple):
    """A public key that the database shows, by whose it is; of a campaign, its uid."""

    kind: str
    name: str
    value: str

    def __str__(self) -> str:
        return {
            CAMPAIGN: f"the keys of campaign {self.name}",
            DESK: "the desk key",
            SIGNING: f"the signing key {self.name}…",
            OFFICER: f"the pinned key of {self.name}",
            ADDRESSEE: f"the pinned key of the addressee {self.name}",
        }[self.kind]


class WrongKeyring(SafeWords):
    """The keyring is none, or not this database's; says what it lacks. Nothing was changed."""


def require_own_keyring(*, but: Collection[str] = ()) -> None:
    """Raise WrongKeyring where the keyring is none, or lacks keys that the database publishes; not of the kinds `but`.

    Raises DatabaseError where the database cannot be asked, ImproperlyConfigured where no keyring is configured.
    """
    ring = keyring()
    if awaits_tombstones():
        raise WrongKeyring(
            "The database was put back from a backup, and whoever withdrew since would be counted again. "
            "Run replay_tombstones first."
        )
    try:
        files = ring.lacks()
        keys = _lacking(ring, but)
    except OSError as error:
        raise WrongKeyring(f"The keyring in {ring.directory} cannot be read: {describe(error)}.") from None
    if keys:
        hint = "Mount the right folder, or restore it with import_keyring."
        raise WrongKeyring(f"The keyring in {ring.directory} lacks what the database publishes: {_named(keys)}. {hint}")
    if files:
        hint = "Mount the right folder; for a new installation, make it with init_keyring."
        raise WrongKeyring(f"The keyring in {ring.directory} is missing or not whole: no {', no '.join(files)}. {hint}")


def init_keyring(*, lost: Collection[str] = ()) -> list[str]:
    """Make what belongs in every keyring and this one lacks, and publish it; returns the names of the files.

    Keys of the kinds `lost` (DESK, SIGNING) are given up: others are published in their place. Raises WrongKeyring
    where the database publishes any others that the keyring lacks: then it is to be restored, not made.
    """
    ring = keyring()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LOCK)
        if keys := _lacking(ring, lost):
            raise WrongKeyring(
                f"The database publishes keys, of another keyring than that in {ring.directory}: {_named(keys)}. "
                "Restore it with import_keyring."
            )
        made = ring.make()
        _publish(ring, lost)
    return made


def _publish(ring: Keyring, lost: Collection[str]) -> None:
    """The signing key of before stays: packets that it signed have to verify."""
    if DESK in lost:
        DeskKey.objects.update_or_create(id=1, defaults={"recipient": str(ring.desk_identity().to_public())})
    publish_desk_key()
    publish_request_key()
    key = ring.signing_key()
    public = {"public_key": key.public_key().public_bytes_raw()}
    SigningKey.objects.get_or_create(sha256=_fingerprint(key), defaults=public)


def _lacking(ring: Keyring, but: Collection[str]) -> list[Key]:
    """What the database publishes and the keyring lacks. Raises OSError.

    Looked at twice: a key that is just being shredded or unpinned leaves the database first, and the keyring between
    the first look at the one and at the other.
    """
    if not (first := _look(ring, but)):
        return []
    again = set(_look(ring, but))
    return [key for key in first if key in again]


def _look(ring: Keyring, but: Collection[str]) -> list[Key]:
    """The database is read first: new keys reach the keyring before it."""
    with connection.cursor() as cursor:
        cursor.execute(PUBLISHED)
        published = [Key(*row) for row in cursor.fetchall()]
    held = {kind: _held(ring, kind) for kind in {key.kind for key in published}.difference(but)}
    lacking = [key for key in published if key.kind in held and key.value not in held[key.kind]]
    if held.get(SIGNING, set()) & {key.value for key in published}:
        return [key for key in lacking if key.kind != SIGNING]
    return lacking


def _held(ring: Keyring, kind: str) -> set[str]:
    """What the keyring holds of a kind, as `PUBLISHED` spells it; nothing where its file is missing or damaged."""
    try:
        return HELD[kind](ring)
    except (FileNotFoundError, KeysMissing):
        return set()


HELD: Final[dict[str, Callable[[Keyring], set[str]]]] = {
    CAMPAIGN: Keyring.campaigns,
    DESK: lambda ring: {str(ring.desk_identity().to_public())},
    SIGNING: lambda ring: {_fingerprint(ring.signing_key())},
    OFFICER: lambda ring: set(ring.recipients().values()),
    ADDRESSEE: lambda ring: {f"{key} {pin.recipient}" for key, pin in ring.addressee_pins().items()},
}


def _fingerprint(key: Ed25519PrivateKey) -> str:
    return hashlib.sha256(key.public_key().public_bytes_raw()).hexdigest()


def _named(keys: Collection[Key]) -> str:
    names = [str(key) for key in keys][:NAMED]
    return ", ".join(names) + (f" and {len(keys) - NAMED} more" if len(keys) > NAMED else "")
