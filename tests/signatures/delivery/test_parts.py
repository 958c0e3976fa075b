"""Parts: built by whoever is free, sealed at one moment of the register, built again where something broke."""

import datetime
import errno
import os
import threading

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import IntegrityError, connections
from django.utils import timezone

from signatures.delivery import archive, build, disk_space, letter, orphan_cleanup, parts, typesetting
from signatures.delivery.packet import Manifest
from signatures.delivery.verification import verify
from signatures.models import Delivery, Signature, Withdrawal
from signatures.register import withdrawal
from tests.support.fixtures import a_delivery
from tests.support.packets import admit, approved, files_in, path_of, plain, rows, withdraw


@pytest.fixture
def small(monkeypatch):
    """Parts of a few numbers, so that twelve signers make several."""
    monkeypatch.setattr(parts, "PART_ROWS", 5)
    monkeypatch.setattr(parts, "VOLUME_NUMBERS", 6)


def numbers_in(delivery, identity):
    files = plain(delivery, identity)
    return [
        int(row[0])
        for name in sorted(files)
        if name.endswith(".csv") and name[0] == "s"
        for row in rows(files[name])[1:]
    ]


@pytest.mark.parametrize(
    ("first", "last", "most", "expected"),
    [
        (1, 0, 5, []), (1, 5, 5, [(1, 5)]), (1, 6, 5, [(1, 3), (4, 6)]), (7, 7, 5, [(7, 7)]),
        (1, 191_000, 50_000, [(1, 47_750), (47_751, 95_500), (95_501, 143_250), (143_251, 191_000)]),
    ],
)  # fmt: skip
def test_ranges_are_few_even_and_contiguous(first, last, most, expected):
    assert parts.ranges(first, last, most) == expected


# --- one moment of the register -----------------------------------------------------------------------------------


def test_who_withdraws_while_the_packet_is_built_is_in_no_part_of_it(
    signed, officers, packets, identity, small, monkeypatch
):
    delivery = approved(signed, officers, "named")
    build_one, times = parts.build_part, []

    def and_withdraw_once(delivery):
        built = build_one(delivery)
        times.append(built)
        if len(times) == 4:  # the tables with number 3 are there already
            withdraw(signed, 3)
        return built

    monkeypatch.setattr(build, "build_part", and_withdraw_once)
    assert build.build_delivery(delivery.pk)
    delivery.refresh_from_db()
    manifest, problems = verify(path_of(delivery), [identity])
    assert problems == []
    assert (manifest.totals.signatures, manifest.gap_numbers) == (11, [3])
    assert numbers_in(delivery, identity) == [1, 5, 7, 9, 11]
    assert times.count(True) == 3 + 2 + 2  # only the two parts that told of number 3 were built twice


def test_who_withdraws_after_the_sealing_is_an_amendment_of_the_next_packet(
    signed, sign, officers, packets, identity, deliver, monkeypatch
):
    write = archive.write_packet

    def and_withdraw(*args):
        written = write(*args)
        withdraw(signed, 5)
        return written

    monkeypatch.setattr(archive, "write_packet", and_withdraw)
    first = deliver(signed, "named")
    assert verify(path_of(first), [identity])[0].totals.signatures == 12
    monkeypatch.setattr(archive, "write_packet", write)
    sign(signed)
    admit(signed)
    second = deliver(signed, "named")
    manifest, problems = verify(path_of(second), [identity], [path_of(first)])
    assert (problems, manifest.amendments.withdrawn, manifest.amendments.numbers) == ([], 1, [5])


def test_where_withdrawals_never_end_they_wait_until_the_packet_is_sealed(
    signed, officers, packets, identity, small, monkeypatch
):
    delivery = approved(signed, officers, "named")
    build_one = parts.build_part
    left = iter(range(1, 12))

    def and_withdraw(delivery):
        built = build_one(delivery)
        held = Delivery.objects.get(pk=delivery.pk).withdrawals_wait_until
        if not built and not held:
            withdraw(signed, next(left))
        return built

    monkeypatch.setattr(build, "build_part", and_withdraw)
    assert build.build_delivery(delivery.pk)
    delivery.refresh_from_db()
    assert verify(path_of(delivery), [identity])[1] == []
    assert delivery.withdrawals_wait_until is None


