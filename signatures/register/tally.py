"""(4) The tally: added to in the transaction that admits, taken from in the one that withdraws.

It and its sums are derivatives: recounting the register must give the same rows, and `check_tally` proves it. All
changes need the register's lock.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from django.db import connection, transaction
from django.db.models import F

from petitions.models import Campaign
from signatures.models import Dimension, Register, Tally, TallySum
from signatures.public_figures.figures import CELL
from signatures.register import ledger

type Cells = Mapping[tuple[str, datetime.date, str], int]
"""How many signatures by (country, day, source)."""


#: The key of what came nobody knows how.
UNKNOWN: Final = "unknown"


class Arrival(NamedTuple):
    """A signature that is being counted: its cell, and what is known of how it came."""

    country: str
    signed_on: datetime.date
    source: str
    channel: str = ""
    language: str = ""
    delay: str = ""
    version: int = 0


class Departure(NamedTuple):
    """A signature that is counted no longer: its cell, and which text it was to."""

    country: str
    signed_on: datetime.date
    source: str
    version: int = 0


# The rows come sorted by their table's key: every worker locks cells in one order.
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
ADD_SUMS: Final = """
INSERT INTO signatures_tallysum (campaign_id, dimension, key, n)
SELECT %s, * FROM unnest(%s::varchar[], %s::varchar[], %s::bigint[])
ON CONFLICT (campaign_id, dimension, key) DO UPDATE SET n = signatures_tallysum.n + excluded.n
"""
TAKE_FROM_SUMS: Final = """
UPDATE signatures_tallysum AS t SET n = t.n - gone.n
  FROM unnest(%s::varchar[], %s::varchar[], %s::bigint[]) AS gone (dimension, key, n)
 WHERE t.campaign_id = %s AND (t.dimension, t.key) = (gone.dimension, gone.key)
"""


def count_in(register: Register, arrivals: Sequence[Arrival]) -> None:
    """Add what was newly counted to the tally, its sums and the register's own count. Needs the register's lock."""
    if not arrivals:
        return
    cells = Counter(arrival[:3] for arrival in arrivals)
    sums = _sums_of(cells) + Counter(
        (dimension, key or UNKNOWN)
        for arrival in arrivals
        for dimension, key in zip(("channel", "language", "delay"), arrival[3:6], strict=True)
    )
    sums.update(_versions_of(arrivals))
    with connection.cursor() as cursor:
        cursor.execute(ADD, [register.pk, *_columns(cells)])
        cursor.execute(ADD_SUMS, [register.pk, *_columns(sums)])
    tail = [
        (a.country, a.signed_on.isoformat(), a.source, a.channel or UNKNOWN, str(a.version)) for a in arrivals[-CELL:]
    ]
    unsettled = _keep_unsettled(register, "added", register.added + len(arrivals), tail)
    Register.objects.filter(pk=register.pk).update(
        counted=F("counted") + len(arrivals), added=F("added") + len(arrivals), unsettled=unsettled
    )


def count_out(register: Register, gone: Sequence[Departure]) -> None:
    """Take away what is no longer counted, cell by cell. Needs the register's lock."""
    if not gone:
        return
    cells = Counter(departure[:3] for departure in gone)
    with connection.cursor() as cursor:
        cursor.execute(TAKE_AWAY, [*_columns(cells), register.pk])
        cursor.execute(TAKE_FROM_SUMS, [*_columns(_sums_of(cells) + _versions_of(gone)), register.pk])
    tail = [(d.country, d.signed_on.isoformat(), d.source, "", str(d.version)) for d in gone[-CELL:]]
    unsettled = _keep_unsettled(register, "removed", register.removed + len(gone), tail)
    Register.objects.filter(pk=register.pk).update(
        counted=F("counted") - len(gone), removed=F("removed") + len(gone), unsettled=unsettled
    )


