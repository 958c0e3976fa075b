"""(4) The tally: added to in the transaction that admits, taken from in the one that withdraws.

It is a derivative: recounting the register must give the same rows, and `check_tally` proves it. Both
changes need the register's lock.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db import connection, transaction

from petitions.models import Campaign
from signatures.models import Register, Tally

type Cells = Mapping[tuple[str, datetime.date, str], int]
"""How many signatures by (country, day, source)."""

# The rows come sorted by the tally's key: every worker locks cells in one order.
ADD: Final = """
INSERT INTO signatures_tally (campaign_id, country, signed_on, source, n)
SELECT %s, * FROM unnest(%s::varchar[], %s::date[], %s::varchar[], %s::int[])
ON CONFLICT (campaign_id, country, signed_on, source) DO UPDATE SET n = signatures_tally.n + excluded.n
"""
TAKE_AWAY: Final = """
UPDATE signatures_tally AS t SET n = t.n - gone.n
  FROM unnest(%s::varchar[], %s::date[], %s::varchar[], %s::int[]) AS gone (country, signed_on, source, n)
 WHERE t.campaign_id = %s AND (t.country, t.signed_on, t.source) = (gone.country, gone.signed_on, gone.source)
"""
# Raw: a full join of the recount with the tally, in one pass of the register inside the database.
DIFFERENCES: Final = """
SELECT country, signed_on, source, coalesce(t.n, 0), coalesce(r.n, 0)
  FROM (SELECT country, signed_on, source, n FROM signatures_tally WHERE campaign_id = %s AND n <> 0) t
  FULL JOIN (SELECT country, signed_on, source, count(*) AS n FROM signatures_signature
              WHERE campaign_id = %s AND state = 'counted' GROUP BY country, signed_on, source) r
 USING (country, signed_on, source)
 WHERE coalesce(t.n, 0) <> coalesce(r.n, 0)
 ORDER BY country, signed_on, source
"""
COUNTED: Final = """
SELECT counted, (SELECT coalesce(sum(n), 0) FROM signatures_tally WHERE campaign_id = %s)
  FROM signatures_register WHERE campaign_id = %s
"""
REWRITE: Final = """
INSERT INTO signatures_tally (campaign_id, country, signed_on, source, n)
SELECT %s, * FROM unnest(%s::varchar[], %s::date[], %s::varchar[], %s::int[])
ON CONFLICT (campaign_id, country, signed_on, source) DO UPDATE SET n = excluded.n
"""


def add_to_tally(campaign: Campaign, cells: Cells) -> None:
    """Add what was newly counted."""
    if cells:
        with connection.cursor() as cursor:
            cursor.execute(ADD, [campaign.pk, *_columns(cells)])


def take_from_tally(campaign: Campaign, cells: Cells) -> None:
    """Take away what is no longer counted."""
    if cells:
        with connection.cursor() as cursor:
            cursor.execute(TAKE_AWAY, [*_columns(cells), campaign.pk])


def _columns(cells: Cells) -> list[list[object]]:
    keys = sorted(cells)
    return [*(list(column) for column in zip(*keys, strict=True)), [cells[key] for key in keys]]


@dataclass(frozen=True, slots=True)
class Difference:
    """A cell in which the tally is not what the register says."""

    country: str
    signed_on: datetime.date
    source: str
    tallied: int
    recounted: int

    def __str__(self) -> str:
        return (
            f"{self.country} {self.signed_on} {self.source}: "
            f"the tally says {self.tallied}, the register {self.recounted}"
        )


def check_tally(campaign: Campaign, *, repair: bool = False) -> list[Difference]:
    """Recount the campaign; returns the cells that differ, repaired if asked.

    `Register.counted` is compared as well, as the cell with no country (""). Each comparison is one statement,
    so one snapshot, in which tally and register agree: admission need not wait for a recount of millions. Only a
    repair takes the register's lock, and looks again under it.
    """
    differences = _differences(campaign)
    if not (repair and differences):
        return differences
    with transaction.atomic(), connection.cursor() as cursor:
        register = Register.objects.select_for_update().get(campaign=campaign)
        differences = _differences(campaign)
        cells = [d for d in differences if d.country]
        if cells:
            columns = zip(*((d.country, d.signed_on, d.source, d.recounted) for d in cells), strict=True)
            cursor.execute(REWRITE, [campaign.pk, *(list(column) for column in columns)])
        Register.objects.filter(pk=register.pk).update(counted=Tally.objects.of(campaign).total())
    return differences


def _differences(campaign: Campaign) -> list[Difference]:
    with connection.cursor() as cursor:
        cursor.execute(DIFFERENCES, [campaign.pk, campaign.pk])
        cells = [Difference(*row) for row in cursor.fetchall()]
        cursor.execute(COUNTED, [campaign.pk, campaign.pk])
        counted, tallied = cursor.fetchone()
    recounted = tallied + sum(cell.recounted - cell.tallied for cell in cells)
    return cells if counted == recounted else [*cells, Difference("", datetime.date.min, "", counted, recounted)]
