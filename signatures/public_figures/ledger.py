"""The public ledger: what became of every confirmed submission. Each line is the sum or the difference of others.

It begins with what was confirmed. How many mails were sent, or wait for an answer, is not public: a mailbox gets so
many and no more, and whoever posts its address while looking at the count would learn whether it was used before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import repeat
from typing import Final

from django.contrib.postgres.aggregates import JSONBAgg
from django.db.models import OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce, JSONArray
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from petitions.models import Campaign
from signatures.models import Delivery, Dimension, LedgerEntry, Removal, Signature, TallySum

REMOVALS: Final[Mapping[Removal, Promise]] = {
    Removal.NETWORK: _("Many from one network"),
    Removal.DOMAIN: _("Many at one mail domain"),
    Removal.COMMENT: _("Many with the same comment"),
    Removal.SCREENED: _("Likely automated"),
    Removal.OTHER: _("All from one hour or source"),
}


#: The columns of LedgerEntry that it is made from, and that the public tier may read (config/database/grants.py).
COLUMNS: Final = ("taken", "admitted", "duplicate", "held", "late", "unreadable")


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """`sign` is "+" or "−" for what is a part of the line below the parts, "=" for what they make."""

    key: str
    sign: str
    label: str | Promise
    meaning: str | Promise
    count: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """All of it at one moment."""

    #: What is counted: the campaign's total.
    counted: int
    lines: list[LedgerLine]
    #: Of the line "removed", why: (Removal's value, words, signatures), the most first.
    removals: list[tuple[str, str, int]]


def public_ledger(campaign: Campaign) -> Ledger:
    """From what was confirmed to what is counted; it adds up, whatever the workers have not yet looked at.

    The last step is taken from sums of their own: rebuild_tallies proves that they make what came into the register.
    """
    counted, outside, sums = _read(campaign)
    removals = [(why.value, str(words), outside[why]) for why, words in REMOVALS.items() if why in outside]
    lines = [
        *_before_the_register(sums),
        *_from_the_register(counted, outside),
        _delivered(campaign),
    ]
    return Ledger(counted, lines, sorted(removals, key=lambda removal: -removal[2]))


def _read(campaign: Campaign) -> tuple[int, Mapping[str, int], Mapping[str, int]]:
    """(signatures counted, {why not: signatures}, {column of the ledger: its sum}).

    In one statement, which sees one moment: with several, a batch admitted between two of them would not add up.
    """
    sums = LedgerEntry.objects.filter(campaign=OuterRef("pk")).values("campaign")
    outside = TallySum.objects.filter(campaign=OuterRef("pk"), dimension=Dimension.OUTSIDE).values("campaign")
    moment = Campaign.objects.filter(pk=campaign.pk).values_list(
        Coalesce("register__counted", 0),
        Subquery(outside.annotate(all=JSONBAgg(JSONArray("key", "n"))).values("all")),
        Subquery(sums.annotate(all=JSONArray(*map(Sum, COLUMNS))).values("all")),
    )
    counted, keys, columns = moment.get()
    return (
        counted,
        {key: n for key, n in keys or () if n},
        dict(zip(COLUMNS, columns or repeat(0), strict=False)),
    )


def _before_the_register(sums: Mapping[str, int]) -> list[LedgerLine]:
    entered = sums["admitted"] + sums["held"]
    return [
        LedgerLine("confirmed", "", _("Confirmed"), _("Confirmed by e-mail and checked."), sums["taken"]),
        LedgerLine(
            "duplicate", "−", _("Duplicates"), _("From an e-mail address that had already signed."), sums["duplicate"]
        ),
        LedgerLine("late", "−", _("Too late"), _("Confirmed more than a day after closing."), sums["late"]),
        LedgerLine(
            "unreadable", "−", _("Unreadable"), _("Not encrypted by this website, or damaged."), sums["unreadable"]
        ),
        LedgerLine("admitted", "=", _("Admitted"), _("Entered in the register, each person once."), entered),
    ]


def _from_the_register(counted: int, outside: Mapping[str, int]) -> list[LedgerLine]:
    quarantined, withdrawn = (
        outside.get(state.value, 0) for state in (Signature.State.QUARANTINED, Signature.State.WITHDRAWN)
    )
    removed = sum(outside.get(why, 0) for why in Removal.values)
    return [
        LedgerLine("quarantined", "−", _("Held for review"), _("Waiting for a person to review them."), quarantined),
        LedgerLine("removed", "−", _("Removed"), _("Removed by a person, for a stated reason."), removed),
        LedgerLine("withdrawn", "−", _("Withdrawn"), _("Withdrawn by the people who signed."), withdrawn),
        LedgerLine("counted", "=", _("Counted"), _("The total, as above."), counted),
    ]


def _delivered(campaign: Campaign) -> LedgerLine:
    delivered = Delivery.objects.handed_over().filter(campaign=campaign).signatures()
    return LedgerLine(
        "delivered", "", _("Delivered"), _("In all packets so far, counted for each addressee."), delivered
    )
