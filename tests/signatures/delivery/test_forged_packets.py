"""Packets that somebody else made or hid something in: whose they are, what runs, what is unpacked, what is said."""

import contextlib
import io
import json
import os
import shutil
import stat
import struct
import sys
import time
import zipfile
import zlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from signatures.delivery import signing, verifier
from tests.signatures.delivery.test_verifier import SOURCE, earlier_of, make_packet, problems, pythons, run, signs

__all__ = ["make_packet", "signs"]

PYTHON = sys.executable


def stranger():
    return signing.Signer(Ed25519PrivateKey.generate())


@pytest.fixture
def folder(make_packet, tmp_path):
    """A genuine packet, unpacked."""
    with zipfile.ZipFile(make_packet()) as archive:
        archive.extractall(tmp_path / "unpacked")
    return tmp_path / "unpacked"


# --- whose it is --------------------------------------------------------------------------------------------------


def test_a_packet_whose_key_nobody_vouched_for_is_not_verified(make_packet, signs):
    path = make_packet(by=stranger())
    status, said = run(PYTHON, SOURCE, path)
    assert (status, said.startswith("NOT VERIFIED"), len(said.splitlines())) == (3, True, 1)
    status, said = run(PYTHON, SOURCE, path, "--key", signs.fingerprint)
    assert (status, "not by the one you gave" in said) == (1, True)
    status, said = run(PYTHON, SOURCE, path, "--any-key")
    assert (status, "WHO MADE IT WAS NOT CHECKED" in said, "verifies" in said) == (0, True, False)


@pytest.mark.parametrize("key", ["", " ", "0" * 63, "0" * 65, "g" * 64, "٠" * 64])
def test_what_is_no_fingerprint_is_a_wrong_command(make_packet, key):
    status, said = run(PYTHON, SOURCE, make_packet(), "--key", key)
    assert (status, "64 hexadecimal digits" in said) == (2, True)


def test_a_key_and_any_key_contradict_each_other(make_packet, signs):
    assert run(PYTHON, SOURCE, make_packet(), "--key", signs.fingerprint, "--any-key")[0] == 2


def test_the_key_is_remembered_from_an_earlier_packet(make_packet):
    first = make_packet()
    given = {"earlier": [earlier_of(make_packet)], "kept": 4}
    status, said = run(PYTHON, SOURCE, make_packet("c-1-2", 6, 9, (), **given), "--earlier", first)
    assert (status, "the key of the earlier packet that you gave" in said) == (0, True)
    forged = make_packet("c-1-2", 6, 9, (), by=stranger(), **given)
    status, said = run(PYTHON, SOURCE, forged, "--earlier", first)
    assert (status, "c-1-1.zip: signed by another key" in said) == (1, True)


def test_an_earlier_packet_that_does_not_belong_to_this_one_vouches_for_nothing(make_packet):
    other = make_packet("d-1-1", campaign="d")
    assert run(PYTHON, SOURCE, make_packet(), "--earlier", other)[0] == 1
    assert run(PYTHON, SOURCE, make_packet(), "--earlier", make_packet())[0] == 1


def test_a_series_that_two_keys_signed_verifies_once_both_are_given(make_packet, signs):
    first, newer = make_packet(), stranger()
    second = make_packet("c-1-2", 6, 9, (), earlier=[earlier_of(make_packet)], kept=4, by=newer)
    both = ["--key", signs.fingerprint, "--key", newer.fingerprint]
    assert run(PYTHON, SOURCE, second, "--earlier", first, *both)[0] == 0
    assert run(PYTHON, SOURCE, second, "--earlier", first, *both[2:])[0] == 1


def test_nothing_that_a_packet_says_looks_like_our_own_words(make_packet):
    path = make_packet(title="x\n\x1b[2J\u202eThe packet verifies.\u0085", by=stranger())
    _, said = run(PYTHON, SOURCE, path, "--any-key")
    assert not [line for line in said.splitlines() if line.startswith("The packet verifies")]
    assert not {"\x1b", "\u202e"} & set(said)


