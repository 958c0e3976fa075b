"""Packets: what each profile tells and never tells, in clear nowhere; and a verifier that misses no damage."""

import contextlib
import csv
import errno
import io
import json
import os
import re
import tempfile
import zipfile
from pathlib import Path

import msgspec
import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from petitions.models import Addressee, Campaign
from signatures.delivery import archive, build, packet, parts, typesetting, verifier
from signatures.delivery.lists import csv_of
from signatures.delivery.signing import Signer
from signatures.delivery.verification import Damaged, verify
from signatures.models import Delivery, Signature, Tally
from tests.support.fixtures import a_delivery, acting_as
from tests.support.packets import (
    PEOPLE,
    PLANTED,
    admit,
    approved,
    everything_in,
    files_in,
    path_of,
    plain,
    rows,
    withdraw,
)
from web.spreadsheets import safe_cell

# --- what a packet tells ------------------------------------------------------------------------------------------


@pytest.fixture
def printed(monkeypatch):
    """What is set on pages: in a PDF, letters are numbers of a font's glyphs, and no byte search finds a name."""
    said, set_pages = [], typesetting._set

    def listening(template, form, data, *args, **options):
        said.append(msgspec.json.encode(data).decode().casefold())
        return set_pages(template, form, data, *args, **options)

    monkeypatch.setattr(typesetting, "_set", listening)
    return said


def test_a_count_packet_tells_totals_and_nothing_of_a_person(signed, deliver, printed, identity):
    delivery = deliver(signed)
    assert (delivery.state, delivery.problem) == ("ready", "")
    files = plain(delivery)
    assert list(files) == [
        "countries.csv", "texts.json", "letter-en.pdf", "letter-en.odt", "README.txt", "verify.py",
        "SHA256SUMS", "manifest.json", "manifest.sig",
    ]  # fmt: skip
    assert [name for name, data in everything_in(files) if any(word in data for word in PLANTED)] == []
    assert not any(word in path_of(delivery).name.casefold() for word in PLANTED)
    assert printed
    assert not any(word in page for word in PLANTED for page in printed)
    assert rows(files["countries.csv"])[1:] == [["", "other", "12"]]  # what is merged is never below ten
    manifest, problems = verify(path_of(delivery))
    assert problems == []
    assert (manifest.totals.signatures, manifest.totals.listed, manifest.gap_numbers) == (12, 0, [])
    assert delivery.manifest["totals"]["signatures"] == 12
    deliver(signed, "named", series=2, first_number=1)
    assert any("zebediah" in page for page in printed)  # it would have been seen


def test_a_packet_sends_its_reader_to_the_site_for_the_verifier_and_the_fingerprint(signed, deliver, printed):
    """Both come forged with a forged packet."""
    delivery = deliver(signed)
    readme = plain(delivery)["README.txt"].decode()
    assert f"python3 verify.py --key FINGERPRINT {delivery.reference}.zip" in readme
    assert "/signing-key/" in readme
    assert "not from this packet" in readme
    fingerprint = delivery.manifest["signed_by"]
    assert not {fingerprint, verifier.grouped(fingerprint)} & set(map(str.strip, readme.splitlines()))
    assert any("take it from our web site and not from this packet" in page for page in printed)


def test_registers_that_look_alike_in_public_make_the_same_count_packet(make_campaign, sign, deliver):
    """Of which country they were, who left, and that it was the only one of a day: none of it is in the packet."""
    told = []
    for countries, gone in ((["PL"] * 11 + ["BY"], 3), (["PL"] * 6 + ["LT"] * 6, 12)):
        campaign = make_campaign()
        for n, country in enumerate(countries):
            sign(campaign, email=f"{n}@{country.lower()}.example.org", country=country)
        admit(campaign)
        campaign.signatures.filter(number=gone).update(signed_on="2020-01-01")
        withdraw(campaign, gone)
        manifest = deliver(campaign).manifest
        manifest["by_version"] = [
            version["count"] for version in manifest["by_version"]
        ]  # their texts name the campaign
        told.append({key: manifest[key] for key in manifest.keys() - {"campaign", "reference", "title", "files"}})
    assert told[0] == told[1]
    assert told[0]["period"]["first"] == "2020-01-01"


