"""Signatures that the demo holds for review, so that whoever tries it has something to decide. Pure.

Of each kind some, and too few at once for an alarm: from one network without the form's script, with the same words
within seconds, one that filled in what nobody sees, and one mailbox under five tags.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from signatures.demo.people import Signer

_OFFICE: Final = ("Alan Pike", "Bridget Moss", "Colin Reeve", "Dawn Tully", "Edwin Shaw", "Fay Norris", "Glen Haddow")
_REPEATING: Final = ("Hugh Larkin", "Ivy Pemberton", "Jon Askew", "Kath Burrow", "Len Whitlow")
_REPEATED: Final = "Our library must stay open six days a week, as it always was."
_TAGGED: Final = "Moira Kemp"
_NEVER: Final = datetime.datetime.min.replace(tzinfo=datetime.UTC)


def doubtful_signers(at: datetime.datetime) -> Iterator[Signer]:
    """18 of them, confirmed in the minutes before `at`. The same each time, but for when."""
    people = [
        *(_one(name, network="the-office", so_far=11 + n) for n, name in enumerate(_OFFICE)),
        *(_one(name, _REPEATED, network=f"home-{n}", took=2) for n, name in enumerate(_REPEATING)),
        _one("Cheap Loans Now", network="elsewhere", took=9, trap=True),
        *(replace(_one(_TAGGED, network=f"tag-{n}", took=30 + n), email=f"m.kemp+{n}@example.net") for n in range(5)),
    ]
    for minutes, signer in enumerate(people, start=1):
        yield replace(signer, signed_at=at - datetime.timedelta(minutes=minutes))


def _one(name: str, comment: str = "", **seen: str | int | bool) -> Signer:
    """`seen`: what the public tier would have (intake/abuse_gate.py): a network's label, seconds to fill in."""
    return Signer(
        name=name, email=_mailbox(name), country="GB", place="Aldermere", comment=comment, share_name=True,
        updates=False, language="en", signed_at=_NEVER, signals={"wide": seen["network"], **seen},
    )  # fmt: skip


def _mailbox(name: str) -> str:
    return f"{name.lower().replace(' ', '.')}@example.org"
