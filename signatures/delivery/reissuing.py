"""A finished packet encrypted anew, because a key to it was lost: the same bytes inside, to the keys in use now.

Two officers agree to it. It is opened with the workers' own key to the campaign's packets, and encrypted while it
streams to those two, and to the addressee where they have a key of their own: all of them pinned in the keyring, so
that whoever writes two names into the database gains nothing by it.
"""

from __future__ import annotations

import logging
import secrets
import tempfile
from collections.abc import Iterable
from typing import IO, Final

import pyrage
from django.core.files.storage import storages
from django.db import IntegrityError, transaction

from signatures.delivery.archive import Hashing, stored
from signatures.delivery.conditions import officers_of, own_identity, readers_of
from signatures.delivery.encrypting import decrypted, encrypted
from signatures.delivery.state import CannotBuild
from signatures.models import Delivery, PacketCopy
from staff import audit
from staff.models import Proposal
from staff.refusals import violated_constraint

log = logging.getLogger(__name__)

_TOO_OLD: Final = (
    "This packet was built before packets were encrypted to the workers, too, or its file is damaged. Start a new "
    "series for this addressee."
)

_REFUSED: Final = {
    "delivery_within_disclosure": "The campaign no longer allows this much disclosure to this addressee.",
    "packet_copy_of_a_packet": "The packet was discarded meanwhile.",
}


def reissue_packets() -> int:
    """Encrypt anew what two officers agreed to; returns how many packets. What cannot be done says why."""
    waiting = Proposal.objects.to_carry_out(Proposal.Kind.REISSUE)
    return sum(_reissued(proposal) for proposal in waiting.filter(problem=""))


def _reissued(proposal: Proposal) -> bool:
    packets = Delivery.objects.ready().select_related("campaign__section", "addressee")
    delivery = packets.filter(pk=proposal.subject["delivery"]).first()
    try:
        if delivery is None:
            raise CannotBuild("The packet is no longer there.")
        _reissue(delivery, proposal)
    except CannotBuild as error:
        problem = str(error)
    except OSError as error:
        problem = f"The packet could not be written: {error.strerror or type(error).__name__}."
    else:
        return True
    log.error("packet of approval %s was not encrypted anew: %s", proposal.pk, problem)
    Proposal.objects.filter(pk=proposal.pk, done_at=None).update(problem=problem)
    return False


def _reissue(delivery: Delivery, proposal: Proposal) -> None:
    officers = officers_of(proposal)
    readers = readers_of(delivery, officers)
    if not readers:
        raise CannotBuild(
            f"Neither {' nor '.join(officers)} has a key in use, and the addressee has none of their own."
        )
    own = own_identity(delivery)
    with tempfile.TemporaryFile() as spool:
        digest = _encrypted_anew(delivery, own, [*readers.values(), str(own.to_public())], spool)
        spool.seek(0)
        name = f"{delivery.reference}-{secrets.token_hex(4)}.zip.age"
        with stored(spool, name) as archive:
            _note(delivery, proposal, archive, digest, readers)


def _encrypted_anew(delivery: Delivery, own: pyrage.x25519.Identity, recipients: list[str], spool: IO[bytes]) -> str:
    """Write the packet into the spool, never in clear; returns its SHA-256. Raises CannotBuild, OSError."""
    hashing = Hashing(spool)
    try:
        with storages["packets"].open(delivery.archive) as sealed, encrypted(hashing, recipients) as stream:  # type: ignore[arg-type]
            decrypted(sealed, stream, own)
    except FileNotFoundError:
        raise CannotBuild("The packet's file is no longer there.") from None
    except pyrage.DecryptError:
        raise CannotBuild(_TOO_OLD) from None
    return hashing.digest.hexdigest()


def _note(delivery: Delivery, proposal: Proposal, archive: str, sha256: str, readers: Iterable[str]) -> None:
    """The row spends the approval: two workers at once make one copy. Raises CannotBuild."""
    officers = sorted(filter(None, readers))
    try:
        with transaction.atomic():
            PacketCopy.objects.create(
                delivery=delivery,
                archive=archive,
                archive_sha256=sha256,
                officers=officers,
                addressee_can="" in readers,
            )
            detail = {"packet": delivery.reference, "delivery": delivery.pk, "proposal": proposal.pk, "sha256": sha256}
            audit.append(None, "delivery.reissue", delivery.campaign.section, detail=detail)
    except IntegrityError as error:
        raise CannotBuild(_REFUSED.get(violated_constraint(error), "The approval was used meanwhile.")) from error
