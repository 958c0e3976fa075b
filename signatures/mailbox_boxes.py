"""Pure: what passes between a person and the workers about all that their mailbox signed, sealed each way.

- To the workers: what somebody typed at /my-signatures/, and what the owner asks for on their own page. Sealed with
  HPKE to the workers' public key, as session keys are (sealing.py): who took it cannot open it again.
- To the person: what is held. Sealed with AES-256-GCM under a key made of the link's token, which only the mail holds:
  the site opens it while it shows it, and never before somebody came with the link.

Boxes are padded, so that their length tells no address, and whether anything is held.
"""

from __future__ import annotations

import hmac
import os
import uuid
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from signatures.identity import parse_token
from signatures.sealing import NotOpened, open_for, seal_for

__all__ = [
    "Asked",
    "Held",
    "Owner",
    "Page",
    "Wish",
    "open_page",
    "open_to_workers",
    "page_key",
    "private_key_of",
    "seal_page",
    "seal_to_workers",
]  # fmt: skip

_TEXT = Annotated[str, msgspec.Meta(max_length=500)]
_LANGUAGE = Annotated[str, msgspec.Meta(max_length=16)]

#: Bytes. Every page of a mailbox that signed fewer than dozens of petitions is one of these, and a stranger's is, too.
PAGE_PADDING: Final = 64 * 1024
_TO_WORKERS_PADDING: Final = 1024
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16


class Asked(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What was typed: whose page, and for which mails it is counted (the sending network's label; "" for none)."""

    email: _TEXT
    language: _LANGUAGE = "en"
    network: Annotated[str, msgspec.Meta(max_length=64)] = ""


class Wish(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What the owner wants: `kind` is one of models.MailboxWish.Kind; `campaign` is a uid, or "" for whatever this
    mailbox signed."""

    kind: Annotated[str, msgspec.Meta(max_length=16)]
    campaign: Annotated[str, msgspec.Meta(max_length=36)] = ""
    slot: Annotated[int, msgspec.Meta(ge=0, le=32767)] = 0
    name: _TEXT = ""
    place: _TEXT = ""


class Owner(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What a worker keeps, for itself, of a page that it has made: whose it is, and how to seal it anew."""

    email: _TEXT
    language: _LANGUAGE
    key: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]


class Recipient(msgspec.Struct, frozen=True, gc=False):
    """Whom a signature was handed over to, by name."""

    addressee: str
    on: str


class Held(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What is held of one signature. Not what became of it: who signs must not learn what is held back, and why."""

    campaign: str
    title: str
    path: str
    addressee: str
    signed_on: str
    name: str = ""
    email: str = ""
    country: str = ""
    place: str = ""
    comment: str = ""
    #: Versions of the wordings agreed to; "" for no.
    share_name: str = ""
    share_comment: str = ""
    updates: str = ""
    language: str = ""
    source: str = ""
    slot: int = 0
    handed_over: list[Recipient] = []
    #: How it came (labels, for thirty days) is kept until then; "" where it is not.
    trace_until: str = ""


class Page(msgspec.Struct, frozen=True, gc=False):
    """The whole of what the person is shown."""

    email: str
    held: list[Held]
    #: When it was put together, in ISO 8601, UTC.
    as_of: str
    #: How many more petitions than fit on a page: none, but for who signs by the hundred.
    left: int = 0


_encoder = msgspec.json.Encoder()


def private_key_of(secret: bytes) -> bytes:
    """The private key (96 bytes, as sealing.generate_private_key makes them) that belongs to the keyring's site key.

    Derived, not stored: what is sealed to it lives an hour, so losing it costs no more than that.
    """
    return HKDF(SHA256(), length=96, salt=None, info=b"undersigned/mailbox-requests/1").derive(secret)


def seal_to_workers(content: Asked | Wish | Owner, public_key: bytes, bind: bytes) -> bytes:
    """For the holder of the private key alone. `bind` says which row it is for."""
    plain = _encoder.encode(content)
    plain = plain.ljust(-(-len(plain) // _TO_WORKERS_PADDING) * _TO_WORKERS_PADDING)
    return seal_for(plain, public_key, _info(type(content), bind))


def open_to_workers[Content: Asked | Wish | Owner](
    sealed: bytes, kind: type[Content], private_key: bytes, bind: bytes
) -> Content:
    """What was sealed. Raises NotOpened, whatever is wrong with it."""
    try:
        return msgspec.json.decode(open_for(sealed, private_key, _info(kind, bind)), type=kind)
    except msgspec.MsgspecError:
        raise NotOpened from None


def _info(kind: type, bind: bytes) -> bytes:
    return b"undersigned/mailbox/1 " + kind.__name__.encode() + b"\0" + bind


def page_key(token: str) -> bytes:
    """The key (32 bytes) of the page whose link has this token. Raises ValueError where it is none."""
    raw = parse_token(token)
    if raw is None:
        raise ValueError("not a token")
    return hmac.digest(raw, b"undersigned/mailbox-page/1", "sha256")


def seal_page(page: Page, key: bytes, hashed: bytes) -> bytes:
    """The page, bound to the hash of its token."""
    plain = _encoder.encode(page)
    plain = plain.ljust(-(-len(plain) // PAGE_PADDING) * PAGE_PADDING)
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, hashed)


def open_page(sealed: bytes, key: bytes, hashed: bytes) -> Page:
    """The page. Raises NotOpened."""
    if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
        raise NotOpened
    try:
        plain = AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], hashed)
        return msgspec.json.decode(plain, type=Page)
    except (InvalidTag, msgspec.MsgspecError):
        raise NotOpened from None


def campaign_of(wish: Wish) -> uuid.UUID | None:
    """The campaign that the wish names; None for all, ValueError where it is no name."""
    return uuid.UUID(wish.campaign) if wish.campaign else None
