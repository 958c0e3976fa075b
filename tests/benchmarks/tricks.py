"""What each trick of the public site is worth: the web's processor for one signature or page, with it and without.

A trick that gives less than a twentieth goes for the plain library. In one process, in turn, so that what else the
machine does falls on all alike.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from tests.benchmarks.table import Row

if TYPE_CHECKING:
    from tests.benchmarks.site import Site

ROOT: Final = Path(__file__).resolve().parents[2]
#: What of the figure a trick has to give.
WORTH: Final = 0.05
ROUNDS, EACH = 15, 400
#: {trick: what it is for}.
TRICKS: Final = {
    "counting past redis-py's client": "signature",
    "plain e-mail addresses by one expression": "signature",
    "addresses of campaigns remembered": "page",
}


def tricks(site: Site, plan: object) -> Iterator[Row]:
    """One row a trick."""
    web = site.demo._public()
    environment = {**(web.env or {}), "DJANGO_SETTINGS_MODULE": "tests.benchmarks.settings"}
    environment |= {"SIGN_RATE": "100000000/m", "SLUG": site.facts["signed"]}
    command = [sys.executable, "-m", "tests.benchmarks.tricks"]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    for name, what in TRICKS.items():
        ours, without = measured[what], measured[name]
        more = without / ours - 1
        words = f"without: {without:.3f} ms"
        yield Row(f"{name}: a {what}", f"{ours:.3f} ms", words, f"{more:+.1%}", f"≥ {WORTH:.0%}", more >= WORTH)


def _measure() -> dict[str, float]:
    """{trick: milliseconds of this process a signature or page without it; and what with all of them: …}."""
    from config.wsgi import application
    from tests.benchmarks.rows import _forms

    path, said = f"/c/{os.environ['SLUG']}/", []
    requests = {
        "signature": [("POST", f"{path}sign/", form) for form in _forms(1000)],
        "page": [("GET", path, b"")] * 1000,
    }

    def ask(what: str, number: int) -> float:
        said.clear()
        began = time.process_time()
        for request in requests[what][:number]:
            answer = application(_environ(*request), lambda status, headers: said.append(status))
            answer.close()
        spent = time.process_time() - began
        assert set(said) <= {"303 See Other", "200 OK"}, set(said)
        return spent / number * 1000

    seen: dict[str, list[float]] = {}
    for what in requests:
        ask(what, 1000)  # connections, keys and caches are there from here on
    ways = dict.fromkeys(requests, nullcontext) | _without()
    for _ in range(ROUNDS):
        for name, without in ways.items():
            what = TRICKS.get(name, name)
            with without():
                ask(what, 20)
                seen.setdefault(name, []).append(ask(what, EACH))
    return {name: median(times) for name, times in seen.items()}


def _without() -> dict[str, Callable[[], AbstractContextManager[Any]]]:
    """{trick: what puts the plain library in its place}."""
    from django.urls import URLResolver

    from config.url_tables import Translated
    from signatures.sign_form import form
    from web import counters

    plain = counters.redis().register_script(counters.COUNT.decode())

    def count(windows: Any) -> list[int]:
        keys, lives = [counters.key_of(name) for name, _ in windows], [seconds for _, seconds in windows]
        return [int(n) for n in counters.unless_away(lambda: plain(keys=keys, args=lives)).split()]

    class Never:
        def match(self, text: str) -> None: ...

    return {
        "counting past redis-py's client": lambda: patch.object(counters, "count", count),
        "addresses of campaigns remembered": lambda: patch.object(Translated, "resolve", URLResolver.resolve),
        "plain e-mail addresses by one expression": lambda: patch.object(form, "_PLAIN_ADDRESS", Never()),
    }


def _environ(method: str, path: str, body: bytes) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "127.0.0.1",
        "REMOTE_ADDR": "127.0.0.1", "HTTP_SEC_FETCH_SITE": "same-origin",
        "CONTENT_TYPE": "application/x-www-form-urlencoded", "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(body), "wsgi.errors": sys.stderr,
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(_measure()))