def stand_outside(register: Register, before: Iterable[str], after: Iterable[str]) -> None:
    """Keep the sums of what is in the register and not counted: for each signature why_outside() said so, and says.

    Needs the register's lock.
    """
    changes = Counter(after)
    changes.subtract(before)
    sums = {(Dimension.OUTSIDE.value, why): n for why, n in changes.items() if why and n}
    came, went = {key: n for key, n in sums.items() if n > 0}, {key: -n for key, n in sums.items() if n < 0}
    with connection.cursor() as cursor:
        if came:
            cursor.execute(ADD_SUMS, [register.pk, *_columns(came)])
        if went:
            cursor.execute(TAKE_FROM_SUMS, [*_columns(went), register.pk])


def _sums_of(cells: Cells) -> Counter[tuple[str, str]]:
    sums: Counter[tuple[str, str]] = Counter()
    for (country, signed_on, source), n in cells.items():
        sums[Dimension.COUNTRY.value, country] += n
        sums[Dimension.DAY.value, signed_on.isoformat()] += n
        sums[Dimension.SOURCE.value, source] += n
    return sums


def _versions_of(signatures: Iterable[Arrival | Departure]) -> Counter[tuple[str, str]]:
    return Counter((Dimension.VERSION.value, str(signature.version)) for signature in signatures)


def _keep_unsettled(register: Register, kind: str, total: int, newest: Iterable[tuple[str, ...]]) -> dict[str, Any]:
    """The cells of the last additions or removals that do not fill a ten."""
    waiting = [*register.unsettled.get(kind, []), *map(list, newest)]
    return {**register.unsettled, kind: waiting[len(waiting) - total % CELL :]}


def _columns(counts: Mapping[Any, int]) -> list[list[object]]:
    keys = sorted(counts)
    return [*(list(column) for column in zip(*keys, strict=True)), [counts[key] for key in keys]]


# --- what proves it -----------------------------------------------------------------------------------------------

