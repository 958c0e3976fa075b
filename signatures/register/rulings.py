"""Rulings: what a person decided about all signatures that came alike, or about some by their references, carried out
in steps that can be stopped.

Each step is one transaction under the register's lock: the signatures, the tally, the ledger, how far it got, and
what each signature was before. So the tally is exact whenever it stops, killed workers included, and undoing is
reading back. A number once given is kept: what is excluded below a delivered number is a gap that the next packet's
amendments tell of. Who is put back below one gets a new number, and so comes with the next packet: those before have
told, or are telling, that the old number is nobody's.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from django.db import connection, transaction
from django.db.models import F, Max
from django.utils import timezone

from signatures.models import Delivery, Reason, Register, Removal, Ruling, RulingItem, Signature, Source, why_outside
from signatures.models.screening import MOST_REFERENCES, RULING_LASTS
from signatures.register import ledger
from signatures.register.tally import Arrival, Departure, count_in, count_out, stand_outside
from staff import audit

#: Signatures a step: a few milliseconds under the register's lock.
STEP: Final = 500

State = Signature.State
#: From where a ruling that nobody confirmed is undone: one that runs is done first.
ENDING: Final = (Ruling.State.DONE, Ruling.State.CANCELLED)
#: What each decision makes of a signature, and of which.
TO: Final = {Ruling.Verb.HOLD: State.QUARANTINED, Ruling.Verb.EXCLUDE: State.EXCLUDED, Ruling.Verb.COUNT: State.COUNTED}
FROM: Final = {
    Ruling.Verb.HOLD: (State.COUNTED,),
    Ruling.Verb.EXCLUDE: (State.COUNTED, State.QUARANTINED),
    Ruling.Verb.COUNT: (State.QUARANTINED, State.EXCLUDED),
}

# Raw: the query is what a moderator put together; each part is a constant here, each value is passed beside it.
MATCHING: Final = """
  FROM signatures_trace t JOIN signatures_signature s ON s.id = t.signature_id
 WHERE t.campaign_id = %s AND t.signature_id > %s AND s.state = ANY(%s)
"""
# Who is named by reference is found without a trace too: that goes after thirty days, and an import has none.
REFERRED_TO: Final = """
  FROM signatures_signature s LEFT JOIN signatures_trace t ON t.signature_id = s.id
 WHERE s.campaign_id = %s AND s.id > %s AND s.state = ANY(%s)
"""
LABELS: Final = ("network", "wide", "domain", "comment")
NEXT: Final = (
    "SELECT s.id, s.state, s.number, s.country, s.signed_on, s.source, s.version, s.removed_for {matching}"
    " ORDER BY s.id LIMIT %s"
)
HOW_MANY: Final = "SELECT count(*) {matching}"
# Nothing that a later ruling moved: undoing that one finds it as it was left, and knows why it was removed then.
ITEMS: Final = """
SELECT s.id, i.before, s.number, s.country, s.signed_on, s.source, s.version, s.removed_for, i.removed_for
  FROM signatures_rulingitem i JOIN signatures_signature s ON s.id = i.signature_id
 WHERE i.ruling_id = %s AND s.state = %s
   AND NOT EXISTS (SELECT FROM signatures_rulingitem later WHERE later.signature_id = s.id AND later.id > i.id)
 ORDER BY s.id LIMIT %s
"""
MOVE: Final = """
UPDATE signatures_signature AS s SET state = to_.state, number = to_.number, removed_for = to_.removed_for
  FROM unnest(%s::bigint[], %s::varchar[], %s::bigint[], %s::varchar[]) AS to_ (id, state, number, removed_for)
 WHERE s.id = to_.id
