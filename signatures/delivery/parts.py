"""Parts of a delivery: ranges of its numbers, each built by whichever worker is free.

A worker claims a part's row with SKIP LOCKED and holds it while it builds: killed, it lets go of it, and another begins
that part anew. Its files go into the spool encrypted, to a key that lives as long as the delivery is being built.

Must all parts see one snapshot, though several workers build them at different times? They need not. Each part keeps a
digest of the signers it was built from. When the packet is sealed, one snapshot of the register is compared with all
digests; a part that tells of somebody who took their signature back meanwhile is built again. So what is sealed is one
moment of the register, and whoever withdrew before it is in no part.
"""

from __future__ import annotations

import datetime
import hashlib
import itertools
import logging
import secrets
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Final

import msgspec
import pyrage
from django.core.files import File
from django.core.files.storage import storages
from django.db import connection, transaction
from django.utils import timezone, translation

from petitions.models import Disclosure
from signatures.delivery.encrypting import decrypted, encrypted
from signatures.delivery.letter import confidential_until, is_third_party, languages_of
from signatures.delivery.lists import COLUMNS, Listed, Volume, csv_of, pdf_of, xlsx_of
from signatures.delivery.state import CannotBuild
from signatures.delivery.verifier import PART_ROWS
from signatures.delivery.versions import days_of_versions
from signatures.models import Delivery, DeliveryPart, Signature
from signatures.register.keyring import ForeignPublicKey, KeysDamaged, KeysMissing, keyring, keys_of
from signatures.sealing import Box, NotOpened

log = logging.getLogger(__name__)

#: Numbers of one volume: some two hundred pages, which is what can be bound; and what typst sets in 0.5 GB.
VOLUME_NUMBERS: Final = 8_000
#: Signatures fetched at a time.
CHUNK: Final = 5000

# Raw: which parts do not tell of exactly the signers that are counted now, in one statement and so one snapshot. The
# ORM has neither sha256 nor an ordered aggregate of bytes, and millions of numbers need not travel to be compared.
STALE: Final = """
SELECT p.id FROM signatures_deliverypart p
 WHERE p.delivery_id = %s AND p.digest IS NOT NULL AND p.digest <> (
       SELECT sha256(coalesce(string_agg(int8send(CASE WHEN s.share_name THEN s.number ELSE -s.number END)
                                         || substr(s.sealed, 1, 12), ''::bytea ORDER BY s.number), ''::bytea))
         FROM signatures_signature s
        WHERE s.campaign_id = %s AND s.number BETWEEN p.first_number AND p.last_number AND s.state = 'counted')
"""


class SpooledFile(msgspec.Struct, frozen=True):
    """One finished file of a part, and under which name it is spooled."""

    name: str
    sha256: str
    bytes: int
    rows: int
    spooled: str
    #: Of a table: {country: signers}, and which of the part's numbers it lists (`numbers_of`). Only workers read it.
    countries: dict[str, int] = {}
    listed: str = ""


# --- planning -------------------------------------------------------------------------------------------------


def plan_parts(delivery: Delivery) -> None:
    """Lay out the parts of a delivery that holds persons; where they are laid out already, nothing."""
    if not delivery.holds_persons or delivery.parts.exists():
        return
    kinds = ((DeliveryPart.Kind.TABLES, PART_ROWS), (DeliveryPart.Kind.VOLUME, VOLUME_NUMBERS))
    DeliveryPart.objects.bulk_create(
        DeliveryPart(delivery=delivery, kind=kind, position=position, first_number=first, last_number=last)
        for kind, most in kinds
        for position, (first, last) in enumerate(ranges(delivery.first_number, delivery.last_number, most), start=1)
    )


