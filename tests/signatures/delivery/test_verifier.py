"""The single-file verifier: its Ed25519 against RFC 8032, its Python, and packets against earlier ones."""

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from signatures.delivery import packet, signing, verifier
from signatures.delivery.verification import verify
from signatures.models import SigningKey
from tests.support.fixtures import acting_as
from web.page_cache import clear_page_cache

SOURCE = Path(verifier.__file__)

# RFC 8032 section 7.1: TEST 1, 2, 3 and SHA(abc) as (secret, public, message, signature).
VECTORS = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe246"
        "55141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb"
        "00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc"
        "027beceea1ec40a",
    ),
    (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2"
        "a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad"
        "9bef1177331a704",
    ),
]


@pytest.mark.parametrize(("secret", "public", "message", "signature"), VECTORS)
def test_the_vectors_of_rfc_8032_are_accepted(secret, public, message, signature):
    public, message, signature = (bytes.fromhex(text) for text in (public, message, signature))
    assert Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret)).public_key().public_bytes_raw() == public
    assert verifier.is_signed(public, message, signature)
    assert not verifier.is_signed(public, message + b"x", signature)


@examples(max_examples=20)
@given(message=st.binary(max_size=200), at=st.integers(0, 511))
def test_what_openssl_signs_is_accepted_and_one_flipped_bit_is_not(message, at):
    key = Ed25519PrivateKey.generate()
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert verifier.is_signed(public, message, signature)
    flipped = bytearray(signature)
    flipped[at // 8] ^= 1 << at % 8
    assert not verifier.is_signed(public, message, bytes(flipped))


def test_a_second_form_of_the_same_signature_is_refused():
    """S and S + L satisfy the equation alike; RFC 8032 demands the smaller, so that nobody makes a second one."""
    key = Ed25519PrivateKey.generate()
    signature = key.sign(b"m")
    larger = (int.from_bytes(signature[32:], "little") + verifier.L).to_bytes(32, "little")
    assert not verifier.is_signed(key.public_key().public_bytes_raw(), b"m", signature[:32] + larger)


@pytest.mark.parametrize("public", [b"", b"x" * 31, b"\xff" * 32, (2**255 - 19).to_bytes(32, "little")])
def test_what_is_no_point_is_no_key(public):
    assert not verifier.is_signed(public, b"m", bytes(64))


def test_the_verifier_is_python_3_8_and_imports_the_standard_library_alone():
    tree = ast.parse(SOURCE.read_text(), feature_version=(3, 8))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names


def pythons():
    """The oldest Python that is here, and ours."""
    found = [sys.executable]
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    old = [str(path) for path in versions.glob("3.8*/bin/python3")] or [shutil.which("python3.8")]
    return [*found, *filter(None, old)]


# --- packets --------------------------------------------------------------------------------------------------


@pytest.fixture
def signs():
    return signing.Signer(Ed25519PrivateKey.generate())


@pytest.fixture
def make_packet(tmp_path, signs):
    """Writes a packet of four signers at a time, as a zip file; returns its path. `strikes` are amendments.csv's rows,
    `kept` the signatures of earlier packets."""

    def make(
        name="c-1-1", first=1, last=5, gaps=(3,), amended=(), earlier=(), by=signs, kept=0, strikes=None, folder="",
        **values,
    ):  # fmt: skip
        path = tmp_path / f"{name}.zip"
        listed = [number for number in range(first, last + 1) if number not in gaps]
        if strikes is None:
            strikes = [(number, "c-1-1") for number in amended]
        with path.open("wb") as file:
            writer = packet.PacketWriter(file, folder)
            writer.add_table("signers-0001.csv", ("number", "name"), [(n, f"Person {n}") for n in listed])
            writer.add_table("countries.csv", ("code", "country", "signatures"), [("", "other", len(listed))])
            if strikes:
                writer.add_table("amendments.csv", ("number", "packet"), strikes)
            writer.add("verify.py", SOURCE.read_bytes())
            manifest = packet.Manifest(
                format=packet.FORMAT, software="test", campaign="c", title="Title", addressee="a", series=1,
                reference=name, profile="named", range=packet.Range(first, last),
                totals=packet.Totals(len(listed), 1, len(listed), len(gaps)), by_country=[], other=len(listed),
                other_versions=len(listed),
                period=packet.Period("", ""), amendments=packet.Amendments(len(amended), list(amended)),
                gap_numbers=list(gaps), earlier=list(earlier), to_date=kept + len(listed) - len(amended),
                built_at="2026-01-01", signed_by=by.fingerprint, files=writer.files,
            )  # fmt: skip
            for key, value in values.items():
                manifest = packet.msgspec.structs.replace(manifest, **{key: value})
            make.sha256[name] = writer.close(manifest, by.sign)
        return path

    make.sha256 = {}
    return make


def earlier_of(make_packet, name="c-1-1", first=1, last=5):
    return packet.Earlier(name, first, last, make_packet.sha256[name], "2026-01-01")


def run(python, *arguments):
    done = subprocess.run([python, *map(str, arguments)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("python", pythons(), ids=lambda path: Path(path).parent.parent.name)
def test_an_official_runs_it_on_the_unpacked_packet(make_packet, tmp_path, python, signs):
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(make_packet()) as archive:
        archive.extractall(folder)
    key = ["--key", verifier.grouped(signs.fingerprint).upper()]
    for _ in range(2):  # what the first run leaves behind does not disturb the second
        status, said = run(python, folder / "verify.py", *key)
        assert (status, "The packet verifies." in said) == (0, True), said
        assert verifier.grouped(signs.fingerprint) in said
    (folder / "signers-0001.csv").write_text((folder / "signers-0001.csv").read_text().replace("Person 4", "Person 9"))
    status, said = run(python, folder / "verify.py", *key)
    assert (status, "signers-0001.csv: its SHA-256 is not the manifest's" in said) == (1, True), said


def problems(path, *earlier, key=""):
    return verifier.check(verifier.packet_at(str(path)), [verifier.packet_at(str(old)) for old in earlier], key)[1]


def test_a_packet_that_another_key_signed_is_told_apart(make_packet, signs):
    path = make_packet()
    assert problems(path, key=verifier.grouped(signs.fingerprint).upper()) == []
    assert "not by the one you gave" in problems(path, key="0" * 64)[0]


def test_a_series_is_checked_against_its_earlier_packets(make_packet):
    first = make_packet()
    second = make_packet("c-1-2", 6, 9, (), (2,), [earlier_of(make_packet)], kept=4)
    assert problems(second, first) == []


def test_numbers_to_strike_may_stand_in_a_packet_of_another_series(make_packet):
    first = make_packet()
    totals = make_packet("c-2-2", 1, 5, (), profile="count", series=2, files=[])
    told = {"series": 2, "other_series": [earlier_of(make_packet)]}
    second = make_packet("c-2-3", 6, 9, (), (2,), [earlier_of(make_packet, "c-2-2")], kept=5, **told)
    assert problems(second, first, totals) == problems(second, totals) == []
    unaware = make_packet("c-2-4", 6, 9, (), (), [earlier_of(make_packet, "c-2-2")], kept=5, series=2)
    assert "c-1-1: of another series" in problems(unaware, first)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"strikes": [(1, "c-1-1")]}, "amendments.csv: its numbers are not the manifest's"),
        ({"strikes": [(2, "c-1-7")]}, "amendments.csv: number 2 is in no packet c-1-7"),
        ({"strikes": []}, "amendments.csv: missing"),
        ({"strikes": [("two", "c-1-1")]}, "amendments.csv: damaged"),
        ({"to_date": 9}, "its total to date is 9, but the packets add up to 7"),
        ({"to_date": 1}, "its total to date is less than it adds"),
        ({"profile": "count"}, "a packet of totals must not tell of numbers"),
        ({"by_country": [packet.CountryTotal("PL", "Poland", 5)]}, "more than those of the signers listed"),
    ],
)
def test_what_does_not_add_up_in_a_follow_up_is_named(make_packet, values, words):
    first = make_packet()
    found = problems(make_packet("c-1-2", 6, 9, (), (2,), [earlier_of(make_packet)], **{"kept": 4} | values), first)
    assert any(words in problem for problem in found), found


