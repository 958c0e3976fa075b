"""A worker with no keyring, or a wrong one, changes nothing: it does not start, or, where it runs, does not work."""

from __future__ import annotations

import json
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyrage
import pytest

from config.local.children import Child
from tests.support.stack import LOCAL, RECOVERY, Stack, wait_until

#: Everything that a worker's keys are in the database, as text.
KEYS = """
SELECT string_agg(line, E'\n' ORDER BY line) FROM (
          SELECT r::text AS line FROM signatures_recipient r
UNION ALL SELECT k::text FROM signatures_campaignkey k
UNION ALL SELECT d::text FROM signatures_deskkey d
UNION ALL SELECT s::text FROM signatures_signingkey s
UNION ALL SELECT h::text FROM signatures_shredding h) lines
"""


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}


@pytest.fixture
def unchanged(stack: Stack) -> Iterator[None]:
    """Neither the good keyring nor the keys in the database are other than before."""
    before = stack.sql(KEYS), files_in(stack.home / "keyring")
    assert {"signing.json", "site.json", "desk.txt", "recipients.json"} < before[1].keys()
    yield
    assert (stack.sql(KEYS), files_in(stack.home / "keyring")) == before


def uid_of(stack: Stack, slug: str) -> str:
    ((uid,),) = stack.sql("SELECT uid::text FROM petitions_campaign WHERE slug = %s", slug)
    return str(uid)


# --- keyrings that are wrong: (stack, good, wrong) fills the folder `wrong`; what is said of it -----------------------


def empty(stack: Stack, good: Path, wrong: Path) -> list[str]:
    wrong.mkdir()
    return [f"the keys of campaign {LOCAL}", "the desk key", "the signing key", "the pinned key of officer-1"]


def missing(stack: Stack, good: Path, wrong: Path) -> list[str]:
    return ["the desk key", "the signing key"]


def one_campaign_less(stack: Stack, good: Path, wrong: Path) -> list[str]:
    shutil.copytree(good, wrong)
    (wrong / f"{uid_of(stack, LOCAL)}.json").unlink()
    return [f"the keys of campaign {LOCAL}"]


def one_officer_less(stack: Stack, good: Path, wrong: Path) -> list[str]:
    shutil.copytree(good, wrong)
    pinned = json.loads((wrong / "recipients.json").read_text())
    del pinned["officer-2"]
    (wrong / "recipients.json").write_text(json.dumps(pinned))
    return ["the pinned key of officer-2"]


def without(name: str, said: str) -> Callable[[Stack, Path, Path], list[str]]:
    def fill(stack: Stack, good: Path, wrong: Path) -> list[str]:
        shutil.copytree(good, wrong)
        (wrong / name).unlink()
        return [said]

    return fill


def another_desk_key(stack: Stack, good: Path, wrong: Path) -> list[str]:
    shutil.copytree(good, wrong)
    (wrong / "desk.txt").write_text(f"{pyrage.x25519.Identity.generate()}\n")
    return ["the desk key"]


def of_another_installation(stack: Stack, good: Path, wrong: Path) -> list[str]:
    """Made whole, on a database of its own."""
    shutil.copytree(good, wrong)
    for path in wrong.iterdir():
        if re.fullmatch(r"[0-9a-f-]{36}\.json", path.name):
            path.rename(wrong / f"{uuid.uuid4()}.json")
    return [f"the keys of campaign {LOCAL}"]


def a_file(stack: Stack, good: Path, wrong: Path) -> list[str]:
    wrong.write_text("")
    return ["cannot be read: NotADirectoryError"]


WRONG = {
    "empty": empty,
    "missing": missing,
    "one campaign less": one_campaign_less,
    "one officer less": one_officer_less,
    "no signing key": without("signing.json", "the signing key"),
    "no desk key": without("desk.txt", "the desk key"),
    "no site key": without("site.json", "no site.json"),
    "no pinned keys": without("recipients.json", "the pinned key of officer-1"),
    "another desk key": another_desk_key,
    "of another installation": of_another_installation,
    "a file": a_file,
}


#: Those that `make test` tries; `make faults` tries them all.
SOONEST = {"empty", "of another installation", "a file"}