"""


class BadQuery(ValueError):
    """A ruling whose query is none that we know. Says which part."""


class Touched(NamedTuple):
    """A signature that a step moves. `state`: before a ruling, or what undoing gives back; `removed_for`: until now."""

    id: int
    state: str
    number: int | None
    country: str
    signed_on: datetime.date
    source: str
    version: int
    removed_for: str


def work_on_rulings() -> int:
    """Look up, carry out and undo what was asked for; returns how many signatures were moved."""
    moved = 0
    end_unconfirmed()
    for ruling in Ruling.objects.filter(state=Ruling.State.ASKED):
        preview(ruling)
    for ruling in Ruling.objects.filter(state__in=[Ruling.State.RUNNING, Ruling.State.UNDOING]).order_by("pk"):
        while count := step(ruling.pk):
            moved += count
    return moved


def end_unconfirmed() -> int:
    """Have undone what nobody else confirmed within 72 hours; returns how many rulings."""
    ended = 0
    over = Ruling.objects.unconfirmed().filter(state__in=ENDING, run_at__lte=timezone.now() - RULING_LASTS)
    for ruling in over.select_related("campaign__section"):
        with transaction.atomic():
            # Somebody confirms it at this moment: whoever is second finds nothing to change.
            if Ruling.objects.filter(pk=ruling.pk, confirmed_by=None, state__in=ENDING).update(
                state=Ruling.State.UNDOING
            ):
                detail = {"ruling": ruling.pk, "campaign": ruling.campaign_id}
                audit.append(None, "ruling.end", ruling.campaign.section, detail=detail)
                ended += 1
    return ended


def preview(ruling: Ruling) -> None:
    """Say how many it would touch; a query that is none is stopped."""
    try:
        matching, values = _matching(ruling)
    except BadQuery:
        Ruling.objects.filter(pk=ruling.pk, state=Ruling.State.ASKED).update(state=Ruling.State.CANCELLED)
        return
    with connection.cursor() as cursor:
        cursor.execute(HOW_MANY.format(matching=matching), values)
        (count,) = cursor.fetchone()
    Ruling.objects.filter(pk=ruling.pk, state=Ruling.State.ASKED).update(state=Ruling.State.READY, would_touch=count)


def step(pk: int, size: int = STEP) -> int:
    """Move the next signatures of a ruling, forwards or back. Returns how many: 0 when it is done, or was stopped."""
    with transaction.atomic(), connection.cursor() as cursor:
        ruling = Ruling.objects.get(pk=pk)
        # The register first, as everybody who counts takes it; then the ruling, which a moderator may stop meanwhile.
        register = Register.objects.select_for_update().get(campaign=ruling.campaign_id)
        ruling = Ruling.objects.select_for_update().get(pk=pk)
        if ruling.state == Ruling.State.RUNNING:
            return _forwards(cursor, register, ruling, size)
        if ruling.state == Ruling.State.UNDOING:
            return _back(cursor, register, ruling, size)
    return 0


def _forwards(cursor: Any, register: Register, ruling: Ruling, size: int) -> int:
    matching, values = _matching(ruling)
    if ruling.verb == Ruling.Verb.EXCLUDE and ruling.confirmed_by_id is None:
        # What came since it was looked up was not among those that one person may exclude alone.
        size = min(size, max(0, (ruling.would_touch or 0) - ruling.touched))
    cursor.execute(NEXT.format(matching=matching), [*values, size])
    rows = [Touched(*row) for row in cursor.fetchall()]
    if not rows:
        Ruling.objects.filter(pk=ruling.pk).update(state=Ruling.State.DONE)
        return 0
    RulingItem.objects.bulk_create(
        RulingItem(ruling=ruling, signature_id=row.id, before=row.state, removed_for=row.removed_for) for row in rows
    )
    to = TO[Ruling.Verb(ruling.verb)].value
    why = why_removed(ruling.query) if to == State.EXCLUDED else ""
    _move(cursor, register, [Move(row, row.state, to, why) for row in rows])
    Ruling.objects.filter(pk=ruling.pk).update(touched=F("touched") + len(rows), reached=rows[-1].id)
    return len(rows)


def _back(cursor: Any, register: Register, ruling: Ruling, size: int) -> int:
    """Only what is still as this ruling left it: what was withdrawn or ruled on since stays as it is."""
    now = TO[Ruling.Verb(ruling.verb)].value
    cursor.execute(ITEMS, [ruling.pk, now, size])
    moves = [Move(row := Touched(*touched), now, row.state, why) for *touched, why in cursor.fetchall()]
    if not moves:
        Ruling.objects.filter(pk=ruling.pk).update(state=Ruling.State.UNDONE)
        return 0
    _move(cursor, register, moves)
    RulingItem.objects.filter(ruling=ruling, signature__in=[move.row.id for move in moves]).delete()
    Ruling.objects.filter(pk=ruling.pk).update(touched=F("touched") - len(moves))
    return len(moves)


class Move(NamedTuple):
    """One signature's step from a state to another, and why it is excluded then, if it is."""

    row: Touched
    before: str
    after: str
    removed_for: str


