"""How many signatures a campaign took and confirmed in each minute: counted in Redis by the web, read by workers.

Redis may be flushed at any moment: a minute is a hint for whoever watches, and counts nothing that has to add up.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Final

from redis.exceptions import RedisError

from web.counters import Window, count, counts

log = logging.getLogger(__name__)

#: Seconds that a minute is kept: the dashboard shows an hour.
KEPT: Final = 2 * 3600
KINDS: Final = ("taken", "confirmed")


def this_minute() -> int:
    """Minutes since 1970."""
    return int(time.time()) // 60


def minute_name(kind: str, campaign_id: int, minute: int) -> str:
    """The counter's name (web/counters.py)."""
    return f"{kind}:{campaign_id}:{minute}"


def minute_window(kind: str, campaign_id: int) -> Window:
    """The minute under way."""
    return minute_name(kind, campaign_id, this_minute()), KEPT


def trial_window(rule: int) -> Window:
    """Of a rule for a network that only counts yet: requests that it met."""
    return f"trial:{rule}", KEPT


def read_trials(rules: Sequence[int]) -> dict[int, int]:
    """{rule: requests that it met}. Raises RedisError, OSError."""
    return dict(zip(rules, counts(*(trial_window(rule)[0] for rule in rules)), strict=True)) if rules else {}


def note_confirmed(campaign_id: int) -> None:
    """One more. Never raises: a confirmation does not depend on it."""
    try:
        count([minute_window("confirmed", campaign_id)])
    except (RedisError, OSError) as error:
        log.warning("confirmations per minute are not counted: Redis is unavailable (%s)", type(error).__name__)


def read_minutes(kind: str, campaign_id: int, how_many: int) -> Sequence[int]:
    """The last minutes' counts, oldest first, the one under way last. Raises RedisError, OSError."""
    now = this_minute()
    return counts(*(minute_name(kind, campaign_id, minute) for minute in range(now - how_many + 1, now + 1)))
