"""(5) Building a delivery: range → rows → parts → manifest → archive, encrypted while it streams.

Killed at any moment, it is simply built again: nothing counts before the one UPDATE at the end.
"""

from __future__ import annotations

import datetime
import hashlib
import logging
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import msgspec
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files import File
from django.core.files.storage import Storage, storages
from django.db import IntegrityError, connection, transaction
from django.db.models import Max, Min, Q, QuerySet
from django.template.loader import render_to_string
from django.utils import timezone

from config import VERSION
from petitions.models import Disclosure
from signatures.delivery import verifier
from signatures.delivery.encrypting import encrypted
from signatures.delivery.packet import (
    COUNTRIES,
    FORMAT,
    Amendments,
    CountryTotal,
    Earlier,
    Manifest,
    PacketWriter,
    Period,
    Range,
    Totals,
)
from signatures.delivery.signing import Signer, signer
from signatures.delivery.verifier import grouped
from signatures.desk import audit
from signatures.figures import figures_of_range
from signatures.models import Delivery, Signature
from signatures.register.keyring import ForeignPublicKey, KeysDamaged, KeysMissing, keyring, keys_of
from signatures.sealing import Box, NotOpened, Person

log = logging.getLogger(__name__)

#: The verifier is a program of its own; each packet has a copy.
VERIFIER: Final = Path(verifier.__file__)
#: Signatures fetched at a time.
CHUNK: Final = 5000
#: The first half of a two-part advisory lock; the other is the campaign's key.
_LOCK: Final = 0x64656C


class CannotBuild(Exception):
    """Why it cannot be built, in words for officers; never a person's data."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What a profile tells of one person."""

    header: Sequence[str]
    row: Callable[[int, Person, datetime.date], Sequence[Any]]


def _initials(name: str) -> str:
    return " ".join(f"{word[0]}." for word in name.split())


COLUMNS: Final[dict[str, Columns]] = {
    Disclosure.INITIALS: Columns(
        ("number", "initials", "country"), lambda number, person, day: (number, _initials(person.name), person.country)
    ),
    Disclosure.NAMED: Columns(
        ("number", "name", "place", "country", "signed on"),
        lambda number, person, day: (number, person.name, person.place, person.country, day.isoformat()),
    ),
    Disclosure.FULL: Columns(
        ("number", "name", "e-mail", "place", "country", "comment", "signed on", "agreed to be named"),
        lambda number, person, day: (
            number, person.name, person.email, person.place, person.country, person.comment, day.isoformat(),
            "yes" if person.share_name else "no",
        ),
    ),
}  # fmt: skip


def build_deliveries() -> int:
    """Build each approved delivery that no other worker is building. Returns how many became ready."""
    waiting = Delivery.objects.filter(state=Delivery.State.APPROVED).order_by("proposal__decided_at")
    return sum(_tried(pk) for pk in waiting.values_list("pk", flat=True))


def _tried(pk: int) -> bool:
    """Build one of several: whatever stops it, a bug of ours too, must not stop those that wait behind it."""
    try:
        return build_delivery(pk)
    except Exception:
        log.exception("delivery %s could not be built; the next sweep tries it again", pk)
        return False


def build_delivery(pk: int) -> bool:
    """Build one delivery, unless a worker is at one of its campaign's, or it is not approved. Says if it is ready."""
    with _alone(Delivery.objects.values_list("campaign", flat=True).get(pk=pk)) as alone:
        delivery = Delivery.objects.select_related("campaign", "addressee", "proposal").get(pk=pk)
        if not alone or delivery.state != Delivery.State.APPROVED:
            return False
        try:
            _build(delivery)
        except CannotBuild as error:
            _fail(delivery, str(error))
            return False
        except OSError as error:
            _fail(delivery, f"The packet could not be written: {error.strerror or type(error).__name__}.")
            return False
    return True


