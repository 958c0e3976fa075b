"""Looking for what must not be there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def in_clear(home: Path, needles: Sequence[bytes]) -> list[str]:
    """The files under a site's home in which one of these stands: tables, logs, Redis's file, packets, all.

    The mails are left out: they have to tell.
    """
    files = [path for path in home.rglob("*") if path.is_file() and home / "mail" not in path.parents]
    assert len(files) > 100, "these are not all of a site's files"
    found = []
    for path in files:
        try:
            text = path.read_bytes()
        except FileNotFoundError:  # PostgreSQL is running, and writes some anew
            continue
        if any(needle in text for needle in needles):
            found.append(str(path.relative_to(home)))
    return found
