"""Typing errors in an address: a guess to help with, never a reason to refuse."""

from __future__ import annotations

import difflib

from signatures.mail_providers import LARGE, SUGGESTED


def likely_meant(address: str) -> str:
    """The address with the provider it was probably meant to have; "" where nothing looks mistyped."""
    name, at, domain = address.strip().rpartition("@")
    domain = domain.lower()
    if not at or not name or domain in LARGE:
        return ""
    # 0.85: one letter too many, missing, wrong or two swapped in a domain of eight letters or more.
    close = difflib.get_close_matches(domain, SUGGESTED, n=1, cutoff=0.85)
    return f"{name}@{close[0]}" if close else ""
