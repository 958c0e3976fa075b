"""Who sends, as far as anybody is told: labels of the hour instead of addresses, and whether our own page sent it.

On the hot path: `inet_pton` takes a tenth of what `ipaddress` does, and `request.headers` would copy every header.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
from typing import Final

import msgspec
from django.conf import settings
from django.http import HttpRequest

from web.identities import site
from web.network_key import network_key

#: ::ffff:0:0/96: an IPv4 address as a socket that speaks both writes it.
_MAPPED: Final = bytes(10) + b"\xff\xff"


class Sender(msgspec.Struct, frozen=True, gc=False):
    """A sender as counters and seals know them: an IPv4 address and its /24, or the /64 and /48 of an IPv6 one.

    Not the IPv6 address itself: a household gets 2^64 of those. The labels name no network.
    """

    #: 4 or 16 bytes, in network order; b"" where there is no address.
    packed: bytes
    narrow: str
    wide: str

    @property
    def is_v6(self) -> bool:
        return len(self.packed) == 16

    @property
    def is_ours(self) -> bool:
        """A machine of the site's own, or a proxy that TRUSTED_PROXIES does not count: everybody's, so nobody's."""
        number, bits = int.from_bytes(self.packed), len(self.packed) * 8
        return any(bits == length and number >> shift == prefix for length, shift, prefix in _OURS)


def _prefix(cidr: str) -> tuple[int, int, int]:
    network = ipaddress.ip_network(cidr)
    shift = network.max_prefixlen - network.prefixlen
    return network.max_prefixlen, shift, int(network.network_address) >> shift


_OURS: Final = tuple(
    map(_prefix, ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"))
)


def sender_of(request: HttpRequest) -> Sender:
    """The sender of this request. Whoever comes without an address is one sender with all others who do."""
    packed = packed_address(_hop(request))
    key = network_key()
    if len(packed) == 4:
        return Sender(packed, _label(key, packed), _label(key, packed[:3]))
    return Sender(packed, _label(key, packed[:8]), _label(key, b"wide" + packed[:6]))


def client_address(request: HttpRequest) -> str:
    """The address that the outermost proxy we trust saw, in its canonical spelling; "" where that proxy knew none."""
    packed = packed_address(_hop(request))
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed) if packed else ""


def client_network(request: HttpRequest) -> str:
    """The network around that address: the /24 of an IPv4 one, the /48 of an IPv6 one; "" where there is none."""
    address = client_address(request)
    if not address:
        return ""
    return str(ipaddress.ip_network(f"{address}/{48 if ':' in address else 24}", strict=False))


def _hop(request: HttpRequest) -> str:
    """What the outermost proxy we trust wrote of its peer, counted from the right of X-Forwarded-For.

    What stands further left was written by the sender. With no trusted proxy, the header is ignored.
    """
    peer = str(request.META.get("REMOTE_ADDR", ""))
    trusted: int = settings.TRUSTED_PROXIES
    if not trusted:
        return peer
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    # The last hop was written by the proxy nearest to us, the one before by the proxy before it.
    return hops[-trusted] if len(hops) >= trusted else peer


def packed_address(hop: str) -> bytes:
    """The address in one entry of X-Forwarded-For, as proxies write them: 4 or 16 bytes, b"" where there is none.

    203.0.113.7, 203.0.113.7:443, 2001:db8::7, [2001:db8::7], [2001:db8::7]:443, 2001:db8::7:51234, each perhaps in
    quotes (RFC 7239 section 6) or with a zone; "unknown" and names made up for a sender have none. A port without
    brackets that could as well be the end of an IPv6 address is taken for that: most often, the network is the same.
    """
    address = hop.strip(" \t\"'")
    if address.startswith("["):
        address = address[1:].partition("]")[0]
    elif address.count(":") == 1:
        address = address.partition(":")[0]
    address = address.partition("%")[0]  # a zone, and the port after it
    before, _, port = address.rpartition(":")
    return _packed(address) or (_packed(before) if port.isdecimal() and ":" in before else b"")


def _packed(address: str) -> bytes:
    try:
        packed = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    except (OSError, ValueError):
        return b""
    return packed[12:] if packed.startswith(_MAPPED) else packed


def _label(key: bytes, network: bytes) -> str:
    """The network under a key that lives an hour: 16 hexadecimal digits, which name nobody."""
    return hmac.digest(key, network, "sha256").hex()[:16]


def is_cross_site(request: HttpRequest) -> bool:
    """Whether another site's page sent this form. Needs no cookie and no token, so pages stay cacheable.

    Browsers since 2020–2023 send Sec-Fetch-Site, all send Origin with a POST to another site; what sends
    neither is no browser, and so nobody's page made it.
    """
    fetch_site = request.META.get("HTTP_SEC_FETCH_SITE")
    if fetch_site is not None:
        return fetch_site not in {"same-origin", "none"}
    origin = request.META.get("HTTP_ORIGIN")
    return origin is not None and origin not in {site().origin, f"{request.scheme}://{request.get_host()}"}
