"""(5) Building a delivery: range → parts → manifest → archive, encrypted while it streams.

Any number of workers build its parts (parts.py); one of them seals and assembles. Killed at any moment, the rest is
done by another: nothing counts before the one UPDATE at the end.
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
from django.utils import timezone, translation

from config import VERSION
from petitions.models import Disclosure
from signatures.delivery import space, verifier
from signatures.delivery.encrypting import encrypted
from signatures.delivery.letter import compose, languages_of, letter_pdf
from signatures.delivery.odt import letter_odt
from signatures.delivery.packet import (
    COUNTRIES,
    FORMAT,
    Amendments,
    CountryTotal,
    Earlier,
    FileEntry,
    Manifest,
    PacketWriter,
    Period,
    Range,
    Totals,
)
from signatures.delivery.parts import (
    CannotBuild,
    SpooledFile,
    build_again,
    build_part,
    files_of,
    forget_spool,
    plan_parts,
    read_spooled,
    stale_parts,
)
from signatures.delivery.signing import Signer, signer
from signatures.desk import audit
from signatures.figures import Figures, figures_of_range
from signatures.models import Delivery, DeliveryPart, Signature
from signatures.register.keyring import KeysDamaged, keyring

__all__ = ["CannotBuild", "build_deliveries", "build_delivery"]

log = logging.getLogger(__name__)

#: The verifier is a program of its own; each packet has a copy.
VERIFIER: Final = Path(verifier.__file__)
#: Rounds of rebuilding what withdrawals made stale, after which withdrawals wait; and for how long at most.
PATIENCE: Final = 3
WITHDRAWALS_WAIT: Final = datetime.timedelta(minutes=2)
#: The first half of a two-part advisory lock; the other is the campaign's key.
_LOCK: Final = 0x64656C


def build_deliveries(notice: Callable[[], None] = lambda: None) -> int:
    """Build each approved delivery, or those of its parts that no other worker is at. Returns how many became ready.

    `notice` is called when parts were laid out, and when one was built: there may be something to do for others.
    """
    waiting = Delivery.objects.filter(state=Delivery.State.APPROVED).order_by("proposal__decided_at")
    return sum(_tried(pk, notice) for pk in waiting.values_list("pk", flat=True))


def _tried(pk: int, notice: Callable[[], None]) -> bool:
    """Build one of several: whatever stops it, a bug of ours too, must not stop those that wait behind it."""
    try:
        return build_delivery(pk, notice)
    except Exception:
        log.exception("delivery %s could not be built; the next sweep tries it again", pk)
        return False


def build_delivery(pk: int, notice: Callable[[], None] = lambda: None) -> bool:
    """Build one approved delivery, as far as others leave something to do. Says if it became ready now."""
    delivery = Delivery.objects.select_related("campaign", "addressee", "proposal").get(pk=pk)
    if delivery.state != Delivery.State.APPROVED:
        return False
    try:
        if not _planned(delivery):
            return False
        if _something_to_build(delivery):
            notice()
        for stale in range(1, PATIENCE * 4):
            while build_part(delivery):
                notice()
            if _assembled(delivery):
                return True
            if not _something_to_build(delivery):
                return False  # others are at it, or were faster
            if stale >= PATIENCE:
                _hold_withdrawals(delivery)
    except CannotBuild as error:
        _fail(delivery, str(error))
    except OSError as error:
        _fail(delivery, f"The packet could not be written: {error.strerror or type(error).__name__}.")
    return False


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


def _still_approved(delivery: Delivery) -> bool:
    return Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.APPROVED).exists()


def _something_to_build(delivery: Delivery) -> bool:
    """Whether a part waits to be built that no other worker holds."""
    with transaction.atomic():
        free = delivery.parts.select_for_update(skip_locked=True).filter(digest__isnull=True)
        return _still_approved(delivery) and free.first() is not None


def _fail(delivery: Delivery, problem: str) -> None:
    log.error("delivery %s failed: %s", delivery.reference, problem)
    Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.APPROVED).update(
        state=Delivery.State.FAILED, problem=problem
    )


# --- before anything is opened ----------------------------------------------------------------------------------


def _planned(delivery: Delivery) -> bool:
    """Look whether it may and can be built, and lay out its parts. Says no where another worker is just doing so."""
    with _alone(delivery.campaign_id) as alone, transaction.atomic():
        if not alone:
            return delivery.parts.exists() and _still_approved(delivery)
        # The guard looks at every UPDATE: a campaign narrowed since the approval says no, before anything is opened.
        _update(delivery, problem="")
        _recipients(delivery)
        _check_chain(delivery)
        _check_space(delivery)
        plan_parts(delivery)
    return True


def _check_space(delivery: Delivery) -> None:
    lacking = space.lacking(delivery)
    if lacking:
        raise CannotBuild(f"There is not enough space on the disk: {lacking} Free some, then build it again.")


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


# --- sealing: one moment of the register ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one snapshot of the register says of a delivery. From here on, withdrawals are the next packet's."""

    figures: Figures
    period: Period
    gaps: list[int]
    amendments: Amendments
    earlier: list[Earlier]
    parts: list[DeliveryPart]


