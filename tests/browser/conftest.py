"""One browser and one running site for all browser tests of a process."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.browsing import launch, visitor
from tests.support.stack import Stack

type Visit = Callable[..., AbstractContextManager[Page]]


@pytest.fixture(scope="session")
def site() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="undersigned-browser-") as home:
        stack = Stack(Path(home)).start()
        try:
            yield stack
        finally:
            stack.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = launch(playwright)
        yield running
        running.close()


@pytest.fixture
def visit(site: Stack, browser: Browser) -> Visit:
    """Opens a browser of somebody's own on the site."""

    def open_one(**options: Any) -> AbstractContextManager[Page]:
        return visitor(browser, site.url, **options)

    return open_one