def test_a_withdrawal_waits_for_its_campaigns_packet_and_no_longer(signed, officers, packets):
    hashed = bytes(signed.signatures.get(number=1).withdrawal_hash)
    Withdrawal.objects.create(token_hash=hashed)
    delivery = approved(signed, officers, "named")
    soon = timezone.now() + datetime.timedelta(minutes=1)
    Delivery.objects.filter(pk=delivery.pk).update(withdrawals_wait_until=soon)
    assert withdrawal.apply_withdrawals() == 0
    Delivery.objects.filter(pk=delivery.pk).update(withdrawals_wait_until=timezone.now() - datetime.timedelta(days=1))
    assert withdrawal.apply_withdrawals() == 1
    assert signed.signatures.get(number=1).state == Signature.State.WITHDRAWN


# --- the order of a series ----------------------------------------------------------------------------------------


@pytest.fixture
def two_of_a_series(signed, officers, packets, identity, small):
    """(numbers 1 to 6, numbers 7 to 12), both approved, the later one first."""
    later = a_delivery(signed, *officers, profile="named", first_number=7, last_number=12)
    return a_delivery(signed, *officers, profile="named", first_number=1, last_number=6), later


def test_a_packet_waits_until_the_one_before_it_is_ready(two_of_a_series, identity):
    first, later = two_of_a_series
    assert not build.build_delivery(later.pk)
    later.refresh_from_db()
    assert (later.state, later.waits_for()) == ("approved", first)
    assert parts.progress_of(later) == (3, 3)  # nothing but the sealing is left
    assert build.build_delivery(first.pk)
    assert later.waits_for() is None
    assert build.build_delivery(later.pk)
    later.refresh_from_db()
    manifest, problems = verify(path_of(later), [identity], [path_of(Delivery.objects.get(pk=first.pk))])
    assert ([old.reference for old in manifest.earlier], problems) == ([first.reference], [])


def test_a_series_is_built_in_its_order_in_whichever_order_it_was_approved(two_of_a_series):
    assert build.build_deliveries() == 2


def test_the_database_refuses_a_packet_that_is_ready_before_the_one_before_it(two_of_a_series):
    _, later = two_of_a_series
    ready = {"state": "ready", "manifest": {"format": 1}, "archive": "a", "archive_sha256": "0" * 64}
    with pytest.raises(IntegrityError, match="not ready"):
        Delivery.objects.filter(pk=later.pk).update(**ready)


# --- what breaks --------------------------------------------------------------------------------------------------


def test_a_spooled_part_that_was_cut_short_is_built_again(signed, officers, packets, identity, small, monkeypatch):
    delivery = approved(signed, officers, "named")
    assembled, spoiled = build._assembled, []

    def spoil_then(delivery):
        part = delivery.parts.exclude(files__isnull=True).first()
        if part and not spoiled:
            path = storages["spool"].path(parts.files_of(part)[0].spooled)
            spoiled.append(path)
            os.truncate(path, 60)
        return assembled(delivery)

    monkeypatch.setattr(build, "_assembled", spoil_then)
    assert build.build_delivery(delivery.pk)
    delivery.refresh_from_db()
    assert spoiled
    assert verify(path_of(delivery), [identity])[1] == []


def test_a_full_disk_fails_in_words_leaves_nothing_and_a_retry_goes_on(
    signed, officers, packets, identity, small, monkeypatch
):
    delivery = approved(signed, officers, "named")
    save, calls = parts._saved, []

    def full_at_the_third(name, sealed):
        calls.append(name)
        if len(calls) == 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return save(name, sealed)

    monkeypatch.setattr(parts, "_saved", full_at_the_third)
    assert not build.build_delivery(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.problem) == (
        "failed", "The packet could not be written: No space left on device.",
    )  # fmt: skip
    named = {file.spooled for part in delivery.parts.all() for file in parts.files_of(part)}
    there = {str(path.relative_to(packets.parent / "spool")) for path in (packets.parent / "spool").rglob("*.age")}
    assert there == named
    assert len(named) == 2
    Delivery.objects.filter(pk=delivery.pk).update(state="approved", problem="")
    before = len(calls)
    assert build.build_delivery(delivery.pk)
    assert len(calls) - before == 2 * 2 + 2  # the first part was not built again
    delivery.refresh_from_db()
    assert verify(path_of(delivery), [identity])[1] == []
    assert not list((packets.parent / "spool").rglob("*.age"))


def test_pages_that_cannot_be_set_fail_in_words_and_a_retry_goes_on(signed, officers, packets, identity, monkeypatch):
    delivery = approved(signed, officers, "named")
    with monkeypatch.context() as patched:
        patched.setattr(typesetting, "_PATIENCE", 0.001)
        assert not build.build_delivery(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.problem) == (
        "failed", "Its pages could not be typeset: list.typ took longer than 0.001 s.",
    )  # fmt: skip
    Delivery.objects.filter(pk=delivery.pk).update(state="approved", problem="")
    assert build.build_delivery(delivery.pk)