def seal(delivery: Delivery) -> Sealed | None:
    """The figures of one snapshot in which every part tells of exactly those that are counted; None where one does not.

    Parts that tell of somebody else are marked to be built again.
    """
    with transaction.atomic():
        _one_snapshot()
        parts = list(delivery.parts.order_by("kind", "position"))
        stale = stale_parts(delivery)
        ready = not stale and all(part.digest is not None for part in parts)
        sealed = _snapshot(delivery, parts) if ready else None
    if stale:
        with transaction.atomic():
            build_again(delivery.parts.select_for_update().filter(pk__in=stale))
    return sealed


def _one_snapshot() -> None:
    if len(connection.atomic_blocks) == 1:  # the first statement of a transaction, or not at all
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def _snapshot(delivery: Delivery, parts: list[DeliveryPart]) -> Sealed:
    signatures = Signature.objects.filter(
        campaign=delivery.campaign, number__range=(delivery.first_number, delivery.last_number)
    )
    counted = signatures.filter(state=Signature.State.COUNTED)
    days = counted.aggregate(first=Min("signed_on"), last=Max("signed_on"))
    return Sealed(
        figures=figures_of_range(delivery.campaign, delivery.first_number, delivery.last_number, counted.count()),
        period=Period(*(day.isoformat() if day else "" for day in (days["first"], days["last"]))),
        gaps=sorted(_numbers(signatures.exclude(state=Signature.State.COUNTED))),
        amendments=_amendments(delivery),
        earlier=_earlier(delivery),
        parts=parts,
    )


def _hold_withdrawals(delivery: Delivery) -> None:
    """So many take their signatures back that parts are stale as soon as they are built: those wait for a moment."""
    if delivery.withdrawals_wait_until is None:
        log.warning("delivery %s: withdrawals of its campaign wait until it is sealed", delivery.reference)
        delivery.withdrawals_wait_until = timezone.now() + WITHDRAWALS_WAIT
        _update(delivery, withdrawals_wait_until=delivery.withdrawals_wait_until)


def _numbers(signatures: QuerySet[Signature]) -> set[int]:
    return {number for number in signatures.values_list("number", flat=True) if number is not None}


def _finished(delivery: Delivery) -> QuerySet[Delivery]:
    """The packets of the series that are there already."""
    return Delivery.objects.ready().filter(
        campaign=delivery.campaign, addressee=delivery.addressee, series=delivery.series
    )


def _earlier(delivery: Delivery) -> list[Earlier]:
    finished = _finished(delivery).select_related("campaign").order_by("first_number", "pk")
    return [Earlier(old.reference, old.first_number, old.last_number, old.manifest_sha256) for old in finished]


