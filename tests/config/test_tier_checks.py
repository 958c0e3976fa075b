"""`check --deploy` as each tier: a login that may do too much, and a folder of the wrong tier, are named."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.checks import CheckMessage
from django.db import connection

from config.redis_rights import TIERS
from config.tier_checks import FOLDERS, database_login_is_the_tiers_own, folders_are_the_right_tiers
from tests.support.fixtures import acting_as

ROLES = {"public": configured.PUBLIC_ROLE, "desk": configured.DESK_ROLE, "worker": configured.WORKER_ROLE}
NOBODY = 65_534


@pytest.fixture
def sql(db: None, settings: Any) -> Callable[[str], None]:
    """A database whose roles were given what docs/operations.md says; statements of its owner."""
    settings.DATABASE_URL = "postgres:///tests"

    def run(statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    name = connection.settings_dict["NAME"]
    run(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
    run(f'GRANT TEMPORARY ON DATABASE "{name}" TO {configured.WORKER_ROLE}')
    return run


def _told(settings: Any, tier: str, role: str) -> dict[str | None, str]:
    settings.ROLE = tier
    with acting_as(role):
        return {problem.id: problem.msg for problem in database_login_is_the_tiers_own(None)}


@pytest.mark.parametrize("tier", TIERS)
def test_a_tiers_own_login_passes(sql: Any, settings: Any, tier: str) -> None:
    assert _told(settings, tier, ROLES[tier]) == {}


@pytest.mark.parametrize("tier", TIERS)
def test_only_workers_hold_advisory_locks(sql: Any, settings: Any, tier: str) -> None:
    """Each function of that kind: whoever has seized a web host would hold up packets and migrations with any."""
    may = "bool_or(has_function_privilege(oid, 'EXECUTE')), bool_and(has_function_privilege(oid, 'EXECUTE')), count(*)"
    with acting_as(ROLES[tier]), connection.cursor() as cursor:
        cursor.execute(f"SELECT {may} FROM pg_proc WHERE proname LIKE 'pg%%advisory%%'")
        some, each, functions = cursor.fetchone()
    assert (some, each) == (tier == "worker", tier == "worker")
    assert functions > 15
    if tier != "worker":
        assert "may hold advisory locks" in _told(settings, tier, ROLES["worker"])["undersigned.E012"]


@pytest.mark.parametrize("tier", TIERS)
def test_another_tiers_login_may_do_too_much(sql: Any, settings: Any, tier: str) -> None:
    for other in set(TIERS) - {tier}:
        assert "undersigned.E012" in _told(settings, tier, ROLES[other])


@pytest.mark.parametrize("tier", TIERS)
def test_the_owners_login_is_refused(sql: Any, settings: Any, tier: str) -> None:
    settings.ROLE = tier
    found = {problem.id: problem.msg for problem in database_login_is_the_tiers_own(None)}
    assert "may create tables" in found["undersigned.E012"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("GRANT SELECT ON auth_user TO PUBLIC", "SELECT auth_user"),
        (f"GRANT SELECT (sealed) ON signatures_signature TO {ROLES['public']}", "SELECT signatures_signature.sealed"),
        (f"GRANT TRUNCATE ON signatures_submission TO {ROLES['public']}", "TRUNCATE signatures_submission"),
        ("GRANT CREATE ON SCHEMA public TO PUBLIC", "may create tables"),
        ("CREATE TABLE notes (n int); GRANT INSERT ON notes TO PUBLIC", "INSERT notes"),
    ],
)
def test_one_right_too_many_is_named(sql: Any, settings: Any, change: str, word: str) -> None:
    sql(change)
    assert word in _told(settings, "public", ROLES["public"])["undersigned.E012"]


@pytest.mark.parametrize(
    ("change", "tier", "word"),
    [
        (f"REVOKE SELECT ON petitions_campaign FROM {ROLES['public']}", "public", "SELECT petitions_campaign"),
        ("REVOKE TEMPORARY ON DATABASE {name} FROM {worker}", "worker", "temporary tables"),
    ],
)
def test_a_right_that_is_missing_is_named(sql: Any, settings: Any, change: str, tier: str, word: str) -> None:
    sql(change.format(name=f'"{connection.settings_dict["NAME"]}"', worker=ROLES["worker"]))
    assert word in _told(settings, tier, ROLES[tier])["undersigned.E013"]


def test_a_tier_without_an_address_of_its_database_is_refused(settings: Any) -> None:
    settings.ROLE, settings.DATABASE_URL = "public", ""
    assert [problem.id for problem in database_login_is_the_tiers_own(None)] == ["undersigned.E011"]


# --- folders --------------------------------------------------------------------------------------------------


@contextmanager
def _nobody() -> Iterator[None]:
    """Root may enter every folder, so what a folder's mode keeps out is tried as nobody."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.fixture
