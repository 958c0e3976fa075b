"""Sealing: what one moment of the register says of a delivery, and what it says of the packets before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db import connection, transaction
from django.db.models import Max, Min

from signatures.delivery.packet import Amendments, Earlier, Period
from signatures.delivery.parts import build_again, countries_listed, numbers_listed, stale_parts
from signatures.models import Delivery, DeliveryPart, Signature
from signatures.public_figures.figures import Figures, figures_of_listed, figures_of_range

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
    #: (number, reference of a packet that lists it) of all that is to be struck.
    strikes: list[tuple[int, str]]
    earlier: list[Earlier]
    other_series: list[Earlier]
    to_date: int
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


def as_of_now(delivery: Delivery) -> Sealed:
    """What would be sealed now, but for what its parts say."""
    with transaction.atomic():
        _one_snapshot()
        return _snapshot(delivery, [])


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
    finished = _finished(delivery)
    series = [old for old in finished if old.series == delivery.series]
    withdrawn = _withdrawn_since(series)
    strikes = _strikes(finished) if delivery.holds_persons else []
    others = [old for old in finished if old.series != delivery.series and old.holds_persons]
    return Sealed(
        figures=_figures(delivery, counted, parts),
        period=Period(*(day.isoformat() if day else "" for day in (days["first"], days["last"]))),
        gaps=gaps,
        amendments=Amendments(withdrawn, sorted({number for number, _reference in strikes})),
        strikes=strikes,
        earlier=[_earlier(old) for old in series],
        other_series=[_earlier(old) for old in others] if delivery.holds_persons else [],
        to_date=counted + sum(_still_counted(old) for old in series) - withdrawn,
        parts=parts,
    )


def _figures(delivery: Delivery, counted: int, parts: list[DeliveryPart]) -> Figures:
    """Where persons are listed, their countries are told with them: exact, and of those who are only counted none."""
    if delivery.holds_persons:
        return figures_of_listed(countries_listed(parts), counted)
    return figures_of_range(delivery.campaign, delivery.first_number, delivery.last_number, counted)


def _gaps(campaign_id: int, first: int, last: int) -> list[int]:
    """The numbers from first to last that nobody who is counted has; a ruling may have given theirs anew."""
    with connection.cursor() as cursor:
        cursor.execute(GAPS, [first, last, campaign_id])
        return [number for (number,) in cursor.fetchall()]


def _finished(delivery: Delivery) -> list[Delivery]:
    """The packets for this addressee that are there already, those of a series in the order of their numbers."""
    packets = Delivery.objects.ready().filter(campaign=delivery.campaign, addressee=delivery.addressee)
    return list(packets.order_by("series", "first_number", "pk"))


def _earlier(old: Delivery) -> Earlier:
    manifest = old.manifest or {}
    return Earlier(manifest["reference"], old.first_number, old.last_number, old.manifest_sha256, manifest["built_at"])


def _still_counted(old: Delivery) -> int:
    """What a packet added to its series when it was built."""
    manifest = old.manifest or {}
    return int(manifest["totals"]["signatures"]) - int(manifest["amendments"]["withdrawn"])


def _withdrawn_since(series: list[Delivery]) -> int:
    """How many signatures packets of the series counted that no longer count; each is told once.

    The lock in `_alone` is the campaign's: no other packet that could tell the same is being sealed.
    """
    gone = sum(len(_gaps(old.campaign_id, old.first_number, old.last_number)) for old in series)
    manifests = [old.manifest or {} for old in series]
    return gone - sum(said["totals"]["gaps"] + said["amendments"]["withdrawn"] for said in manifests)


def _strikes(finished: list[Delivery]) -> list[tuple[int, str]]:
    """(number, reference of a packet that lists it) of whoever was ever named to the addressee, is no longer counted,
    and was not said so yet: over all series, for paper does not know of series."""
    told, found = set[int](), []
    for old in finished:
        manifest = old.manifest or {}
        told.update(manifest["amendments"]["numbers"])
        if old.holds_persons:
            gone = {*_gaps(old.campaign_id, old.first_number, old.last_number)} - {*manifest["gap_numbers"]}
            listed = numbers_listed(old)
            found += [(number, manifest["reference"]) for number in (gone if listed is None else gone & listed)]
    return sorted((number, reference) for number, reference in found if number not in told)