def test_a_first_packet_has_no_other_total_to_date(make_packet):
    assert any("first packet" in problem for problem in problems(make_packet(to_date=5)))


def as_format_2(path, signs, **values):
    """The packet as it was written before there was a total to date, signed anew."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(files["manifest.json"])
    del manifest["to_date"], manifest["other_series"]
    for old in manifest["earlier"]:
        del old["built_at"]
    manifest |= {"format": 2} | values
    manifest["files"] = [file for file in manifest["files"] if file["name"] != "amendments.csv"]
    files["manifest.json"] = json.dumps(manifest).encode()
    files["manifest.sig"] = signs.sign(files["manifest.json"]).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            if name != "amendments.csv":
                archive.writestr(name, data)
    return path, hashlib.sha256(files["manifest.json"]).hexdigest()


def test_packets_of_an_earlier_format_still_verify_by_its_rules(make_packet, signs, tmp_path):
    first, sha256 = as_format_2(make_packet(), signs)
    told = packet.Earlier("c-1-1", 1, 5, sha256)
    second, _ = as_format_2(make_packet("c-1-2", 6, 9, (), (2,), [told], kept=4), signs)
    assert problems(second, first) == []
    assert verify(second, earlier=[first])[1] == []
    newer = make_packet("c-1-2", 6, 9, (), (2,), [told], kept=4)
    assert problems(newer, first) == []
    too_many, _ = as_format_2(
        make_packet("c-1-2", 6, 9, (), (2,), [told]), signs, amendments={"withdrawn": 1, "numbers": [1, 2]}
    )
    assert any("not as many as it says" in problem for problem in problems(too_many, first))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"first": 5}, "has some of the numbers"),
        ({"first": 7}, "numbers 6 to 6 are in none of the packets"),
        ({"amended": (3,)}, "number 3 was taken back in an earlier packet already"),
        ({"amended": (7,)}, "number 7 is said to be taken back, but is in no earlier packet"),
        ({"amended": (1, 2, 4, 5, 6)}, "more are taken back than earlier packets counted"),
        ({"earlier": ()}, "this packet does not know of it"),
        ({"campaign": "d"}, "of another campaign"),
        ({"addressee": "b"}, "of another addressee"),
    ],
)
def test_what_does_not_fit_an_earlier_packet_is_named(make_packet, values, words):
    first = make_packet()
    given = {"first": 6, "last": 9, "gaps": (), "earlier": [earlier_of(make_packet)]} | values
    found = problems(make_packet("c-1-2", **given), first)
    assert any(words in problem for problem in found), found


def test_an_earlier_packet_that_was_made_up_is_found(make_packet):
    make_packet()
    second = make_packet("c-1-2", 6, 9, (), (), [earlier_of(make_packet)])
    other = make_packet(title="Made up")
    assert "is not the one that this packet was built upon" in problems(second, other)[0]
    stranger = make_packet(by=signing.Signer(Ed25519PrivateKey.generate()))
    assert any("signed by another key" in problem for problem in problems(second, stranger))


def test_a_manifest_leads_to_no_file_elsewhere(make_packet, tmp_path, signs):
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(make_packet()) as archive:
        archive.extractall(folder)
    (tmp_path / "secret.csv").write_text("x")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"].append({"name": "../secret.csv", "sha256": "0" * 64, "bytes": 1, "rows": 0})
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "manifest.sig").write_text(signs.sign((folder / "manifest.json").read_bytes()))
    found = problems(folder)
    assert "../secret.csv: listed in the manifest, but missing" in found
    assert not [problem for problem in found if "secret.csv: its SHA-256" in problem]


# --- the key on the site --------------------------------------------------------------------------------------


def test_the_key_is_made_once_and_shown_with_its_fingerprint(client, keyring):
    assert "There is no key yet" in client.get("/signing-key/").content.decode()
    assert client.get("/signing-key.pem").status_code == 404
    for _ in range(2):
        with acting_as("undersigned_worker"):
            signing.publish_signing_key()
    (key,) = SigningKey.objects.all()
    clear_page_cache()
    page = client.get("/signing-key/").content.decode()
    assert key.grouped in page
    assert f"python3 verify.py PACKET.zip --key {key.sha256}" in page
    public = load_pem_public_key(client.get("/signing-key.pem").content).public_bytes_raw()
    assert verifier.fingerprint_of(public) == key.sha256 == signing.signer().fingerprint


def test_the_verifier_on_the_site_is_the_one_in_the_packets(client):
    assert b"".join(client.get("/verify.py")) == SOURCE.read_bytes()


def test_a_damaged_signing_key_is_never_made_anew(keyring, caplog):
    keyring.signing_key()
    (keyring.directory / "signing.json").write_text("{}")
    signing.publish_signing_key()
    assert "damaged" in caplog.text
    assert (keyring.directory / "signing.json").read_text() == "{}"


def test_a_letter_to_edit_is_not_checked_and_the_verifier_says_so(make_packet, tmp_path):
    path = make_packet()
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("letter-en.odt", b"edited")
    assert problems(path) == []
    status, said = run(sys.executable, SOURCE, "--any-key", path)
    assert (status, "letter-en.odt: not checked, for it is there to be edited" in said) == (0, True)
    for name in ("letter-en.odt.exe", "xletter-en.odt", "letter-e/n.odt", "letter-en.pdf"):
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(name, b"x")
        assert f"{name}: not listed in the manifest" in problems(path)


# --- one folder ---------------------------------------------------------------------------------------------------


def test_a_packet_in_one_folder_verifies_as_it_is_and_however_it_was_unpacked(make_packet, tmp_path, signs):
    path = make_packet(folder="ALD-2026-0011")
    with zipfile.ZipFile(path) as archive:
        assert {name.partition("/")[0] for name in archive.namelist()} == {"ALD-2026-0011"}
        archive.extractall(tmp_path / "ALD-2026-0011")  # as "Extract all" does: a folder of its own around it
    for place in (path, tmp_path / "ALD-2026-0011", tmp_path / "ALD-2026-0011" / "ALD-2026-0011"):
        status, said = run(sys.executable, SOURCE, "--key", signs.fingerprint, place)
        assert (status, "The packet verifies." in said) == (0, True), said
        assert verify(place, key=signs.fingerprint)[1] == []


@pytest.mark.parametrize("name", ["beside.txt", "OTHER-1/signers-0001.csv", "ALD-1/inner/beside.txt", "ALD-1/"])
def test_what_lies_outside_the_folder_or_deeper_in_it_is_found(make_packet, name):
    path = make_packet(folder="ALD-1")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"")
    try:
        problems = verify(path)[1]
    except verifier.Damaged as damaged:
        problems = [str(damaged)]
    assert problems


@pytest.mark.parametrize("folder", ["../up", ".hidden", "a/b", "C:", "x" * 81, "sp ace", "–"])
def test_a_folder_that_no_packet_of_ours_has_is_no_packet(make_packet, folder):
    with pytest.raises(verifier.Damaged, match=r"manifest\.json: missing"):
        verify(make_packet(folder=folder))
