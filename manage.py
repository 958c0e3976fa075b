#!/usr/bin/env python
"""Django's command line, which brings its own PostgreSQL and Valkey where none are configured."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

ROOT = Path(__file__).resolve().parent
# These look at files only, or start their own servers (demo).
NO_DATABASE = {
    "", "check", "collectstatic", "compilemessages", "demo", "diffsettings", "findstatic", "help", "make_secrets",
    "makemessages", "makemigrations", "startapp", "verify_delivery", "version",
}  # fmt: skip
# What a command declares in its class: `role = "worker"`, `needs_keys = True`. Read off its source, because importing
# it needs the settings, and these need the role.
DECLARATION = re.compile(r"^    (role|needs_keys) = (?:\"(\w+)\"|True)$", re.MULTILINE)


def main() -> None:
    """Run one command."""
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("ROLE", role_of(command))
    if not {"DATABASE_URL", "DATABASE_URL_FILE"}.intersection(os.environ) and needs_database(command, sys.argv):
        use_embedded(Path(os.environ.get("VAR_DIR", ROOT / "var")), command)
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Not configured: {error}")


def declared(command: str) -> dict[str, str]:
    """Return what one of our own commands declares; {} for Django's."""
    for source in ROOT.glob(f"*/management/commands/{command}.py"):
        return dict(DECLARATION.findall(source.read_text(encoding="utf-8")))
    return {}


def role_of(command: str) -> str:
    """Return the role a command has: what it declares, the site is web's, the rest is the owner's."""
    return "public" if command == "runserver" else declared(command).get("role", "owner")


def needs_database(command: str, arguments: list[str]) -> bool:
    """Say whether a command has to reach a database (`check --database default` does)."""
    if {"-h", "--help", "--version"}.intersection(arguments):
        return False
    return command not in NO_DATABASE or "--database" in arguments


def use_embedded(home: Path, command: str) -> None:
    """Set the environment to the embedded servers; exits with one line when they cannot be had."""
    from config.local.children import ChildFailed
    from config.local.embedded import EmbeddedError, attach, secret_keys

    role = os.environ["ROLE"]
    try:
        os.environ.update(attach(home, role))  # type: ignore[arg-type]
    except (EmbeddedError, ChildFailed) as error:
        sys.exit(str(error))
    for name, key in secret_keys(home, role).items():  # type: ignore[arg-type]
        os.environ.setdefault(name, key)
    if role == "worker" or "needs_keys" in declared(command):
        os.environ.setdefault("KEYRING_DIR", str(home / "keyring"))


if __name__ == "__main__":
    main()
