"""Whether there is room for a packet, before the first byte is written."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Final

from django.core.files.storage import storages

from petitions.models import Disclosure
from signatures.models import Delivery

#: Bytes of one signer in all forms together, generously: a comment can have 2000 characters, few have any.
_PER_SIGNER: Final = {Disclosure.COUNT: 0, Disclosure.INITIALS: 200, Disclosure.NAMED: 300, Disclosure.FULL: 900}
#: Letters, tables, and room for what else goes on on that disk.
_BESIDES: Final = 50_000_000
#: Parts, archive and its copy on the way to the storage may be there at once.
_COPIES: Final = 3


def needed(delivery: Delivery) -> int:
    """Bytes that building it may take."""
    signers = delivery.last_number - delivery.first_number + 1
    return _COPIES * signers * _PER_SIGNER[Disclosure(delivery.profile)] + _BESIDES


def lacking(delivery: Delivery) -> str:
    """What is lacking, and where, in words; "" where there is room."""
    wanted = needed(delivery)
    for place in _places():
        free = shutil.disk_usage(place).free
        if free < wanted:
            return f"{place} has {free // 10**6} MB free; the build needs {wanted // 10**6} MB."
    return ""


def _places() -> list[Path]:
    """The folders that are written to; a storage elsewhere says itself when it is full."""
    places = [Path(tempfile.gettempdir())]
    for name in ("spool", "packets"):
        try:
            path = Path(storages[name].path("."))
        except NotImplementedError:
            continue
        places.append(next(folder for folder in (path, *path.parents) if folder.exists()))
    return places
