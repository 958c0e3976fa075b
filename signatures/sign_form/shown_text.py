"""Which text a supporter was shown, and so signs: what the form carries, and what of it is sealed."""

from __future__ import annotations

import datetime
from typing import Final, NamedTuple

from django.utils import timezone

from petitions.models import Campaign, TextVersion
from petitions.models.version import SHOWN

#: How long what was shown before a correction may still be signed: whoever had the page open signs what they read.
#: Later they are shown the new words first.
STILL_SIGNED: Final = datetime.timedelta(hours=24)


class ShownText(NamedTuple):
    """A version of a campaign's text, and its SHA-256 in the language that it was read in; (0, "") for none."""

    version: int
    sha256: str


NONE: Final = ShownText(0, "")


def current_text(campaign: Campaign, language: str) -> ShownText:
    """What readers of that language are shown now. A campaign that intake/campaigns.py knows is not asked for again."""
    latest = next(iter(_versions(campaign)), None)
    return _of(latest, campaign, language) if latest else NONE


def label_of(shown: ShownText) -> str:
    """What the form carries of it. The text itself is named, not a number: where a change left a language alone, who
    read that language read the new version too."""
    return shown.sha256[:SHOWN]


def text_signed(campaign: Campaign, language: str, label: str) -> ShownText | None:
    """What somebody signs whose form carries this label, "" where it carries none: the text as it is now. None where
    the label is of no text that may still be signed."""
    if not label:
        return current_text(campaign, language)
    newer: TextVersion | None = None
    for version in _versions(campaign):
        found = _of(version, campaign, language)
        if label_of(found) == label:
            in_time = newer is None or timezone.now() - newer.made_at < STILL_SIGNED
            return found if in_time else None
        newer = version
    return None


def _of(version: TextVersion, campaign: Campaign, language: str) -> ShownText:
    return ShownText(version.number, version.hash_for(language, campaign.language))


def _versions(campaign: Campaign) -> list[TextVersion]:
    """The latest first: prefetched so, or asked for."""
    if "text_versions" in getattr(campaign, "_prefetched_objects_cache", {}):
        return list(campaign.text_versions.all())
    return list(campaign.text_versions.told_apart())
