"""How many signed which version of a petition's text: what of that is public, beside what the versions are."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from petitions.models import Campaign, TextVersion
from signatures.public_figures.figures import Figures


@dataclass(frozen=True, slots=True)
class VersionFigure:
    """A version of the text. `count`: signatures to it, in tens, as the last edition says; 0 where it is below ten."""

    number: int
    on: datetime.date
    reason: str
    #: {language: SHA-256 of the text}.
    hashes: Mapping[str, str]
    count: int


def version_figures(campaign: Campaign, figures: Figures) -> tuple[list[VersionFigure], int]:
    """(each version, the first first; signatures that none of them accounts for, who are in the total)."""
    versions = TextVersion.objects.filter(campaign=campaign).told_apart().order_by("number")
    # As with countries: where more was withdrawn since than was merged, all are merged.
    counts = figures.versions if sum(figures.versions.values()) <= figures.total else {}
    told = [
        VersionFigure(
            version.number,
            version.made_at.astimezone(datetime.UTC).date(),
            version.reason,
            version.hashes,
            counts.get(str(version.number), 0),
        )
        for version in versions
    ]
    return told, figures.total - sum(version.count for version in told)