def folders(settings: Any, short_path: Path) -> dict[str, Path]:
    """Every folder, closed to all; `_open` gives a tier what it needs."""
    places = {setting: short_path / setting.lower() for setting in FOLDERS}
    for place in places.values():
        place.mkdir()
        if os.geteuid() == 0:
            os.chown(place, NOBODY, NOBODY)
    settings.STATIC_ROOT, settings.MEDIA_DIR = str(places["STATIC_ROOT"]), str(places["MEDIA_DIR"])
    settings.ANCHORS_DIR = places["ANCHORS_DIR"]
    settings.KEYRING_DIR, settings.BASE_DIR = places["KEYRING_DIR"], Path("/")
    settings.STORAGES = {
        name: {"OPTIONS": {"location": str(places[f"{name.upper()}_DIR"])}}
        for name in ("share", "packets", "spool", "attachments")
    }
    return places


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder that nobody may enter too; pytest's own is below one of ours alone."""
    with tempfile.TemporaryDirectory(prefix="undersigned-folders-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
        for place in Path(name).iterdir():
            place.chmod(0o700)


def _give(folders: dict[str, Path], tier: str) -> None:
    for setting, accesses in FOLDERS.items():
        needs = accesses[TIERS.index(tier)].needs
        folders[setting].chmod((0o500 if "r" in needs else 0) | (0o300 if "w" in needs else 0))


def _problems(settings: Any, tier: str) -> list[CheckMessage]:
    settings.ROLE = tier
    with _nobody():
        return list(folders_are_the_right_tiers(None))


@pytest.mark.parametrize("tier", TIERS)
def test_folders_with_the_right_modes_pass(settings: Any, folders: dict[str, Path], tier: str) -> None:
    _give(folders, tier)
    assert _problems(settings, tier) == []


@pytest.mark.parametrize("tier", TIERS)
def test_each_folder_that_is_too_open_or_too_closed_is_named(
    settings: Any, folders: dict[str, Path], tier: str
) -> None:
    for setting, accesses in FOLDERS.items():
        needs, must_not = accesses[TIERS.index(tier)]
        for do, mode in (("r", 0o500), ("w", 0o300)):
            _give(folders, tier)
            if do in needs:
                folders[setting].chmod(0)
                assert {(p.id, setting in p.msg) for p in _problems(settings, tier)} == {("undersigned.E018", True)}
            if do in must_not:
                folders[setting].chmod(mode | (0o500 if "r" in needs else 0))
                assert {(p.id, setting in p.msg) for p in _problems(settings, tier)} == {("undersigned.E019", True)}


def test_a_folder_that_is_missing_is_named(settings: Any, folders: dict[str, Path]) -> None:
    _give(folders, "public")
    folders["STATIC_ROOT"].rmdir()
    (found,) = _problems(settings, "public")
    assert (found.id, "STATIC_ROOT" in found.msg) == ("undersigned.E018", True)


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o777])
def test_a_keyring_that_others_may_enter_is_refused(settings: Any, folders: dict[str, Path], mode: int) -> None:
    _give(folders, "worker")
    folders["KEYRING_DIR"].chmod(mode)
    assert [problem.id for problem in _problems(settings, "worker")] == ["undersigned.E020"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may enter every folder")
def test_root_is_told_that_it_sees_nothing(settings: Any, folders: dict[str, Path]) -> None:
    _give(folders, "worker")
    settings.ROLE = "worker"
    assert [problem.id for problem in folders_are_the_right_tiers(None)] == ["undersigned.W007"]


def test_program_files_that_a_tier_may_write_are_told(settings: Any, folders: dict[str, Path], tmp_path: Path) -> None:
    _give(folders, "desk")
    settings.BASE_DIR = folders["MEDIA_DIR"]
    assert [problem.id for problem in _problems(settings, "desk")] == ["undersigned.W008"]
