#!/usr/bin/env python
"""Django's command line, which brings its own PostgreSQL and Valkey where none are configured."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from django.core.management import execute_from_command_line

ROOT = Path(__file__).resolve().parent
# These look at files only, or start their own servers (demo).
NO_DATABASE = {
    "", "check", "collectstatic", "compilemessages", "demo", "diffsettings", "findstatic", "help", "makemessages",
    "makemigrations", "startapp", "verify_delivery", "version",
}  # fmt: skip
# Makes accounts and content as the owner does, but also keys, as a worker does.
OWNER_WITH_KEYS = "create_demo"


def main() -> None:
    """Run one command."""
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("ROLE", role_of(command))
    if "DATABASE_URL" not in os.environ and needs_database(command, sys.argv):
        use_embedded(Path(os.environ.get("VAR_DIR", ROOT / "var")), command)
    execute_from_command_line(sys.argv)


def role_of(command: str) -> str:
    """Return the role a command has: our own are workers', the site is web's, the rest is the owner's."""
    if command == OWNER_WITH_KEYS:
        return "owner"
    if command == "runserver":
        return "web"
    own = ROOT / "signatures" / "management" / "commands" / f"{command}.py"
    return "worker" if own.exists() else "owner"


def needs_database(command: str, arguments: list[str]) -> bool:
    """Say whether a command has to reach a database (`check --database default` does)."""
    if {"-h", "--help", "--version"}.intersection(arguments):
        return False
    return command not in NO_DATABASE or "--database" in arguments


def use_embedded(home: Path, command: str) -> None:
    """Set the environment to the embedded servers; exits with one line when they cannot be had."""
    from config.local.children import ChildFailed
    from config.local.embedded import EmbeddedError, attach, secret_key

    role = os.environ["ROLE"]
    try:
        os.environ.update(attach(home, role))  # type: ignore[arg-type]
    except (EmbeddedError, ChildFailed) as error:
        sys.exit(str(error))
    os.environ.setdefault("SECRET_KEY", secret_key(home))
    if role == "worker" or command == OWNER_WITH_KEYS:
        os.environ.setdefault("KEYRING_DIR", str(home / "keyring"))


if __name__ == "__main__":
    main()