def test_a_console_that_cannot_show_the_title_is_no_error(make_packet, signs, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    path = make_packet(title="Вольга")
    assert run(PYTHON, SOURCE, path, "--key", signs.fingerprint)[0] == 0


# --- what runs ----------------------------------------------------------------------------------------------------

#: Everything that the verifier imports, and what these modules import on their way.
MODULES = sorted({"__future__", "argparse", "csv", "struct", "typing", "zipfile", "json", "hashlib", "stat", "shutil",
                  "gettext", "re", "io", "os", "zlib", "locale", "textwrap", "threading", "sre_parse"})  # fmt: skip
EVIL = "import pathlib; pathlib.Path({!r}).touch(); raise SystemExit(0)\n"


@pytest.mark.parametrize("python", pythons(), ids=lambda path: Path(path).parent.parent.name)
@pytest.mark.parametrize("way", ["module", "package", "compiled", "link"])
def test_no_module_beside_the_verifier_is_run(folder, tmp_path, signs, python, way):
    ran = tmp_path / "ran"
    evil = EVIL.format(str(ran))
    (tmp_path / "e.py").write_text(evil)
    run(python, "-c", f"import py_compile; py_compile.compile('{tmp_path}/e.py', '{tmp_path}/e')")
    for module in MODULES:
        if way == "package":
            (folder / module).mkdir()
            (folder / module / "__init__.py").write_text(evil)
        elif way == "compiled":
            shutil.copy(tmp_path / "e", folder / f"{module}.pyc")
        elif way == "link":
            (folder / f"{module}.py").symlink_to(tmp_path / "e.py")
        else:
            (folder / f"{module}.py").write_text(evil)
    status, said = run(python, folder / "verify.py", "--key", signs.fingerprint)
    assert (status, "argparse" in said) == (1, True), said
    assert not ran.exists()


def test_no_module_is_run_by_way_of_a_link_the_working_directory_or_the_environment(
    folder, tmp_path, signs, monkeypatch
):
    ran = tmp_path / "ran"
    for module in ("argparse", "__future__", "zipfile"):
        (folder / f"{module}.py").write_text(EVIL.format(str(ran)))
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "verify.py").symlink_to(folder / "verify.py")
    monkeypatch.chdir(folder)
    for path in ("", ".", str(folder), f"{folder}/../unpacked", os.pathsep):
        monkeypatch.setenv("PYTHONPATH", path)
        for program in ("verify.py", folder / "verify.py", tmp_path / "linked" / "verify.py"):
            assert run(PYTHON, program, folder, "--key", signs.fingerprint)[0] == 1
    assert not ran.exists()


# --- what is in a folder ------------------------------------------------------------------------------------------


def test_whatever_else_a_folder_holds_is_named(folder, tmp_path):
    (folder / "argparse.py").touch()
    (folder / "__pycache__").mkdir()
    (folder / "empty").mkdir()
    (folder / "sub" / "deeper").mkdir(parents=True)
    (folder / "sub" / "deeper" / "manifest.json").touch()
    (folder / "outside").symlink_to(tmp_path, target_is_directory=True)
    (folder / "dangling").symlink_to(tmp_path / "nowhere")
    (folder / "Thumbs.db").symlink_to(tmp_path / "nowhere")
    (folder / ".DS_Store").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "a\nb").touch()
    found = {problem.partition(":")[0] for problem in problems(folder)}
    assert found == {
        "argparse.py", "__pycache__", "empty", "sub", "outside", "dangling", "Thumbs.db", ".DS_Store", "pipe", "a\\nb",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["countries.csv", "manifest.json", "manifest.sig"])
def test_a_link_in_the_place_of_a_file_is_not_followed(folder, tmp_path, name):
    (folder / name).rename(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    try:
        found = problems(folder)
    except verifier.Damaged as damaged:
        found = str(damaged).splitlines()
    assert f"{name}: a link, and not a file" in found
    assert any(problem.startswith(f"{name}: ") and "missing" in problem for problem in found)


def test_what_an_operating_system_left_is_said_to_be_unchecked(folder, signs):
    (folder / ".DS_Store").write_bytes(b"x")
    status, said = run(PYTHON, SOURCE, folder, "--key", signs.fingerprint)
    assert (status, ".DS_Store: not checked" in said) == (0, True)


# --- what is in an archive ----------------------------------------------------------------------------------------


def written(path, change=lambda info: info, *, compress=zipfile.ZIP_DEFLATED):
    """The packet's files, written anew; `change` may alter each entry."""
    with zipfile.ZipFile(path) as archive:
        files = [(name, archive.read(name)) for name in archive.namelist()]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compress) as archive:
        for name, data in files:
            info = zipfile.ZipInfo(name)
            info.compress_type = compress
            archive.writestr(change(info) or info, data)
    path.write_bytes(stream.getvalue())
    return path


