"""create_demo, as a process with an owner's environment, on databases that are not the demo's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from petitions.models import Addressee, Campaign
from staff.models import Membership, Role

ROOT = Path(__file__).resolve().parents[2]


def create_demo(tmp_path: Path, command: tuple[str, ...] = ("create_demo",), **environment: str) -> tuple[int, str]:
    given = {"KEYRING_DIR": str(tmp_path / "keyring"), "VAR_DIR": str(tmp_path / "var"), "ROLE": "owner"}
    done = subprocess.run(
        [sys.executable, "manage.py", *command], cwd=ROOT, env=os.environ | given | environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "environment", [{"SITE_URL": "https://petitions.undersigned.test"}, {"MAIL_URL": "smtp://mail.undersigned.test"}]
)
@pytest.mark.parametrize("command", [("create_demo",), ("demo_code", "campaigner")])
def test_the_settings_of_a_real_site_are_refused(
    tmp_path: Path, environment: dict[str, str], command: tuple[str, ...]
) -> None:
    status, said = create_demo(tmp_path, command, **environment)
    assert status == 1
    assert said.startswith("CommandError: ")
    assert "demo" in said
    assert "Traceback" not in said
    assert not (tmp_path / "keyring").exists()


def an_administrator() -> None:
    Membership.objects.create(user=User.objects.create(username="ada"), role=Role.ADMINISTRATOR)


def an_addressee() -> None:
    Addressee.objects.create(name="The Mayor", country="GB")


def a_login_named_as_in_the_demo() -> None:
    User.objects.create(username="campaigner")


@pytest.mark.parametrize("make", [an_administrator, an_addressee, a_login_named_as_in_the_demo])
def test_a_database_with_other_content_is_refused_and_stays_as_it_is(
    db: None, tmp_path: Path, monkeypatch: Any, make: Callable[[], None]
) -> None:
    monkeypatch.setattr(settings, "KEYRING_DIR", tmp_path / "keyring")
    make()
    with pytest.raises(CommandError, match="not the demo's"):
        call_command("create_demo")
    assert not (tmp_path / "keyring").exists()
    assert not Campaign.objects.exists()
    assert User.objects.count() <= 1


def test_a_petition_of_ones_own_is_refused(campaign: Campaign) -> None:
    before = User.objects.count()
    with pytest.raises(CommandError, match="not the demo's"):
        call_command("create_demo")
    assert User.objects.count() == before