@pytest.mark.parametrize(
    "fill",
    [pytest.param(fill, id=name, marks=[] if name in SOONEST else [pytest.mark.slow]) for name, fill in WRONG.items()],
)
@pytest.mark.usefixtures("unchanged")
def test_a_worker_with_a_wrong_keyring_does_not_start(stack: Stack, tmp_path: Path, fill: Any) -> None:
    wrong = tmp_path / "keyring"
    said = fill(stack, stack.home / "keyring", wrong)
    before = files_in(wrong)
    worker = stack.another_worker(f"wrong-{uuid.uuid4().hex[:6]}", KEYRING_DIR=str(wrong))
    wait_until(lambda: worker.poll() is not None, RECOVERY, "the worker ends")
    assert worker.poll() == 1
    log = log_of(worker)
    assert "This worker does not start. Nothing was changed." in log
    for words in (*said, str(wrong)):
        assert words in log
    assert "Traceback" not in log
    assert files_in(wrong) == before
    assert wrong.exists() == (fill is not missing)


def log_of(child: Child) -> str:
    assert child.log is not None
    return child.log.read_text()


def test_a_keyring_that_goes_while_a_worker_runs_stops_its_work_until_it_is_back(stack: Stack) -> None:
    """As an unmounted folder looks: there, and empty."""
    keyring, away = stack.home / "keyring", stack.home / "away"
    before, total = stack.sql(KEYS), stack.counts(LOCAL).counted
    keyring.rename(away)
    keyring.mkdir()
    address = f"{uuid.uuid4().hex}@example.org"
    try:
        wait_until(lambda: "No work is done" in log_of(stack.worker), RECOVERY, "the worker says so")
        stack.sign(LOCAL, address)
        stack.ring("provision", "settle_recipients", "send_mails", "admit", "prune", times=2)
        wait_until(lambda: stack.redis().llen("undersigned") == 0, RECOVERY, "the stages were called")
        assert not stack.mails_to(address)
        assert stack.sql(KEYS) == before
        assert list(keyring.iterdir()) == []
    finally:
        keyring.rmdir()
        away.rename(keyring)
    links = stack.links_for(address, RECOVERY)
    stack.request("POST", links["confirm"], {})
    wait_until(lambda: stack.counts(LOCAL).counted == total + 1, RECOVERY, "it is counted")
    assert stack.sql(KEYS) == before


@pytest.mark.usefixtures("unchanged")
def test_a_keyring_is_made_only_where_the_database_publishes_none(stack: Stack, tmp_path: Path) -> None:
    assert "nothing was missing" in stack.manage("init_keyring", role="worker")
    manage = {"KEYRING_DIR": str(tmp_path / "new")}
    for command in ("init_keyring", "admit_submissions"):
        said = run(stack, manage, command)
        assert said.startswith("CommandError: Nothing was "), said
        assert "the desk key" in said
        assert "Traceback" not in said
    assert not (tmp_path / "new").exists()


def test_an_export_restores_an_empty_folder_and_a_worker_works_with_it(stack: Stack, tmp_path: Path) -> None:
    identities = [pyrage.x25519.Identity.generate() for _ in range(2)]
    export, identity = tmp_path / "keyring.age", tmp_path / "identity.txt"
    identity.write_text(str(identities[0]))
    stack.manage(
        "export_keyring", str(export), *(f"--recipient={one.to_public()}" for one in identities), role="worker"
    )
    for folder in (tmp_path / "restored", tmp_path / "empty"):
        if folder.name == "empty":
            folder.mkdir()
        assert run(stack, {"KEYRING_DIR": str(folder)}, "import_keyring", str(export), f"--identity={identity}") == ""
        kept = {name: held for name, held in files_in(stack.home / "keyring").items() if not name.startswith("spool-")}
        assert files_in(folder) == kept
        assert folder.stat().st_mode & 0o77 == 0 or folder.name == "empty"
    stack.worker.stop()
    address = f"{uuid.uuid4().hex}@example.org"
    stack.another_worker("restored", KEYRING_DIR=str(tmp_path / "restored"))
    stack.sign(LOCAL, address)
    stack.links_for(address, RECOVERY)


def run(stack: Stack, environment: dict[str, str], *arguments: str) -> str:
    """A management command of a worker with that environment; what it complained of."""
    from tests.support.commands import Commands

    commands = Commands(stack._environment("manage", "worker") | environment)
    try:
        return commands.run(*arguments)[2]
    finally:
        commands.close()
