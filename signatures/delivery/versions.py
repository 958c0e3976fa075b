"""Which versions of the petition's text a packet's signatures are to, and what those versions say."""

from __future__ import annotations

import datetime
import json

from petitions.models import Campaign, TextVersion
from signatures.delivery.packet import TEXTS, PacketWriter, VersionText, VersionTotal
from signatures.models import Delivery
from signatures.public_figures.figures import versions_of_range


def versions_in(delivery: Delivery, total: int) -> list[VersionTotal]:
    """Each version there was, with those of the packet's `total` signatures that are told of singly: the difference of
    two editions, so that a packet tells nothing that was not public, whatever its profile."""
    counts = versions_of_range(delivery.campaign, delivery.first_number, delivery.last_number, total)
    return [
        VersionTotal(
            version.number,
            version.made_at.astimezone(datetime.UTC).date().isoformat(),
            counts.get(str(version.number), 0),
            [VersionText(language, sha256) for language, sha256 in sorted(version.hashes.items())],
        )
        for version in TextVersion.objects.filter(campaign=delivery.campaign).told_apart().order_by("number")
    ]


def days_of_versions(campaign: Campaign) -> list[tuple[int, datetime.date]]:
    """(number, day) of each version of its text, the first one first."""
    made = TextVersion.objects.filter(campaign=campaign).told_apart().order_by("number")
    return [(number, at.astimezone(datetime.UTC).date()) for number, at in made.values_list("number", "made_at")]


def add_texts(delivery: Delivery, versions: list[VersionTotal], writer: PacketWriter) -> None:
    """Those versions' texts, in the manifest's order: their hashes are its."""
    if not versions:
        return
    kept = dict(TextVersion.objects.filter(campaign=delivery.campaign).values_list("number", "texts"))
    texts = [
        {"version": version.number, "language": text.language, "text": kept[version.number][text.language]}
        for version in versions
        for text in version.texts
    ]
    writer.add(TEXTS, json.dumps(texts, ensure_ascii=False, indent=1).encode())
