"""Pure: sealing what a supporter typed, and opening it where the keys are.

Three boxes, each bound to its place so that nothing can be moved to another:

- a *session key* (AES-256) is sealed once to the campaign's public key with HPKE (RFC 9180; the
  hybrid ML-KEM-768 + X25519 KEM, so that what is recorded today stays shut to a quantum computer);
- a *submission* is sealed under a session key with AES-256-GCM: about a microsecond, where an
  HPKE seal costs a hundred times that and 1.2 kB;
- a *signature* is sealed again under the register key when it is admitted.

A sealed box is `nonce (12 bytes) ‖ ciphertext ‖ tag (16 bytes)`. Nonces are random: with fewer than
2^32 messages a key, NIST SP 800-38D section 8.3 allows it.
"""

from __future__ import annotations

import os
import uuid
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

_SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_MLKEM_PUBLIC_BYTES: Final = 1184
_MLKEM_SEED_BYTES: Final = 64
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16

#: Ciphertexts come in multiples of this many bytes: the length of a box tells no name from another.
PADDING: Final = 256


class NotOpened(Exception):
    """The box is truncated, altered, bound elsewhere, or sealed under another key. Says no more."""


class Person(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a supporter typed and agreed to. Never outside a sealed box, but in a worker's memory.

    `token` (43 characters, base64url) travels inside, so that only a worker can write the mail that
    proves the address; `share_name`, `share_comment` and `updates` hold the version of the wording
    agreed to, or "".
    The bounds are checked when a box is opened: who seals may not be ours, and what does not fit the
    register must be one box that does not open, not a batch that fails. `signals` are short observations
    for judging floods; never an address of a network in clear.
    """

    name: Annotated[str, msgspec.Meta(max_length=500)]
    email: Annotated[str, msgspec.Meta(max_length=500)]
    country: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}\\Z")]
    place: Annotated[str, msgspec.Meta(max_length=500)] = ""
    comment: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    share_name: Annotated[str, msgspec.Meta(max_length=32)] = ""
    share_comment: Annotated[str, msgspec.Meta(max_length=32)] = ""
    updates: Annotated[str, msgspec.Meta(max_length=32)] = ""
    language: Annotated[str, msgspec.Meta(max_length=16)] = "en"
    #: The text that was signed (petitions/models/version.py): its number, and its SHA-256 in `language`.
    version: Annotated[int, msgspec.Meta(ge=0, le=32767)] = 0
    text_sha256: Annotated[str, msgspec.Meta(max_length=64)] = ""
    token: Annotated[str, msgspec.Meta(max_length=64)] = ""
    signals: dict[str, str | int | bool] = {}


class Consents(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What the mailbox's owner added when confirming, in a box of its own until admission (register/admission.py).

    As the fields of `Person`, within the same bounds. With a name, then name, country and place replace what somebody
    typed with the address: these were not the owner's.
    """

    name: Annotated[str, msgspec.Meta(max_length=500)] = ""
    country: Annotated[str, msgspec.Meta(pattern="^([A-Z]{2})?\\Z")] = ""
    place: Annotated[str, msgspec.Meta(max_length=500)] = ""
    comment: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    share_name: Annotated[str, msgspec.Meta(max_length=32)] = ""
    share_comment: Annotated[str, msgspec.Meta(max_length=32)] = ""
    updates: Annotated[str, msgspec.Meta(max_length=32)] = ""


_encoder = msgspec.json.Encoder()
_persons = msgspec.json.Decoder(Person)
_consents = msgspec.json.Decoder(Consents)


def generate_private_key() -> bytes:
    """A campaign's private key: ML-KEM-768 seed (64 bytes) ‖ X25519 private key (32 bytes)."""
    return MLKEM768PrivateKey.generate().private_bytes_raw() + X25519PrivateKey.generate().private_bytes_raw()


def public_key_of(private_key: bytes) -> bytes:
    """The public key: ML-KEM-768 (1184 bytes) ‖ X25519 (32 bytes)."""
    seed, scalar = private_key[:_MLKEM_SEED_BYTES], private_key[_MLKEM_SEED_BYTES:]
    return (
        MLKEM768PrivateKey.from_seed_bytes(seed).public_key().public_bytes_raw()
        + X25519PrivateKey.from_private_bytes(scalar).public_key().public_bytes_raw()
    )


def _private(key: bytes) -> MLKEM768X25519PrivateKey:
    return MLKEM768X25519PrivateKey(
        MLKEM768PrivateKey.from_seed_bytes(key[:_MLKEM_SEED_BYTES]),
        X25519PrivateKey.from_private_bytes(key[_MLKEM_SEED_BYTES:]),
    )


def _public(key: bytes) -> MLKEM768X25519PublicKey:
    return MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(key[:_MLKEM_PUBLIC_BYTES]),
        X25519PublicKey.from_public_bytes(key[_MLKEM_PUBLIC_BYTES:]),
    )


