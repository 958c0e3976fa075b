"""The abuse gate: what is known of a sender before anything is read of what they typed.

One call to Redis counts a request in every window and uses up its proof of work. The answer may depend on the
sender's network and rate, never on what was typed. A campaign's own rate refuses nobody: it turns on proof of work
(register/monitoring.py). A whole country behind one carrier's address is asked for work long before it is refused.
"""

from __future__ import annotations

import datetime
import logging
import time
from collections.abc import Mapping
from typing import Final

import msgspec
from django.conf import settings
from django.http import HttpRequest
from redis.exceptions import RedisError

from petitions.models import Campaign
from signatures.intake import proof_of_work
from signatures.intake.networks import rule_for
from signatures.sign_form.context import TRAP
from signatures.sign_form.form import country_code
from web import counters, minute_counters
from web.counters import Window
from web.network_countries import country_of
from web.rate_limits import Verdict, rate
from web.senders import DAY, Sender, sender_of

log = logging.getLogger(__name__)

#: A wider network (/48 of IPv6) may send as much as this many narrow ones.
WIDE: Final = 4
#: Seconds a blocked network is told to wait.
BLOCKED_FOR: Final = 3600

type Signals = dict[str, str | int | bool]


class SenderCheck(msgspec.Struct, frozen=True, gc=False):
    """What the gate says, and what it saw: observations that are sealed with the signature (register/screening.py)."""

    verdict: Verdict
    #: Seconds until the sender may try again.
    retry_after: int = 0
    signals: Signals = {}


def check_sender(request: HttpRequest, campaign: Campaign, typed: Mapping[str, str]) -> SenderCheck:
    """Count this request, and say whether it is within its network's limits."""
    sender = sender_of(request)
    rule = rule_for(sender.packed)
    solution = proof_of_work.solved(campaign, typed.get("work", ""))
    seen = _of_the_form(typed)
    if sender.packed and not sender.is_ours:
        seen |= {"network": sender.narrow, "wide": sender.wide} | _abroad(sender, typed)
    now = time.time()
    try:
        counted = counters.count(_windows(sender, campaign, now), _once(solution))
    except (RedisError, OSError) as error:
        log.warning("limits are off: Redis is away (%s)", type(error).__name__)
        return _within_lists(rule, seen | {"unlimited": True})
    narrow, wide, seen["today"], _minute = counted.counts
    worked = bool(solution and counted.is_first)
    if worked:
        seen["work"] = "done"
    elif asks_work(campaign):
        seen["work"] = "missing"
    if rule != "allow" and _is_over(narrow, wide if sender.is_v6 else 0, worked):
        period = rate(settings.SIGN_RATE)[1]
        return SenderCheck(Verdict.OVER, period - int(now) % period)
    return _within_lists(rule, seen)


def _windows(sender: Sender, campaign: Campaign, now: float) -> list[Window]:
    """The narrow network's window and the wide one's, the narrow one's day in this campaign, the campaign's minute."""
    return [
        _window("n", sender.narrow, now),
        _window("w", sender.wide, now),
        (f"d:{sender.narrow}:{campaign.id}", DAY),
        minute_counters.minute_window("taken", campaign.id),
    ]


def _window(kind: str, label: str, now: float) -> Window:
    period = rate(settings.SIGN_RATE)[1]
    return f"{kind}:{label}:{int(now) // period}", period


def _once(solution: str) -> Window:
    return (f"u:{solution}", int(proof_of_work.LIFE.total_seconds())) if solution else counters.NOTHING


def _is_over(narrow: int, wide: int, worked: bool) -> bool:
    most, _ = rate(settings.SIGN_RATE_WITH_WORK if worked else settings.SIGN_RATE)
    return narrow > most or wide > most * WIDE


def _within_lists(rule: str, seen: Signals) -> SenderCheck:
    if rule == "block":
        return SenderCheck(Verdict.OVER, BLOCKED_FOR)
    return SenderCheck(Verdict.WITHIN, signals=seen)


def _of_the_form(typed: Mapping[str, str]) -> Signals:
    """What only a script, or only a machine, fills in. Observations: nobody is refused for them."""
    seen: Signals = {}
    if typed.get(TRAP):
        seen["trap"] = True
    took = typed.get("took", "")
    if took.isascii() and took.isdigit() and len(took) < 9:
        seen["took"] = int(took) // 1000
    return seen


def _abroad(sender: Sender, typed: Mapping[str, str]) -> Signals:
    """Whether the network is in another country than was named. Of an address, no more than that is ever kept."""
    origin = country_of(sender.packed)
    return {"abroad": True} if origin and origin != country_code(typed.get("country", "")) else {}


def asks_work(campaign: Campaign, now: datetime.datetime | None = None) -> bool:
    """Whether signatures of this campaign should come with proof of work now, whoever sends them."""
    return campaign.signing_rules.asks_work(now)


def wants_work(request: HttpRequest, campaign: Campaign) -> bool:
    """Whether this sender's browser should work: the campaign asks for it, or the network is half-way to its limit."""
    if asks_work(campaign):
        return True
    name, _ = _window("n", sender_of(request).narrow, time.time())
    try:
        so_far = counters.counts(name)[0]
    except (RedisError, OSError):
        return False
    return so_far * 2 >= rate(settings.SIGN_RATE)[0]
