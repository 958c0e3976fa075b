"""A rehearsal: yesterday's backup put back into a new database, with who withdrew since and what was made since."""

from __future__ import annotations

import os
import shutil
import time

import psycopg
import pytest

from config.local.embedded import postgres_binary
from tests.support.stack import LOCAL, RECOVERY, Stack, kill, wait_until

PROGRAMS = str(postgres_binary("pg_dump").parent)
pytestmark = pytest.mark.acceptance


def sign(stack: Stack, address: str) -> dict[str, str]:
    """A confirmed signature; its links."""
    assert stack.sign(LOCAL, address).status == 303
    links = stack.links_for(address)
    stack.request("POST", links["confirm"], {})
    return links


def new_database(stack: Stack) -> None:
    """As on a new server: made by its administrator, with roles and nothing else (config/secret_files.py)."""
    url = stack.servers.database_url("postgres", "postgres")
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("DROP DATABASE undersigned WITH (FORCE)")
    stack.servers._prepare_database()


def test_a_restore_brings_back_nobody_who_withdrew_and_sweeps_nothing(stack: Stack) -> None:
    before = stack.counts(LOCAL).counted
    links = [sign(stack, f"restored-{n}@example.net") for n in range(3)]
    wait_until(lambda: stack.counts(LOCAL).counted == before + 3, RECOVERY, "three are counted")
    said = stack.manage("backup", str(stack.home / "backups"), "--programs", PROGRAMS)
    made = said.split()[1].rstrip(";")

    stack.request("POST", links[0]["withdraw"], {})
    wait_until(lambda: stack.counts(LOCAL).counted == before + 2, RECOVERY, "one has withdrawn")
    for child in (stack.beat, stack.worker, stack.web, stack.desk):
        kill(child)
    for folder in ("media", "attachments", "packets"):
        shutil.rmtree(stack.home / folder, ignore_errors=True)
    new_database(stack)
    stack.manage("restore", made, "--programs", PROGRAMS)
    assert stack.counts(LOCAL).counted == before + 3

    stack.worker.start()
    wait_until(lambda: stack.worker.poll() is not None, RECOVERY, "a worker refuses to start")
    assert "replay_tombstones first" in stack.worker.last_words()

    assert "Withdrawn again: 1." in stack.manage("replay_tombstones", role="worker")
    assert stack.assert_adds_up(LOCAL).counted == before + 2
    younger = stack.home / "packets" / "made-after-the-backup.zip.age"
    younger.parent.mkdir(exist_ok=True)
    younger.write_bytes(b"packet")
    os.utime(younger, (time.time() - 7200,) * 2)
    stack.recover()
    stack.ring("prune")
    sign(stack, "restored-again@example.net")
    wait_until(lambda: stack.counts(LOCAL).counted == before + 3, RECOVERY, "signing goes on")
    assert younger.exists()

    (stack.home / "keyring" / "orphans-kept").unlink()
    stack.ring("prune")
    wait_until(lambda: not younger.exists(), RECOVERY, "what no delivery knows is swept once the operator says so")