def _move(cursor: Any, register: Register, moves: Sequence[Move]) -> None:
    """Change the states, and all that counts them. Who is counted for the first time gets the next number, and so
    does who comes back below a delivered one."""
    numbers: list[int | None] = []
    last, delivered = register.last_number, _last_delivered(register)
    for move in moves:
        if move.after == State.COUNTED != move.before and (move.row.number is None or move.row.number <= delivered):
            last += 1
            numbers.append(last)
        else:
            numbers.append(move.row.number)
    if last > register.last_number:
        Register.objects.filter(pk=register.pk).update(last_number=last)
    before, after = [m.before for m in moves], [m.after for m in moves]
    cursor.execute(MOVE, [[m.row.id for m in moves], after, numbers, [m.removed_for for m in moves]])
    out = [m.row for m in moves if m.before == State.COUNTED != m.after]
    back = [m.row for m in moves if m.before != State.COUNTED == m.after]
    count_out(register, [Departure(row.country, row.signed_on, row.source, row.version) for row in out])
    count_in(register, [Arrival(row.country, row.signed_on, row.source, version=row.version) for row in back])
    stand_outside(
        register,
        [why_outside(m.before, m.row.removed_for) for m in moves],
        [why_outside(m.after, m.removed_for) for m in moves],
    )
    ledger.note(register.pk, removed=after.count(State.EXCLUDED) - before.count(State.EXCLUDED))


def _last_delivered(register: Register) -> int:
    """The last number of any packet that there is or may be: one that is being built may have read already."""
    packets = Delivery.objects.live().filter(campaign=register.campaign_id)
    return packets.aggregate(last=Max("last_number"))["last"] or 0


def why_removed(query: Mapping[str, Any]) -> str:
    """The Removal that the public is told of: the most telling thing the signatures had in common."""
    kinds = {
        "comment": Removal.COMMENT, "domain": Removal.DOMAIN, "network": Removal.NETWORK, "wide": Removal.NETWORK,
        "reason": Removal.SCREENED, "signatures": Removal.REVIEWED,
    }  # fmt: skip
    return next((removal for key, removal in kinds.items() if key in query), Removal.OTHER).value


def _matching(ruling: Ruling) -> tuple[str, list[Any]]:
    """The query as SQL and values. Raises BadQuery, also for one that would match everything."""
    sql = REFERRED_TO if "signatures" in ruling.query else MATCHING
    values: list[Any] = [ruling.campaign_id, ruling.reached, [state.value for state in FROM[Ruling.Verb(ruling.verb)]]]
    for key, value in sorted(ruling.query.items()):
        clause, given = _clause(key, value)
        sql, values = f"{sql}   AND {clause}\n", [*values, given]
    if not ruling.query:
        raise BadQuery("empty")
    return sql, values


def _clause(key: str, value: Any) -> tuple[str, Any]:
    try:
        if key in LABELS:
            return f"t.{key} = %s", bytes.fromhex(value)
        if key == "signatures":
            return "s.id = ANY(%s)", _references(value)
        if key == "since":
            return "t.hour >= %s", datetime.datetime.fromisoformat(value)
        if key == "until":
            return "t.hour < %s", datetime.datetime.fromisoformat(value)
        if key == "source":
            return "s.source = %s", Source(value).value
        if key == "reason":
            return "t.reasons & %s <> 0", Reason[value].value
    except (ValueError, TypeError, KeyError) as error:
        raise BadQuery(key) from error
    raise BadQuery(key)


def _references(value: Any) -> list[int]:
    """As a review list shows them. Raises ValueError for anything but some whole numbers that a key can be."""
    if not isinstance(value, list) or not 0 < len(value) <= MOST_REFERENCES:
        raise ValueError("not some references")
    if not all(type(reference) is int and 0 < reference < 2**63 for reference in value):
        raise ValueError("not a reference")
    return value
