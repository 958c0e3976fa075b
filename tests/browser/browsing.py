"""A browser on the running site, and what every page is held to while it is looked at."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request, Response

from tests.check import HOW_TO_GET_ONE, find_browser

if TYPE_CHECKING:  # screenshots.py sets Django up first
    from tests.support.stack import Stack

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 900}


def launch(playwright: Playwright) -> Browser:
    """Start the system's Chromium. Raises RuntimeError with what to do where there is none."""
    path = find_browser()
    if path is None:
        raise RuntimeError(f"No Chromium was found. {HOW_TO_GET_ONE}")
    # Playwright runs an event loop in this thread, and Django then refuses the ORM to other tests of the process.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    return playwright.chromium.launch(executable_path=shutil.which(path), args=ARGUMENTS)


class Watch:
    """What went wrong in a context's pages, other than what a test asked for."""

    def __init__(self, context: BrowserContext) -> None:
        self.problems: list[str] = []
        self.expected: tuple[str, ...] = ()
        context.on("console", self._hear)
        context.on("weberror", lambda error: self.problems.append(f"error: {error.error}"))
        context.on("requestfailed", self._miss)

    def _miss(self, request: Request) -> None:
        """A page that is left while it asks for something breaks that off; so does a download."""
        if request.failure != "net::ERR_ABORTED":
            self.problems.append(f"failed: {request.url} {request.failure}")

    def _hear(self, message: ConsoleMessage) -> None:
        """Violations of the Content-Security-Policy come as errors as well."""
        known = any(part in message.text for part in self.expected)
        if message.type in ("error", "warning") and not known:
            self.problems.append(f"{message.type}: {message.text} at {message.location.get('url')}")


def knowing_the_desk(page: Page, desk_url: str) -> Page:
    """The page, whose goto("/admin/…") is the desk's; every other path is the site's (base_url)."""
    goto = page.goto

    def go(url: str, **options: Any) -> Response | None:
        return goto(f"{desk_url}{url}" if url.startswith("/admin/") else url, **options)

    page.goto = go  # type: ignore[method-assign]
    return page


@contextmanager
def visitor(
    browser: Browser, site: Stack, viewport: dict[str, int] = PHONE, host: str = "127.0.0.1", **options: Any
) -> Iterator[Page]:
    """A page of somebody with a browser of their own; at the end nothing may have gone wrong in it."""
    address = f"http://{host}:{site.port}"
    context = browser.new_context(viewport=viewport, locale="en-GB", **({"base_url": address} | options))
    context.set_default_timeout(20_000)
    watch = Watch(context)
    page = knowing_the_desk(context.new_page(), f"http://{host}:{site.desk_port}")
    page.watch = watch  # type: ignore[attr-defined]
    try:
        yield page
        assert watch.problems == [], watch.problems
    finally:
        with suppress(Exception):
            context.close()


def verified_by_itself(site: Stack, packet: Path) -> str:
    """What the verifier that lies in an opened packet says of it, run as an official would: with Python and the
    fingerprint of the site's key, and no more."""
    program = packet.with_suffix(".verify.py")
    with zipfile.ZipFile(packet) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/verify.py"))
        program.write_bytes(archive.read(name))
    done = subprocess.run(
        [sys.executable, "-I", "-S", program, "--key", signing_key_of(site), packet],
        capture_output=True, text=True, env={}, timeout=60,
    )  # fmt: skip
    return done.stdout + done.stderr


def signing_key_of(site: Stack) -> str:
    """The fingerprint that the site shows."""
    ((fingerprint,),) = site.sql("SELECT sha256 FROM signatures_signingkey")
    return str(fingerprint)


#: Seconds for which a login serves other windows: well within the ten minutes after which secrets ask again.
SERVES_FOR = 180


def come_back(page: Page, site: Stack, username: str) -> None:
    """To the desk in another window of a browser that is logged in: by its cookies, while they are good."""
    since, cookies = site.logins.get(username, (0.0, []))
    if time.monotonic() - since < SERVES_FOR:
        page.context.add_cookies(cookies)
        page.goto("/admin/")
        if urlsplit(page.url).path == "/admin/":
            return
        page.context.clear_cookies()  # somebody ended this session
    log_in(page, site, username)
    site.logins[username] = (time.monotonic(), page.context.cookies())


def log_in(page: Page, site: Stack, username: str) -> None:
    """By password and the six digits of the demo's authenticator app, to the desk."""
    page.goto("/admin/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(site.passwords[username])
    page.get_by_role("button", name="Log in", exact=True).click()
    page.get_by_label("Code").fill(site.code_of(username))
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url("**/admin/")