def test_a_named_packet_names_those_who_agreed_and_counts_the_others(signed, deliver, identity):
    delivery = deliver(signed, "named")
    files = plain(delivery, identity)
    header, *signers = rows(files["signers-0001.csv"])
    assert header == ["number", "name", "place", "country", "signed on"]
    assert [row[1] for row in signers] == [person["name"] for person in PEOPLE[::2]]
    assert [int(row[0]) for row in signers] == [1, 3, 5, 7, 9, 11]
    for name, whole in everything_in(files):
        assert "@example.org" not in whole.replace("friends@example.org", ""), name  # the organisation's own
        assert "plugh" not in whole, name
    manifest, problems = verify(path_of(delivery), [identity])
    assert problems == []
    assert (manifest.totals.signatures, manifest.totals.listed) == (12, 6)


def test_initials_tell_no_name(signed, deliver, identity):
    files = plain(deliver(signed, "initials"), identity)
    assert rows(files["signers-0001.csv"])[:2] == [["number", "initials", "country"], ["1", "Z. Q.", "PL"]]
    assert not [name for name, data in everything_in(files) if any(word in data for word in PLANTED)]


def test_a_full_packet_tells_a_third_party_of_everybody_and_comments_of_those_who_agreed(signed, deliver, identity):
    notary = Addressee.objects.create(name="A notary", trusted_third_party=True)
    delivery = deliver(signed, "full", addressee=notary)
    header, *signers = rows(plain(delivery, identity)["signers-0001.csv"])
    assert len(signers) == 12
    assert {row[2] for row in signers} == {person["email"] for person in PEOPLE}
    comment = header.index("comment")
    assert [row[comment] for row in signers] == ["Plugh!" if n % 3 == 0 else "" for n in range(12)]
    assert verify(path_of(delivery), [identity])[1] == []


def test_who_did_not_agree_is_not_named_even_where_the_database_says_so(signed, deliver, identity):
    """Consent is what was sealed with the name. A column that somebody flipped agrees for nobody."""
    Signature.objects.filter(number=2).update(share_name=True)
    delivery = deliver(signed, "named")
    assert (delivery.state, delivery.archive) == ("failed", "")
    assert "number 2 " in delivery.problem
    assert not [word for word in PLANTED if word in delivery.problem.casefold()]


# --- what stops a packet ------------------------------------------------------------------------------------------


def build_all():
    with acting_as(django_settings.WORKER_ROLE):
        return build.build_deliveries()


def test_a_delivery_wider_than_its_campaign_is_now_fails_and_holds_up_nobody(
    signed, make_campaign, packets, officers, identity, monkeypatch
):
    narrowed, other = approved(signed, officers, "named"), approved(make_campaign(), officers)
    Campaign.objects.filter(pk=signed.pk).update(disclosure="count")
    opened = []
    monkeypatch.setattr(parts, "keys_of", opened.append)
    assert build_all() == 1
    narrowed.refresh_from_db()
    other.refresh_from_db()
    assert (narrowed.state, narrowed.archive, other.state) == ("failed", "", "ready")
    assert "no longer allows this much disclosure" in narrowed.problem
    assert opened == []  # it was refused before a single signature was
    assert files_in(packets) == [other.archive]


def test_a_campaign_marked_at_risk_meanwhile_names_nobody_to_a_third_party(
    signed, deliver, officers, packets, identity
):
    notary = Addressee.objects.create(name="A notary", trusted_third_party=True)
    Campaign.objects.filter(pk=signed.pk).update(disclosure="count")
    assert deliver(signed, "full", addressee=notary).state == "ready"
    again = a_delivery(signed, *officers, addressee=notary, profile="full", series=2, first_number=1, last_number=12)
    Campaign.objects.filter(pk=signed.pk).update(at_risk=True)
    assert build_all() == 0
    again.refresh_from_db()
    assert again.state == "failed"


