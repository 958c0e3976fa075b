"""The public ledger: what happened to submissions and signatures, a row a day and campaign."""

from __future__ import annotations

import datetime
from typing import Final

from django.db import connection
from django.utils import timezone

from signatures.models import LedgerEntry

# Raw: an upsert that adds. One row a day, where a row a batch made 100,000 of a large campaign.
NOTE: Final = """
INSERT INTO signatures_ledgerentry AS l (campaign_id, "on", {columns}) VALUES (%s, %s, {values})
ON CONFLICT (campaign_id, "on") DO UPDATE SET {sums}
"""


def note(campaign_id: int, on: datetime.date | None = None, **counts: int) -> None:
    """Add to the day's row, today's if none is named. Columns are LedgerEntry.COLUMNS."""
    given = {column: counts.pop(column) for column in LedgerEntry.COLUMNS if column in counts}
    if counts:
        raise TypeError(f"the ledger has no {', '.join(counts)}")
    if not any(given.values()):
        return
    statement = NOTE.format(
        columns=", ".join(given),
        values=", ".join(["%s"] * len(given)),
        sums=", ".join(f"{column} = l.{column} + excluded.{column}" for column in given),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [campaign_id, on or timezone.now().date(), *given.values()])
