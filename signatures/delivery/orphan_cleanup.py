"""What a worker that was killed left lying: spooled parts, archives and keys that no delivery knows; and packets that
were discarded."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Iterator
from typing import Final

from django.core.files.storage import Storage, storages
from django.utils import timezone

from signatures.delivery.parts import files_of
from signatures.models import Delivery, DeliveryPart, PacketCopy
from signatures.register.keyring import keyring
from signatures.register.restored import keeps_orphans

log = logging.getLogger(__name__)

#: Younger files may be what another worker is just writing.
AGE: Final = datetime.timedelta(hours=1)
_UNFINISHED: Final = (Delivery.State.APPROVED, Delivery.State.FAILED)


def remove_orphans() -> int:
    """Delete what no delivery knows any more; returns how much that was. Nothing after a restore (restored.py)."""
    if keeps_orphans():
        return 0
    unfinished = DeliveryPart.objects.filter(delivery__state__in=_UNFINISHED, files__isnull=False)
    spooled = {file.spooled for part in unfinished for file in files_of(part)}
    # Of a packet that was discarded, the row stays and the file goes.
    kept = Delivery.objects.live().exclude(archive="")
    copies = PacketCopy.objects.filter(delivery__in=kept)
    archives = {*kept.values_list("archive", flat=True), *copies.values_list("archive", flat=True)}
    removed = _remove(storages["spool"], spooled) + _remove(storages["packets"], archives) + _remove_old_keys()
    if removed:
        log.info("removed %s files and keys of finished deliveries", removed)
    return removed


def _remove(storage: Storage, known: set[str]) -> int:
    limit = timezone.now() - AGE
    orphans = [name for name in _all(storage) if name not in known and storage.get_modified_time(name) < limit]
    for name in orphans:
        storage.delete(name)
    return len(orphans)


def _all(storage: Storage, folder: str = "") -> Iterator[str]:
    try:
        folders, files = storage.listdir(folder)
    except FileNotFoundError:
        return  # nothing was ever written
    yield from (f"{folder}/{name}" if folder else name for name in files)
    for inner in folders:
        yield from _all(storage, f"{folder}/{inner}" if folder else inner)


def _remove_old_keys() -> int:
    """A delivery that is over needs its parts no more, and nobody the key to them."""
    needed = set(Delivery.objects.filter(state__in=_UNFINISHED).values_list("pk", flat=True))
    over = keyring().spools() - needed
    for delivery in over:
        keyring().forget_spool_identity(delivery)
    return len(over)
