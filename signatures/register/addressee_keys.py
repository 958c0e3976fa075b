"""Public keys of addressees: a worker pins what two officers agreed to, once the second has proven it; unpins the rest.

As with officers' keys (recipients.py): the keyring is what counts, rows only ask and tell. Whoever holds the database
can at most keep a packet from its addressee, and never lead it to another.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import secrets
from typing import Any, Final

import pyrage
from django.utils import timezone

from petitions.models import Addressee
from signatures.models import AddresseeKey
from signatures.register.keyring import AddresseePin, KeysDamaged, keyring
from signatures.register.recipients import Trail, alone, pinned_key_of
from staff.access import may
from staff.models import Proposal

log = logging.getLogger(__name__)

_CODE_BYTES: Final = 32
_STATE: Final = AddresseeKey.State
_PROBLEM: Final = AddresseeKey.Problem


def settle_addressee_keys() -> None:
    """Unpin what was revoked, challenge approvers, pin what they have proven."""
    try:
        with alone() as trail:
            _compare(trail)
            for row in _rows().filter(state=_STATE.WAITING, approver__isnull=False, problem=""):
                _pin_if_proven(row, trail) if row.proof else _challenge(row)
    except KeysDamaged as error:
        log.error("addressees' keys cannot be processed: %s is damaged", error)


def pinned_key_for(addressee: Addressee) -> str | None:
    """The key to encrypt to for this addressee: in the keyring, and in use. Raises KeysDamaged."""
    pin = keyring().addressee_pins().get(addressee.pk)
    if pin is None:
        return None
    in_use = AddresseeKey.objects.filter(addressee=addressee, state=_STATE.PINNED, recipient=pin.recipient)
    return pin.recipient if in_use.exists() else None


def _rows() -> Any:
    # Of logins these columns only: a worker may not read the others (config/database/grants.py).
    return AddresseeKey.objects.select_related("approver", "addressee", "proposal__requested_by").only(
        "approver__username", "approver__is_active", "addressee__name", "addressee__institution",
        "addressee__translations", "proposal__state", "proposal__decided_by", "proposal__requested_by__username",
        "proposal__requested_by__is_active", "recipient", "agreement", "state", "challenge", "challenge_hash", "proof",
        "problem",
    )  # fmt: skip


def _compare(trail: Trail) -> None:
    """What is pinned and may not be goes; so does what was asked for and is over."""
    for addressee, pin in keyring().addressee_pins().items():
        row = AddresseeKey.objects.filter(recipient=pin.recipient).first()
        if row is None or row.addressee_id != addressee or row.state != _STATE.PINNED:
            trail.addressees_unpinned.append((addressee, pin.recipient))
            trail.append((None, "addressee_key.unpin", {"addressee": addressee}))
            log.warning("the age key of addressee %s is no longer active", addressee)
    over = (Proposal.State.EXPIRED, Proposal.State.REFUSED, Proposal.State.WITHDRAWN)
    _revoke(AddresseeKey.objects.filter(state=_STATE.WAITING, proposal__state__in=over))


def _revoke(rows: Any) -> None:
    rows.exclude(state=_STATE.REVOKED).update(state=_STATE.REVOKED, revoked_at=timezone.now(), challenge=None)


def _challenge(row: AddresseeKey) -> None:
    """Encrypt a code to the approver's own key, unless that was done."""
    if row.challenge is not None:
        return
    approver = row.approver
    assert approver is not None
    if not may(approver, "addressee_key.approve"):
        _say(row, _PROBLEM.NOT_ALLOWED)
    elif (key := pinned_key_of(approver)) is None:
        _say(row, _PROBLEM.NOT_PINNED)
    else:
        code = secrets.token_bytes(_CODE_BYTES)
        told = {**told_of(row), "code": base64.b64encode(code).decode()}
        sealed = pyrage.encrypt(json.dumps(told).encode(), [pyrage.x25519.Recipient.from_str(key)])
        AddresseeKey.objects.filter(pk=row.pk).update(challenge=sealed, challenge_hash=_mark(row, code))


def told_of(row: AddresseeKey) -> dict[str, str]:
    """What an approver agrees to, as the page and the challenge say it: the same in every language."""
    return {"addressee": row.addressee.original("name"), "recipient": row.recipient, "agreement": row.agreement}


def _pin_if_proven(row: AddresseeKey, trail: Trail) -> None:
    approver, asker = row.approver, row.proposal.requested_by
    assert approver is not None
    agreed = Proposal.objects.filter(addressee_key=row, decided_by=approver, state=Proposal.State.APPROVED)
    if not hmac.compare_digest(_mark(row, bytes(row.proof or b"")), bytes(row.challenge_hash or b"")):
        _say(row, _PROBLEM.NOT_PROVEN)
    elif approver.pk == asker.pk or not may(approver, "addressee_key.approve") or pinned_key_of(approver) is None:
        _say(row, _PROBLEM.NOT_ALLOWED)
    elif not may(asker, "addressee_key.request"):
        _say(row, _PROBLEM.ASKER_LEFT)
    elif not agreed.exists():
        _say(row, _PROBLEM.NOT_ALLOWED)
    elif not _is_a_key(row.recipient):
        _say(row, _PROBLEM.NO_KEY)
    else:
        _revoke(AddresseeKey.objects.filter(addressee=row.addressee_id, state=_STATE.PINNED))
        in_use = {"state": _STATE.PINNED, "pinned_at": timezone.now(), "challenge": None}
        AddresseeKey.objects.filter(pk=row.pk).update(**in_use)
        keyring().pin_addressee(row.addressee_id, AddresseePin(row.recipient, row.agreement))
        trail.append((approver, "addressee_key.approve", {"key": row.pk, "addressee": row.addressee_id}))


def _is_a_key(text: str) -> bool:
    try:
        pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        return False
    return True


def _mark(row: AddresseeKey, code: bytes) -> bytes:
    """What the database keeps of a code: good for this key, addressee and approver, and made by nobody but a worker."""
    secret = hashlib.sha256(b"undersigned/addressee-key/1" + str(keyring().desk_identity()).encode()).digest()
    about = json.dumps([row.pk, row.addressee_id, row.approver_id, told_of(row)], sort_keys=True)
    return hmac.digest(secret, about.encode() + code, "sha256")


def _say(row: AddresseeKey, problem: str) -> None:
    log.warning("addressee key %s was not pinned: %s", row.pk, problem)
    AddresseeKey.objects.filter(pk=row.pk).update(
        problem=problem, approver=None, challenge=None, challenge_hash=None, proof=None
    )
