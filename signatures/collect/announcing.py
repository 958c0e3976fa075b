"""Announcing a delivery: a draft press release with figures that anybody can compute again from the manifest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.cldr import number
from petitions.models import Update
from signatures.desk.refusals import NotAllowed
from signatures.models import Announcement, Delivery


def three_digits_down(total: int) -> int:
    """191,437 as 191,000: three digits that say something, never more than there are. Below 1,000 the figure itself."""
    step = 10 ** max(0, len(str(total)) - 3)
    return total // step * step


#: Rules of rounding, by the name that is stored. A new one gets a new name.
RULES: Final[dict[str, Callable[[int], int]]] = {"three-digits-down": three_digits_down}
CURRENT: Final = "three-digits-down"


def figures_of(manifest: dict[str, Any], rule: str) -> tuple[int, int]:
    """(signatures, countries) as they are announced."""
    return RULES[rule](manifest["totals"]["signatures"]), manifest["totals"]["countries"]


def draft_announcement(delivery: Delivery) -> Update:
    """An unpublished press release about a packet, for the editor to complete. Raises NotAllowed.

    A second call makes no second one: it returns the first.
    """
    if delivery.manifest is None:
        raise NotAllowed(_("There is no packet yet whose figures could be announced."))
    earlier = Announcement.objects.filter(delivery=delivery).select_related("update").first()
    if earlier:
        return earlier.update
    signatures, countries = figures_of(delivery.manifest, CURRENT)
    campaign = delivery.campaign
    with transaction.atomic():
        update = Update.objects.create(
            campaign=campaign,
            kind=Update.Kind.PRESS,
            slug=f"delivery-{delivery.pk}",
            title=_title(delivery, signatures, countries),
            lead=_lead(delivery),
            body=_body(delivery),
            media_contact="\n".join(filter(None, (campaign.original("responsible"), campaign.contact_email))),
        )
        Announcement.objects.create(
            update=update, delivery=delivery, rule=CURRENT, signatures=signatures, countries=countries
        )
    return update


def differs(announcement: Announcement) -> str:
    """What the frozen figures would be today, where they are not what was announced; "" where they are."""
    manifest = announcement.delivery.manifest
    if manifest is None:
        return _("the packet is gone")
    now = figures_of(manifest, announcement.rule)
    if now == (announcement.signatures, announcement.countries):
        return ""
    return _("the manifest gives %(signatures)s and %(countries)s") % {"signatures": now[0], "countries": now[1]}


def _title(delivery: Delivery, signatures: int, countries: int) -> str:
    exact = delivery.manifest and signatures == delivery.manifest["totals"]["signatures"]
    shown = number(signatures)
    if not countries:
        said = ngettext("%(n)s signature", "%(n)s signatures", signatures) % {"n": shown}
    else:
        said = ngettext(
            "%(n)s signatures from %(countries)s country", "%(n)s signatures from %(countries)s countries", countries
        ) % {"n": shown, "countries": number(countries)}
    about = said if exact else _("about %s") % said
    return _("%(figures)s for %(addressee)s") % {
        "figures": about[0].upper() + about[1:],
        "addressee": delivery.addressee,
    }


def _lead(delivery: Delivery) -> str:
    words = {"title": delivery.campaign.title, "addressee": delivery.addressee}
    return _("The petition “%(title)s” goes to %(addressee)s.") % words


def _body(delivery: Delivery) -> str:
    demands = "\n".join(f"{demand.position}. {demand.text}" for demand in delivery.campaign.demands.all())
    checked = (
        _(
            "Every signature was confirmed through a link sent to the signer’s own mailbox. The packet’s manifest is "
            "signed; its reference is %s."
        )
        % delivery.reference
    )
    return f"{demands}\n\n{checked}\n" if demands else f"{checked}\n"