@contextmanager
def _alone(campaign: int) -> Iterator[bool]:
    """One packet of a campaign at a time. The lock ends with the connection: no lease to wait for after a kill."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_LOCK, campaign])
        got: bool = cursor.fetchone()[0]
        try:
            yield got
        finally:
            if got:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCK, campaign])


def _fail(delivery: Delivery, problem: str) -> None:
    log.error("delivery %s failed: %s", delivery.reference, problem)
    Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.APPROVED).update(
        state=Delivery.State.FAILED, problem=problem
    )


def _build(delivery: Delivery) -> None:
    # The guard looks at every UPDATE: a campaign narrowed since the approval says no now, before anything is opened.
    _update(delivery, problem="")
    recipients = _recipients(delivery)
    with tempfile.TemporaryFile() as spool:  # holds ciphertext only, or totals
        hashing = _Hashing(spool)
        with encrypted(hashing, recipients) as stream:  # type: ignore[arg-type]
            manifest, manifest_sha256 = write_packet(delivery, stream)
        spool.seek(0)
        with _stored(spool, _archive_name(delivery, recipients)) as archive:
            _update(
                delivery,
                state=Delivery.State.READY,
                manifest=msgspec.to_builtins(manifest),
                manifest_sha256=manifest_sha256,
                archive=archive,
                archive_sha256=hashing.digest.hexdigest(),
                built_at=timezone.now(),
            )


def _update(delivery: Delivery, **values: Any) -> None:
    """Change what is approved. Raises CannotBuild where the database refuses, or somebody was faster."""
    approved = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.APPROVED)
    try:
        with transaction.atomic():
            changed = approved.update(**values)
            if changed and values.get("state") == Delivery.State.READY:
                _note(delivery, values["archive_sha256"])
    except IntegrityError as error:
        raise CannotBuild(_refusal(error)) from error
    if not changed:
        raise CannotBuild("It is no longer waiting to be built.")


def _note(delivery: Delivery, sha256: str) -> None:
    detail = {"delivery": delivery.pk} | delivery.agreed_terms | {"sha256": sha256}
    audit.append(None, "delivery.build", delivery.campaign.section, detail=detail)


def _refusal(error: IntegrityError) -> str:
    constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    if constraint == "delivery_within_disclosure":
        return "The campaign does not allow this profile for this addressee any more: withdraw it, then request less."
    return f"The database refused it ({constraint})."


def _archive_name(delivery: Delivery, recipients: Sequence[str]) -> str:
    """Another one for each try: a worker that lost its lock must not write into, or delete, another's packet."""
    return f"{delivery.reference}-{secrets.token_hex(4)}.zip" + (".age" if recipients else "")


@contextmanager
def _stored(spool: IO[bytes], name: str) -> Iterator[str]:
    """The packet in its storage, on disk; taken away again where what follows is refused."""
    storage = storages["packets"]
    try:
        name = storage.save(name, File(spool))
        _reach_the_disk(storage, name)
        yield name
    except (OSError, CannotBuild):
        # Not on every error: where the connection broke, the UPDATE may have been made, and the packet be ready.
        storage.delete(name)
        raise


