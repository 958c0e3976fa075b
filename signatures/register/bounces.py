"""Notices of mail servers: that a mail reached nobody (RFC 3464), and that its reader complained (ARF, RFC 5965).

What a notice is about is told by what our mail carries, twice: its Message-ID, which some servers replace by their own,
and a header that they let be. Both are the same words, sealed under the keyring's site key. Whoever forges a notice
cannot make them up, so nobody can stop another's mails.
"""

from __future__ import annotations

import binascii
import datetime
import email
import email.policy
import hmac
import logging
import quopri
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from signatures.models import MailAnswer, NoticeCount, Submission, Suppression
from signatures.models.mail import SUPPRESSION_BYTES
from signatures.register import mail_answers

log = logging.getLogger(__name__)

#: A notice repeats at most the mail it is about.
MAX_NOTICE: Final = 1_000_000
#: The second carrier. Neutral, as all headers of mails about people at risk have to be.
HEADER: Final = "X-Reference"
#: Base64 in base64, as a notice about a returned notice has it, is looked into so often.
DEEPEST: Final = 3

# Wherever it stands: in angle brackets, in their entities, alone.
_MESSAGE_ID: Final = re.compile(rb"(?<![A-Za-z0-9_-])([A-Za-z0-9_-]{40,60})@")
# Several lines, or one that is longer than words are.
_BASE64: Final = re.compile(
    rb"(?:^[A-Za-z0-9+/]{4,}={0,2}[ \t]*\r?(?:\n|\Z)){2,}|^[A-Za-z0-9+/]{60,}={0,2}[ \t]*\r?$", re.MULTILINE
)
_FAILED_FOR_GOOD: Final = re.compile(r"5\.\d{1,3}\.\d{1,3}")
_NO_SUCH_MAILBOX: Final = re.compile(r"5\.1\.(?:1|2|3|6|10)\b|5\.2\.1\b")
_COMPLAINTS: Final = frozenset({"abuse", "fraud", "opt-out", "opt-out-list", "other", "virus"})
_REPORT: Final = re.compile(rb"message/(?:delivery-status|feedback-report)|X-Failed-Recipients", re.IGNORECASE)
_RECIPIENT: Final = re.compile(rb"^Final-Recipient[ \t]*:[ \t]*rfc822[ \t]*;[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)
_FIELD: Final = re.compile(r"^([A-Za-z-]+)[ \t]*:[ \t]*(.*?)[ \t]*$", re.MULTILINE)


def _cipher(site_key: bytes) -> AESSIV:
    return AESSIV(hmac.digest(site_key, b"message-id", "sha256"))


def of_submission(token_hash: bytes, *, reminds: bool) -> bytes:
    """What a mail about a submission carries. A reminder must differ, or a mail server takes it for the mail that it
    has delivered already.
    """
    return (b"r" if reminds else b"c") + token_hash[:SUPPRESSION_BYTES]


def of_update(label: bytes, mailing: int) -> bytes:
    """What a mail with an update carries: to which mailbox (news.py), and which mailing, or all had one Message-ID.

    With mailing 0: what any other mail carries beside, for complaints about it end the updates too.
    """
    return b"n" + label + mailing.to_bytes(4)


def headers(site_key: bytes, carried: bytes, *more: bytes) -> dict[str, str]:
    """The headers of a mail that say what it is about; `more` does not fit into a Message-ID."""
    cipher = _cipher(site_key)
    sealed = (urlsafe_b64encode(cipher.encrypt(one, None)).rstrip(b"=").decode() for one in (carried, *more))
    # The host is the site's, not the worker's, which `make_msgid` would look up.
    written = [f"<{one}@{urlsplit(settings.SITE_URL).hostname}>" for one in sealed]
    return {"Message-ID": written[0], HEADER: " ".join(written)}


def carried_by(site_key: bytes, raw: bytes) -> set[bytes]:
    """What the headers of our mails in a notice say: the kind, and what it is of. What is not ours is passed over."""
    cipher, found = _cipher(site_key), set()
    for text in _layers(raw, DEEPEST):
        for encoded in set(_MESSAGE_ID.findall(text)):
            try:
                found.add(cipher.decrypt(urlsafe_b64decode(encoded + b"=" * (-len(encoded) % 4)), None))
            except (InvalidTag, ValueError):
                continue
    return found


def _layers(raw: bytes, depth: int) -> Iterator[bytes]:
    """A notice as it came, without quoted-printable, and what stands in it as base64."""
    yield raw
    if b"=" in raw:
        yield quopri.decodestring(raw)
    for block in _BASE64.finditer(raw) if depth else ():
        yield from _layers(_unpacked(block[0]), depth - 1)


def _unpacked(base64: bytes) -> bytes:
    """As far as it goes: a notice may repeat the beginning of a mail only."""
    signs = b"".join(base64.split())
    try:
        return binascii.a2b_base64(signs[: len(signs) // 4 * 4])
    except ValueError:
        return b""


@dataclass(slots=True)
class Read:
    """What came of reading notices."""

    bounced: int = 0
    complained: int = 0
    #: Notices that a mail is delayed, of mails that are not ours, and what is no notice at all.
    passed_over: int = 0


def read_notice(site_key: bytes, raw: bytes) -> str:
    """Apply one notice: "bounced" or "complained" where it tells that of a mail of ours, else "". Again is safe."""
    raw = raw[:MAX_NOTICE]
    # Inside, too: a notice that somebody forwarded, or that came as base64 as a whole.
    said = next(filter(None, (_says(text) for text in _layers(raw, DEEPEST) if _REPORT.search(text))), None)
    if said is None:
        return ""
    verdict, for_good = said
    applied = [_apply(carried, verdict, for_good) for carried in carried_by(site_key, raw)]
    return verdict if any(applied) else ""


def _says(text: bytes) -> tuple[str, bool] | None:
    """("bounced", whether there is no such mailbox), ("complained", True), or None."""
    notice = email.message_from_bytes(text, policy=email.policy.default)
    if not isinstance(notice, EmailMessage):
        return None
    for part in notice.walk():
        kind = part.get_content_type()
        fields = _fields(part) if kind in {"message/delivery-status", "message/feedback-report"} else []
        if kind == "message/feedback-report":
            told = {value.lower() for name, value in fields if name == "feedback-type"}
            return ("complained", True) if told & _COMPLAINTS else None
        for name, value in fields:
            if name == "status" and _FAILED_FOR_GOOD.match(value) and ("action", "failed") in _lower(fields):
                return "bounced", bool(_NO_SUCH_MAILBOX.match(value))
    # Exim's own, before it wrote reports: only sent for what failed for good.
    return ("bounced", False) if notice["X-Failed-Recipients"] else None


def _lower(fields: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    return {(name, value.lower()) for name, value in fields}


def _fields(part: EmailMessage) -> list[tuple[str, str]]:
    """The fields of all blocks of a report, in whichever encoding it came: (name in lower case, value)."""
    text = part.as_bytes().partition(b"\n\n")[2]
    if str(part["Content-Transfer-Encoding"] or "").strip().lower() == "base64":
        blocks = [_unpacked(block[0]) for block in _BASE64.finditer(text)]
        text = b"\n".join(blocks) or text
    return [(name.lower(), value) for name, value in _FIELD.findall(text.decode("latin-1").replace("\r", ""))]


def _apply(carried: bytes, verdict: str, for_good: bool) -> bool:
    """Act on one of our mails, by what it carries. Says whether there was something to act on."""
    if carried[:1] == b"n":
        return _suppress(carried[1 : 1 + SUPPRESSION_BYTES], verdict, for_good)
    return _mark(carried[1:], verdict)


def _suppress(label: bytes, verdict: str, for_good: bool) -> bool:
    if verdict == Suppression.Why.COMPLAINED or for_good:
        suppress(label, Suppression.Why(verdict))
    return True


def suppress(label: bytes, why: Suppression.Why) -> None:
    """No more updates to this mailbox (news.py, label_of()). A complaint is never forgotten for a bounce."""
    made = Suppression(label=label, why=why)
    if why == Suppression.Why.COMPLAINED:
        Suppression.objects.bulk_create([made], update_conflicts=True, unique_fields=["label"], update_fields=["why"])
    else:
        Suppression.objects.bulk_create([made], ignore_conflicts=True)


def _mark(prefix: bytes, verdict: str) -> bool:
    """No reminder follows."""
    # A range of the primary key.
    pending = Submission.objects.filter(
        token_hash__gte=prefix, token_hash__lte=prefix.ljust(32, b"\xff"), outcome__isnull=True
    )
    told = {"mail_problem": verdict} if verdict == Suppression.Why.COMPLAINED else {"bounced_on": Now()}
    return bool(pending.update(mail_due=None, **told))


def read_bounces(place: Path, site_key: bytes) -> Read:
    """Read one notice (a file), or all in a Maildir or a plain folder, which are gone afterwards.

    They hold addresses in clear: what tells of none of our mails goes as well, and is counted. Raises OSError.
    """
    if place.is_file():
        return _counted(Counter([_read(site_key, place.read_bytes())]))
    maildir = [folder for name in ("new", "cur") if (folder := place / name).is_dir()]
    folders = maildir or [place]
    came_of_it: Counter[str] = Counter()
    try:
        for path in sorted(path for folder in folders for path in folder.iterdir()):
            if path.is_file():
                came_of_it[_read_file(site_key, path)] += 1
                path.unlink(missing_ok=True)
    finally:
        result = _counted(came_of_it)
    return result


def _read(site_key: bytes, raw: bytes) -> str:
    """What read_notice() says; and of what came back, which provider it came from."""
    verdict = read_notice(site_key, raw)
    if verdict == Suppression.Why.BOUNCED:
        recipient = _RECIPIENT.search(raw)
        address = recipient[1].decode("ascii", "replace") if recipient else ""
        mail_answers.note({(mail_answers.provider_of(address), MailAnswer.Answer.BOUNCED.value): 1})
    return verdict


def _read_file(site_key: bytes, path: Path) -> str:
    try:
        return _read(site_key, path.read_bytes())
    except FileNotFoundError:  # another worker was at it
        return ""


def _counted(came_of_it: Counter[str]) -> Read:
    """Kept by the day, and said in the log: nothing else is left of what was read."""
    result = Read(came_of_it["bounced"], came_of_it["complained"], came_of_it[""])
    if not came_of_it:
        return result
    today = datetime.datetime.now(datetime.UTC).date()
    with transaction.atomic():
        NoticeCount.objects.bulk_create([NoticeCount(on=today)], ignore_conflicts=True)
        NoticeCount.objects.filter(on=today).update(
            bounced=F("bounced") + result.bounced,
            complained=F("complained") + result.complained,
            passed_over=F("passed_over") + result.passed_over,
        )
    log.info(
        "notices read: %d mails reached nobody, %d complaints, %d passed over",
        result.bounced, result.complained, result.passed_over,
    )  # fmt: skip
    return result