def meanwhile(monkeypatch, happens):
    """Have that happen when a packet is written, and not yet ready."""
    write = archive.write_packet

    def and_then(*args):
        written = write(*args)
        happens()
        return written

    monkeypatch.setattr(archive, "write_packet", and_then)


def test_a_campaign_narrowed_during_the_build_leaves_no_packet(signed, officers, packets, identity, monkeypatch):
    delivery = approved(signed, officers, "named")
    meanwhile(monkeypatch, lambda: Campaign.objects.filter(pk=signed.pk).update(disclosure="count"))
    assert build.build_deliveries() == 0  # as the owner, who narrows: the guard is the same for all
    delivery.refresh_from_db()
    assert (delivery.state, delivery.archive, files_in(packets)) == ("failed", "", [])
    assert "no longer allows this much disclosure" in delivery.problem


def test_a_worker_that_was_overtaken_takes_away_its_own_packet_only(signed, officers, packets, monkeypatch):
    delivery = approved(signed, officers)
    winner = storages["packets"].save(f"{delivery.reference}.zip", ContentFile(b"the winner's"))
    ready = {"state": "ready", "manifest": {"format": 1}, "archive": winner, "archive_sha256": "0" * 64}
    meanwhile(monkeypatch, lambda: Delivery.objects.filter(pk=delivery.pk).update(**ready))
    assert build_all() == 0
    delivery.refresh_from_db()
    assert (delivery.state, delivery.problem) == ("ready", "")
    assert files_in(packets) == [winner]
    assert path_of(delivery).read_bytes() == b"the winner's"


def test_an_error_that_nobody_foresaw_stops_one_delivery_and_no_other(
    signed, make_campaign, packets, officers, monkeypatch, caplog
):
    cursed, other = approved(signed, officers), approved(make_campaign(), officers)
    write = archive.write_packet

    def sometimes(delivery, *args):
        if delivery.pk == cursed.pk:
            raise ZeroDivisionError
        return write(delivery, *args)

    monkeypatch.setattr(archive, "write_packet", sometimes)
    assert build_all() == 1
    states = dict(Delivery.objects.values_list("pk", "state"))
    assert states == {cursed.pk: "approved", other.pk: "ready"}
    assert f"delivery {cursed.pk} could not be built" in caplog.text


def test_a_packet_is_on_disk_before_it_is_ready(signed, officers, packets, keyring, monkeypatch):
    delivery, synced = approved(signed, officers), []
    keyring.signing_key()

    def spying(handle):
        target = Path(os.readlink(f"/proc/self/fd/{handle}"))
        size = target.stat().st_size if target.is_file() else 0
        synced.append((target, size > 0, Delivery.objects.get(pk=delivery.pk).state))

    monkeypatch.setattr(archive.os, "fsync", spying)
    assert build_all() == 1
    delivery.refresh_from_db()
    assert synced == [(path_of(delivery), True, "approved"), (packets, False, "approved")]


def test_a_packet_that_does_not_reach_the_disk_is_taken_away(signed, officers, packets, keyring, monkeypatch):
    delivery = approved(signed, officers)
    keyring.signing_key()

    def broken(handle):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(archive.os, "fsync", broken)
    assert build_all() == 0
    delivery.refresh_from_db()
    assert (delivery.state, files_in(packets)) == ("failed", [])
    assert "Input/output error" in delivery.problem


def test_no_two_tries_write_the_same_file_and_officers_can_read_its_name(signed, officers, deliver):
    delivery = deliver(signed)
    assert re.fullmatch(rf"{delivery.reference}-[0-9a-f]{{8}}\.zip", delivery.archive)
    assert len({archive._archive_name(delivery, ["age1x"]) for _ in range(50)}) == 50
    assert archive._archive_name(delivery, ["age1x"]).endswith(".zip.age")


@pytest.mark.parametrize("dismissed", ["anna", "boris"])
@pytest.mark.parametrize("profile", ["count", "named"])
def test_nothing_is_built_for_an_officer_who_was_dismissed(signed, officers, packets, identity, dismissed, profile):
    delivery = approved(signed, officers, profile)
    User.objects.filter(username=dismissed).update(is_active=False)
    assert build_all() == 0
    delivery.refresh_from_db()
    assert (delivery.state, files_in(packets)) == ("failed", [])
    assert f"{dismissed} is no longer active staff" in delivery.problem