def ranges(first: int, last: int, most: int) -> list[tuple[int, int]]:
    """The numbers from first to last in as few ranges of at most `most` as it takes, of about the same size."""
    count = last - first + 1
    pieces = -(-count // most)
    bounds = [first + count * piece // pieces for piece in range(pieces)] + [last + 1] if pieces else []
    return [(begin, end - 1) for begin, end in itertools.pairwise(bounds)]


# --- building -------------------------------------------------------------------------------------------------


def build_part(delivery: Delivery) -> bool:
    """Claim one part that is to be built, and build it. Says if there was one. Raises CannotBuild, OSError."""
    with transaction.atomic():
        part = (
            DeliveryPart.objects.select_for_update(skip_locked=True)
            .filter(delivery=delivery, digest__isnull=True)
            .order_by("kind", "position")
            .first()
        )
        if part is None:
            return False
        begin = time.monotonic()
        signers, digest = _signers(delivery, part)
        with _unspooled_on_failure() as files:
            files.extend(_spool_all(delivery, part, signers))
        part.files = [msgspec.to_builtins(file) for file in files]
        part.digest, part.seconds = digest, round(time.monotonic() - begin, 3)
        part.save(update_fields=["files", "digest", "seconds"])
    return True


@contextmanager
def _unspooled_on_failure() -> Iterator[list[SpooledFile]]:
    """Where the disk is full, what a part has written so far must not keep it full."""
    files: list[SpooledFile] = []
    try:
        yield files
    except BaseException:
        for file in files:
            storages["spool"].delete(file.spooled)
        raise


def _signers(delivery: Delivery, part: DeliveryPart) -> tuple[list[Listed], bytes]:
    """The signers that the part lists, opened, and the digest of all that are counted in its range."""
    everybody = delivery.profile == Disclosure.FULL
    try:
        box = keys_of(delivery.campaign).register_box
    except (KeysMissing, ForeignPublicKey):
        raise CannotBuild("The campaign's keys are missing from this worker's keyring.") from None
    digest, listed = hashlib.sha256(), []
    for number, agreed, signed_on, mailbox, sealed in _in_order(delivery, part):
        # With the nonce: what was corrected meanwhile is sealed anew.
        digest.update((number if agreed else -number).to_bytes(8, "big", signed=True) + bytes(sealed[:12]))
        if agreed or everybody:
            listed.append(_opened(box, number, signed_on, mailbox, sealed, everybody=everybody))
    return listed, digest.digest()


def _opened(
    box: Box, number: int, signed_on: datetime.date, mailbox: bytes, sealed: bytes, *, everybody: bool
) -> Listed:
    try:
        person = box.open(sealed, mailbox)
    except NotOpened:
        raise CannotBuild(f"Signature number {number} cannot be opened: it was altered.") from None
    if not everybody and not person.share_name:
        # The column only finds the rows; whoever can write to the database must not agree for anybody.
        raise CannotBuild(f"Signature number {number} never agreed to be named: the register was altered.")
    if not person.share_comment:
        person = msgspec.structs.replace(person, comment="")
    return Listed(number, person, signed_on)


def _in_order(delivery: Delivery, part: DeliveryPart) -> Iterator[tuple[int, bool, datetime.date, bytes, bytes]]:
    """(number, agreed, day, fingerprint, sealed) of the counted, by number, CHUNK at a time."""
    counted = Signature.objects.filter(campaign=delivery.campaign, state=Signature.State.COUNTED)
    after = part.first_number - 1
    while True:
        chunk = list(
            counted.filter(number__gt=after, number__lte=part.last_number)
            .order_by("number")
            .values_list("number", "share_name", "signed_on", "fingerprint", "sealed")[:CHUNK]
        )
        yield from chunk  # type: ignore[misc]
        if len(chunk) < CHUNK:
            return
        after = chunk[-1][0] or after


def _spool_all(delivery: Delivery, part: DeliveryPart, signers: list[Listed]) -> Iterator[SpooledFile]:
    if part.kind == DeliveryPart.Kind.VOLUME:
        name = f"signers-volume-{part.position:03}.pdf"
        yield _spool(delivery, name, len(signers), [pdf_of(_volume(delivery, part), signers)])
        return
    columns = COLUMNS[delivery.profile]
    rows = [columns.row(signer) for signer in signers]
    stem = f"signers-{part.position:04}"
    table = _spool(delivery, f"{stem}.csv", len(rows), csv_of(columns.header, rows))
    countries = Counter(signer.person.country for signer in signers)
    yield msgspec.structs.replace(table, countries=countries, listed=_as_bits(part, signers))
    yield _spool(
        delivery,
        f"{stem}.xlsx",
        len(rows),
        [xlsx_of(delivery.reference, columns.header, rows, languages_of(delivery)[0])],
    )


def _volume(delivery: Delivery, part: DeliveryPart) -> Volume:
    language = languages_of(delivery)[0]
    campaign = delivery.campaign
    volumes = list(
        delivery.parts.filter(kind=part.kind).order_by("position").values_list("first_number", "last_number")
    )
    with translation.override(language):
        return Volume(
            title=str(campaign.title),
            organisation=str(campaign.responsible),
            to=str(delivery.addressee),
            reference=delivery.reference,
            language=language,
            profile=delivery.profile,
            position=part.position,
            of=len(volumes),
            first=part.first_number,
            last=part.last_number,
            petition_to=str(campaign.addressee.name) if is_third_party(delivery) else "",
            confidential_until=confidential_until(delivery, timezone.now().date()),
            pledge=str(campaign.pledge),
            versions=days_of_versions(campaign),
            volumes=volumes,
        )


def _spool(delivery: Delivery, name: str, rows: int, chunks: Iterable[bytes]) -> SpooledFile:
    """Write one file into the spool, encrypted while it is written."""
    try:
        recipient = str(keyring().spool_identity(delivery.pk).to_public())
    except KeysDamaged:
        raise CannotBuild(
            "The key to this delivery's parts is damaged. Withdraw the delivery and request a new one."
        ) from None
    digest, size = hashlib.sha256(), 0
    with tempfile.TemporaryFile() as sealed:
        with encrypted(sealed, [recipient]) as stream:
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                stream.write(chunk)
        sealed.seek(0)
        # Another name for each try: a worker that was taken for dead must not write into another's file.
        spooled = _saved(f"{delivery.pk}/{name}-{secrets.token_hex(4)}.age", sealed)
    return SpooledFile(name, digest.hexdigest(), size, rows, spooled)


def _saved(name: str, sealed: IO[bytes]) -> str:
    try:
        return storages["spool"].save(name, File(sealed))
    except OSError:
        storages["spool"].delete(name)
        raise


# --- what was built -------------------------------------------------------------------------------------------


def files_of(part: DeliveryPart) -> list[SpooledFile]:
    return msgspec.convert(part.files or [], list[SpooledFile])


def _as_bits(part: DeliveryPart, signers: Sequence[Listed]) -> str:
    """Which numbers of the part are listed: a bit each, in hexadecimal. Who was named has to be struck by number later,
    when the register no longer knows that they agreed."""
    bits = bytearray(-(-(part.last_number - part.first_number + 1) // 8))
    for signer in signers:
        byte, bit = divmod(signer.number - part.first_number, 8)
        bits[byte] |= 1 << bit
    return bits.hex()


def numbers_listed(delivery: Delivery) -> set[int] | None:
    """The numbers of those whom a finished packet names; None where it was built before that was kept."""
    listed = set[int]()
    for part in delivery.parts.filter(kind=DeliveryPart.Kind.TABLES):
        table = files_of(part)[0] if part.files else None
        if table is None or (table.rows and not table.listed):
            return None
        bits = bytes.fromhex(table.listed)
        listed.update(part.first_number + at for at in range(len(bits) * 8) if bits[at // 8] >> at % 8 & 1)
    return listed


def countries_listed(parts: Iterable[DeliveryPart]) -> Counter[str]:
    """{country: signers} of all whom these parts list."""
    found = Counter[str]()
    for part in parts:
        if part.kind == DeliveryPart.Kind.TABLES:
            found.update(files_of(part)[0].countries)
    return found


def read_spooled(delivery: Delivery, file: SpooledFile, target: IO[bytes]) -> bool:
    """Copy a spooled file, opened, into `target`. Says if it is what was written: a power cut may have cut it short."""
    digest = _Digesting(target)
    try:
        identity = keyring().spool_identity(delivery.pk)
        with storages["spool"].open(file.spooled) as sealed:
            decrypted(sealed, digest, identity)
    except (FileNotFoundError, KeysDamaged, pyrage.DecryptError):
        return False
    return digest.sha256.hexdigest() == file.sha256


class _Digesting:
    def __init__(self, target: IO[bytes]) -> None:
        self.sha256 = hashlib.sha256()
        self._target = target

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        return self._target.write(data)

    def flush(self) -> None:
        pass


def stale_parts(delivery: Delivery) -> list[int]:
    """The built parts that no longer tell of exactly the signers that are counted; their keys."""
    with connection.cursor() as cursor:
        cursor.execute(STALE, [delivery.pk, delivery.campaign_id])
        return [pk for (pk,) in cursor.fetchall()]


def build_again(parts: Iterable[DeliveryPart]) -> None:
    """These parts are to be built anew; what was spooled for them goes."""
    for part in parts:
        for file in files_of(part):
            storages["spool"].delete(file.spooled)
        part.digest = part.files = part.seconds = None
        part.save(update_fields=["digest", "files", "seconds"])


def forget_spool(delivery: Delivery) -> None:
    """The packet is there: its parts are no longer needed, and their key opens nothing any more."""
    keyring().forget_spool_identity(delivery.pk)
    for part in delivery.parts.exclude(files__isnull=True):
        for file in files_of(part):
            storages["spool"].delete(file.spooled)


def progress_of(delivery: Delivery) -> tuple[int, int]:
    """(parts built, parts planned)."""
    done = delivery.parts.values_list("seconds", flat=True)
    return sum(1 for seconds in done if seconds is not None), len(done)
