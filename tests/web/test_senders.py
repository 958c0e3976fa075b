"""Whose request it is, as the world's proxies write it: one parser, held against their grammar."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fixtures import SiteClient
from web.senders import client_address, packed_address, sender_of

IPV4 = st.ip_addresses(v=4)
IPV6 = st.ip_addresses(v=6)
PORTS = st.integers(0, 65535)
#: Of clients: those that could also stand in an IPv6 address have four digits at most.
LONG_PORTS = st.integers(10_000, 65535)
BLANKS = st.sampled_from(["", " ", "\t"])


def v4_forms(address: Any, port: int) -> list[str]:
    mapped = f"::ffff:{address}"
    return [str(address), f"{address}:{port}", f"[{address}]:{port}", mapped, f"[{mapped}]", f"[{mapped}]:{port}"]


def v6_forms(address: Any, port: int) -> list[str]:
    spellings = [address.compressed, address.exploded, address.compressed.upper()]
    return [form for a in spellings for form in (a, f"[{a}]", f"[{a}]:{port}", f"[{a}%eth0]:{port}", f"{a}%1")]


def quoted(form: str) -> list[str]:
    return [form, f'"{form}"']


@given(IPV4, PORTS, BLANKS)
def test_every_spelling_of_an_ipv4_address_is_that_address(address: Any, port: int, blank: str) -> None:
    for form in v4_forms(address, port):
        for hop in quoted(form):
            assert packed_address(f"{blank}{hop}{blank}") == address.packed, hop


@given(IPV6.filter(lambda address: address.ipv4_mapped is None), PORTS, LONG_PORTS)
def test_every_spelling_of_an_ipv6_address_is_that_address(address: Any, port: int, long_port: int) -> None:
    unbracketed = [f"{address.compressed}:{long_port}", f"{address.exploded}:{port}"]
    for form in [*v6_forms(address, port), *unbracketed]:
        for hop in quoted(form):
            assert packed_address(hop) == address.packed, hop


@given(st.text(max_size=60))
def test_whatever_a_proxy_writes_is_an_address_or_none(hop: str) -> None:
    assert len(packed_address(hop)) in {0, 4, 16}


@pytest.mark.parametrize("hop", ["unknown", "_hidden", "unix:", "-", "[", "[]:443", ":443", '""', "\0", "1.2.3", "::g"])
def test_what_names_no_address_is_none(hop: str) -> None:
    assert packed_address(hop) == b""


def behind_a_proxy(hop: str) -> Any:
    return RequestFactory().post("/", headers={"X-Forwarded-For": f"198.51.100.1, {hop}"}, REMOTE_ADDR="10.0.0.2")


@pytest.mark.parametrize("address", ["203.0.113.{}", "2001:db8:0:{}::7"])
@pytest.mark.parametrize("form", ["{}:51234", "[{}]:443", '"[{}]:443"'])
def test_clients_whose_ports_are_told_are_as_many_senders_as_without(settings: Any, address: str, form: str) -> None:
    settings.TRUSTED_PROXIES = 1
    plain = [sender_of(behind_a_proxy(address.format(n))).narrow for n in range(1, 40)]
    assert [sender_of(behind_a_proxy(form.format(address.format(n)))).narrow for n in range(1, 40)] == plain
    assert len(set(plain)) == 39


def test_an_address_is_shown_in_its_canonical_spelling(settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    for hop in ("[2001:DB8:0::0:7]:443", "2001:db8::7", '"[2001:db8::7%eth0]"'):
        assert client_address(behind_a_proxy(hop)) == str(ipaddress.ip_address("2001:db8::7"))
    assert client_address(behind_a_proxy("unknown")) == ""


@pytest.mark.parametrize(
    ("hop", "shown"),
    [
        ("203.0.113.7:51234", "203.0.113.7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("2001:db8::7:51234", "2001:db8::7"),
        ('"203.0.113.7"', "203.0.113.7"),
        ("unknown", "0.0.0.0"),
        ("unix:", "0.0.0.0"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_staff_log_in_whatever_their_proxy_writes(staff: Any, settings: Any, hop: str, shown: str) -> None:
    from tests.staff.login.test_login import KEY, TOTP, Role, type_code, type_password

    settings.TRUSTED_PROXIES = 1
    TOTP.activate(staff(Role.CAMPAIGNER, username="anna"), KEY)
    client = SiteClient(headers={"X-Forwarded-For": hop})
    assert type_password(client).status_code == 302
    assert type_code(client).status_code == 302
    assert f"<bdi>{shown}</bdi>" in client.get("/admin/sessions/").text


@pytest.mark.parametrize("peer", ["", "unix:/run/site.sock"])
def test_staff_log_in_over_a_socket_without_addresses(staff: Any, peer: str) -> None:
    from tests.staff.login.test_login import KEY, TOTP, Role, type_code, type_password

    TOTP.activate(staff(Role.CAMPAIGNER, username="anna"), KEY)
    client = SiteClient(REMOTE_ADDR=peer)
    type_password(client)
    assert type_code(client).status_code == 302
    assert client.get("/admin/").status_code == 200
