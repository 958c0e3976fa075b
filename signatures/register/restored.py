"""After a restore: no work before whoever withdrew since that backup is withdrawn again, and nothing is swept.

<keyring>/restored          written by `restore`: tombstones are still to be replayed
<keyring>/orphans-kept      written by `replay_tombstones`: packets younger than the backup are known to no row of
                            it, and would be deleted; whoever operates it looks, and removes this file
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from signatures.register.keyring import keyring

RESTORED: Final = "restored"
ORPHANS_KEPT: Final = "orphans-kept"


def awaits_tombstones() -> bool:
    """Whether the database was put back and nobody has replayed the tombstones yet."""
    return (keyring().directory / RESTORED).exists()


def note_replayed() -> bool:
    """The tombstones were replayed: workers may work. Says whether they were waited for."""
    with suppress(FileNotFoundError):
        (keyring().directory / RESTORED).rename(keyring().directory / ORPHANS_KEPT)
        return True
    return False


def keeps_orphans() -> bool:
    """Whether files that no row knows are to stay, because the rows may be older than they are."""
    folder = keyring().directory
    return (folder / ORPHANS_KEPT).exists() or (folder / RESTORED).exists()
