"""Proof that somebody wants a campaign's keys destroyed: they open what was encrypted to their pinned key.

As with officers' keys (recipients.py): the secret in the keyring makes the mark by which an answer is known again, so
nobody who can only write into the database makes a pair of challenge and answer of their own.
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

from petitions.models import Campaign
from signatures.models import ShreddingProof
from signatures.register.keyring import KeysDamaged, keyring
from signatures.register.recipients import pinned_key_of
from staff.models import Proposal

log = logging.getLogger(__name__)

_CODE_BYTES: Final = 32
_PROBLEM: Final = ShreddingProof.Problem


def settle_proofs() -> None:
    """Make the challenges that were asked for, and look at the answers."""
    try:
        for row in _rows().filter(proven_at=None, problem=""):
            _look_at(row) if row.proof else _challenge(row)
    except KeysDamaged as error:
        log.error("proofs cannot be checked: %s is damaged", error)


def provers_of(proposal: Proposal, campaign: Campaign) -> dict[str, str]:
    """{username: pinned key} of those who have proven that they want this campaign shredded, as of now."""
    found = {}
    for row in _rows().filter(proposal=proposal, proof__isnull=False, challenge_hash__isnull=False):
        key = pinned_key_of(row.officer)
        if key is not None and _is_right(row, campaign, key):
            found[row.officer.username] = key
    return found


def _rows() -> Any:
    return ShreddingProof.objects.select_related("officer", "proposal").only(
        "officer__username", "officer__is_active", "proposal__subject", "challenge", "challenge_hash", "proof",
        "proven_at", "problem",
    )  # fmt: skip


def _challenge(row: ShreddingProof) -> None:
    if row.challenge is not None:
        return
    key = pinned_key_of(row.officer)
    if key is None:
        _say(row, _PROBLEM.NOT_PINNED)
        return
    campaign, code = _campaign_of(row), secrets.token_bytes(_CODE_BYTES)
    told = {
        "shred": str(campaign.uid),
        "request": str(row.proposal_id),
        "code": base64.b64encode(code).decode(),
    }
    sealed = pyrage.encrypt(json.dumps(told).encode(), [pyrage.x25519.Recipient.from_str(key)])
    # Two workers at once: the second finds the first one's.
    unasked = ShreddingProof.objects.filter(pk=row.pk, challenge=None, proof=None)
    unasked.update(challenge=sealed, challenge_hash=_mark(row, campaign, key, code))


def _look_at(row: ShreddingProof) -> None:
    key = pinned_key_of(row.officer)
    if key is None:
        _say(row, _PROBLEM.NOT_PINNED)
    elif not _is_right(row, _campaign_of(row), key):
        _say(row, _PROBLEM.NOT_PROVEN)
    else:
        ShreddingProof.objects.filter(pk=row.pk).update(proven_at=timezone.now(), challenge=None)


def _is_right(row: ShreddingProof, campaign: Campaign, key: str) -> bool:
    mark = _mark(row, campaign, key, bytes(row.proof or b""))
    return hmac.compare_digest(mark, bytes(row.challenge_hash or b""))


def _mark(row: ShreddingProof, campaign: Campaign, key: str, code: bytes) -> bytes:
    """What the database keeps of a code: good for this request, campaign, person and key; only a worker makes it."""
    secret = hashlib.sha256(b"undersigned/shredding/1" + str(keyring().desk_identity()).encode()).digest()
    about = f"{row.proposal_id} {campaign.uid} {row.officer.username} {key} "
    return hmac.digest(secret, about.encode() + code, "sha256")


def _campaign_of(row: ShreddingProof) -> Campaign:
    return Campaign.objects.get(pk=row.proposal.subject["campaign"])


def _say(row: ShreddingProof, problem: str) -> None:
    log.warning("a proof for shredding request %s does not count: %s", row.proposal_id, problem)
    ShreddingProof.objects.filter(pk=row.pk).update(
        problem=problem, challenge=None, challenge_hash=None, proof=None, proven_at=None
    )
