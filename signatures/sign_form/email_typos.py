"""Slips of the finger in an address: a guess to help with, never a reason to refuse."""

from __future__ import annotations

import difflib
from typing import Final

#: Where most mailboxes are, in the countries whose languages the site speaks, and what differs from one of them by a
#: letter and is no slip. static/js/form.js asks for the same list, by a rule of its own.
PROVIDERS: Final = (
    "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "yahoo.com", "icloud.com", "aol.com",
    "proton.me", "protonmail.com", "gmx.de", "gmx.net", "web.de", "t-online.de", "freenet.de", "orange.fr", "free.fr",
    "laposte.net", "wanadoo.fr", "sfr.fr", "wp.pl", "onet.pl", "o2.pl", "interia.pl", "ukr.net", "i.ua", "hotmail.es",
    "yahoo.es", "hotmail.co.uk", "btinternet.com", "tutanota.com", "mail.com", "ymail.com", "email.com", "op.pl",
    "vp.pl", "go2.pl",
)  # fmt: skip


def likely_meant(address: str) -> str:
    """The address with the provider it was probably meant to have; "" where nothing looks like a slip."""
    name, at, domain = address.strip().rpartition("@")
    domain = domain.lower()
    if not at or not name or domain in PROVIDERS:
        return ""
    # 0.85: one letter too many, missing, wrong or two swapped in a domain of eight letters or more.
    close = difflib.get_close_matches(domain, PROVIDERS, n=1, cutoff=0.85)
    return f"{name}@{close[0]}" if close else ""
