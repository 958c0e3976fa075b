"""Pure: persons as a review list shows them. Enough to see that two look alike, not enough to know who."""

from __future__ import annotations

from typing import Final

from signatures.initials import first_letters

_HIDDEN: Final = "…"


def masked_name(name: str) -> str:
    """ "Ada Lovelace" as "A… L…": the first letter of each word, of four words at most."""
    return " ".join(f"{letter}{_HIDDEN}" for letter in first_letters(name)[:4]) or _HIDDEN


def masked_initials(name: str) -> str:
    """ "Ada B. Lovelace" as "A… L…": one letter each of the first and the last word that has one, so that a mail with
    it carries nothing that whoever typed it wants to say."""
    return " ".join(f"{letter}{_HIDDEN}" for letter in first_letters(name, ends=True)) or _HIDDEN


def masked_mailbox(address: str) -> str:
    """ "ada@example.org" as "a…@e….org": how long either part is is not told."""
    local, _, domain = address.rpartition("@")
    host, _, ending = domain.rpartition(".")
    return f"{local[:1]}{_HIDDEN}@{host[:1]}{_HIDDEN}.{ending}" if host else f"{local[:1]}{_HIDDEN}@{_HIDDEN}"