def _reach_the_disk(storage: Storage, name: str) -> None:
    """After a power cut, PostgreSQL still says "ready"; so the file, and its name in the directory, come first."""
    try:
        path = Path(storage.path(name))
    except NotImplementedError:
        return  # a storage elsewhere has it once it has answered
    for place in (path, path.parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class _Hashing:
    """Hashes what goes to a file on its way."""

    def __init__(self, file: IO[bytes]) -> None:
        self.digest = hashlib.sha256()
        self._file = file

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def _recipients(delivery: Delivery) -> list[str]:
    """The pinned age recipients of the two officers; none where the packet tells nothing of persons."""
    officers = _officers(delivery)
    if not delivery.holds_persons:
        return []
    try:
        pinned = keyring().recipients()
    except KeysDamaged:
        raise CannotBuild("The list of age recipients in the keyring is damaged.") from None
    recipients = [pinned[officer] for officer in officers if officer in pinned]
    if not recipients:
        raise CannotBuild(f"No age recipient is pinned for {' or '.join(officers)}: nobody could open the packet.")
    return recipients


def _officers(delivery: Delivery) -> list[str]:
    """The usernames of the two who answer for it. One who was dismissed since answers for nothing."""
    agreed = delivery.proposal
    people = User.objects.filter(Q(pk=agreed.requested_by_id) | Q(pk=agreed.decided_by_id)).order_by("username")
    # These columns only: a worker may not read the others of a login (config/grants.py).
    officers = list(people.values_list("username", "is_active"))
    for username, is_active in officers:
        if not is_active:
            raise CannotBuild(
                f"{username} is no longer an active officer: withdraw it, and let two others decide anew."
            )
    return [username for username, _ in officers]


def write_packet(delivery: Delivery, stream: IO[bytes]) -> tuple[Manifest, str]:
    """Write the delivery's packet to the stream. Reads one snapshot of the register. Raises CannotBuild.

    Returns the manifest and the SHA-256 of its bytes.
    """
    try:
        signs = signer()
    except KeysDamaged:
        raise CannotBuild("The key in the keyring that signs manifests is damaged.") from None
    with transaction.atomic():
        if len(connection.atomic_blocks) == 1:  # the first statement of a transaction, or not at all
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        with PacketWriter(stream) as writer:
            return _write(delivery, writer, signs)


def _write(delivery: Delivery, writer: PacketWriter, signs: Signer) -> tuple[Manifest, str]:
    _check_chain(delivery)
    signatures = Signature.objects.filter(
        campaign=delivery.campaign, number__range=(delivery.first_number, delivery.last_number)
    )
    counted = signatures.filter(state=Signature.State.COUNTED)
    figures = figures_of_range(delivery.campaign, delivery.first_number, delivery.last_number, counted.count())
    listed = _write_signers(delivery, counted, writer)
    rows = [(country.code, country.name, country.count) for country in figures.countries]
    writer.add_table(COUNTRIES, ("code", "country", "signatures"), [*rows, ("", "other", figures.other)])
    gaps = sorted(_numbers(signatures.exclude(state=Signature.State.COUNTED)))
    days = counted.aggregate(first=Min("signed_on"), last=Max("signed_on"))
    draft = Manifest(
        format=FORMAT,
        software=f"undersigned {VERSION}",
        campaign=delivery.campaign.slug,
        title=delivery.campaign.title,
        addressee=str(delivery.addressee),
        series=delivery.series,
        reference=delivery.reference,
        profile=delivery.profile,
        range=Range(delivery.first_number, delivery.last_number),
        totals=Totals(figures.total, figures.country_count, listed, len(gaps)),
        by_country=[CountryTotal(country.code, country.name, country.count) for country in figures.countries],
        other=figures.other,
        period=Period(*(day.isoformat() if day else "" for day in (days["first"], days["last"]))),
        amendments=_amendments(delivery),
        # In a packet of totals, a number would say which of the signers took back.
        gap_numbers=gaps if delivery.holds_persons else [],
        earlier=_earlier(delivery),
        built_at=timezone.now().date().isoformat(),
        signed_by=signs.fingerprint,
        files=[],
    )
    context = {
        "delivery": delivery,
        "campaign": delivery.campaign,
        "manifest": draft,
        "figures": figures,
        "fingerprint": grouped(draft.signed_by),
        "key_url": f"{settings.SITE_URL}/signing-key/",
    }
    writer.add_text("letter.txt", render_to_string("signatures/delivery/letter.txt", context))
    writer.add_text("README.txt", render_to_string("signatures/delivery/readme.txt", context))
    writer.add_text("verify.py", VERIFIER.read_text())
    manifest = msgspec.structs.replace(draft, files=writer.files)
    return manifest, writer.close(manifest, signs.sign)


def _write_signers(delivery: Delivery, counted: QuerySet[Signature], writer: PacketWriter) -> int:
    columns = COLUMNS.get(delivery.profile)
    if columns is None:
        return 0
    if delivery.profile != Disclosure.FULL:
        counted = counted.filter(share_name=True)
    try:
        box = keys_of(delivery.campaign).register_box
    except (KeysMissing, ForeignPublicKey):
        raise CannotBuild("The campaign's keys are not in this worker's keyring.") from None
    return writer.add_parts("signers", columns.header, _rows(delivery, counted, box, columns))


def _rows(delivery: Delivery, counted: QuerySet[Signature], box: Box, columns: Columns) -> Iterator[Sequence[Any]]:
    for number, signed_on, mailbox, sealed in _in_order(delivery, counted):
        try:
            person = box.open(sealed, mailbox)
        except NotOpened:
            raise CannotBuild(f"Signature number {number} cannot be opened: it was altered.") from None
        if delivery.profile != Disclosure.FULL and not person.share_name:
            # The column only finds the rows; whoever can write to the database must not agree for anybody.
            raise CannotBuild(f"Signature number {number} never agreed to be named: the register was altered.")
        yield columns.row(number, person, signed_on)


def _in_order(delivery: Delivery, counted: QuerySet[Signature]) -> Iterator[tuple[int, datetime.date, bytes, bytes]]:
    """(number, day, fingerprint, sealed) by number, CHUNK at a time: memory stays flat."""
    after = delivery.first_number - 1
    while True:
        chunk = list(
            counted.filter(number__gt=after)
            .order_by("number")
            .values_list("number", "signed_on", "fingerprint", "sealed")[:CHUNK]
        )
        yield from chunk  # type: ignore[misc]
        if len(chunk) < CHUNK:
            return
        after = chunk[-1][0] or after


def _check_chain(delivery: Delivery) -> None:
    """The ranges of a series touch and never overlap. Web asked for the range; here it is checked."""
    first, last = delivery.first_number, delivery.last_number
    others = Delivery.objects.live().filter(
        campaign=delivery.campaign, addressee=delivery.addressee, series=delivery.series
    )
    others = others.exclude(pk=delivery.pk)
    if others.filter(first_number__lte=last, last_number__gte=first).exists():
        raise CannotBuild(f"Another delivery of the series has some of the numbers {first} to {last}.")
    if first != 1 and not others.filter(last_number=first - 1).exists():
        raise CannotBuild(f"No delivery of the series ends at number {first - 1}: request that part first, then retry.")
    if last > delivery.campaign.register.last_number:
        raise CannotBuild("The range ends beyond the last number given.")


def _finished(delivery: Delivery) -> QuerySet[Delivery]:
    """The packets of the series that are there already."""
    return Delivery.objects.ready().filter(
        campaign=delivery.campaign, addressee=delivery.addressee, series=delivery.series
    )


def _earlier(delivery: Delivery) -> list[Earlier]:
    finished = _finished(delivery).select_related("campaign").order_by("first_number", "pk")
    return [Earlier(old.reference, old.first_number, old.last_number, old.manifest_sha256) for old in finished]


def _numbers(signatures: QuerySet[Signature]) -> set[int]:
    return {number for number in signatures.values_list("number", flat=True) if number is not None}


def _amendments(delivery: Delivery) -> Amendments:
    """What finished packets of the series counted and is no longer counted; each is told once.

    The lock in `_alone` is the campaign's: no other packet that could tell the same is being built.
    """
    finished = _finished(delivery)
    withdrawn, untold = 0, set[int]()
    for manifest in finished.values_list("manifest", flat=True):
        if manifest is None:
            continue
        span = (manifest["range"]["first"], manifest["range"]["last"])
        gone = Signature.objects.filter(campaign=delivery.campaign, number__range=span)
        gone = gone.exclude(state=Signature.State.COUNTED)
        withdrawn += gone.count() - manifest["totals"]["gaps"] - manifest["amendments"]["withdrawn"]
        if manifest["profile"] != Disclosure.COUNT:
            untold |= _numbers(gone)
    if delivery.holds_persons:
        for manifest in finished.values_list("manifest", flat=True):
            untold -= {*manifest["gap_numbers"], *manifest["amendments"]["numbers"]} if manifest else set()
    return Amendments(withdrawn, sorted(untold) if delivery.holds_persons else [])
