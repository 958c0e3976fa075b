"""Public figures as open data: JSON and CSV of everything that the page shows, with a licence and a data dictionary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from petitions.models import Campaign
from signatures.figures import CELL, Figures
from signatures.models import Delivery, Source
from signatures.publicledger import public_ledger

LICENCE: Final = {"name": "CC0 1.0", "url": "https://creativecommons.org/publicdomain/zero/1.0/"}

#: What each kind of row means. The numbers page shows it, the JSON carries it.
DICTIONARY: Final[dict[str, str | Promise]] = {
    "total": _("Signatures counted now, exactly."),
    "country": _("Signatures from a country (ISO 3166-1), from ten on, in tens."),
    "other": _("Signatures that no shown country accounts for; with the countries, they make the total."),
    "day": _("Signatures of a day (UTC) that are still counted, from ten on, in tens."),
    "source": _("How signatures came into the register, from ten on, in tens."),
    "channel": _("Which link led to the petition, from ten on, in tens; also of those withdrawn later."),
    "ledger": _("What became of everything received, exactly."),
    "delivery": _("Signatures in a packet that was made for an addressee, exactly."),
}

SOURCE_LABELS: Final[Mapping[str, str | Promise]] = dict(Source.choices)
CHANNEL_LABELS: Final[Mapping[str, str | Promise]] = {
    "direct": _("No link of ours"), "link": _("A copied link"), "mail": _("A mail from a friend"),
    "embed": _("A counter on another site"), "qr": _("A printed code"), "press": _("Press"),
    "partner": _("A partner organisation"), "newsletter": _("A newsletter"), "other": _("Another link"),
    "unknown": _("Not noted"), "telegram": "Telegram", "whatsapp": "WhatsApp", "signal": "Signal",
    "facebook": "Facebook", "instagram": "Instagram", "mastodon": "Mastodon", "bluesky": "Bluesky", "x": "X",
    "vk": "VK", "reddit": "Reddit", "linkedin": "LinkedIn",
}  # fmt: skip


def labelled(labels: Mapping[str, str | Promise], counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """(words, signatures), largest first."""
    return sorted(((str(labels.get(key, key)), n) for key, n in counts.items()), key=lambda row: (-row[1], row[0]))


def tally_of(figures: Figures) -> dict[str, Any]:
    """The figures that counters show."""
    return {
        "total": figures.total,
        "countries": [{"code": country.code, "count": country.count} for country in figures.countries],
        "other": figures.other,
        "days": [{"on": day.on.isoformat(), "count": day.count} for day in figures.days],
        "as_of": figures.as_of.isoformat(timespec="seconds"),
    }


def everything_of(campaign: Campaign, figures: Figures) -> dict[str, Any]:
    """All that the numbers page shows, and what it means."""
    return {
        "campaign": campaign.slug,
        "title": str(campaign.title),
        "url": f"{settings.SITE_URL}{campaign.get_absolute_url()}",
        "licence": LICENCE,
        "dictionary": {key: str(words) for key, words in DICTIONARY.items()},
        "rounding": {"from": CELL, "step": CELL},
        "goal": campaign.goal,
        **tally_of(figures),
        "edition": figures.edition,
        "published_at": figures.published_at.isoformat(timespec="seconds") if figures.published_at else None,
        "countries": [{"code": c.code, "name": c.name, "count": c.count} for c in figures.countries],
        "sources": dict(figures.sources),
        "channels": dict(figures.channels),
        "ledger": {line.key: line.count for line in public_ledger(campaign, figures.total)},
        "deliveries": [
            {
                "reference": delivery.reference,
                "addressee": str(delivery.addressee),
                "profile": delivery.profile,
                "signatures": delivery.total,
                "first_number": delivery.first_number,
                "last_number": delivery.last_number,
                "built_on": delivery.built_at.date().isoformat() if delivery.built_at else None,
            }
            for delivery in Delivery.objects.ready().filter(campaign=campaign).select_related("campaign", "addressee")
        ],
    }


def rows_of(campaign: Campaign, figures: Figures) -> Iterator[tuple[str, str, str, int]]:
    """The same as rows: what (a key of DICTIONARY), which, its name, how many."""
    yield "total", "", "", figures.total
    for country in figures.countries:
        yield "country", country.code, country.name, country.count
    yield "other", "", "", figures.other
    for day in figures.days:
        yield "day", day.on.isoformat(), "", day.count
    for source, count in figures.sources.items():
        yield "source", source, str(SOURCE_LABELS.get(source, source)), count
    for channel, count in figures.channels.items():
        yield "channel", channel, str(CHANNEL_LABELS.get(channel, channel)), count
    for line in public_ledger(campaign, figures.total):
        yield "ledger", line.key, str(line.label), line.count
    for delivery in Delivery.objects.ready().filter(campaign=campaign).select_related("campaign"):
        yield "delivery", delivery.reference, "", delivery.total or 0
