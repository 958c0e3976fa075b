"""The public ledger: what became of every submission. Each line is the sum or the difference of others."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from petitions.models import Campaign
from signatures.models import Delivery, LedgerEntry


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """`sign` is "+" or "−" for what is a part of the line below the parts, "=" for what they make."""

    key: str
    sign: str
    label: str | Promise
    meaning: str | Promise
    count: int


def public_ledger(campaign: Campaign, total: int) -> list[LedgerLine]:
    """From what was received to what is counted; it adds up, whatever the workers have not yet looked at."""
    sums = LedgerEntry.totals(campaign)
    waiting = max(0, sums["received"] - sums["taken"] - sums["expired"])
    lines = [
        LedgerLine(
            "received", "", _("Received"), _("Signed on the website."), sums["taken"] + sums["expired"] + waiting
        ),
        LedgerLine("waiting", "−", _("Waiting"), _("The link in the mail has not been pressed yet."), waiting),
        LedgerLine("expired", "−", _("Never confirmed"), _("Deleted without being read."), sums["expired"]),
        LedgerLine(
            "confirmed",
            "=",
            _("Confirmed"),
            _("The link in the mail was pressed, and we looked."),
            sums["taken"],
        ),
        LedgerLine("duplicate", "−", _("Duplicates"), _("From a mailbox that had signed already."), sums["duplicate"]),
        LedgerLine("quarantined", "−", _("Quarantined"), _("Waiting for a person to judge them."), sums["held"]),
        LedgerLine("late", "−", _("Too late"), _("Confirmed more than a day after closing."), sums["late"]),
        LedgerLine("unreadable", "−", _("Unreadable"), _("Not sealed by this site, or damaged."), sums["unreadable"]),
        LedgerLine("admitted", "=", _("Admitted"), _("Given a number in the register and counted."), sums["admitted"]),
        LedgerLine("removed", "−", _("Removed"), _("Taken out by a ruling, with its reason."), sums["removed"]),
        LedgerLine("withdrawn", "−", _("Withdrawn"), _("Taken back by those who signed."), sums["withdrawn"]),
        LedgerLine("counted", "=", _("Counted"), _("The total, as above."), total),
    ]
    delivered = sum(delivery.total or 0 for delivery in Delivery.objects.ready().filter(campaign=campaign))
    lines.append(
        LedgerLine("delivered", "", _("Delivered"), _("In all packets so far, each addressee’s counted."), delivered)
    )
    return lines
