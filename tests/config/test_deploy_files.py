"""config/deploy/: units, users, folders and proxy agree with each other and with the settings and the code."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from config.celery import DEFAULT, MAIL, QUEUE, SLOW
from config.production_lock import EMBEDDED, LOCK, production_lock
from config.redis_rights import TIERS
from config.secret_files import Servers, make_secrets
from config.tier_checks import FOLDERS

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "config" / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
STATE = "/var/lib/undersigned"
Unit = Mapping[str, Sequence[str]]


def _read(path: Path) -> Unit:
    """What a unit file says: {key: [values]}, sections aside, for no key of ours is in two."""
    said: dict[str, list[str]] = {}
    for line in path.read_text().replace("\\\n", " ").splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            said.setdefault(key, []).append(value)
    return said


def _environment(unit: Unit) -> dict[str, str]:
    return dict(item.split("=", 1) for item in unit["Environment"])


def _shared_settings() -> dict[str, str]:
    lines = (DEPLOY / "undersigned.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _settings_names() -> set[str]:
    return set(re.findall(r'env\.(?:str|int|bool|list)\(\s*"([A-Z_]+)"', (ROOT / "config" / "settings.py").read_text()))


ids = [path.stem for path in UNITS]


def test_there_is_a_unit_for_each_process_and_the_target_wants_all() -> None:
    assert ids == [f"undersigned-{name}" for name in ("beat", "desk", "mail", "metrics", "public", "worker")]
    assert _read(DEPLOY / "systemd" / "undersigned.target")["Wants"][0].split() == [
        f"undersigned-{name}.service" for name in ("public", "desk", "worker", "mail", "beat", "metrics")
    ]


@pytest.mark.parametrize("path", UNITS, ids=ids)
def test_every_variable_is_one_that_the_settings_read(path: Path) -> None:
    given = {*_environment(_read(path)), *_shared_settings()}
    assert {name.removesuffix("_FILE") for name in given} <= _settings_names()


@pytest.mark.parametrize("path", UNITS, ids=ids)
def test_every_secret_comes_as_a_file_that_make_secrets_makes(path: Path, tmp_path: Path) -> None:
    made = {str(file.relative_to(tmp_path)) for file in make_secrets(tmp_path, Servers("127.0.0.1", "127.0.0.1:6379"))}
    made.add("worker/mail_url")  # the operator's own
    unit = _read(path)
    environment = _environment(unit)
    credentials = dict(line.split(":", 1) for line in unit["LoadCredential"])
    for name, source in credentials.items():
        assert source.removeprefix("/etc/undersigned/") in made
        assert source.startswith(f"/etc/undersigned/{environment['ROLE']}/")
        assert environment[f"{name.upper()}_FILE"] == f"%d/{name}"
    expected = {"redis_url"} if path.stem.endswith("beat") else {"redis_url", "database_url", "secret_key"}
    expected |= {"factors_key"} if path.stem.endswith("desk") else set()
    expected |= {"mail_url"} if path.stem.endswith(("worker", "mail")) else set()
    assert set(credentials) == expected


@pytest.mark.parametrize("path", UNITS, ids=ids)
def test_a_tier_runs_as_its_own_user(path: Path) -> None:
    unit, role = _read(path), _environment(_read(path))["ROLE"]
    if path.stem.endswith("beat"):
        assert unit["DynamicUser"] == ["yes"]
    else:
        assert unit["User"] == unit["Group"] == [f"undersigned-{role}"]
    assert ("KEYRING_DIR" in _environment(unit)) == path.stem.endswith(("-worker", "-mail"))


def test_workers_serve_every_queue_once_and_beat_runs_once() -> None:
    started = [_read(path)["ExecStart"][0] for path in UNITS]
    served = [queue for line in started for found in re.findall(r"--queues (\S+)", line) for queue in found.split(",")]
    assert sorted(queue.replace("undersigned", QUEUE, 1) for queue in served) == sorted((DEFAULT, MAIL, SLOW))
    assert sum(" beat " in line for line in started) == 1


def test_the_proxy_reaches_each_web_process_and_nobody_else_does() -> None:
    proxied = re.findall(r"upstream (\w+) {\s+server (\S+);", (DEPLOY / "nginx.conf").read_text())
    listening = {}
    for tier in ("public", "desk"):
        line = _read(DEPLOY / "systemd" / f"undersigned-{tier}.service")["ExecStart"][0]
        host, port = re.search(r"--host (\S+) --port (\d+)", line).groups()  # type: ignore[union-attr]
        listening[tier] = f"{host}:{port}"
    assert dict(proxied) == {"undersigned": listening["public"], "desk": listening["desk"]}
    assert all(address.startswith("127.0.0.1:") for address in listening.values())


# --- folders --------------------------------------------------------------------------------------------------


def _folders() -> dict[str, tuple[int, str, str]]:
    """{path: (mode, owner, group)} of tmpfiles.d."""
    lines = (DEPLOY / "tmpfiles.d" / "undersigned.conf").read_text().splitlines()
    rows = [line.split() for line in lines if line.startswith("d ")]
    return {path: (int(mode, 8), owner, group) for _, path, mode, owner, group in rows}


def _place(setting: str) -> str:
    name = setting.removesuffix("_DIR").removesuffix("_ROOT").lower()
    return f"{STATE}/{name}"


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("setting", FOLDERS)
def test_folders_are_open_to_whom_they_should_be(setting: str, tier: str) -> None:
    mode, owner, group = _folders()[_place(setting)]
    user = f"undersigned-{tier}"
    bits = mode >> 6 if user == owner else mode >> 3 if user == group else mode
    may = ("r" if bits & 5 == 5 else "") + ("w" if bits & 3 == 3 else "")
    needs, must_not = FOLDERS[setting][TIERS.index(tier)]
    assert set(needs) <= set(may)
    assert not set(must_not) & set(may)


@pytest.mark.parametrize(
    "path", [path for path in UNITS if not path.stem.endswith(("beat", "metrics"))], ids=lambda path: path.stem
)
def test_a_unit_sees_and_writes_the_folders_of_its_tier(path: Path) -> None:
    unit = _read(path)
    tier = TIERS.index(_environment(unit)["ROLE"])
    writes = {_place(setting) for setting, tiers in FOLDERS.items() if "w" in tiers[tier].needs}
    hidden = {_place(setting) for setting, tiers in FOLDERS.items() if tiers[tier].must_not == "rw"}
    assert set(" ".join(unit.get("ReadWritePaths", ())).split()) == writes
    assert set(unit["InaccessiblePaths"][0].replace("-/", "/").split()) == hidden
    assert unit["ProtectSystem"] == ["strict"]


def test_the_shared_settings_lead_to_these_folders() -> None:
    shared = _shared_settings()
    assert (shared["VAR_DIR"], shared["STATIC_ROOT"]) == (STATE, _place("STATIC_ROOT"))


# --- their own tools ------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed here")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    for path in (DEPLOY / "systemd").iterdir():
        text = path.read_text().replace("/opt/undersigned/.venv/bin", str(Path(sys.executable).parent))
        (tmp_path / path.name).write_text(text.replace("/opt/undersigned", str(ROOT)))
    units = [str(path) for path in sorted(tmp_path.iterdir())]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )
    # Of the machine's own units it may say this and that.
    assert [line for line in done.stderr.splitlines() if "undersigned" in line] == []


# --- what a server installs -----------------------------------------------------------------------------------


def test_the_production_lock_is_what_the_project_needs_and_no_more() -> None:
    assert LOCK.read_text() == production_lock(), "run: .venv/bin/python -m config.production_lock"
    names = set(re.findall(r"^([a-z0-9-]+)==", LOCK.read_text(), re.MULTILINE))
    assert {"django", "granian", "celery", "psycopg-binary", "hiredis", "fido2", "lxml"} <= names
    assert not names & {*EMBEDDED, "pytest", "playwright", "hypothesis", "ruff", "mypy"}


#: A process that has the packages of the production lock only, and loads what public, desk and workers load.
LOADS = """
import importlib.metadata, re, sys
wanted = set(re.findall(r"^([a-z0-9-]+)==", open("requirements-production.lock").read(), re.MULTILINE))
tops = importlib.metadata.packages_distributions()
named = lambda name: re.sub(r"[-_.]+", "-", name).lower()
missing = {top for top, names in tops.items() if top != "pip" and not wanted & set(map(named, names))}
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
import config.wsgi, config.celery, kombu.transport.redis
from django.conf import settings
if settings.ROLE == "worker":
    import signatures.tasks, signatures.delivery.verifier, signatures.register.shredding
print(len(missing))
"""


@pytest.mark.parametrize("tier", TIERS)
def test_what_the_production_lock_installs_suffices(tier: str) -> None:
    environment = {**os.environ, "ROLE": tier}
    if tier != "worker":
        del environment["KEYRING_DIR"]
    done = subprocess.run(
        [sys.executable, "-c", LOADS], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20


def test_the_unit_of_the_metrics_writes_nothing_and_sees_no_key() -> None:
    unit = _read(DEPLOY / "systemd" / "undersigned-metrics.service")
    assert "ReadWritePaths" not in unit
    assert unit["InaccessiblePaths"] == [f"-{_place('KEYRING_DIR')}"]
    assert not any("KEYRING_DIR" in line or "MAIL_URL" in line for line in unit["Environment"])
