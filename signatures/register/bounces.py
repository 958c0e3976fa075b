"""Bounces: mail servers' notices that a mail reached nobody (RFC 3464), read so that no reminder follows it.

What a notice is about is told by the Message-ID of our mail, which carries the submission sealed under the
keyring's site key. Whoever forges a notice cannot make one up, so nobody can stop another's mails.
"""

from __future__ import annotations

import email
import email.policy
import hmac
import logging
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.conf import settings
from django.utils import timezone

from signatures.models import Submission

log = logging.getLogger(__name__)

#: Bytes of the token's hash that a Message-ID carries; enough to be one submission's among billions.
PREFIX_BYTES: Final = 16
#: A notice repeats at most the mail it is about.
MAX_NOTICE: Final = 1_000_000

_MESSAGE_ID = re.compile(r"<([A-Za-z0-9_-]{40,60})@[^>\s]*>")
_FAILED_FOR_GOOD = re.compile(r"5\.\d{1,3}\.\d{1,3}")


def _cipher(site_key: bytes) -> AESSIV:
    return AESSIV(hmac.digest(site_key, b"message-id", "sha256"))


def message_id(site_key: bytes, token_hash: bytes, kind: bytes) -> str:
    """The Message-ID of a mail about this submission. `kind`: one byte; the two kinds must differ, or a mail
    server takes the reminder for the mail it has delivered already.

    The host is the site's, not the worker's, which `make_msgid` would look up.
    """
    sealed = _cipher(site_key).encrypt(kind + token_hash[:PREFIX_BYTES], None)
    return f"<{urlsafe_b64encode(sealed).rstrip(b'=').decode()}@{urlsplit(settings.SITE_URL).hostname}>"


def submission_named_by(site_key: bytes, text: str) -> Iterator[bytes]:
    """The beginnings of token hashes that the Message-IDs in a text carry; those not ours are passed over."""
    cipher = _cipher(site_key)
    for found in _MESSAGE_ID.finditer(text):
        encoded = found[1]
        try:
            opened = cipher.decrypt(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)), None)
        except (InvalidTag, ValueError):
            continue
        yield opened[1:]


@dataclass(slots=True)
class Read:
    """What came of reading notices."""

    bounced: int = 0
    #: Notices that a mail is delayed, of mails that are not ours, and what is no notice at all.
    passed_over: int = 0


def read_notice(site_key: bytes, raw: bytes) -> bool:
    """Apply one notice; says whether it told of a mail of ours that reached nobody. Applying it again is safe."""
    notice = email.message_from_bytes(raw[:MAX_NOTICE], policy=email.policy.default)
    if not isinstance(notice, EmailMessage) or not _says_failed(notice):
        return False
    applied = False
    for prefix in set(submission_named_by(site_key, raw[:MAX_NOTICE].decode("latin-1"))):
        applied |= _mark_bounced(prefix)
    return applied


def _says_failed(notice: EmailMessage) -> bool:
    for part in notice.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        for block in part.walk():
            action, status = str(block.get("Action", "")), str(block.get("Status", ""))
            if action.strip().lower() == "failed" and _FAILED_FOR_GOOD.match(status.strip()):
                return True
    return False


def _mark_bounced(prefix: bytes) -> bool:
    # A range of the primary key.
    pending = Submission.objects.filter(
        token_hash__gte=prefix, token_hash__lte=prefix.ljust(32, b"\xff"), outcome__isnull=True
    )
    return bool(pending.update(mail_due=None, bounced_on=timezone.now().date()))


def read_bounces(place: Path, site_key: bytes) -> Read:
    """Read one notice (a file), or all in a Maildir's `new` or a plain folder, which are gone afterwards.

    They hold addresses in clear. What tells of none of our mails is left, in a Maildir as seen. Raises OSError.
    """
    result = Read()
    if place.is_file():
        _count(result, read_notice(site_key, place.read_bytes()))
        return result
    maildir = (place / "new").is_dir()
    for path in sorted((place / "new" if maildir else place).iterdir()):
        if not path.is_file():
            continue
        applied = read_notice(site_key, path.read_bytes())
        _count(result, applied)
        if applied:
            path.unlink()
        elif maildir:
            path.rename(place / "cur" / f"{path.name}:2,S")
    return result


def _count(result: Read, applied: bool) -> None:
    if applied:
        result.bounced += 1
    else:
        result.passed_over += 1
