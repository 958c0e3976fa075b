"""What belongs together in a backup, when it goes, and what is refused; the rehearsal is in tests/faults."""

from __future__ import annotations

import datetime
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from config import backup as backups
from config.local.embedded import postgres_binary
from signatures.models.destruction import BACKUPS_KEPT
from signatures.sign_form.consent import wording

PROGRAMS = postgres_binary("pg_dump").parent


@pytest.fixture
def places(settings: Any, tmp_path: Path) -> Path:
    """Folders with a file each, and an empty keyring."""
    for name in ("media", "attachments", "packets", "keyring"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.bin").write_bytes(name.encode())
    settings.MEDIA_DIR, settings.KEYRING_DIR = str(tmp_path / "media"), tmp_path / "keyring"
    settings.STORAGES = {
        **settings.STORAGES,
        **{name: {"OPTIONS": {"location": str(tmp_path / name)}} for name in ("attachments", "packets")},
    }
    return tmp_path


@pytest.fixture
def made(places: Path, transactional_db: None) -> Path:
    return backups.backup(places / "backups", timezone.now(), PROGRAMS)


def test_a_backup_is_described_and_closed_to_others(made: Path) -> None:
    described = json.loads((made / "description.json").read_text())
    assert sorted(described["files"]) == ["attachments.tar", "database.dump", "media.tar", "packets.tar"]
    assert made.stat().st_mode & 0o077 == 0
    assert not any("keyring" in file.name for file in made.iterdir())


def test_one_that_fails_leaves_nothing(places: Path, transactional_db: None) -> None:
    with pytest.raises(CommandError, match=r"No backup was made\. pg_dump is not installed"):
        call_command("backup", str(places / "backups"), programs=places)
    assert list((places / "backups").iterdir()) == []


def test_the_notice_under_the_form_says_how_long_backups_are_kept(campaign: Any) -> None:
    assert datetime.timedelta(days=backups.KEPT_DAYS) == BACKUPS_KEPT
    assert f"up to {backups.KEPT_DAYS} days" in wording(campaign).kept


def test_backups_go_after_35_days(tmp_path: Path) -> None:
    now = datetime.datetime(2026, 11, 30, 3, tzinfo=datetime.UTC)
    for days in (0, 34, 35, 36, 400):
        (tmp_path / (now - datetime.timedelta(days=days)).strftime(backups.NAME)).mkdir()
    (tmp_path / "undersigned-of-ours").mkdir()
    # Killed in the middle: of the day before yesterday, and of just now.
    (tmp_path / ".undersigned-20261128T030000Z.unfinished").mkdir()
    (tmp_path / ".undersigned-20261130T025900Z.unfinished").mkdir()
    gone = backups.delete_old(tmp_path, now)
    assert [made.name for made in gone] == [
        "undersigned-20251026T030000Z", "undersigned-20261025T030000Z", ".undersigned-20261128T030000Z.unfinished"
    ]  # fmt: skip
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.parametrize("file", ["media.tar", "database.dump"])
def test_a_damaged_backup_is_refused(made: Path, file: str) -> None:
    (made / file).write_bytes(b"x")
    with pytest.raises(CommandError, match=rf"is damaged: {file}\."):
        call_command("restore", str(made))


def test_a_folder_that_is_no_backup_is_refused(places: Path) -> None:
    with pytest.raises(CommandError, match=r"is no backup"):
        call_command("restore", str(places))


def test_a_database_that_is_not_empty_is_never_overwritten(made: Path, places: Path) -> None:
    with pytest.raises(CommandError, match="The database is not empty"):
        call_command("restore", str(made))
    assert not (places / "keyring" / "restored").exists()


def test_rights_on_postgresqls_own_functions_are_not_in_it(made: Path) -> None:
    """They are its administrator's: the owner, who puts a backup back, may not give them."""
    listed = subprocess.run(
        [PROGRAMS / "pg_restore", "--list", made / "database.dump"], capture_output=True, text=True, check=True
    ).stdout
    assert "ACL public" in listed
    assert "advisory" not in listed
