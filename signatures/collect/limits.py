"""How much one network may send, whatever it typed. Counters in Redis are keyed by HMAC: no address is stored."""

from __future__ import annotations

import datetime
import enum
import hmac
import ipaddress
import logging
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django_ratelimit.core import get_usage
from redis.exceptions import RedisError

log = logging.getLogger(__name__)


class Verdict(enum.Enum):
    WITHIN = "within"
    OVER = "over"
    #: Redis is away. Signing goes on, and the submission says so inside its seal.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Limit:
    verdict: Verdict
    #: Seconds until the sender may try again.
    retry_after: int = 0


def client_address(request: HttpRequest) -> str:
    """The address that the outermost proxy we trust saw, counted from the right of X-Forwarded-For.

    What stands further left was written by the sender. With no trusted proxy, the header is ignored.
    """
    peer = str(request.META.get("REMOTE_ADDR", ""))
    trusted: int = settings.TRUSTED_PROXIES
    if not trusted:
        return peer
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    # The last hop was written by the proxy nearest to us, the one before by the proxy before it.
    return hops[-trusted] if len(hops) >= trusted else peer


def client_network(request: HttpRequest) -> str:
    """An IPv4 address, or the /64 of an IPv6 one: a household gets 2^64 of those. "" where there is none."""
    try:
        address = ipaddress.ip_address(client_address(request).partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def network_key(group: str, request: HttpRequest) -> str:
    """The network as Redis sees it: HMAC under a key that changes daily, so counters name nobody."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    daily = hmac.digest(settings.SECRET_KEY.encode(), b"limits" + today.encode(), "sha256")
    return hmac.digest(daily, client_network(request).encode(), "sha256").hex()[:32]


def check_limit(request: HttpRequest, group: str, rate: str) -> Limit:
    """Count this request against its network's rate ("30/m"), and say whether it is within."""
    try:
        usage = get_usage(request, group=group, key=network_key, rate=rate, increment=True)
    except (RedisError, OSError) as error:
        # django-ratelimit's FAIL_OPEN does not cover a Redis that is away.
        log.warning("limits are off: Redis is away (%s)", type(error).__name__)
        return Limit(Verdict.UNKNOWN)
    if usage is None:
        return Limit(Verdict.WITHIN)
    if usage["should_limit"]:
        return Limit(Verdict.OVER, max(1, usage["time_left"]))
    return Limit(Verdict.WITHIN)


def is_cross_site(request: HttpRequest) -> bool:
    """Whether another site's page sent this form. Needs no cookie and no token, so pages stay cacheable.

    Browsers since 2020–2023 send Sec-Fetch-Site, all send Origin with a POST to another site; what sends
    neither is no browser, and so nobody's page made it.
    """
    fetch_site = request.headers.get("Sec-Fetch-Site")
    if fetch_site is not None:
        return fetch_site not in {"same-origin", "none"}
    origin = request.headers.get("Origin")
    return origin is not None and origin not in {settings.SITE_URL, f"{request.scheme}://{request.get_host()}"}