def _session_info(campaign: uuid.UUID, key_id: uuid.UUID) -> bytes:
    return b"undersigned/session-key/1" + campaign.bytes + key_id.bytes


def seal_session_key(session_key: bytes, public_key: bytes, campaign: uuid.UUID, key_id: uuid.UUID) -> bytes:
    """The session key (32 bytes) for the holder of the campaign's private key alone (1.2 kB)."""
    return seal_for(session_key, public_key, _session_info(campaign, key_id))


def open_session_key(wrapped: bytes, private_key: bytes, campaign: uuid.UUID, key_id: uuid.UUID) -> bytes:
    """The session key (32 bytes). Raises NotOpened."""
    session_key = open_for(wrapped, private_key, _session_info(campaign, key_id))
    if len(session_key) != 32:
        raise NotOpened
    return session_key


def seal_for(plain: bytes, public_key: bytes, info: bytes) -> bytes:
    """For the holder of the private key alone, with HPKE; `info` says which it is. 1.2 kB longer than `plain`."""
    return _SUITE.encrypt(plain, _public(public_key), info=info)


def open_for(sealed: bytes, private_key: bytes, info: bytes) -> bytes:
    """What was sealed. Raises NotOpened."""
    try:
        return _SUITE.decrypt(sealed, _private(private_key), info=info)
    except (InvalidTag, ValueError):
        raise NotOpened from None


class Box[Content: Person | Consents]:
    """AES-256-GCM under one key, for messages bound to a context (`bind`: which row this is)."""

    __slots__ = ("_aead", "_decoder", "_purpose")

    def __init__(self, key: bytes, purpose: bytes, campaign: uuid.UUID, decoder: msgspec.json.Decoder[Content]) -> None:
        self._aead = AESGCM(key)
        self._purpose = purpose + campaign.bytes
        self._decoder: msgspec.json.Decoder[Content] = decoder

    def seal(self, content: Content, bind: bytes) -> bytes:
        """The content as a box, padded: JSON may end in spaces, so padding needs no rule to undo."""
        plain = _encoder.encode(content)
        plain = plain.ljust(-(-len(plain) // PADDING) * PADDING)
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain, self._purpose + bind)

    def open(self, sealed: bytes, bind: bytes) -> Content:
        """What is in the box. Raises NotOpened, whatever is wrong with it."""
        if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
            raise NotOpened
        try:
            plain = self._aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], self._purpose + bind)
            return self._decoder.decode(plain)
        except (InvalidTag, msgspec.MsgspecError):
            raise NotOpened from None


def submission_box(session_key: bytes, campaign: uuid.UUID) -> Box[Person]:
    """Opens and seals submissions of one session key. Bind: the submission's token hash."""
    return Box(session_key, b"undersigned/submission/1", campaign, _persons)


def consents_box(session_key: bytes, campaign: uuid.UUID) -> Box[Consents]:
    """Opens and seals what was added to submissions when they were confirmed. Bind: the submission's token hash."""
    return Box(session_key, b"undersigned/consents/1", campaign, _consents)


def register_box(register_key: bytes, campaign: uuid.UUID) -> Box[Person]:
    """Opens and seals signatures of one campaign's register. Bind: the fingerprint."""
    return Box(register_key, b"undersigned/signature/1", campaign, _persons)
