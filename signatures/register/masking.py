"""Pure: persons as a review list shows them. Enough to see that two look alike, not enough to know who."""

from __future__ import annotations

from typing import Final

_HIDDEN: Final = "…"


def masked_name(name: str) -> str:
    """ "Ada Lovelace" as "A… L…": the first letter of each word, of four words at most."""
    return " ".join(f"{word[0]}{_HIDDEN}" for word in name.split()[:4])


def masked_mailbox(address: str) -> str:
    """ "ada@example.org" as "a…@e….org": how long either part is is not told."""
    local, _, domain = address.rpartition("@")
    host, _, ending = domain.rpartition(".")
    return f"{local[:1]}{_HIDDEN}@{host[:1]}{_HIDDEN}.{ending}" if host else f"{local[:1]}{_HIDDEN}@{_HIDDEN}"
