"""Collecting static files once for each state of them: compressing them takes ten seconds of processor."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

_STAMP: Final = "static.state"


def state_of_static(base: Path) -> str:
    """16 hex digits: a digest of our own static files, of the packages that bring others, and of what collects them."""
    digest = hashlib.sha256()
    ours = sorted(path for path in (base / "static").rglob("*") if path.is_file())
    for path in (base / "requirements.lock", base / "config" / "settings.py", *ours):
        digest.update(str(path.relative_to(base)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def is_collected(home: Path, base: Path) -> bool:
    """Whether `home`/static holds what would be collected now."""
    try:
        return (home / "static").is_dir() and (home / _STAMP).read_text() == state_of_static(base)
    except FileNotFoundError:
        return False


def note_collected(home: Path, base: Path) -> None:
    """Remember, after collecting, of what. Beside the folder, not in it: what is in it is served."""
    (home / _STAMP).write_text(state_of_static(base))
