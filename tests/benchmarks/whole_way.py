"""What one counted signature costs the processor, all the way: form, mail, page and press of its link, admission,
publication. Of every process that takes part; of those who ask, nothing."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from config.local.children import Child
from signatures.demo.people import synthetic_signers
from tests.benchmarks import load
from tests.benchmarks.site import Site
from tests.benchmarks.table import Row
from tests.support.stack import children_of

#: Seconds in which nothing is asked: what the schedule and idle servers take is not a signature's.
IDLE: Final = 15
TICKS: Final = 100  # a second, as Linux tells them
_LINK: Final = re.compile(rb"/confirm/[\w-]+/")


def whole_way(site: Site, plan: object) -> Iterator[Row]:
    """A few hundred people, one after the other, each from another network."""
    number, slug = plan.mails, site.facts["filled"]  # its total is exact  # type: ignore[attr-defined]
    forms = [urlencode({"name": s.name, "email": f"way.{n}@gmail.com", "country": s.country}).encode()
             for n, s in enumerate(synthetic_signers(number, seed=5))]  # fmt: skip
    others = [*site.demo._workers(), site.demo._beat()]
    servers = [child for child in site.demo.servers.children if child]
    with site.serving() as port:
        for child in others:
            child.start()
        everybody = [*servers, *others, *([site._web] if site._web else [])]
        try:
            _go(site, port, slug, forms[:20])  # every process has connections and keys from here on
            before, began = processor(everybody), time.monotonic()
            time.sleep(IDLE)
            idle = (processor(everybody) - before) / (time.monotonic() - began)
            before, began = processor(everybody), time.monotonic()
            _go(site, port, slug, forms[20:])
            spent = processor(everybody) - before - idle * (time.monotonic() - began)
            bare = _bare(site, port, everybody, number)
        finally:
            for child in reversed(others):
                child.stop()
    each = spent / (number - 20)
    words = f"one bare INSERT view, hello-world and UPDATE view: {bare * 1000:.1f} ms"
    yield Row("processor of one counted signature, all the way", f"{each * 1000:.1f} ms", words, f"{each / bare:.1f} ×")


def _go(site: Site, port: int, slug: str, forms: list[bytes]) -> None:
    """Sign, wait for the mails, open and press their links, wait until all are counted."""
    connection = http.client.HTTPConnection(load.HOST, port, timeout=60)
    path, mailbox = f"/c/{slug}/tally.json", Path(site.demo.home / "mail" / "new")
    already = {file.name for file in mailbox.glob("*")}
    total = _total(connection, path) + len(forms)
    for form in forms:
        _ask(connection, "POST", f"/c/{slug}/sign/", form, 303)
    links = []
    for mail in _arrive(mailbox, already, len(forms)):
        found = _LINK.search(mail.read_bytes().replace(b"=\n", b""))
        assert found, f"no link in {mail}"
        links.append(found[0].decode())
    for link in links:
        _ask(connection, "GET", link, b"", 200)
        _ask(connection, "POST", link, b"", 303)
    end = time.monotonic() + 120
    while _total(connection, path) < total:
        if time.monotonic() > end:
            raise RuntimeError("not all were counted")
        time.sleep(0.5)


def _arrive(mailbox: Path, already: set[str], number: int) -> list[Path]:
    end = time.monotonic() + 300
    while len(new := [file for file in mailbox.glob("*") if file.name not in already]) < number:
        if time.monotonic() > end:
            raise RuntimeError(f"{len(new)} of {number} mails came")
        time.sleep(0.5)
    return new


def _bare(site: Site, port: int, everybody: list[Child], number: int) -> float:
    """Seconds of processor of the least three views that take, show and confirm something."""
    connection = http.client.HTTPConnection(load.HOST, port, timeout=60)
    before = processor(everybody)
    for n in range(number):
        _ask(connection, "POST", "/bench/insert/", b"name=Ada", 200)
        _ask(connection, "GET", "/bench/hello/", b"", 200)
        _ask(connection, "POST", f"/bench/update/{n:064x}/", b"", 200)
    return (processor(everybody) - before) / number


def _ask(connection: http.client.HTTPConnection, method: str, path: str, body: bytes, status: int) -> bytes:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    connection.request(method, path, body or None, headers if method == "POST" else {})
    answer = connection.getresponse()
    said = answer.read()
    if answer.status != status:
        raise load.WrongAnswer(f"{method} {path}: {answer.status}")
    return said


def _total(connection: http.client.HTTPConnection, path: str) -> int:
    found = re.search(rb'"total": ?(\d+)', _ask(connection, "GET", path, b"", 200))
    assert found
    return int(found[1])


def processor(children: Iterable[Child]) -> float:
    """Seconds of processor that these and all below them have had, those that ended included."""
    ticks, waiting = 0, [child.pid for child in children if child.pid]
    while waiting:
        pid = waiting.pop()
        try:
            told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:
            continue  # it has ended: its parent has it
        ticks += sum(map(int, told[11:15]))  # utime, stime, and of children that were waited for
        waiting += children_of(pid)
    return ticks / TICKS
