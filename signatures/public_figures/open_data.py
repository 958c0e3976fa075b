"""Public figures as open data: JSON and CSV of everything that the page shows, with a licence and a data dictionary."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from petitions.models import Campaign, Update
from signatures.models import PublishedFigures, Source
from signatures.public_figures.figures import CELL, Figures, counted_now, figures_of
from signatures.public_figures.handovers import Told, told_deliveries
from signatures.public_figures.ledger import Ledger, public_ledger
from signatures.public_figures.versions import VersionFigure, version_figures
from web.identities import identity_of

LICENCE: Final = {"name": "CC0 1.0", "url": "https://creativecommons.org/publicdomain/zero/1.0/"}

#: What each kind of row means. The numbers page shows it, the JSON carries it.
DICTIONARY: Final[dict[str, str | Promise]] = {
    "total": _(
        "Signatures counted now; exact. Where signers are at risk: as of the last edition, rounded down to tens."
    ),
    "country": _("Signatures from a country (ISO 3166-1), once it reaches ten, rounded down to tens."),
    "other": _("Signatures not shown under any country; together with the countries, they make the total."),
    "day": _("Signatures of a day (UTC) that still count, once it reaches ten, rounded down to tens."),
    "source": _("How signatures entered the register, once there are ten, rounded down to tens."),
    "channel": _(
        "Which link led to the petition, once there are ten, rounded down to tens; includes signatures withdrawn later."
    ),
    "version": _(
        "Signatures to a version of the petition’s text, once it reaches ten, rounded down to tens. The hash is the "
        "SHA-256 of the text in that language."
    ),
    "other_versions": _("Signatures not shown under any version; together with the versions, they make the total."),
    "ledger": _(
        "What had happened to everything confirmed when this edition was published. Where signers are at risk: each "
        "part rounded down to tens."
    ),
    "removed": _("Why signatures in the ledger were removed."),
    "goal": _("The number of signatures the campaign wants to reach."),
    "update": _("An update published on that day."),
    "delivery": _("Signatures in a packet made for an addressee; exact."),
    "event": _("What happened to a packet, and on which day."),
    "unanswered": _("Days since a packet was offered to an addressee who has not answered."),
}

SOURCE_LABELS: Final[Mapping[str, str | Promise]] = dict(Source.choices)
CHANNEL_LABELS: Final[Mapping[str, str | Promise]] = {
    "direct": _("Direct or unknown"), "link": _("A copied link"), "mail": _("An e-mail from a friend"),
    "embed": _("A counter on another site"), "qr": _("A printed code"), "press": _("Press"),
    "partner": _("A partner organisation"), "newsletter": _("A newsletter"), "other": _("Another link"),
    "unknown": _("Not recorded"), "telegram": "Telegram", "whatsapp": "WhatsApp", "signal": "Signal",
    "facebook": "Facebook", "instagram": "Instagram", "mastodon": "Mastodon", "bluesky": "Bluesky", "x": "X",
    "vk": "VK", "reddit": "Reddit", "linkedin": "LinkedIn",
}  # fmt: skip


def labelled(labels: Mapping[str, str | Promise], counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """(words, signatures), largest first."""
    return sorted(((str(labels.get(key, key)), n) for key, n in counts.items()), key=lambda row: (-row[1], row[0]))


@dataclass(frozen=True, slots=True)
class Numbers:
    """Everything that is public of a campaign's count at one moment, in whatever form it is shown."""

    campaign: Campaign
    figures: Figures
    ledger: Ledger
    versions: list[VersionFigure]
    other_versions: int
    #: What readers were told meanwhile: (day, title, path), the newest first.
    events: list[tuple[datetime.date, str, str]]
    deliveries: list[Told]


def numbers_of(campaign: Campaign) -> Numbers:
    """Read it: a row of the register, one edition, and a row an update and a delivery."""
    edition = PublishedFigures.objects.latest_of(campaign)  # first, as in public_figures()
    updates = Update.objects.published().of(campaign)
    figures = figures_of(campaign, edition, counted_now(campaign))
    versions, other_versions = version_figures(campaign, figures)
    return Numbers(
        campaign=campaign,
        figures=figures,
        ledger=public_ledger(campaign, edition),
        versions=versions,
        other_versions=other_versions,
        events=[(u.published_at.date(), str(u.title), u.get_absolute_url()) for u in updates if u.published_at],
        deliveries=told_deliveries(campaign),
    )