# --- ranges of a series -------------------------------------------------------------------------------------------


def test_packets_of_a_series_are_contiguous_and_tell_each_change_once(signed, sign, deliver):
    first = deliver(signed)
    withdraw(signed, 2)
    for n in range(3):
        sign(signed, email=f"late{n}@example.org")
    admit(signed)
    withdraw(signed, 14)
    second = deliver(signed)
    sign(signed)
    admit(signed)
    third = deliver(signed)
    manifests = [verify(path_of(delivery))[0] for delivery in (first, second, third)]
    assert [(m.range.first, m.range.last) for m in manifests] == [(1, 12), (13, 15), (16, 16)]
    assert [(m.totals.signatures, m.totals.gaps) for m in manifests] == [(12, 0), (2, 1), (1, 0)]
    assert [m.amendments.withdrawn for m in manifests] == [0, 1, 0]
    counted = sum(m.totals.signatures - m.amendments.withdrawn for m in manifests)
    assert counted == signed.signatures.filter(state="counted").count()


def test_amendments_of_packets_with_persons_name_the_numbers(signed, sign, deliver, identity):
    deliver(signed, "named")
    withdraw(signed, 3)
    sign(signed)
    admit(signed)
    delivery = deliver(signed, "named")
    assert verify(path_of(delivery), [identity])[0].amendments.numbers == [3]


@pytest.mark.parametrize(("first", "last"), [(2, 12), (1, 13)])
def test_a_range_that_does_not_fit_the_series_is_not_built(signed, deliver, first, last):
    delivery = deliver(signed, first_number=first, last_number=last)
    assert (delivery.state, delivery.archive) == ("failed", "")
    assert delivery.problem


def test_an_empty_range_makes_a_packet_that_verifies(campaign, deliver):
    delivery = deliver(campaign, first_number=1, last_number=0)
    assert verify(path_of(delivery))[1] == []


def test_large_registers_come_in_parts(signed, deliver, identity, monkeypatch):
    for module in (parts, verifier):
        monkeypatch.setattr(module, "PART_ROWS", 5)
    monkeypatch.setattr(parts, "VOLUME_NUMBERS", 6)
    monkeypatch.setattr(parts, "CHUNK", 3)
    delivery = deliver(signed, "named")
    assert sorted(name for name in plain(delivery, identity) if name.startswith("signers")) == [
        *(f"signers-{part:04}.{form}" for part in (1, 2, 3) for form in ("csv", "xlsx")),
        *(f"signers-volume-{volume:03}.pdf" for volume in (1, 2)),
    ]
    assert verify(path_of(delivery), [identity])[1] == []


# --- in clear nowhere ---------------------------------------------------------------------------------------------


class Spied:
    """Keeps every byte that was written to what was meant to be a temporary file."""

    written: list[bytes] = []

    def __init__(self, file):
        self._file = file

    def write(self, data):
        self.written.append(bytes(data))
        return self._file.write(data)

    def __getattr__(self, name):
        return getattr(self._file, name)


