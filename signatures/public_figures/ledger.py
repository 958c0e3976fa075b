"""The public ledger: what became of every confirmed submission. Each line is the sum or the difference of others.

It begins with what was confirmed. How many mails were sent, or wait for an answer, is not public: a mailbox gets so
many and no more, and whoever posts its address while looking at the count would learn whether it was used before.
It comes with the editions of the public figures (figures.py), for it moves by what somebody confirms again, or takes
back, and a live one would time that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import repeat
from typing import Final

from django.contrib.postgres.aggregates import JSONBAgg
from django.db.models import OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce, JSONArray
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from petitions.models import Campaign
from signatures.models import Delivery, Dimension, LedgerEntry, PublishedFigures, Removal, Signature, TallySum

REMOVALS: Final[Mapping[Removal, Promise]] = {
    Removal.NETWORK: _("Many from one network"),
    Removal.DOMAIN: _("Many at one mail domain"),
    Removal.COMMENT: _("Many with the same comment"),
    Removal.SCREENED: _("Likely automated"),
    Removal.REVIEWED: _("Reviewed one by one"),
    Removal.OTHER: _("All from one hour or source"),
}


#: What the ledger is made of: of the days' sums, and of signatures in the register that do not count.
BEFORE: Final = ("duplicate", "late", "unreadable")
OUTSIDE: Final = (Signature.State.QUARANTINED.value, Signature.State.WITHDRAWN.value, *Removal.values)


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
    """All of it, as an edition tells it; no line where none does."""

    lines: list[LedgerLine]
    #: Of the line "removed", why: (Removal's value, words, signatures), the most first.
    removals: list[tuple[str, str, int]]


def public_ledger(campaign: Campaign, edition: PublishedFigures | None) -> Ledger:
    """As the edition tells it."""
    return ledger_of(campaign, edition.ledger if edition else {})


def ledger_of(campaign: Campaign, parts: Mapping[str, int]) -> Ledger:
    """From what was confirmed to what is counted. It adds up: what is a sum is made of the parts that are told."""
    if not parts:
        return Ledger([], [])
    removals = [(why.value, str(words), parts[why]) for why, words in REMOVALS.items() if parts.get(why)]
    lines = [*_lines(parts, sum(count for *_why, count in removals)), _delivered(campaign)]
    return Ledger(lines, sorted(removals, key=lambda removal: -removal[2]))


def parts_of(campaign: Campaign, told: Callable[[int], int] = int) -> dict[str, int]:
    """{part: signatures} of this moment, each as it is to be told; not for the public tier, which cannot read them.

    rebuild_tallies proves that these parts make what was confirmed.
    """
    counted, outside, sums = _read(campaign)
    parts = {"counted": counted, **{key: outside.get(key, 0) for key in OUTSIDE}, **sums}
    return {key: told(count) for key, count in parts.items()}


def _read(campaign: Campaign) -> tuple[int, Mapping[str, int], Mapping[str, int]]:
    """(signatures counted, {why not: signatures}, {part of before the register: its sum}).

    In one statement, which sees one moment: with several, a batch admitted between two of them would not add up.
    """
    sums = LedgerEntry.objects.filter(campaign=OuterRef("pk")).values("campaign")
    outside = TallySum.objects.filter(campaign=OuterRef("pk"), dimension=Dimension.OUTSIDE).values("campaign")
    moment = Campaign.objects.filter(pk=campaign.pk).values_list(
        Coalesce("register__counted", 0),
        Subquery(outside.annotate(all=JSONBAgg(JSONArray("key", "n"))).values("all")),
        Subquery(sums.annotate(all=JSONArray(*map(Sum, BEFORE))).values("all")),
    )
    counted, keys, columns = moment.get()
    return counted, dict(keys or ()), dict(zip(BEFORE, columns or repeat(0), strict=False))


def _lines(parts: Mapping[str, int], removed: int) -> list[LedgerLine]:
    counted, quarantined, withdrawn = parts["counted"], parts["quarantined"], parts["withdrawn"]
    admitted = counted + quarantined + removed + withdrawn
    duplicate, late, unreadable = (parts[key] for key in BEFORE)
    confirmed = admitted + duplicate + late + unreadable
    return [
        LedgerLine("confirmed", "", _("Confirmed"), _("Confirmed by e-mail and checked."), confirmed),
        LedgerLine("duplicate", "−", _("Duplicates"), _("From an e-mail address that had already signed."), duplicate),
        LedgerLine("late", "−", _("Too late"), _("Confirmed more than a day after closing."), late),
        LedgerLine("unreadable", "−", _("Unreadable"), _("Not encrypted by this website, or damaged."), unreadable),
        LedgerLine("admitted", "=", _("Admitted"), _("Entered in the register, each person once."), admitted),
        LedgerLine("quarantined", "−", _("Held for review"), _("Waiting for a person to review them."), quarantined),
        LedgerLine("removed", "−", _("Removed"), _("Removed by a person, for a stated reason."), removed),
        LedgerLine("withdrawn", "−", _("Withdrawn"), _("Withdrawn by the people who signed."), withdrawn),
        LedgerLine("counted", "=", _("Counted"), _("The total at that time."), counted),
    ]


def _delivered(campaign: Campaign) -> LedgerLine:
    delivered = Delivery.objects.handed_over().filter(campaign=campaign).signatures()
    return LedgerLine(
        "delivered", "", _("Delivered"), _("In all packets so far, counted for each addressee."), delivered
    )
