"""The campaigns as the signing path needs them, remembered by the process for two seconds."""

from __future__ import annotations

import threading
import time
from typing import Final, cast

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Prefetch

from petitions.models import Campaign, TextVersion
from signatures.models import SigningRules
from web.connections import unless_away

#: Seconds that a reading counts as one of now.
SEEN_FOR: Final = 1.0
#: Seconds. A campaign that closes is closed for everybody this much later at most; `is_open()` looks
#: at the clock itself, so a planned closing is exact.
FRESH_FOR: Final = 2.0
#: Addresses that nobody has are remembered up to this many: made-up ones must not fill the memory.
MOST_MISSES: Final = 1000
LONGEST_SLUG: Final = cast("int", Campaign._meta.get_field("slug").max_length)

_WITH: Final = ("addressee", "key", "picture", "signing_rules")
_VERSIONS: Final = Prefetch("text_versions", TextVersion.objects.told_apart())

#: When to look again, and what was found. Misses are kept apart, so that no number of made-up addresses
#: makes a campaign forgotten that an outage needs.
_campaigns: dict[str, tuple[float, Campaign]] = {}
_misses: dict[str, tuple[float, None]] = {}
_by_key: dict[int, tuple[float, Campaign]] = {}
_lock = threading.Lock()


def campaign_for_signing(slug: str) -> Campaign | None:
    """The public campaign at this address with its `key`, or None.

    Where the database is away, the campaign as it was last seen, so that a form can be shown again
    with what was typed. Raises OperationalError where it was never seen.
    """
    if len(slug) > LONGEST_SLUG:
        return None  # made up, and not to be remembered
    found = _campaigns.get(slug) or _misses.get(slug)
    if found and time.monotonic() < found[0]:
        return found[1]
    try:
        # What was never seen is asked for in any case: there is nothing else to show.
        campaign = unless_away(lambda: _read(slug)) if found else _read(slug)
    except (OperationalError, InterfaceError):
        if found is None:
            raise
        # Remembered anew: the next request must not wait for the same database again.
        campaign = found[1]
    _remember(slug, campaign)
    return campaign


def campaign_seen_now(remembered: Campaign) -> Campaign:
    """The same, read anew; as it is remembered where it is public no longer or the database is away.

    Not more often than every SEEN_FOR, whoever asks: a label that somebody made up must not cost more than a signature.
    """
    until, known = _campaigns.get(remembered.slug, (0.0, remembered))
    if time.monotonic() < until - FRESH_FOR + SEEN_FOR:
        return known
    try:
        campaign = unless_away(lambda: _read(remembered.slug))
    except (OperationalError, InterfaceError):
        return remembered
    _remember(remembered.slug, campaign)
    return campaign or remembered


def campaign_for_confirming(pk: int) -> Campaign:
    """The campaign of a submission, public or not; with its `key`, unless that was destroyed."""
    found = _by_key.get(pk)
    if found is None or time.monotonic() >= found[0]:
        found = time.monotonic() + FRESH_FOR, Campaign.objects.select_related(*_WITH).get(pk=pk)
        _by_key[pk] = found
    return found[1]


def _read(slug: str) -> Campaign | None:
    """The campaign, with its demands and the versions of its texts: of one moment, so that a form says of its page's
    words which version they are."""
    with transaction.atomic():
        _one_snapshot()
        campaigns = Campaign.objects.public().select_related(*_WITH)
        found = campaigns.prefetch_related(_VERSIONS, "demands__steps").filter(slug=slug).first()
    if found is not None and not hasattr(found, "signing_rules"):
        SigningRules(campaign=found)  # the defaults: the relation keeps them, so that nobody asks again
    return found


def _one_snapshot() -> None:
    if len(connection.atomic_blocks) == 1:  # the first statement of a transaction, or not at all
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def _remember(slug: str, campaign: Campaign | None) -> None:
    until = time.monotonic() + FRESH_FOR
    with _lock:
        if campaign is not None:
            _misses.pop(slug, None)
            _campaigns[slug] = (until, campaign)
            return
        _campaigns.pop(slug, None)
        if len(_misses) >= MOST_MISSES:
            _misses.clear()
        _misses[slug] = (until, None)


def forget_campaigns() -> None:
    """Look at the database again."""
    for remembered in (_campaigns, _misses, _by_key):
        remembered.clear()
