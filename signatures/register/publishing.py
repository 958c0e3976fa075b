"""Editions of the public figures: written when enough is new. The law is in public_figures/figures.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from petitions.models import Campaign
from signatures.models import Dimension, PublishedFigures, Register, TallySum
from signatures.public_figures.figures import CELL, is_due, renew, whole
from signatures.public_figures.ledger import parts_of

#: The places of a cell in `Register.unsettled`.
CELL_OF: Mapping[str, int] = {
    Dimension.COUNTRY: 0, Dimension.DAY: 1, Dimension.SOURCE: 2, Dimension.CHANNEL: 3, Dimension.VERSION: 4,
}  # fmt: skip


def publish_everything() -> int:
    """An edition for each campaign that is due one; returns how many were made."""
    signed = Campaign.objects.filter(Q(register__added__gte=CELL) | Q(register__removed__gte=CELL))
    return sum(1 for campaign in signed if publish_figures(campaign))


def publish_figures(campaign: Campaign) -> PublishedFigures | None:
    """The campaign's next edition, or None where too little is new. Safe to call at any time, by many."""
    register = Register.objects.filter(campaign=campaign).first()
    if register is None or not _is_due(register, PublishedFigures.objects.latest_of(campaign)):
        return None
    with transaction.atomic():
        # The register's lock: its row, the sums and the last edition are of one moment then.
        register = Register.objects.select_for_update().get(pk=register.pk)
        last = PublishedFigures.objects.latest_of(campaign)
        return _publish(campaign, register, last) if _is_due(register, last) else None


def _is_due(register: Register, last: PublishedFigures | None) -> bool:
    added, removed = (last.added, last.removed) if last else (0, 0)
    return is_due(register.counted, whole(register.added) - added, whole(register.removed) - removed)


def _publish(campaign: Campaign, register: Register, last: PublishedFigures | None) -> PublishedFigures:
    sums = TallySum.objects.by(campaign, *CELL_OF)
    added, removed = whole(register.added), whole(register.removed)
    new, gone = (added - last.added, removed - last.removed) if last else (added, removed)

    def next_of(dimension: str, shown: Mapping[str, int], gone: int = gone) -> dict[str, int]:
        return renew(shown, _settled(sums[dimension], register, dimension), new, gone)

    return PublishedFigures.objects.create(
        campaign=campaign,
        edition=last.edition + 1 if last else 1,
        published_on=timezone.now().date(),
        ledger=parts_of(campaign, whole if campaign.at_risk else int),
        added=added,
        removed=removed,
        countries=next_of(Dimension.COUNTRY, last.countries if last else {}),
        days=next_of(Dimension.DAY, last.days if last else {}),
        sources=next_of(Dimension.SOURCE, last.sources if last else {}),
        # How they came is counted once and never taken back.
        channels=next_of(Dimension.CHANNEL, last.channels if last else {}, gone=0),
        versions=next_of(Dimension.VERSION, last.versions if last else {}),
    )


def _settled(sums: Mapping[str, int], register: Register, dimension: str) -> Counter[str]:
    """The sums as they were when the last whole tens of additions and of removals were full."""
    place, settled = CELL_OF[dimension], Counter(sums)
    settled.subtract(_at(place, register.unsettled.get("added", [])))
    if dimension != Dimension.CHANNEL:
        settled.update(_at(place, register.unsettled.get("removed", [])))
    # Who is not settled yet and among those whose removal is would be counted below nothing. The sum has to stay what
    # additions and removals make, or the merged rest could fall below ten: the largest bears it.
    missing = -sum(n for n in settled.values() if n < 0)
    settled = +settled
    for key, n in settled.most_common():
        settled[key] -= min(n, missing)
        missing -= min(n, missing)
    return +settled


def _at(place: int, cells: Iterable[Sequence[str]]) -> Iterator[str]:
    """That part of each cell; one from before versions were kept is of none that is known."""
    return (cell[place] if place < len(cell) else "0" for cell in cells)
