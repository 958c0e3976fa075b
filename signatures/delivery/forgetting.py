"""Somebody is to be erased who may be in packets.

Parts of one that is being built go at once, and are built anew without that person; one that only waits to be fetched
is discarded. What somebody has never changes: there, the erasure becomes an amendment of the next packet.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from typing import Final

from django.core.files.storage import storages
from django.db import IntegrityError, transaction

from petitions.models import Disclosure
from signatures.delivery.parts import build_again
from signatures.models import Delivery, DeliveryPart
from staff import audit
from staff.models import AuditEntry

log = logging.getLogger(__name__)

_UNFINISHED: Final = (Delivery.State.APPROVED, Delivery.State.FAILED)


@transaction.atomic
def forget_in_packets(numbers: Iterable[tuple[int, int]]) -> int:
    """Drop what packets hold that tell of these (campaign, number); returns how many parts and packets that were."""
    return sum(_drop_parts(campaign, number) + _discard(campaign, number) for campaign, number in numbers)


def _drop_parts(campaign: int, number: int) -> int:
    """A part that a worker is at now is compared with the register before it is sealed (parts.py), and built again."""
    built = DeliveryPart.objects.select_for_update(skip_locked=True, of=("self",)).filter(
        delivery__campaign=campaign, delivery__state__in=_UNFINISHED, digest__isnull=False,
        first_number__lte=number, last_number__gte=number,
    )  # fmt: skip
    parts = list(built)
    build_again(parts)
    return len(parts)


def _discard(campaign: int, number: int) -> int:
    stored = Delivery.objects.ready().exclude(profile=Disclosure.COUNT).select_related("campaign__section", "proposal")
    waiting = stored.filter(campaign=campaign, first_number__lte=number, last_number__gte=number)
    return sum(_discarded(packet) for packet in waiting if not _was_fetched(packet))


def _was_fetched(packet: Delivery) -> bool:
    return AuditEntry.objects.filter(action="delivery.download", detail__delivery=packet.pk).exists()


def _discarded(packet: Delivery) -> bool:
    """Not one that was handed over, or that another follows: the database says so (deliveries.sql)."""
    try:
        with transaction.atomic():
            Delivery.objects.filter(pk=packet.pk).update(state=Delivery.State.DISCARDED)
    except IntegrityError:
        return False
    detail = {"packet": packet.reference, "delivery": packet.pk} | packet.agreed_terms
    audit.append(None, "delivery.discard", packet.campaign.section, "Somebody in it was erased.", detail)
    for archive in (packet.archive, *packet.copies.values_list("archive", flat=True)):
        transaction.on_commit(partial(storages["packets"].delete, archive))
    log.info("packet %s discarded: somebody in it was erased, and nobody had fetched it", packet.reference)
    return True