def test_no_person_is_written_in_clear_to_any_file(signed, deliver, identity, monkeypatch, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    Spied.written = []
    make = tempfile.TemporaryFile

    @contextlib.contextmanager
    def spying(*args, **kwargs):
        with make(*args, **kwargs) as file:
            yield Spied(file)

    monkeypatch.setattr(archive.tempfile, "TemporaryFile", spying)
    kept = []
    monkeypatch.setattr(archive, "forget_spool", lambda delivery: kept.extend((tmp_path / "spool").rglob("*.age")))
    delivery = deliver(signed, "named")
    assert delivery.state == "ready"
    spooled = b"".join(Spied.written)
    assert spooled.startswith(b"age-encryption.org/v1")
    assert len(kept) == 3
    on_disk = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for data in (spooled, *on_disk):
        assert not [word for word in PLANTED if word.encode() in data.lower()]
        assert b"signers-0001" not in data


def test_nobody_else_opens_a_packet_with_persons(signed, deliver, identity):
    delivery = deliver(signed, "named")
    stranger = str(pyrage.x25519.Identity.generate())
    for identities, words in (([], "encrypted"), ([stranger], "not encrypted to this"), (["nonsense"], "no age")):
        with pytest.raises(Damaged, match=words):
            verify(path_of(delivery), identities)
    assert verify(path_of(delivery), [stranger, identity])[1] == []


def test_without_a_pinned_recipient_nothing_with_persons_is_built(signed, deliver):
    delivery = deliver(signed, "named")
    assert delivery.state == "failed"
    assert "Neither anna nor boris has a key in use" in delivery.problem


def test_a_damaged_list_of_recipients_fails_the_delivery_in_words(signed, deliver, keyring):
    (keyring.directory / "recipients.json").write_text("{")
    delivery = deliver(signed, "named")
    assert (delivery.state, "damaged" in delivery.problem) == ("failed", True)


# --- damage -------------------------------------------------------------------------------------------------------


SIGNS = Signer(Ed25519PrivateKey.generate())


@pytest.fixture(scope="session")
def packet_file(tmp_path_factory):
    """A packet with signers, not encrypted, without a folder as packets were before: (path, its bytes)."""
    return made_packet(tmp_path_factory.mktemp("packets") / "c-1-1.zip", "")


@pytest.fixture(scope="session")
def packet_in_folder(tmp_path_factory):
    """The same in its folder, as an officer has it after opening."""
    return made_packet(tmp_path_factory.mktemp("packets") / "c-1-1.zip", "c-1-1")


def made_packet(path, folder):
    stream = io.BytesIO()
    writer = packet.PacketWriter(stream, folder)
    people = [(n, f"Zebediah{n}", "PL") for n in (1, 2, 4, 5)]
    listed = len(people)
    writer.add_table("signers-0001.csv", ("number", "name", "country"), people)
    writer.add_table("countries.csv", ("code", "country", "signatures"), [("PL", "Poland", 4), ("", "not listed", 7)])
    writer.add("letter.txt", b"Dear Mayor")
    writer.close(
        packet.Manifest(
            format=packet.FORMAT, software="test", campaign="c", title="t", addressee="a", series=1, reference="c-1-1",
            profile="named", range=packet.Range(1, 12), totals=packet.Totals(11, 2, listed, 1),
            by_country=[packet.CountryTotal("PL", "Poland", 4)], other=7, other_versions=11, to_date=11,
            period=packet.Period("", ""),
            amendments=packet.Amendments(0), gap_numbers=[3], earlier=[], built_at="2026-01-01",
            signed_by=SIGNS.fingerprint, files=writer.files,
        ),
        SIGNS.sign,
    )  # fmt: skip
    path.write_bytes(stream.getvalue())
    assert verify(path)[1] == []
    return path, stream.getvalue()


def contents(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


def problems_of(data, tmp_path, identities=()):
    """What the verifier says; Damaged is one problem, and any other exception fails the test."""
    path = tmp_path / "tried.zip"
    path.write_bytes(data)
    try:
        return verify(path, identities)[1]
    except Damaged as damaged:
        return [f"{damaged}"]


any_way = examples(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@any_way
@given(data=st.data())
def test_an_altered_byte_is_found_or_alters_nothing_that_is_told(packet_in_folder, tmp_path, data):
    """What is left unfound are dates and other bookkeeping of the zip format: no file's name, order or content."""
    _, whole = packet_in_folder
    at = data.draw(st.integers(0, len(whole) - 1))
    altered = bytearray(whole)
    altered[at] ^= data.draw(st.integers(1, 255))
    if not problems_of(bytes(altered), tmp_path):
        assert contents(bytes(altered)) == contents(whole)


def test_a_packet_cut_anywhere_is_found(packet_file, tmp_path):
    _, whole = packet_file
    for length in range(0, len(whole), 7):
        assert problems_of(whole[:length], tmp_path)


@pytest.mark.parametrize(("before", "after"), [(b"x", b""), (b"", b"x"), (b"", b"PK" * 50), (b"PK\3\4" * 9, b"")])
def test_what_stands_before_or_after_the_archive_is_found(packet_file, tmp_path, before, after):
    assert problems_of(before + packet_file[1] + after, tmp_path)


@pytest.fixture(scope="session")
def encrypted_packet(packet_file):
    identity = pyrage.x25519.Identity.generate()
    return pyrage.encrypt(packet_file[1], [identity.to_public()]), str(identity)


@any_way
@given(data=st.data())
def test_an_altered_byte_of_an_encrypted_packet_is_always_found(encrypted_packet, tmp_path, data):
    whole, identity = encrypted_packet
    at = data.draw(st.integers(0, len(whole) - 1))
    altered = bytearray(whole)
    altered[at] ^= data.draw(st.integers(1, 255))
    assert problems_of(bytes(altered), tmp_path, [identity])


def test_an_encrypted_packet_cut_or_lengthened_is_found(encrypted_packet, tmp_path):
    whole, identity = encrypted_packet
    assert problems_of(whole, tmp_path, [identity]) == []
    for length in range(0, len(whole), 11):
        assert problems_of(whole[:length], tmp_path, [identity])
    assert problems_of(whole + b"x", tmp_path, [identity])


def rewritten(whole, change):
    """The archive with its files, [name, bytes] in order, as `change` leaves them."""
    files = [list(file) for file in contents(whole)]
    files = change(files) or files
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in files:
            archive.writestr(name, data)
    return stream.getvalue()


def drop(name):
    return lambda files: [file for file in files if file[0] != name]


def rename(name):
    return lambda files: [[f"x{old}" if old == name else old, data] for old, data in files]


def add(name):
    return lambda files: [*files, [name, b"x"]]


def swap(one, other):
    def change(files):
        found = dict(map(tuple, files))
        return [[name, found[{one: other, other: one}.get(name, name)]] for name, _ in files]

    return change


def edit(name, old, new):
    def change(files):
        for file in files:
            if file[0] == name:
                assert old in file[1]
                file[1] = file[1].replace(old, new, 1)

    return change


def manifest_with(signed=True, **values):
    """The manifest with these values; a dict is merged, so that one figure can be changed alone. Signed anew: under a
    signature that is not its own, nothing in a packet is looked at."""

    def change(files):
        manifest = json.loads(files[-2][1])
        for key, value in values.items():
            manifest[key] = manifest[key] | value if isinstance(value, dict) else value
        files[-2][1] = json.dumps(manifest).encode()
        if signed:
            files[-1][1] = SIGNS.sign(files[-2][1]).encode()

    return change


CHANGES = {
    "drop-part": (drop("signers-0001.csv"), "signers-0001.csv"),
    "drop-countries": (drop("countries.csv"), "countries.csv"),
    "drop-letter": (drop("letter.txt"), "letter.txt"),
    "drop-manifest": (drop("manifest.json"), "manifest.json"),
    "rename-part": (rename("signers-0001.csv"), "signers-0001.csv"),
    "drop-signature": (drop("manifest.sig"), "manifest.sig"),
    "another-signature": (edit("manifest.sig", b"signature: ", b"signature: 00"), "manifest.sig"),
    "another-title": (manifest_with(signed=False, title="Another"), "manifest.sig"),
    "another-signer": (manifest_with(signed_by="0" * 64), "manifest.sig"),
    "rename-manifest": (rename("manifest.json"), "manifest.json"),
    "add": (add("extra.txt"), "extra.txt"),
    "add-outside": (add("../evil.txt"), "evil.txt"),
    "swap": (swap("letter.txt", "countries.csv"), "letter.txt"),
    "edit-name": (edit("signers-0001.csv", b"Zebediah2", b"Zebediah7"), "signers-0001.csv"),
    "edit-number": (edit("signers-0001.csv", b'"4"', b'"6"'), "signers-0001.csv"),
    "edit-letter": (edit("letter.txt", b"Mayor", b"Major"), "letter.txt"),
    "edit-countries": (edit("countries.csv", b'"4"', b'"5"'), "countries.csv"),
    "not-json": (edit("manifest.json", b"{", b"["), "manifest.json"),
    "not-utf-8": (edit("manifest.json", b"named", b"\xff\xfe\xff"), "manifest.json"),
    "more-signatures": (manifest_with(totals={"signatures": 12}), "manifest.json"),
    "more-listed": (manifest_with(totals={"listed": 5}), "manifest.json"),
    "fewer-gaps": (manifest_with(totals={"gaps": 0}), "manifest.json"),
    "wider-range": (manifest_with(range={"last": 13}), "manifest.json"),
    "narrower-range": (manifest_with(range={"last": 4}), "signers-0001.csv"),
    "another-gap": (manifest_with(gap_numbers=[4]), "signers-0001.csv"),
    "consistently-more": (
        manifest_with(totals={"signatures": 12}, range={"last": 13}, other=8, to_date=12),
        "countries.csv",
    ),
    "no-countries": (manifest_with(by_country=[], other=11), "countries.csv"),
    "said-to-be-totals": (manifest_with(profile="count"), "signers-0001.csv"),
    "no-files": (manifest_with(files=[]), "letter.txt"),
    "unknown-format": (manifest_with(format=99), "manifest.json"),
    "a-text-for-a-number": (manifest_with(other="1"), "manifest.json"),
    "a-huge-number": (manifest_with(range={"last": 10**40}), "manifest.json"),
}


@pytest.mark.parametrize(("change", "named"), CHANGES.values(), ids=CHANGES)
def test_the_verifier_names_the_file_that_was_changed(packet_file, tmp_path, change, named):
    assert problems_of(rewritten(packet_file[1], lambda files: None), tmp_path) == []
    found = problems_of(rewritten(packet_file[1], change), tmp_path)
    assert any(named in problem for problem in found), found


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["letter.txt", "manifest.json"])
def test_a_file_that_is_there_twice_is_found(packet_file, tmp_path, name):
    def twice(files):
        return [*files, *(file for file in files if file[0] == name)]

    assert f"{name}: there twice" in problems_of(rewritten(packet_file[1], twice), tmp_path)


# --- no formula ---------------------------------------------------------------------------------------------------

hostile = st.text(st.sampled_from(list("=+-@;,|\t\r\n \"'a1\u00a0\uff1d\uff0b\uff0d\uff20\u2003")), max_size=12)


@given(cells=st.lists(hostile, min_size=1, max_size=4))
def test_no_cell_is_a_formula_whatever_the_reader_separates_by(cells):
    data = b"".join(csv_of(["h"], [cells])).decode("utf-8-sig").partition("\r\n")[2]
    for delimiter in ",;\t|":
        for row in csv.reader(io.StringIO(data, newline=""), delimiter=delimiter):
            for cell in row:
                assert not re.match(r"[\s\"]*[=+\-@\uff1d\uff0b\uff0d\uff20]", cell), (delimiter, cell)


@given(text=st.text(st.characters(categories=["L", "N", "Zs"]), max_size=40))
def test_an_ordinary_text_is_left_as_it_is(text):
    assert safe_cell(text) == text


# --- commands -----------------------------------------------------------------------------------------------------


def refusal(*command):
    with pytest.raises(CommandError) as refused:
        call_command(*map(str, command))
    return str(refused.value)


def test_verify_delivery_says_what_it_found(packet_file, tmp_path, capsys):
    figures = "numbers 1 to 12: 11 signatures from 2 countries, 4 listed, 1 withdrawn or removed before"
    call_command("verify_delivery", str(packet_file[0]), "--key", verifier.grouped(SIGNS.fingerprint))
    assert f"c-1-1 verifies: {figures}" in capsys.readouterr().out
    call_command("verify_delivery", str(packet_file[0]), "--any-key")
    said = capsys.readouterr().out
    assert ("WHO MADE IT WAS NOT CHECKED" in said, "verifies" in said, figures in said) == (True, False, True)
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(rewritten(packet_file[1], drop("letter.txt")))
    assert "letter.txt: listed in the manifest, but missing" in refusal("verify_delivery", damaged)


def test_verify_delivery_does_not_verify_a_packet_that_anybody_may_have_made(encrypted_packet, tmp_path):
    """The red team's: made anew, signed with another key, encrypted to the officer's public recipient."""
    whole, identity = encrypted_packet
    forged, secret = tmp_path / "packet.zip.age", tmp_path / "identity.txt"
    forged.write_bytes(whole)
    secret.write_text(identity)
    with pytest.raises(CommandError, match="NOT VERIFIED") as refused:
        call_command("verify_delivery", str(forged), "--identity", str(secret))
    assert (refused.value.returncode, len(str(refused.value).splitlines())) == (3, 1)
    ours = Signer(Ed25519PrivateKey.generate()).fingerprint
    for key, words in ((ours, "not by the one you gave"), ("", "64 hexadecimal"), (ours[:16], "64 hexadecimal")):
        assert words in refusal("verify_delivery", forged, "--identity", secret, "--key", key)
    assert "not allowed with" in refusal("verify_delivery", forged, "--key", ours, "--any-key")


def test_verify_delivery_refuses_bad_input_in_one_line(packet_file, encrypted_packet, tmp_path):
    encrypted = tmp_path / "packet.zip.age"
    encrypted.write_bytes(encrypted_packet[0])
    binary = tmp_path / "binary"
    binary.write_bytes(os.urandom(200))
    empty = tmp_path / "empty"
    empty.touch()
    for arguments in (
        [tmp_path / "absent.zip"], [tmp_path], [empty], [binary], [encrypted],
        [encrypted, "--identity", binary], [encrypted, "--identity", empty], [encrypted, "--identity", tmp_path],
        [encrypted, "--identity", tmp_path / "absent"],
    ):  # fmt: skip
        said = refusal("verify_delivery", *arguments)
        assert said.strip()
        assert len(said.splitlines()) == 1


def test_build_delivery_builds_or_says_why_not(signed, deliver, officers, capsys):
    ready = deliver(signed)
    call_command("build_delivery", str(ready.pk))
    assert ready.archive_sha256 in capsys.readouterr().out
    assert refusal("build_delivery", 10**9) == f"No such delivery: {10**9}."
    sign_more = a_delivery(signed, officers[0], first_number=13, last_number=13)
    assert "is not ready" in refusal("build_delivery", sign_more.pk)


def test_rebuild_tallies_checks_and_repairs(signed, capsys):
    call_command("rebuild_tallies", "--check")
    Tally.objects.update(n=1)
    assert "differ from a recount" in refusal("rebuild_tallies", "--check")
    call_command("rebuild_tallies", "--campaign", signed.slug)
    call_command("rebuild_tallies", "--check")
    assert "Every tally matches a recount." in capsys.readouterr().out
    assert "No such campaign, or nobody has signed it: 'nowhere'" in refusal("rebuild_tallies", "--campaign", "nowhere")


def test_pin_recipient_pins_or_says_why_not(db, keyring, capsys):
    User.objects.create(username="anna")
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    call_command("pin_recipient", "anna", recipient)
    assert recipient in capsys.readouterr().out
    assert keyring.recipients() == {"anna": recipient}
    assert len(refusal("pin_recipient", "anna", "age1nonsense").splitlines()) == 1


def test_pin_recipient_removes_one_officers_and_no_others(db, keyring, capsys):
    for username in ("anna", "boris"):
        keyring.pin_recipient(username, str(pyrage.x25519.Identity.generate().to_public()))
    kept = keyring.recipients()["boris"]
    call_command("pin_recipient", "anna", "--remove")
    assert "anna: age recipient removed" in capsys.readouterr().out
    assert keyring.recipients() == {"boris": kept}
    assert "no age recipient is pinned for anna" in refusal("pin_recipient", "anna", "--remove")
    refusal("pin_recipient", "boris")
    refusal("pin_recipient", "boris", kept, "--remove")
    assert keyring.recipients() == {"boris": kept}
    (keyring.directory / "recipients.json").write_text("{")
    assert len(refusal("pin_recipient", "boris", "--remove").splitlines()) == 1
