"""Static files are collected again when, and only when, something of them has changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from config.local.collected import is_collected, note_collected


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A project with one static file."""
    base = tmp_path / "project"
    for name, content in {
        "requirements.lock": "django",
        "config/settings.py": "",
        "static/site.css": "body {}",
    }.items():
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text(content)
    return base


@pytest.fixture
def home(tmp_path: Path, base: Path) -> Path:
    """Where the project's files were collected."""
    home = tmp_path / "var"
    shutil.copytree(base / "static", home / "static")
    note_collected(home, base)
    return home


def test_what_was_collected_is_not_collected_again(home: Path, base: Path) -> None:
    assert is_collected(home, base)


def test_nothing_is_collected_in_a_new_home(tmp_path: Path, base: Path) -> None:
    assert not is_collected(tmp_path / "new", base)


@pytest.mark.parametrize("name", ["static/site.css", "static/new.js", "requirements.lock", "config/settings.py"])
def test_whatever_changes_is_collected_again(home: Path, base: Path, name: str) -> None:
    (base / name).write_text("changed")
    assert not is_collected(home, base)


def test_a_folder_that_is_gone_is_collected_again(home: Path, base: Path) -> None:
    shutil.rmtree(home / "static")
    assert not is_collected(home, base)
