"""Every check, then every test: what `make test` runs. A check that fails ends it.

Arguments are passed on to pytest, whose closing line is the last thing printed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The headless shell first: it takes half the processor, for it opens no windows that nobody sees.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")

# What a public site is started with; `check --deploy` finds nothing to say about it
# (tests/config/test_secret_files.py).
PRODUCTION = {
    "DATABASE_URL": "postgres://undersigned_owner@database.example.org/undersigned?sslmode=verify-full",
    "REDIS_URL": "rediss://redis.example.org:6379/0",
    "SECRET_KEY": "0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ-for-this-check-only",
    "SITE_URL": "https://petitions.example.org",
    "DESK_URL": "https://desk.petitions.example.org",
    "TRUSTED_PROXIES": "1",
    "MAIL_URL": "smtp://mail.example.org:587",
    "MAIL_FROM": "petitions@undersigned.test",
    "MAIL_FROM_NEUTRAL": "post@undersigned.test",
    "ALERTS_TO": "on-call@undersigned.test",
    "AUDIT_ANCHOR_TO": "anchors@undersigned.test",
    "HSTS_WHOLE_DOMAIN": "1",
}
OURS = {*PRODUCTION, "DEBUG", "FACTORS_KEY", "DEMO_MAIL_DIR", "KEYRING_DIR", "ROLE", "VAR_DIR"}
# Of the browser tests, for their own process (tests/browser/browsing.py).
OURS |= {"DJANGO_ALLOW_ASYNC_UNSAFE"}


def main(arguments: list[str]) -> None:
    """Run the checks one after the other, then become pytest."""
    os.chdir(ROOT)
    browser = find_browser()
    if browser is None and os.environ.get("CI"):
        sys.exit("No Chromium was found, and CI is set: the browser tests have to run. " + HOW_TO_GET_ONE)
    # Side by side: all but mypy spend their seconds on importing Django.
    with ThreadPoolExecutor(2) as pool:
        steps = [pool.submit(step) for step in CHECKS]
        if failed := [output for step in steps if (output := step.result())]:
            sys.exit("\n".join(failed))
    run_pytest(browser, arguments)


HOW_TO_GET_ONE = "Get one with `apt-get install chromium-headless-shell`, or name one: CHROMIUM=/path/to/chromium"


def find_browser() -> str | None:
    """Return the path of a Chromium: $CHROMIUM, or the first on PATH."""
    names = filter(None, (os.environ.get("CHROMIUM"), *BROWSERS))
    return next(filter(None, map(shutil.which, names)), None)


type Step = Callable[[], str]
"""Runs something; returns "", or what it said where it failed."""


def module(title: str, *arguments: str) -> Step:
    """A Python module."""
    return partial(run, title, ["-m", *arguments], None)


def manage(title: str, environment: Mapping[str, str], *arguments: str) -> Step:
    """A Django command with `environment` and nothing else of ours."""
    others = {name: value for name, value in os.environ.items() if name not in OURS}
    return partial(run, title, ["manage.py", *arguments], {**others, **environment})


def run(title: str, arguments: list[str], environment: Mapping[str, str] | None) -> str:
    """Run one step: prints a line when it is well, and returns its whole output when it is not."""
    begin = time.monotonic()
    argv = [sys.executable, *arguments]
    done = subprocess.run(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        return f"{done.stdout.decode(errors='replace')}FAILED: {title}"
    print(f"ok: {title} ({time.monotonic() - begin:.1f} s)", flush=True)
    return ""


#: The longest first: two run side by side.
CHECKS: list[Step] = [
    module("mypy", "mypy"),
    module("static files", "tests.support.collecting"),
    module("ruff check", "ruff", "check", "."),
    module("ruff format", "ruff", "format", "--check", "."),
    manage("migrations are complete", {}, "makemigrations", "--check", "--dry-run"),
]


def run_pytest(browser: str | None, arguments: list[str]) -> None:
    """Become pytest, so that its closing line and its exit status are ours."""
    chosen = "not slow and not acceptance"
    if browser:
        os.environ["CHROMIUM"] = browser
    else:
        chosen += " and not browser"
        print(f"\n*** No Chromium was found: THE BROWSER TESTS ARE LEFT OUT. {HOW_TO_GET_ONE} ***\n", flush=True)
    # One more than processors, and three at least: one each has the running site of the browser tests and of the
    # faults (conftest.py), which often wait. Each loads all tests, so not many.
    processes = min(max(3, (os.cpu_count() or 2) + 1), 5)
    options = ["-n", str(processes), "-m", chosen]
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *options, *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