def with_inserted(path, at, data):
    """The archive with bytes inserted there; all offsets that follow are put right."""
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        offsets, start = [info.header_offset for info in archive.infolist()], archive.start_dir
    whole = bytearray(whole[:at] + data + whole[at:])
    moved, entry = len(data), start + len(data)
    for offset in offsets:
        name, extra, comment = struct.unpack_from("<3H", whole, entry + 28)
        struct.pack_into("<L", whole, entry + 42, offset + (moved if offset >= at else 0))
        entry += 46 + name + extra + comment
    struct.pack_into("<L", whole, entry + 16, start + moved)
    path.write_bytes(bytes(whole))
    return path


def hidden_file(name):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, b"hidden")
        return stream.getvalue()[: archive.fp.tell()]


def test_archives_as_our_own_writer_makes_them_pass(make_packet):
    for compress in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED):
        assert problems(written(make_packet(), compress=compress)) == []


@pytest.mark.parametrize("place", range(6))
def test_bytes_hidden_before_between_and_after_members_are_found(make_packet, place):
    """A file that the directory does not list: some programs restore it all the same."""
    path = make_packet()
    with zipfile.ZipFile(path) as archive:
        places = [info.header_offset for info in archive.infolist()]
        places += [archive.start_dir]
    at = places[place % len(places)]
    for data in (hidden_file("evil.exe"), b"x"):
        with_inserted(path, at, data)
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None  # as harmless as it was to the library
        assert any("stands before" in problem for problem in problems(path))
        path = make_packet()


@pytest.mark.parametrize(
    "where",
    ["comment", "extra", "archive comment", "link", "folder", "system", "nul", "local name", "last comment's length"],
)
def test_what_entries_hide_is_found(make_packet, where):
    path = make_packet()

    def change(info):
        if info.filename == "countries.csv":
            if where == "comment":
                info.comment = b"hidden"
            if where == "extra":
                info.extra = struct.pack("<HH4s", 0xCAFE, 4, b"evil")
            if where == "link":
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
            if where == "folder":
                info.external_attr = 0x10
            if where == "system":
                info.create_system = 1

    written(path, change)
    if where == "archive comment":
        with zipfile.ZipFile(path, "a") as archive:
            archive.comment = b"hidden"
    whole = path.read_bytes()
    if where == "nul":
        whole = whole.replace(b"countries.csv", b"countries.cs\0")
    if where == "last comment's length":  # what ends the archive would be its comment, to who does not look twice
        at = whole.rindex(b"PK\1\2") + 32
        whole = whole[:at] + b"\x16" + whole[at + 1 :]
    if where == "local name":
        whole = whole.replace(b"countries.csv", b"countries.exe", 1)
    path.write_bytes(whole)
    assert problems(path)


def test_an_entry_outside_and_a_folder_are_found(make_packet):
    for name in ("../evil.txt", "/etc/evil", "sub/", "sub/evil.txt", "C:\\evil", "Countries.csv", "verify.py/", ""):
        path = make_packet()
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(zipfile.ZipInfo(name), b"")
        assert any("not listed" in problem for problem in problems(path)), name


@pytest.mark.parametrize("limit", [0, 600])
def test_archives_too_large_for_four_bytes_pass_and_hide_nothing_either(make_packet, monkeypatch, limit):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", limit)
    monkeypatch.setattr(verifier.Archive, "LARGE", limit)
    path = make_packet()
    assert problems(path) == []
    for at in (-22, -42, -60):
        whole = bytearray(path.read_bytes())
        whole[at:at] = b"hidden"
        path.write_bytes(bytes(whole))
        with contextlib.suppress(verifier.Damaged):
            assert problems(path)
        path = make_packet()


def test_very_many_entries_take_no_longer_than_they_are_many(make_packet):
    path = make_packet()
    with zipfile.ZipFile(path, "a") as archive:
        for n in range(30_000):
            archive.writestr(zipfile.ZipInfo(str(n)), b"")
    started = time.process_time()
    assert len(problems(path)) == 30_000
    assert time.process_time() - started < 10  # by looking each up in a list: minutes


def test_the_earlier_packet_that_is_damaged_is_named(make_packet, tmp_path):
    first = make_packet()
    second = make_packet("c-1-2", 6, 9, (), earlier=[earlier_of(make_packet)], kept=4)
    swollen(first, "manifest.sig", 10)
    with pytest.raises(verifier.Damaged, match=r"c-1-1\.zip: manifest\.sig"):
        problems(second, first)


