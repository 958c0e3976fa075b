"""Announcing a delivery: a draft press release with figures that anybody can compute again from the manifest.

Its words are the editor's, before and after it is published. Its figures are not: the words have to say them, in each
language, or the form refuses (signatures/admin/news.py) and `check_announcements` names what is missing.
"""

from __future__ import annotations

import re
from typing import Final

from django.db import transaction
from django.utils import translation

from petitions.models import Update
from signatures.models import Announcement, Delivery
from signatures.public_figures.press_draft import CURRENT, SEVERAL, body_of, figures_of, lead_of, title_of
from staff.refusals import NotAllowed
from web.i18n.cldr import number


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
        title=title_of(delivery, signatures, countries),
        lead=lead_of(delivery),
        body=body_of(delivery),
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
