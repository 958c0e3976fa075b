"""The organisation's signature under a manifest: Ed25519, so that anybody can check it with the public key alone."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from signatures.delivery.verifier import fingerprint_of
from signatures.models import SigningKey
from signatures.register.keyring import KeysMissing, keyring

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Signer:
    """Signs manifests; its public half is published."""

    key: Ed25519PrivateKey

    @property
    def public_key(self) -> bytes:
        return self.key.public_key().public_bytes_raw()

    @property
    def fingerprint(self) -> str:
        return fingerprint_of(self.public_key)

    def sign(self, manifest: bytes) -> str:
        """What manifest.sig holds: the public key and the signature over the manifest's bytes."""
        return (
            "Ed25519 (RFC 8032) over the bytes of manifest.json; checked by verify.py\n"
            f"public key: {self.public_key.hex()}\n"
            f"signature: {self.key.sign(manifest).hex()}\n"
        )


def signer() -> Signer:
    """This organisation's signer, its key published. Raises KeysMissing or KeysDamaged."""
    found = Signer(keyring().signing_key())
    SigningKey.objects.get_or_create(sha256=found.fingerprint, defaults={"public_key": found.public_key})
    return found


def publish_signing_key() -> None:
    """Show the public half of the key to the web."""
    try:
        signer()
    except KeysMissing:
        log.error("no manifest can be signed: the signing key is missing or damaged; restore it from the export")