def tally_of(figures: Figures) -> dict[str, Any]:
    """The figures that counters show."""
    return {
        "total": figures.total,
        "exact": figures.is_exact,
        "countries": [{"code": country.code, "count": country.count} for country in figures.countries],
        "other": figures.other,
        "days": [{"on": day.on.isoformat(), "count": day.count} for day in figures.days],
        "as_of": figures.as_of.isoformat(timespec="seconds"),
    }


def everything_of(numbers: Numbers) -> dict[str, Any]:
    """All that the numbers page shows, and what it means."""
    campaign, figures = numbers.campaign, numbers.figures
    origin = identity_of(campaign.section_id).origin
    return {
        "campaign": campaign.slug,
        "title": str(campaign.title),
        "url": f"{origin}{campaign.get_absolute_url()}",
        "licence": LICENCE,
        "dictionary": {key: str(words) for key, words in DICTIONARY.items()},
        "rounding": {"from": CELL, "step": CELL},
        "goal": campaign.goal,
        **tally_of(figures),
        "edition": figures.edition,
        "published_on": figures.published_on.isoformat() if figures.published_on else None,
        "countries": [{"code": c.code, "name": c.name, "count": c.count} for c in figures.countries],
        "sources": dict(figures.sources),
        "channels": dict(figures.channels),
        "versions": [_version(campaign, version, origin) for version in numbers.versions],
        "other_versions": numbers.other_versions,
        "ledger": {line.key: line.count for line in numbers.ledger.lines},
        "removed_for": {why: count for why, _words, count in numbers.ledger.removals},
        "updates": [
            {"on": on.isoformat(), "title": title, "url": f"{origin}{url}"} for on, title, url in numbers.events
        ],
        "deliveries": [_delivery(told) for told in numbers.deliveries],
    }


def _version(campaign: Campaign, version: VersionFigure, origin: str) -> dict[str, Any]:
    return {
        "version": version.number,
        "published_on": version.on.isoformat(),
        "reason": version.reason,
        "count": version.count,
        "texts": [
            {
                "language": language,
                "sha256": sha256,
                "url": f"{origin}{reverse('text', args=[campaign.slug, version.number, language])}",
            }
            for language, sha256 in sorted(version.hashes.items())
        ],
    }


def _delivery(told: Told) -> dict[str, Any]:
    delivery = told.delivery
    return {
        "reference": delivery.reference,
        "addressee": str(delivery.addressee),
        "profile": delivery.profile,
        "signatures": delivery.signatures,  # type: ignore[attr-defined]  # of Delivery.objects.told()
        "first_number": delivery.first_number,
        "last_number": delivery.last_number,
        "built_on": delivery.built_at.date().isoformat() if delivery.built_at else None,
        "events": [
            {
                "kind": entry.kind,
                "on": entry.on.isoformat(),
                "place": entry.place,
                "reference": entry.reference,
                "statement": entry.statement,
            }
            for entry in told.entries
        ],
        "unanswered_since": told.since.isoformat() if told.since else None,
        "unanswered_days": told.days,
    }


def rows_of(numbers: Numbers) -> Iterator[tuple[str, str, str, int | str]]:
    """The same as rows: what (a key of DICTIONARY), which, its name, how many."""
    figures = numbers.figures
    yield "total", "", "", figures.total
    if numbers.campaign.goal:
        yield "goal", "", "", numbers.campaign.goal
    for country in figures.countries:
        yield "country", country.code, country.name, country.count
    yield "other", "", "", figures.other
    for day in figures.days:
        yield "day", day.on.isoformat(), "", day.count
    for on, title, _url in numbers.events:
        yield "update", on.isoformat(), title, ""
    for source, count in figures.sources.items():
        yield "source", source, str(SOURCE_LABELS.get(source, source)), count
    for channel, count in figures.channels.items():
        yield "channel", channel, str(CHANNEL_LABELS.get(channel, channel)), count
    for version in numbers.versions:
        yield "version", str(version.number), version.on.isoformat(), version.count
    yield "other_versions", "", "", numbers.other_versions
    for line in numbers.ledger.lines:
        yield "ledger", line.key, str(line.label), line.count
    for why, words, count in numbers.ledger.removals:
        yield "removed", why, words, count
    for told in numbers.deliveries:
        reference = told.delivery.reference
        yield "delivery", reference, str(told.delivery.addressee), told.delivery.signatures  # type: ignore[attr-defined]
        for entry in told.entries:
            yield "event", f"{reference} {entry.on.isoformat()}", entry.get_kind_display(), ""
        if told.days is not None:
            yield "unanswered", reference, str(told.delivery.addressee), told.days
