"""What has to be so before a packet is built, and again before it is sealed. Web asked for it; here it is checked."""

from __future__ import annotations

from collections.abc import Iterable

import pyrage
from django.contrib.auth.models import User
from django.db.models import Q

from signatures.delivery import disk_space
from signatures.delivery.state import CannotBuild
from signatures.models import Delivery
from signatures.register.addressee_keys import pinned_key_for
from signatures.register.keyring import ForeignPublicKey, KeysDamaged, KeysMissing, keyring, keys_of
from signatures.register.packet_keys import packet_identity
from staff.models import Proposal


def recipients_of(delivery: Delivery) -> list[str]:
    """The age recipients that its packet is encrypted to; none where it tells nothing of persons.

    The addressee's own, where one is pinned; those of the two officers who answer for it; and the workers' own.
    """
    officers = officers_of(delivery.proposal)
    if not delivery.holds_persons:
        return []
    readers = readers_of(delivery, officers)
    if not readers:
        raise CannotBuild(
            f"Neither {' nor '.join(officers)} has a key in use. Make one under Officer keys, then build again."
        )
    return [*readers.values(), str(own_identity(delivery).to_public())]


def readers_of(delivery: Delivery, officers: Iterable[str]) -> dict[str, str]:
    """{username, or "" for the addressee: pinned age recipient} of those who may open its packet and have a key."""
    try:
        pinned = keyring().recipients()
        own = pinned_key_for(delivery.addressee)
    except KeysDamaged:
        raise CannotBuild("The keyring's list of age recipients is damaged.") from None
    return {**({"": own} if own else {}), **{officer: pinned[officer] for officer in officers if officer in pinned}}


def own_identity(delivery: Delivery) -> pyrage.x25519.Identity:
    """With which workers open the packets of its campaign. Raises CannotBuild."""
    try:
        return packet_identity(keys_of(delivery.campaign))
    except (KeysMissing, ForeignPublicKey):
        raise CannotBuild("The campaign's keys are missing from this worker's keyring.") from None


def officers_of(agreed: Proposal) -> list[str]:
    """The usernames of the two who answer for it. One who was dismissed since answers for nothing."""
    people = User.objects.filter(Q(pk=agreed.requested_by_id) | Q(pk=agreed.decided_by_id)).order_by("username")
    # These columns only: a worker may not read the others of a login (config/database/grants.py).
    officers = list(people.values_list("username", "is_active"))
    for username, is_active in officers:
        if not is_active:
            raise CannotBuild(
                f"{username} is no longer active staff. Withdraw the delivery and have two others decide."
            )
    return [username for username, _ in officers]


def check_chain(delivery: Delivery) -> None:
    """The ranges of a series touch and never overlap. Web asked for the range; here it is checked."""
    first, last = delivery.first_number, delivery.last_number
    others = Delivery.objects.live().filter(
        campaign=delivery.campaign, addressee=delivery.addressee, series=delivery.series
    )
    others = others.exclude(pk=delivery.pk)
    if others.filter(first_number__lte=last, last_number__gte=first).exists():
        raise CannotBuild(f"Another delivery in the series contains some of the numbers {first} to {last}.")
    if first != 1 and not others.filter(last_number=first - 1).exists():
        raise CannotBuild(
            f"No delivery in the series ends at number {first - 1}. Request that part first, then build again."
        )
    if last > delivery.campaign.register.last_number:
        raise CannotBuild("The range ends beyond the last signature number assigned.")


def check_space(delivery: Delivery) -> None:
    lacking = disk_space.lacking(delivery)
    if lacking:
        raise CannotBuild(f"Not enough disk space: {lacking} Free some space, then build again.")