def _amendments(delivery: Delivery) -> Amendments:
    """What finished packets of the series counted and is no longer counted; each is told once.

    The lock in `_alone` is the campaign's: no other packet that could tell the same is being sealed.
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


# --- the archive ------------------------------------------------------------------------------------------------


def _assembled(delivery: Delivery) -> bool:
    """Seal the delivery and write its archive, if all its parts are there and no other worker is at it."""
    with _alone(delivery.campaign_id) as alone:
        if not alone or not _still_approved(delivery):
            return False
        recipients = _recipients(delivery)
        _check_chain(delivery)
        sealed = seal(delivery)
        return sealed is not None and _written(delivery, sealed, recipients)


def _written(delivery: Delivery, sealed: Sealed, recipients: Sequence[str]) -> bool:
    with tempfile.TemporaryFile() as spool:  # holds ciphertext only, or totals
        hashing = _Hashing(spool)
        with encrypted(hashing, recipients) as stream:  # type: ignore[arg-type]
            packet = write_packet(delivery, sealed, stream)
        if packet is None:
            return False
        manifest, manifest_sha256 = packet
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
                withdrawals_wait_until=None,
            )
    forget_spool(delivery)
    return True


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


def write_packet(delivery: Delivery, sealed: Sealed, stream: IO[bytes]) -> tuple[Manifest, str] | None:
    """Write the delivery's packet to the stream; returns the manifest and the SHA-256 of its bytes.

    None where a spooled part is not as it was written: it is to be built again. Raises CannotBuild.
    """
    try:
        signs = signer()
    except KeysDamaged:
        raise CannotBuild("The key in the keyring that signs manifests is damaged.") from None
    with PacketWriter(stream) as writer:
        for part in sealed.parts:
            if not all(_add_spooled(delivery, file, writer) for file in files_of(part)):
                build_again([part])
                return None
        draft = _draft(delivery, sealed, signs)
        _add_countries(sealed.figures, writer)
        _add_letters(delivery, draft, writer)
        _add_help(delivery, draft, writer)
        manifest = msgspec.structs.replace(draft, files=writer.files)
        return manifest, writer.close(manifest, signs.sign)


def _add_spooled(delivery: Delivery, file: SpooledFile, writer: PacketWriter) -> bool:
    with writer.adding(file.name) as target:
        whole = read_spooled(delivery, file, target)
    writer.files.append(FileEntry(file.name, file.sha256, file.bytes, file.rows))
    return whole


def _add_countries(figures: Figures, writer: PacketWriter) -> None:
    rows = [(country.code, country.name, country.count) for country in figures.countries]
    writer.add_table(COUNTRIES, ("code", "country", "signatures"), [*rows, ("", "other", figures.other)])


def _add_letters(delivery: Delivery, draft: Manifest, writer: PacketWriter) -> None:
    """In each language; after what it prints the checksums of."""
    files = list(writer.files)
    for language in languages_of(delivery):
        letter = compose(delivery, draft, files, language)
        writer.add(f"letter-{language}.pdf", letter_pdf(letter))
        writer.add(f"letter-{language}.odt", letter_odt(letter))


def _add_help(delivery: Delivery, draft: Manifest, writer: PacketWriter) -> None:
    context = {
        "delivery": delivery,
        "manifest": draft,
        "fingerprint": verifier.grouped(draft.signed_by),
        "key_url": f"{settings.SITE_URL}/signing-key/",
    }
    with translation.override(languages_of(delivery)[0]):
        writer.add("README.txt", render_to_string("signatures/delivery/readme.txt", context).encode())
    writer.add("verify.py", VERIFIER.read_bytes())


def _draft(delivery: Delivery, sealed: Sealed, signs: Signer) -> Manifest:
    """The manifest, but for its files."""
    figures = sealed.figures
    tables = [part for part in sealed.parts if part.kind == DeliveryPart.Kind.TABLES]
    return Manifest(
        format=FORMAT,
        software=f"undersigned {VERSION}",
        campaign=delivery.campaign.slug,
        title=str(delivery.campaign.title),
        addressee=str(delivery.addressee),
        series=delivery.series,
        reference=delivery.reference,
        profile=delivery.profile,
        range=Range(delivery.first_number, delivery.last_number),
        totals=Totals(
            signatures=figures.total,
            countries=figures.country_count,
            listed=sum(files_of(part)[0].rows for part in tables),
            gaps=len(sealed.gaps),
        ),
        by_country=[CountryTotal(country.code, country.name, country.count) for country in figures.countries],
        other=figures.other,
        period=sealed.period,
        amendments=sealed.amendments,
        # In a packet of totals, a number would say which of the signers took back.
        gap_numbers=sealed.gaps if delivery.holds_persons else [],
        earlier=sealed.earlier,
        built_at=timezone.now().date().isoformat(),
        signed_by=signs.fingerprint,
        files=[],
    )
