"""What has to be so before a packet is built, and again before it is sealed. Web asked for it; here it is checked."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db.models import Q

from signatures.delivery import disk_space
from signatures.delivery.state import CannotBuild
from signatures.models import Delivery
from signatures.register.keyring import KeysDamaged, keyring


def recipients_of(delivery: Delivery) -> list[str]:
    """The pinned age recipients of the two officers; none where the packet tells nothing of persons."""
    officers = _officers(delivery)
    if not delivery.holds_persons:
        return []
    try:
        pinned = keyring().recipients()
    except KeysDamaged:
        raise CannotBuild("The keyring's list of age recipients is damaged.") from None
    recipients = [pinned[officer] for officer in officers if officer in pinned]
    if not recipients:
        raise CannotBuild(
            f"Neither {' nor '.join(officers)} has a key in use. Make one under Officer keys, then build again."
        )
    return recipients


def _officers(delivery: Delivery) -> list[str]:
    """The usernames of the two who answer for it. One who was dismissed since answers for nothing."""
    agreed = delivery.proposal
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
