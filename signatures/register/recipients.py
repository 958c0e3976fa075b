"""Whose keys answers and packets are encrypted to: a worker pins what was proven, and unpins what was revoked.

The keyring is what counts; rows only ask and tell. An approval is proven, not believed: a worker encrypts a
code to the approver's own pinned key, and whoever sends it back has opened that. So a seized web host, or
whoever can write to the database, makes no key of their own count.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pyrage
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from signatures.models import Recipient, Reveal
from signatures.register.keyring import KeysDamaged, keyring
from staff import audit
from staff.access import may
from staff.models import Proposal

log = logging.getLogger(__name__)

# Raw: one worker at a time settles, for what the keyring and the rows say is compared as a whole. A lock on a table
# that the web tiers may only read: whoever is connected could hold an advisory one, and no key would be unpinned.
_LOCK: Final = "LOCK TABLE signatures_deskkey IN SHARE ROW EXCLUSIVE MODE"
_CODE_BYTES: Final = 32

_STATE: Final = Recipient.State
_PROBLEM: Final = Recipient.Problem


def settle_recipients() -> None:
    """Unpin what was revoked or whose officer left, challenge approvers, pin what they have proven."""
    try:
        with alone() as trail:
            _compare(trail)
            for row in _rows().filter(state=_STATE.WAITING, approver__isnull=False, problem=""):
                _pin_if_proven(row, trail) if row.proof else _challenge(row)
    except KeysDamaged as error:
        log.error("officer keys cannot be processed: %s is damaged", error)


def pin_by_hand(officer: User, recipient: str) -> None:
    """Pin a key without a second person: the first ones, and emergencies. Raises ValueError, KeysDamaged."""
    with alone() as trail:
        keyring().pin_recipient(officer.username, recipient)
        _in_use(officer, recipient, by_hand=True)
        # Whoever asked for it in the desk waits for nobody any more.
        asked = Proposal.objects.filter(recipient__recipient=recipient, state=Proposal.State.WAITING)
        asked.update(state=Proposal.State.EXPIRED)
        trail.append((None, "recipient.pin_by_hand", {"officer": officer.pk}))


def unpin_by_hand(username: str) -> bool:
    """Take a key out of use. Says if one was pinned. Raises KeysDamaged."""
    with alone() as trail:
        text = keyring().recipients().get(username)
        # What the database alone calls pinned goes too: the keyring was restored from an export of before, say.
        rows = Recipient.objects.filter(officer__username=username, state=_STATE.PINNED)
        texts = {*rows.values_list("recipient", flat=True), *([text] if text else [])}
        for one in texts:
            _unpin(username, one, trail)
    return bool(texts)


def pinned_key_of(officer: User) -> str | None:
    """The key to encrypt to for this officer: in the keyring, and known to be theirs. Raises KeysDamaged."""
    pinned = keyring().recipients().get(officer.username)
    theirs = Recipient.objects.filter(officer=officer, state=_STATE.PINNED, recipient=pinned or "")
    return pinned if officer.is_active and theirs.exists() else None


# --- keyring and rows -------------------------------------------------------------------------------------------


class Trail(list[tuple[User | None, str, dict[str, Any]]]):
    """Entries of the audit trail: (who, or None for a worker by itself; what; of what)."""

    def __init__(self) -> None:
        super().__init__()
        #: (username, recipient) of keys that the keyring gives up, once the database says so.
        self.unpinned: list[tuple[str, str]] = []
        #: The same of addressees: (key in the database, recipient).
        self.addressees_unpinned: list[tuple[int, str]] = []


@contextmanager
def alone() -> Iterator[Trail]:
    """What is put into the trail is written down last: an entry holds up every other one until the commit.

    The keyring gives a key up only after the commit: whoever is killed in between leaves one that the next look
    unpins, and never a row of a pinned key that the keyring lacks (own_keys.py).
    """
    trail = Trail()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LOCK)
        yield trail
        for actor, action, detail in trail:
            audit.append(actor, action, None, detail=detail)
    for username, text in trail.unpinned:
        keyring().unpin_recipient(username, text)
    for addressee, text in trail.addressees_unpinned:
        keyring().unpin_addressee(addressee, text)


def _rows() -> Any:
    return Recipient.objects.select_related("officer", "approver").only(
        "officer__username", "officer__is_active", "approver__username", "approver__is_active", "recipient", "state",
        "challenge", "challenge_hash", "proof", "problem",
    )  # fmt: skip


def _compare(trail: Trail) -> None:
    """What is pinned and may not be goes.

    What rows call pinned and the keyring does not know counts for nothing (`pinned_key_of`), and stays as it is: it may
    be the keyring that is wrong (own_keys.py).
    """
    pinned = keyring().recipients()
    for username, text in pinned.items():
        officer = _user(username)
        row = _rows().filter(recipient=text).first()
        if row is None and officer and officer.is_active:
            _in_use(officer, text, by_hand=True)  # pinned on this machine before there were rows
        elif not (row and officer and _holds(row, officer)):
            _unpin(username, text, trail)
    over = (Proposal.State.EXPIRED, Proposal.State.REFUSED, Proposal.State.WITHDRAWN)
    _revoke(Recipient.objects.filter(state=_STATE.WAITING, proposal__state__in=over))


def _holds(row: Recipient, officer: User) -> bool:
    return row.officer_id == officer.pk and officer.is_active and row.state == _STATE.PINNED


def _user(username: str) -> User | None:
    # These columns only: a worker may not read the others of a login (config/database/grants.py).
    return User.objects.only("id", "username", "is_active").filter(username=username).first()


def _unpin(username: str, text: str, trail: Trail) -> None:
    trail.unpinned.append((username, text))
    rows = Recipient.objects.filter(recipient=text)
    answered = Reveal.objects.filter(officer__in=rows.values("officer"), state=Reveal.State.ANSWERED)
    answered.update(state=Reveal.State.CLOSED, answer=None)
    _revoke(rows)
    trail.append((None, "recipient.unpin", {"keys": list(rows.values_list("pk", flat=True))}))
    log.warning("the age key of %s is no longer active", username)


def _revoke(rows: Any) -> None:
    rows.exclude(state=_STATE.REVOKED).update(state=_STATE.REVOKED, revoked_at=timezone.now(), challenge=None)


def _in_use(officer: User, text: str, **values: Any) -> None:
    """The officer's row of this key says that it is in use; any other of theirs no longer."""
    _revoke(Recipient.objects.filter(officer=officer, state=_STATE.PINNED).exclude(recipient=text))
    now = {"state": _STATE.PINNED, "pinned_at": timezone.now(), "challenge": None, "revoked_at": None, **values}
    Recipient.objects.update_or_create(recipient=text, defaults={"officer": officer, **now})


