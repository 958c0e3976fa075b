"""The words and figures of a press release about a packet, as it is drafted: published, in the campaign's language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from signatures.models import Delivery
from web.i18n.cldr import number


def three_digits_down(total: int) -> int:
    """191,437 as 191,000: three digits that say something, never more than there are. Below 1,000 the figure itself."""
    step = 10 ** max(0, len(str(total)) - 3)
    return total // step * step


def _of_the_packet(manifest: dict[str, Any]) -> tuple[int, int]:
    return manifest["totals"]["signatures"], manifest["totals"]["countries"]


def _to_date(manifest: dict[str, Any]) -> tuple[int, int]:
    """Of all packets of the series up to this one. From how many countries those came together, no packet says."""
    if not manifest.get("earlier"):
        return _of_the_packet(manifest)
    return manifest["to_date"], 0


#: {the name that is stored: (signatures, countries) of a manifest}. A new rule gets a new name.
RULES: Final[dict[str, Callable[[dict[str, Any]], tuple[int, int]]]] = {
    "three-digits-down": _of_the_packet,
    "to-date-three-digits": _to_date,
}
#: From so many countries on they are worth a word.
SEVERAL: Final = 2
CURRENT: Final = "to-date-three-digits"


def figures_of(manifest: dict[str, Any], rule: str) -> tuple[int, int]:
    """(signatures, countries) as they are announced."""
    signatures, countries = RULES[rule](manifest)
    return three_digits_down(signatures), countries


def title_of(delivery: Delivery, signatures: int, countries: int) -> str:
    exact = delivery.manifest and signatures == RULES[CURRENT](delivery.manifest)[0]
    shown = number(signatures)
    if countries < SEVERAL:
        said = ngettext("%(n)s signature", "%(n)s signatures", signatures) % {"n": shown}
    else:
        said = ngettext(
            "%(n)s signatures from %(countries)s country", "%(n)s signatures from %(countries)s countries", countries
        ) % {"n": shown, "countries": number(countries)}
    about = said if exact else _("about %s") % said
    return _("%(figures)s for %(addressee)s") % {
        "figures": about[0].upper() + about[1:],
        "addressee": delivery.addressee.name,
    }


def lead_of(delivery: Delivery) -> str:
    words = {"title": delivery.campaign.title, "addressee": delivery.addressee.name}
    return _("The petition “%(title)s” is being delivered to %(addressee)s.") % words


def body_of(delivery: Delivery) -> str:
    demands = "\n".join(f"{demand.position}. {demand.text}" for demand in delivery.campaign.demands.all())
    checked = (
        _(
            "Every signature was confirmed through a link e-mailed to the signer. The packet’s manifest is "
            "signed; its reference is %s."
        )
        % delivery.reference
    )
    return f"{demands}\n\n{checked}\n" if demands else f"{checked}\n"