# Raw: a full join of the recount with the tally, and with the sums by version, which it has no cells for, in one pass
# of the register inside the database.
DIFFERENCES: Final = """
WITH recount AS MATERIALIZED (
    SELECT country, signed_on, source, version, count(*) AS n FROM signatures_signature
     WHERE campaign_id = %s AND state = 'counted' GROUP BY country, signed_on, source, version
), cells AS (
    SELECT country, signed_on, source, sum(n)::bigint AS n FROM recount GROUP BY country, signed_on, source
), versions AS (
    SELECT version::text AS key, sum(n)::bigint AS n FROM recount GROUP BY version
)
SELECT 'cell', country, signed_on, source, coalesce(t.n, 0), coalesce(r.n, 0)
  FROM (SELECT country, signed_on, source, n FROM signatures_tally WHERE campaign_id = %s AND n <> 0) t
  FULL JOIN cells r USING (country, signed_on, source)
 WHERE coalesce(t.n, 0) <> coalesce(r.n, 0)
UNION ALL
SELECT 'version', key, NULL, '', coalesce(t.n, 0), coalesce(r.n, 0)
  FROM (SELECT key, n FROM signatures_tallysum WHERE campaign_id = %s AND dimension = 'version' AND n <> 0) t
  FULL JOIN versions r USING (key)
 WHERE coalesce(t.n, 0) <> coalesce(r.n, 0)
 ORDER BY 1, 2, 3, 4
"""
# The sums against the tally: the tally is to have been compared (and mended) already.
SUM_DIFFERENCES: Final = """
WITH said AS (
    SELECT dimension, key, n FROM signatures_tallysum
     WHERE campaign_id = %s AND dimension IN ('country', 'day', 'source') AND n <> 0
), cells AS (
    SELECT country, signed_on::text AS day, source, n FROM signatures_tally WHERE campaign_id = %s AND n <> 0
), recounted AS (
    SELECT 'country' AS dimension, country AS key, sum(n) AS n FROM cells GROUP BY country
    UNION ALL SELECT 'day', day, sum(n) FROM cells GROUP BY day
    UNION ALL SELECT 'source', source, sum(n) FROM cells GROUP BY source
)
SELECT dimension, key, coalesce(said.n, 0)::bigint, coalesce(recounted.n, 0)::bigint
  FROM said FULL JOIN recounted USING (dimension, key)
 WHERE coalesce(said.n, 0) <> coalesce(recounted.n, 0)
 ORDER BY dimension, key
"""
# What is in the register and not counted. A partial index finds these few, without another pass of the register.
OUTSIDE_DIFFERENCES: Final = """
WITH said AS (
    SELECT key, n FROM signatures_tallysum WHERE campaign_id = %s AND dimension = 'outside' AND n <> 0
), recounted AS (
    SELECT CASE WHEN state <> 'excluded' THEN state WHEN removed_for = '' THEN 'other' ELSE removed_for END AS key,
           count(*) AS n
      FROM signatures_signature WHERE campaign_id = %s AND state <> 'counted' GROUP BY 1
)
SELECT 'outside', key, coalesce(said.n, 0)::bigint, coalesce(recounted.n, 0)
  FROM said FULL JOIN recounted USING (key)
 WHERE coalesce(said.n, 0) <> coalesce(recounted.n, 0)
 ORDER BY key
"""
# The ledger's last step: what it says came into the register, and what is in it. Other sums are to be right already.
LEDGER: Final = """
SELECT (SELECT coalesce(sum(admitted + held), 0)::bigint FROM signatures_ledgerentry WHERE campaign_id = %s),
       (SELECT coalesce(sum(n), 0)::bigint FROM signatures_tallysum
         WHERE campaign_id = %s AND dimension IN ('country', 'outside'))
"""
# How signatures came is kept nowhere else: what can be told is whether each of these sums has every addition once.
ARRIVALS: Final = """
SELECT d.dimension, '',
       coalesce((SELECT sum(n) FROM signatures_tallysum t
                  WHERE t.campaign_id = r.campaign_id AND t.dimension = d.dimension), 0)::bigint,
       r.added
  FROM signatures_register r, unnest(ARRAY['channel', 'language', 'delay']) WITH ORDINALITY AS d (dimension, place)
 WHERE r.campaign_id = %s ORDER BY d.place
"""
COUNTED: Final = """
SELECT counted, added - removed, (SELECT coalesce(sum(n), 0)::bigint FROM signatures_tally WHERE campaign_id = %s)
  FROM signatures_register WHERE campaign_id = %s
"""
REWRITE: Final = """
INSERT INTO signatures_tally (campaign_id, country, signed_on, source, n)
SELECT %s, * FROM unnest(%s::varchar[], %s::date[], %s::varchar[], %s::int[])
ON CONFLICT (campaign_id, country, signed_on, source) DO UPDATE SET n = excluded.n
"""
REWRITE_SUMS: Final = """
INSERT INTO signatures_tallysum (campaign_id, dimension, key, n)
SELECT %s, * FROM unnest(%s::varchar[], %s::varchar[], %s::bigint[])
ON CONFLICT (campaign_id, dimension, key) DO UPDATE SET n = excluded.n
"""


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


@dataclass(frozen=True, slots=True)
class SumDifference:
    """A sum that is not what its parts say; "register" is the register's own count."""

    dimension: str
    key: str
    tallied: int
    recounted: int

    def __str__(self) -> str:
        name = f"{self.dimension} {self.key}".strip()
        return f"{name}: the sum says {self.tallied}, its parts {self.recounted}"


def check_tally(campaign: Campaign, *, repair: bool = False) -> list[Difference | SumDifference]:
    """Recount the campaign; returns what differs, the first first, repaired if asked: cells, sums, the count.

    Each comparison is one statement, so one snapshot, in which they agree: admission need not wait for a recount of
    millions. Only a repair takes the register's lock, and looks again under it.
    """
    if not repair:
        return _differences(campaign)
    if not (found := _differences(campaign)):
        return found
    with transaction.atomic():
        register = Register.objects.select_for_update().get(campaign=campaign)
        found = _differences(campaign)
        _repair(register, *_register_differences(campaign))
    return found


