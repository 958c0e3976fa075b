"""One running site for all fault tests of a process; whatever a test breaks is mended before the next."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.crowd import MARK
from tests.support.stack import Stack


@pytest.fixture(scope="session")
def site() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="undersigned-faults-") as home:
        stack = Stack(Path(home)).start()
        try:
            yield stack
        finally:
            stack.stop()


@pytest.fixture
def stack(site: Stack, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The site, whole at the beginning and the end of each test. No fault may make a log tell of a person."""
    site.recover()
    failed = request.session.testsfailed
    yield site
    if request.session.testsfailed > failed:
        site.print_logs()
    site.recover()
    for log in (site.home / "log").iterdir():
        assert MARK not in log.read_text(errors="replace").lower(), f"{log.name} tells of a person"
