"""The abuse gate: what is known of a sender, whatever they typed.

One call to Redis counts a request in every window. The answer may depend on the sender's network and rate, on the work
done and on whether the form is filled in, never on what was typed. A campaign's own rate refuses nobody: it turns on
proof of work (register/monitoring.py). A whole country behind one carrier's address is asked for work long before it is
refused.
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
from signatures.intake.networks import rule_for, trial_for
from signatures.sign_form.context import TRAP
from signatures.sign_form.form import country_code
from web import counters, minute_counters
from web.counters import Window
from web.minute_counters import trial_window
from web.network_countries import country_of
from web.network_key import LIFE as HOUR
from web.rate_limits import Verdict, rate
from web.senders import Sender, sender_of

log = logging.getLogger(__name__)

#: A wider network (/48 of IPv6) may send as much as this many narrow ones.
WIDE: Final = 4
#: Seconds a blocked network is told to wait.
BLOCKED_FOR: Final = 3600
#: Kinds of requests, each with windows of its own.
PLAIN, WORKED, REFUSED = "p", "s", "e"

type Signals = dict[str, str | int | bool]


class SenderCheck(msgspec.Struct, frozen=True, gc=False):
    """What the gate says, and what it saw: observations that are sealed with the signature (register/screening.py)."""

    verdict: Verdict
    #: Seconds until the sender may try again.
    retry_after: int = 0
    signals: Signals = {}


def check_sender(
    request: HttpRequest, campaign: Campaign, typed: Mapping[str, str], *, is_complete: bool = True
) -> SenderCheck:
    """Count this request, and say whether it is within its network's limits.

    What came complete, what came with work done and what will be refused each use up an allowance of their own: nobody
    can spend that of others behind the same carrier or Tor exit but by sending what they send.
    """
    sender = sender_of(request)
    rule = rule_for(sender.packed)
    seen = _of_the_form(typed)
    if sender.packed and not sender.is_ours:
        seen |= {"network": sender.narrow, "wide": sender.wide} | _abroad(sender, typed)
    now = time.time()
    try:
        worked = is_complete and _has_worked(campaign, typed)
        kind = REFUSED if not is_complete else WORKED if worked else PLAIN
        narrow, wide, *others = counters.count([*_windows(kind, sender, campaign, now), *_on_trial(sender)])
    except (RedisError, OSError) as error:
        log.warning("limits are off: Redis is away (%s)", type(error).__name__)
        return _within_lists(rule, seen | {"unlimited": True})
    if is_complete:
        seen["so_far"] = others[0]
    if worked:
        seen["work"] = "done"
    elif asks_work(campaign):
        seen["work"] = "missing"
    if rule != "allow" and _is_over(narrow, wide if sender.is_v6 else 0, worked):
        period = rate(settings.SIGN_RATE)[1]
        return SenderCheck(Verdict.OVER, period - int(now) % period)
    return _within_lists(rule, seen)


def _has_worked(campaign: Campaign, typed: Mapping[str, str]) -> bool:
    """Whether a solution came that nobody used before. Raises RedisError or OSError."""
    solution = proof_of_work.solved(campaign, typed.get("work", ""))
    return bool(solution) and counters.use_once(f"u:{solution}", int(proof_of_work.LIFE.total_seconds()))


def _windows(kind: str, sender: Sender, campaign: Campaign, now: float) -> list[Window]:
    """The narrow network's window and the wide one's; of what may be taken, also the narrow one's hour in this campaign
    and the campaign's minute."""
    allowance = [_window(kind + "n", sender.narrow, now), _window(kind + "w", sender.wide, now)]
    if kind == REFUSED:
        return allowance
    return [
        *allowance,
        (f"h:{sender.narrow}:{campaign.id}", HOUR),
        minute_counters.minute_window("taken", campaign.id),
    ]


def _on_trial(sender: Sender) -> list[Window]:
    """Where a rule for this network only counts yet: whom it will meet."""
    rule = trial_for(sender.packed)
    return [trial_window(rule)] if rule else []


def _window(kind: str, label: str, now: float) -> Window:
    period = rate(settings.SIGN_RATE)[1]
    return f"{kind}:{label}:{int(now) // period}", period


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
    name, _ = _window(PLAIN + "n", sender_of(request).narrow, time.time())
    try:
        so_far = counters.counts(name)[0]
    except (RedisError, OSError):
        return False
    return so_far * 2 >= rate(settings.SIGN_RATE)[0]
