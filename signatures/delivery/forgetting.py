"""Somebody is to be erased who may be in packets that are still being built: their parts go at once, and are built anew
without that person. What is sealed never changes; there, it becomes an amendment of the next packet."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from signatures.delivery.parts import build_again
from signatures.models import Delivery, DeliveryPart

_UNFINISHED = (Delivery.State.APPROVED, Delivery.State.FAILED)


@transaction.atomic
def forget_in_packets(numbers: Iterable[tuple[int, int]]) -> int:
    """Drop built parts that tell of these (campaign, number); returns how many. One that a worker is at now is compared
    with the register before it is sealed (parts.py), and built again then."""
    dropped = 0
    for campaign, number in numbers:
        built = DeliveryPart.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            delivery__campaign=campaign, delivery__state__in=_UNFINISHED, digest__isnull=False,
            first_number__lte=number, last_number__gte=number,
        )  # fmt: skip
        parts = list(built)
        build_again(parts)
        dropped += len(parts)
    return dropped
