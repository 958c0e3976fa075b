"""Announcing a delivery: a draft press release with figures that anybody can compute again from the manifest.

Its words are the editor's, before and after it is published. Its figures are not: the words have to say them, in each
language, or the form refuses (signatures/admin/news.py) and `check_announcements` names what is missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from petitions.models import Update
from signatures.models import Announcement, Delivery
from staff.refusals import NotAllowed
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


def draft_announcement(delivery: Delivery) -> Update:
    """An unpublished press release about a packet, for the editor to complete. Raises NotAllowed.

    A second call makes no second one: it returns the first.
    """
    if delivery.manifest is None:
        raise NotAllowed("There is no packet yet, so there are no figures to announce.")
    earlier = Announcement.objects.filter(delivery=delivery).select_related("update").first()
    if earlier:
        return earlier.update
    signatures, countries = figures_of(delivery.manifest, CURRENT)
    with translation.override(delivery.campaign.language), transaction.atomic():
        update = _drafted(delivery, signatures, countries)
        Announcement.objects.create(
            update=update, delivery=delivery, rule=CURRENT, signatures=signatures, countries=countries
        )
    return update


def _drafted(delivery: Delivery, signatures: int, countries: int) -> Update:
    """In the campaign's language. What somebody said is left to whoever heard it."""
    campaign = delivery.campaign
    return Update.objects.create(
        campaign=campaign,
        language=campaign.language,
        kind=Update.Kind.PRESS,
        slug=f"delivery-{delivery.pk}",
        title=_title(delivery, signatures, countries),
        lead=_lead(delivery),
        body=_body(delivery),
        quote_by=campaign.original("responsible"),
        media_contact="\n".join(filter(None, (campaign.original("responsible"), campaign.contact_email))),
    )


def differs(announcement: Announcement) -> str:
    """How what is announced differs from what the packet's manifest gives by the stored rule; "" where it does not."""
    manifest = announcement.delivery.manifest
    if manifest is None:
        return "the packet is missing"
    now = figures_of(manifest, announcement.rule)
    if now != (announcement.signatures, announcement.countries):
        return f"the manifest gives {now[0]} and {now[1]}"
    if missing := unsaid(announcement, announcement.update):
        return f"the text no longer says {', '.join(missing)}"
    return ""


#: Where a press release says its figures.
SAYING: Final = ("title", "lead", "body")


def frozen_in(announcement: Announcement) -> list[int]:
    """The figures that a press release has to say: signatures, and countries where there are several."""
    return [announcement.signatures, *filter(lambda n: n >= SEVERAL, [announcement.countries])]


def unsaid(announcement: Announcement, update: Update) -> list[str]:
    """The frozen figures that the press release does not say, with the language in which it does not.

    `update` is the release as it is, or as somebody is about to save it.
    """
    frozen = frozen_in(announcement)
    missing = []
    for language in (update.language, *update.translations):
        with translation.override(language):
            # Not by attribute: in the admin, that is the original in every language.
            words = " ".join(update.translation_of(name, language) or update.original(name) for name in SAYING)
            words = words.replace(announcement.delivery.reference, "")  # its figures say nothing of signatures
            missing += [f"{number(figure)} ({language})" for figure in frozen if figure not in _figures_in(words)]
    return missing


def _figures_in(words: str) -> set[int]:
    """The whole numbers in the words, however their thousands are separated: 191,000, 191.000, 191 000, 191000.

    Those inside a packet's reference (aldermere-library-hours-1-12) are said of nothing.
    """
    found = re.findall(r"(?<![\w-])(?:\d{1,3}(?:[.,'’\s\u066c]\d{3})+(?!\d)|\d+)", words)
    return {int(re.sub(r"\D", "", figure)) for figure in found}


def _title(delivery: Delivery, signatures: int, countries: int) -> str:
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


def _lead(delivery: Delivery) -> str:
    words = {"title": delivery.campaign.title, "addressee": delivery.addressee.name}
    return _("The petition “%(title)s” is being delivered to %(addressee)s.") % words


def _body(delivery: Delivery) -> str:
    demands = "\n".join(f"{demand.position}. {demand.text}" for demand in delivery.campaign.demands.all())
    checked = (
        _(
            "Every signature was confirmed through a link e-mailed to the signer. The packet’s manifest is "
            "signed; its reference is %s."
        )
        % delivery.reference
    )
    return f"{demands}\n\n{checked}\n" if demands else f"{checked}\n"