# --- an approval, proven ----------------------------------------------------------------------------------------


def _challenge(row: Recipient) -> None:
    """Encrypt a code to the approver's own key, unless that was done."""
    if row.challenge is not None:
        return
    approver = row.approver
    assert approver is not None
    if not may(approver, "recipient.approve"):
        _say(row, _PROBLEM.NOT_ALLOWED)
    elif (key := pinned_key_of(approver)) is None:
        _say(row, _PROBLEM.NOT_PINNED)
    else:
        code = secrets.token_bytes(_CODE_BYTES)
        told = {"officer": row.officer.username, "recipient": row.recipient, "code": base64.b64encode(code).decode()}
        sealed = pyrage.encrypt(json.dumps(told).encode(), [pyrage.x25519.Recipient.from_str(key)])
        Recipient.objects.filter(pk=row.pk).update(challenge=sealed, challenge_hash=_mark(row, code))


def _pin_if_proven(row: Recipient, trail: Trail) -> None:
    approver, officer = row.approver, row.officer
    assert approver is not None
    assert row.proof is not None
    if not hmac.compare_digest(_mark(row, bytes(row.proof)), bytes(row.challenge_hash or b"")):
        _say(row, _PROBLEM.NOT_PROVEN)
    elif not may(approver, "recipient.approve") or pinned_key_of(approver) is None:
        _say(row, _PROBLEM.NOT_ALLOWED)
    elif not may(officer, "recipient.register"):
        _say(row, _PROBLEM.OFFICER_LEFT)
    elif not Proposal.objects.filter(recipient=row, decided_by=approver, state=Proposal.State.APPROVED).exists():
        _say(row, _PROBLEM.NOT_ALLOWED)
    else:
        _in_use(officer, row.recipient)
        keyring().pin_recipient(officer.username, row.recipient)
        trail.append((approver, "recipient.approve", {"key": row.pk, "officer": officer.pk}))


def _mark(row: Recipient, code: bytes) -> bytes:
    """What the database keeps of a code: good for this key and this approver, and made by nobody but a worker."""
    secret = hashlib.sha256(b"undersigned/approval/1" + str(keyring().desk_identity()).encode()).digest()
    return hmac.digest(secret, f"{row.pk} {row.recipient} {row.approver_id} ".encode() + code, "sha256")


def _say(row: Recipient, problem: str) -> None:
    log.warning("officer key %s was not pinned: %s", row.pk, problem)
    Recipient.objects.filter(pk=row.pk).update(
        problem=problem, approver=None, challenge=None, challenge_hash=None, proof=None
    )
