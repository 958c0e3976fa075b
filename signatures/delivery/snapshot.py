"""Sealing: what one moment of the register says of a delivery, and what it says of the packets before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db import connection, transaction
from django.db.models import Max, Min, QuerySet

from petitions.models import Disclosure
from signatures.delivery.packet import Amendments, Earlier, Period
from signatures.delivery.parts import build_again, stale_parts
from signatures.models import Delivery, DeliveryPart, Signature
from signatures.public_figures.figures import Figures, figures_of_range

GAPS: Final = """
SELECT given FROM generate_series(%s::bigint, %s::bigint) AS given
 WHERE NOT EXISTS (SELECT FROM signatures_signature
                    WHERE campaign_id = %s AND number = given AND state = 'counted')
 ORDER BY given
"""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one snapshot of the register says of a delivery. From here on, withdrawals are the next packet's."""

    figures: Figures
    period: Period
    gaps: list[int]
    amendments: Amendments
    earlier: list[Earlier]
    parts: list[DeliveryPart]


def seal(delivery: Delivery) -> Sealed | None:
    """The figures of one snapshot in which every part tells of exactly those that are counted; None where one does not.

    Parts that tell of somebody else are marked to be built again.
    """
    with transaction.atomic():
        _one_snapshot()
        parts = list(delivery.parts.order_by("kind", "position"))
        stale = stale_parts(delivery)
        ready = not stale and all(part.digest is not None for part in parts)
        sealed = _snapshot(delivery, parts) if ready else None
    if stale:
        with transaction.atomic():
            build_again(delivery.parts.select_for_update().filter(pk__in=stale))
    return sealed


def _one_snapshot() -> None:
    if len(connection.atomic_blocks) == 1:  # the first statement of a transaction, or not at all
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def _snapshot(delivery: Delivery, parts: list[DeliveryPart]) -> Sealed:
    signatures = Signature.objects.filter(
        campaign=delivery.campaign, number__range=(delivery.first_number, delivery.last_number)
    )
    gaps = _gaps(delivery.campaign_id, delivery.first_number, delivery.last_number)
    counted = delivery.last_number - delivery.first_number + 1 - len(gaps)
    # Of the numbers given, whatever became of them: else the only one of a day would tell by leaving.
    days = signatures.aggregate(first=Min("signed_on"), last=Max("signed_on"))
    return Sealed(
        figures=figures_of_range(delivery.campaign, delivery.first_number, delivery.last_number, counted),
        period=Period(*(day.isoformat() if day else "" for day in (days["first"], days["last"]))),
        gaps=gaps,
        amendments=_amendments(delivery),
        earlier=_earlier(delivery),
        parts=parts,
    )


def _gaps(campaign_id: int, first: int, last: int) -> list[int]:
    """The numbers from first to last that nobody who is counted has; a ruling may have given theirs anew."""
    with connection.cursor() as cursor:
        cursor.execute(GAPS, [first, last, campaign_id])
        return [number for (number,) in cursor.fetchall()]


def _finished(delivery: Delivery) -> QuerySet[Delivery]:
    """The packets of the series that are there already."""
    return Delivery.objects.ready().filter(
        campaign=delivery.campaign, addressee=delivery.addressee, series=delivery.series
    )


def _earlier(delivery: Delivery) -> list[Earlier]:
    finished = _finished(delivery).select_related("campaign").order_by("first_number", "pk")
    return [Earlier(old.reference, old.first_number, old.last_number, old.manifest_sha256) for old in finished]


def _amendments(delivery: Delivery) -> Amendments:
    """What finished packets of the series counted and is no longer counted; each is told once.

    The lock in `_alone` is the campaign's: no other packet that could tell the same is being sealed.
    """
    finished = _finished(delivery)
    withdrawn, untold = 0, set[int]()
    for manifest in finished.values_list("manifest", flat=True):
        if manifest is None:
            continue
        span = (manifest["range"]["first"], manifest["range"]["last"])
        gone = _gaps(delivery.campaign_id, *span)
        withdrawn += len(gone) - manifest["totals"]["gaps"] - manifest["amendments"]["withdrawn"]
        if manifest["profile"] != Disclosure.COUNT:
            untold.update(gone)
    if delivery.holds_persons:
        for manifest in finished.values_list("manifest", flat=True):
            untold -= {*manifest["gap_numbers"], *manifest["amendments"]["numbers"]} if manifest else set()
    return Amendments(withdrawn, sorted(untold) if delivery.holds_persons else [])
