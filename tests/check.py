"""Every check, then every test: what `make test` runs. Stops at the first failure.

Arguments are passed on to pytest, whose closing line is the last thing printed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

# What a public site is started with; `check --deploy` must find nothing to say about it.
PRODUCTION = {
    "DATABASE_URL": "postgres://undersigned_web@database.example.org/undersigned?sslmode=verify-full",
    "REDIS_URL": "rediss://redis.example.org:6379/0",
    "SECRET_KEY": "0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ-for-this-check-only",
    "SITE_URL": "https://petitions.example.org",
    "TRUSTED_PROXIES": "1",
    "MAIL_URL": "smtp://mail.example.org:587",
    "MAIL_FROM": "petitions@undersigned.test",
    "MAIL_FROM_NEUTRAL": "post@undersigned.test",
    "AUDIT_ANCHOR_TO": "anchors@undersigned.test",
    "HSTS_WHOLE_DOMAIN": "1",
}
OURS = {*PRODUCTION, "DEBUG", "DEMO_MAIL_DIR", "KEYRING_DIR", "ROLE", "VAR_DIR"}


def main(arguments: list[str]) -> None:
    """Run the checks one after the other, then become pytest."""
    os.chdir(ROOT)
    browser = find_browser()
    if browser is None and os.environ.get("CI"):
        sys.exit("No Chromium was found, and CI is set: the browser tests have to run. " + HOW_TO_GET_ONE)
    check("ruff check", "ruff", "check", ".")
    check("ruff format", "ruff", "format", "--check", ".")
    check("mypy", "mypy")
    manage("migrations are complete", {}, "makemigrations", "--check", "--dry-run")
    for role, keyring in (("web", {}), ("worker", {"KEYRING_DIR": "/run/keyring"})):
        environment = {**PRODUCTION, "ROLE": role, **keyring}
        manage(f"deployment as {role}", environment, "check", "--deploy", "--fail-level", "WARNING")
    run_pytest(browser, arguments)


HOW_TO_GET_ONE = "Get one with `apt-get install chromium`, or name one: CHROMIUM=/path/to/chromium"


def find_browser() -> str | None:
    """Return the path of a Chromium: $CHROMIUM, or the first on PATH."""
    names = filter(None, (os.environ.get("CHROMIUM"), *BROWSERS))
    return next(filter(None, map(shutil.which, names)), None)


def check(title: str, module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
    """Run a Python module quietly; on failure print what it said and exit with its status."""
    run(title, [sys.executable, "-m", module, *arguments], environment)


def manage(title: str, environment: Mapping[str, str], *arguments: str) -> None:
    """Run a Django command with `environment` and nothing else of ours."""
    others = {name: value for name, value in os.environ.items() if name not in OURS}
    run(title, [sys.executable, "manage.py", *arguments], {**others, **environment})


def run(title: str, argv: list[str], environment: Mapping[str, str] | None) -> None:
    """Run one step; a line when it is well, its whole output and the end when it is not."""
    begin = time.monotonic()
    done = subprocess.run(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        sys.stdout.buffer.write(done.stdout)
        sys.stdout.flush()
        sys.exit(f"FAILED: {title}")
    print(f"ok: {title} ({time.monotonic() - begin:.1f} s)", flush=True)


def run_pytest(browser: str | None, arguments: list[str]) -> None:
    """Become pytest, so that its closing line and its exit status are ours."""
    chosen = "not slow"
    if browser:
        os.environ["CHROMIUM"] = browser
    else:
        chosen += " and not browser"
        print(f"\n*** No Chromium was found: THE BROWSER TESTS ARE LEFT OUT. {HOW_TO_GET_ONE} ***\n", flush=True)
    # At least two, since each spends much of its time waiting for PostgreSQL; each has its own, so not many.
    processes = min(max(2, os.cpu_count() or 2), 4)
    options = ["-n", str(processes), "-m", chosen]
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *options, *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
