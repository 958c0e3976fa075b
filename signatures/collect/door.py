"""The door: what is known of a sender before anything is read of what they typed.

One call to Redis counts a request in every window and uses up its proof of work. The answer may depend on the
sender's network and rate, never on what was typed. A campaign's own rate refuses nobody: it turns on proof of work
(register/watching.py). A whole country behind one carrier's address is asked for work long before it is refused.
"""

from __future__ import annotations

import datetime
import enum
import hmac
import ipaddress
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from django.conf import settings
from django.http import HttpRequest
from redis import Redis
from redis.commands.core import Script
from redis.exceptions import RedisError

from petitions.models import Campaign
from signatures import minutes
from signatures.collect import work
from signatures.collect.limits import client_address
from signatures.collect.networks import Address, rule_for

log = logging.getLogger(__name__)

#: A wider network (/48 of IPv6) may send as much as this many narrow ones.
WIDE: Final = 4
#: Seconds a blocked network is told to wait.
BLOCKED_FOR: Final = 3600
DAY: Final = 86_400

# One round trip. A counter never lives without an end, or a process that died between the two would leave one that
# locks a network out for ever. The last key is a solution of work: it counts once.
KNOCK: Final = """
local told = {}
for i = 1, #KEYS - 1 do
  told[i] = redis.call('INCR', KEYS[i])
  if told[i] == 1 then redis.call('EXPIRE', KEYS[i], ARGV[i]) end
end
told[#KEYS] = 0
if KEYS[#KEYS] ~= '' and redis.call('SET', KEYS[#KEYS], 1, 'NX', 'EX', ARGV[#KEYS]) then told[#KEYS] = 1 end
return told
"""

_PERIODS: Final = {"s": 1, "m": 60, "h": 3600, "d": DAY}
_RATE: Final = re.compile(r"(\d+)/(\d*)([smhd])")
type Signals = dict[str, str | int | bool]


class Verdict(enum.Enum):
    WITHIN = "within"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Knock:
    """What the door says, and what it saw: observations that are sealed with the signature (register/judging.py)."""

    verdict: Verdict
    #: Seconds until the sender may try again.
    retry_after: int = 0
    signals: Signals = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sender:
    """A sender as counters and seals know them: labels of the day, which name no network."""

    address: Address | None
    narrow: str
    wide: str


@lru_cache(maxsize=8)
def rate(text: str) -> tuple[int, int]:
    """ "30/m", "300/5m" → (how many, in how many seconds). Raises ValueError."""
    if not (match := _RATE.fullmatch(text)):
        raise ValueError(f"{text!r} is no rate: it has to look like 30/m")
    return int(match[1]), int(match[2] or 1) * _PERIODS[match[3]]


@lru_cache(maxsize=2)
def _daily_key(secret: str, day: datetime.date) -> bytes:
    return hmac.digest(secret.encode(), b"limits" + day.isoformat().encode(), "sha256")


def _label(network: str) -> str:
    key = _daily_key(settings.SECRET_KEY, datetime.datetime.now(datetime.UTC).date())
    return hmac.digest(key, network.encode(), "sha256").hex()[:16]


def sender_of(request: HttpRequest) -> Sender:
    """An IPv4 address and its /24, or the /64 and /48 of an IPv6 one: a household gets 2^64 of those."""
    try:
        address = ipaddress.ip_address(client_address(request).partition("%")[0])
    except ValueError:
        return Sender(None, _label(""), _label("wide"))
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    packed = address.packed
    if address.version == 4:
        return Sender(address, _label(packed.hex()), _label(packed[:3].hex()))
    return Sender(address, _label(packed[:8].hex()), _label(packed[:6].hex()))


def knock(request: HttpRequest, campaign: Campaign, typed: Mapping[str, str]) -> Knock:
    """Count this request, and say whether it is within its network's limits."""
    sender = sender_of(request)
    rule = rule_for(sender.address)
    solution = work.solved(campaign, typed.get("work", ""))
    seen = _of_the_form(typed)
    if sender.address is not None and not _is_ours(sender.address):
        seen |= {"network": sender.narrow, "wide": sender.wide}
    try:
        narrow, wide, today, _minute, fresh = _count(sender, campaign, solution)
    except (RedisError, OSError) as error:
        log.warning("limits are off: Redis is away (%s)", type(error).__name__)
        return _within_lists(rule, seen | {"unlimited": True})
    worked = bool(solution and fresh)
    seen["today"] = today
    if worked:
        seen["work"] = "done"
    elif asks_work(campaign):
        seen["work"] = "missing"
    most, period = rate(settings.SIGN_RATE_WITH_WORK if worked else settings.SIGN_RATE)
    over = narrow > most or (sender.address is not None and sender.address.version == 6 and wide > most * WIDE)
    if over and rule != "allow":
        return Knock(Verdict.OVER, period - int(time.time()) % period)
    return _within_lists(rule, seen)


#: Machines of the site's own, or a proxy that TRUSTED_PROXIES does not count: everybody's address, so nobody's.
_OURS: Final = tuple(
    map(ipaddress.ip_network, ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"))
)


def _is_ours(address: Address) -> bool:
    return address.is_private and any(address in network for network in _OURS)


def _within_lists(rule: str, seen: Signals) -> Knock:
    if rule == "block":
        return Knock(Verdict.OVER, BLOCKED_FOR)
    return Knock(Verdict.WITHIN, signals=seen)


def _of_the_form(typed: Mapping[str, str]) -> Signals:
    """What only a script, or only a machine, fills in. Observations: nobody is refused for them."""
    seen: Signals = {}
    if typed.get(TRAP):
        seen["trap"] = True
    took = typed.get("took", "")
    if took.isascii() and took.isdigit() and len(took) < 9:
        seen["took"] = int(took) // 1000
    return seen


#: The field that no person sees (templates/signatures/_form.html). Its name promises a machine something.
TRAP: Final = "subject"


def asks_work(campaign: Campaign, now: datetime.datetime | None = None) -> bool:
    """Whether signatures of this campaign should come with proof of work now, whoever sends them."""
    return campaign.signing_rules.asks_work(now)


def wants_work(request: HttpRequest, campaign: Campaign) -> bool:
    """Whether this sender's browser should work: the campaign asks for it, or the network is half-way to its limit."""
    if asks_work(campaign):
        return True
    sender = sender_of(request)
    most, period = rate(settings.SIGN_RATE)
    try:
        counted = minutes.redis().get(_key("n", sender.narrow, int(time.time()) // period))
    except (RedisError, OSError):
        return False
    return int(counted or 0) * 2 >= most


# --- Redis ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def _script(client: Redis) -> Script:
    return client.register_script(KNOCK)


def _key(kind: str, *parts: object) -> str:
    return ":".join([settings.CACHES["limits"]["KEY_PREFIX"], kind, *map(str, parts)])


def _count(sender: Sender, campaign: Campaign, solution: str) -> list[int]:
    """[narrow, wide, the narrow one's today in this campaign, the campaign's this minute, solution is fresh]."""
    now = int(time.time())
    _, period = rate(settings.SIGN_RATE)
    keys = [
        _key("n", sender.narrow, now // period),
        _key("w", sender.wide, now // period),
        _key("d", sender.narrow, campaign.pk),
        minutes.minute_key("taken", campaign.pk, now // 60),
        _key("u", solution) if solution else "",
    ]
    lives = [2 * period, 2 * period, DAY, minutes.KEPT, int(work.LIFE.total_seconds())]
    return [int(n) for n in _script(minutes.redis())(keys=keys, args=lives)]