def _repair(register: Register, cells: list[Difference], versions: list[SumDifference]) -> None:
    with connection.cursor() as cursor:
        if cells:
            columns = zip(*((d.country, d.signed_on, d.source, d.recounted) for d in cells), strict=True)
            cursor.execute(REWRITE, [register.pk, *(list(column) for column in columns)])
        _repair_register(register)
        cursor.execute(SUM_DIFFERENCES, [register.pk, register.pk])
        found = cursor.fetchall()
        cursor.execute(OUTSIDE_DIFFERENCES, [register.pk, register.pk])
        rows = [(dimension, key, recounted) for dimension, key, _, recounted in [*found, *cursor.fetchall()]]
        rows += [(version.dimension, version.key, version.recounted) for version in versions]
        cursor.execute(ARRIVALS, [register.pk])
        for dimension, _, said, came in cursor.fetchall():
            rows += _repaired_arrivals(register, dimension, said, came)
        if rows:
            cursor.execute(REWRITE_SUMS, [register.pk, *(list(column) for column in zip(*rows, strict=True))])
        cursor.execute(LEDGER, [register.pk, register.pk])
        said, is_there = cursor.fetchone()
    # Nobody knows on which day too little was noted: today's row makes up for it. A ledger that says more than is
    # there is left as it is, and told of each time: signatures may have been lost, and that no sum can mend.
    missing = max(0, is_there - said)
    ledger.note(register.pk, received=missing, taken=missing, admitted=missing)


def _repair_register(register: Register) -> None:
    total = Tally.objects.filter(campaign=register.pk).total()
    # Additions stay as they are, for editions have been published by them; what is too much has been removed.
    added = max(register.added, total)
    unsettled = {
        kind: register.unsettled.get(kind, [])[: number % CELL]
        for kind, number in (("added", added), ("removed", added - total))
    }
    register.added = added
    Register.objects.filter(pk=register.pk).update(
        counted=total, added=added, removed=added - total, unsettled=unsettled
    )


def _repaired_arrivals(register: Register, dimension: str, said: int, came: int) -> list[tuple[str, str, int]]:
    """Rows that make the sum right. Where it is too large, nobody knows which part of it is: all is unknown then."""
    rows = TallySum.objects.filter(campaign=register.pk, dimension=dimension)
    if said == came:
        return []
    if said > came:
        return [(dimension, key, 0) for key in rows.values_list("key", flat=True) if key != UNKNOWN] + [
            (dimension, UNKNOWN, came)
        ]
    unknown = rows.filter(key=UNKNOWN).values_list("n", flat=True).first() or 0
    return [(dimension, UNKNOWN, unknown + came - said)]


def _differences(campaign: Campaign) -> list[Difference | SumDifference]:
    """Sums are compared with the tally, so only where that is right."""
    cells, sums = _register_differences(campaign)
    with connection.cursor() as cursor:
        if not cells:
            cursor.execute(SUM_DIFFERENCES, [campaign.pk, campaign.pk])
            sums += [SumDifference(*row) for row in cursor.fetchall()]
        cursor.execute(OUTSIDE_DIFFERENCES, [campaign.pk, campaign.pk])
        sums += [SumDifference(*row) for row in cursor.fetchall()]
        cursor.execute(ARRIVALS, [campaign.pk])
        sums += [SumDifference(*row) for row in cursor.fetchall() if row[2] != row[3]]
        cursor.execute(COUNTED, [campaign.pk, campaign.pk])
        *said, tallied = cursor.fetchone() or (0, 0, 0)
    recounted = tallied + sum(cell.recounted - cell.tallied for cell in cells)
    names = ("register", "register added less removed")
    sums += [SumDifference(name, "", n, recounted) for name, n in zip(names, said, strict=True) if n != recounted]
    return [*cells, *sums] or _ledger_difference(campaign)


def _ledger_difference(campaign: Campaign) -> list[Difference | SumDifference]:
    """Where all else is right: whether the ledger says that as many came into the register as are in it."""
    with connection.cursor() as cursor:
        cursor.execute(LEDGER, [campaign.pk, campaign.pk])
        said, is_there = cursor.fetchone()
    return [] if said == is_there else [SumDifference("ledger", "admitted and held", said, is_there)]


def _register_differences(campaign: Campaign) -> tuple[list[Difference], list[SumDifference]]:
    """What differs from the register itself: cells, and sums by version."""
    with connection.cursor() as cursor:
        cursor.execute(DIFFERENCES, [campaign.pk] * 3)
        rows = cursor.fetchall()
    cells = [Difference(*row[1:]) for row in rows if row[0] == "cell"]
    return cells, [SumDifference(kind, row[0], *row[3:]) for kind, *row in rows if kind != "cell"]
