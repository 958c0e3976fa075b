"""Fixtures for all tests; the environment they run in is made in tests/support/environment.py."""

import gc
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

# Rendering a page takes 10 ms on a quiet machine; a deadline would only measure the neighbours.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")

#: Tests in these folders share one running site a process, which takes seconds to start; and in this file 191,000
#: invented people.
TOGETHER = ("tests/browser", "tests/faults", "tests/signatures/demo/test_people.py")


class OneSiteAFolder(LoadScopeScheduling):
    """All tests of such a place go to one process, the others anywhere.

    pytest-xdist's own `--dist loadgroup` ignores its marks under pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]  # what a test is given may have a / too
        return next((place for place in (file, file.rpartition("/")[0]) if place in TOGETHER), nodeid)


def pytest_collection_finish() -> None:
    """What is loaded by now stays: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneSiteAFolder:
    return OneSiteAFolder(config, log)


pytest_plugins = ["tests.support.fixtures", "tests.support.template", "tests.support.packets"]