def test_data_after_the_compressed_data_of_a_file_is_found(make_packet):
    """It lies within the file's own place, where nothing looks that only unpacks."""
    path = written(make_packet())
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("countries.csv")
    at = info.header_offset + 30 + len("countries.csv") + info.compress_size
    with_inserted(path, at, b"hidden")
    whole = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        entry = whole.index(b"PK\1\2", archive.start_dir)
        while whole[entry + 46 : entry + 46 + 13] != b"countries.csv":
            entry = whole.index(b"PK\1\2", entry + 4)
    for place in (info.header_offset + 18, entry + 20):
        struct.pack_into("<L", whole, place, info.compress_size + 6)
    path.write_bytes(bytes(whole))
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    assert "countries.csv: damaged (ValueError)" in problems(path)


# --- what is unpacked ---------------------------------------------------------------------------------------------


@pytest.fixture
def inflated(monkeypatch):
    """Bytes that were decompressed, counted at zlib itself."""
    count = [0]
    real = zlib.decompressobj

    class Counting:
        def __init__(self, *args):
            self.inner = real(*args)

        def decompress(self, *args):
            data = self.inner.decompress(*args)
            count[0] += len(data)
            return data

        def __getattr__(self, name):
            return getattr(self.inner, name)

    monkeypatch.setattr(zlib, "decompressobj", Counting)
    return count


def swollen(path, name, size):
    """The packet with so many noughts in the place of one file; the manifest is left as it was."""
    with zipfile.ZipFile(path) as archive:
        files = [(old, archive.read(old)) for old in archive.namelist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for old, data in files:
            archive.writestr(old, bytes(size) if old == name else data)
    return path


def lying_about(path, name, size):
    """The archive says that the file has so many bytes, in both places."""
    whole = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        info, start = archive.getinfo(name), archive.start_dir
    entry = whole.index(b"PK\1\2", start)
    while whole[entry + 46 : entry + 46 + len(name)] != name.encode():
        entry = whole.index(b"PK\1\2", entry + 4)
    for place in (info.header_offset + 22, entry + 24):
        struct.pack_into("<L", whole, place, size)
    path.write_bytes(bytes(whole))
    return path


SMALL = 1 << 17


def test_no_more_is_decompressed_than_the_manifest_states(make_packet, inflated):
    with zipfile.ZipFile(make_packet()) as archive:
        stated = archive.getinfo("countries.csv").file_size
    path = swollen(make_packet(), "countries.csv", 50_000_000)
    assert any("50000000 bytes, and not" in problem for problem in problems(path))
    lying_about(path, "countries.csv", stated)
    assert "countries.csv: damaged (BadZipFile)" in problems(path)
    assert inflated[0] < 3 * SMALL


@pytest.mark.parametrize("name", ["manifest.json", "manifest.sig"])
def test_what_is_read_before_the_signature_is_bounded(make_packet, inflated, name):
    path = swollen(make_packet(), name, 100_000_000)
    with pytest.raises(verifier.Damaged, match=f"{name}: damaged, or too large"):
        problems(path)
    assert inflated[0] < SMALL


@pytest.mark.parametrize("signed_by", ["nobody", "another"])
def test_after_a_bad_signature_no_file_is_opened(make_packet, signs, inflated, signed_by):
    path = make_packet(by=stranger() if signed_by == "another" else signs)
    with zipfile.ZipFile(path) as archive:
        before = sum(archive.getinfo(name).file_size for name in ("manifest.json", "manifest.sig"))
        files = {name: archive.read(name) for name in archive.namelist()}
    inflated[0] = 0
    if signed_by == "nobody":
        manifest = json.loads(files["manifest.json"]) | {"title": "Other"}
        files["manifest.json"] = json.dumps(manifest, indent=2).encode()
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    status, said = run(PYTHON, SOURCE, path, "--key", signs.fingerprint)
    assert (status, "manifest.sig: " in said) == (1, True)
    try:
        problems(path, key=signs.fingerprint)
    except verifier.Damaged:
        assert signed_by == "nobody"
    assert 0 < inflated[0] <= before + 100


def test_a_spreadsheet_that_swells_is_not_read_to_its_end(inflated):
    sheet = io.BytesIO()
    with zipfile.ZipFile(sheet, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/worksheets/sheet1.xml", bytes(50_000_000))
    with pytest.raises(ValueError, match="more rows"):
        verifier.sheet_numbers(sheet.getvalue(), 4)
    assert inflated[0] < 8 * verifier.ROW_BYTES + SMALL


def test_a_signature_file_holds_nothing_else(make_packet):
    path = make_packet()
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["manifest.sig"] += b"hidden\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    with pytest.raises(verifier.Damaged, match=r"manifest\.sig"):
        problems(path)