def test_where_the_disk_is_too_small_nothing_is_begun(signed, officers, packets, identity, monkeypatch):
    monkeypatch.setattr(disk_space.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1_000_000}))
    delivery = approved(signed, officers, "named")
    assert not build.build_delivery(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.state == "failed"
    assert "Not enough disk space" in delivery.problem
    assert "1 MB free" in delivery.problem
    assert not delivery.parts.exists()


def test_what_a_killed_worker_left_lying_is_swept_and_nothing_else(
    signed, deliver, officers, packets, identity, keyring, small
):
    ready = deliver(signed)
    waiting = a_delivery(signed, *officers, profile="named", series=2, first_number=1, last_number=12)
    parts.plan_parts(waiting)
    assert parts.build_part(waiting)
    orphan = storages["spool"].save("99/orphan.age", ContentFile(b"x"))
    stray = storages["packets"].save("stray-1.zip.age", ContentFile(b"x"))
    young = storages["packets"].save("young-1.zip.age", ContentFile(b"x"))
    keyring.spool_identity(10**6)
    long_ago = timezone.now().timestamp() - 7200
    for storage, name in (("spool", orphan), ("packets", stray), ("packets", ready.archive)):
        os.utime(storages[storage].path(name), (long_ago, long_ago))
    for part in waiting.parts.exclude(files__isnull=True):
        for file in parts.files_of(part):
            os.utime(storages["spool"].path(file.spooled), (long_ago, long_ago))
    assert orphan_cleanup.remove_orphans() == 3
    assert sorted(files_in(packets)) == sorted([ready.archive, young])
    assert keyring.spools() == {waiting.pk}
    assert build.build_delivery(waiting.pk)


# --- several workers ----------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_workers_share_the_parts_and_one_packet_comes_of_it(
    signed, officers, packets, identity, small, monkeypatch
):
    delivery = approved(signed, officers, "named")
    build_one, by, together = parts.build_part, [], threading.Barrier(2, timeout=20)

    def counted(delivery):
        built = build_one(delivery)
        by.append((threading.get_ident(), built))
        return built

    monkeypatch.setattr(build, "build_part", counted)
    results = []

    def work():
        try:
            together.wait()
            results.append(build.build_delivery(delivery.pk))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if not any(results):  # both found the other at it: the next sweep
        results.append(build.build_delivery(delivery.pk))
    assert results.count(True) == 1
    assert sum(built for _who, built in by) == 5
    delivery.refresh_from_db()
    assert verify(path_of(delivery), [identity])[1] == []


# --- the letter ---------------------------------------------------------------------------------------------------


def letter_of(delivery, language="en"):
    import msgspec

    manifest = msgspec.convert(delivery.manifest, Manifest)
    return letter.compose(delivery, manifest, manifest.files, language)


def test_the_letter_says_whom_it_is_to_how_many_signed_and_what_is_withheld(signed, deliver, identity):
    written = letter_of(deliver(signed, "named"))
    assert written.addressee[0] == signed.addressee.name
    assert written.subject == signed.title
    assert written.opening.startswith(f"We hereby hand over to you the signatures under the petition “{signed.title}”.")
    assert written.opening.endswith("12 people have signed this petition to you.")
    assert written.pledge == signed.pledge
    assert written.total == "12"
    assert "6 signers agreed to be shown to you" in written.notes[-1]
    assert [volume.upto for volume in written.volumes] == ["6"]
    assert {fact.label for fact in written.files} >= {"countries.csv", "signers-0001.csv"}
    assert len(written.fingerprint.split()) == 16


@pytest.mark.parametrize("at_risk", [False, True])
def test_only_at_risk_the_letter_tells_of_a_promise_that_nobody_is_named(make_campaign, sign, deliver, at_risk):
    campaign = make_campaign(at_risk=at_risk, disclosure="count" if at_risk else "named")
    sign(campaign)
    admit(campaign)
    withheld = letter_of(deliver(campaign)).notes[-1]
    assert "This packet holds totals only." in withheld
    assert ("promised that nobody would be named" in withheld) == at_risk


def test_letters_come_in_the_addressees_language_and_the_campaigns(signed, deliver):
    signed.addressee.letters_in = "ar"
    signed.addressee.save()
    files = plain(deliver(signed))
    assert [name for name in files if name.startswith("letter-")] == [
        "letter-ar.pdf", "letter-ar.odt", "letter-en.pdf", "letter-en.odt",
    ]  # fmt: skip
