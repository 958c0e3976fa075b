"""The count at three sizes of the register, from a click to it, and nginx before it: steps, and their rows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from tests.benchmarks import load
from tests.benchmarks.table import Row, interleaved, ms

if TYPE_CHECKING:
    from tests.benchmarks.rows import Plan
    from tests.benchmarks.site import Site

SIZES: Final = (0, 191_000, 6_000_000)
#: Confirmations a second, and for how many seconds.
CONFIRMATIONS, CONFIRMING = 500, 10
#: Presses for each round of as many as go; and how many connections press.
PRESSES, PRESSING = 3000, 16
#: Presses before the measured ones.
WARMING: Final = 40
NGINX: Final = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

# Rows as admission leaves them, but for what is sealed in them and fingerprints in order, which fill faster: 200
# countries, ninety days.
FILL: Final = """
INSERT INTO signatures_signature (campaign_id, number, signed_on, slot, share_name, country, source, state,
                                  fingerprint, name_key, withdrawal_hash, sealed)
SELECT %s, n, date '2026-01-01' + (n %% 90)::int, 0, false,
       chr(65 + (sqrt(n %% 400)::int)) || chr(65 + (n %% 10)::int), 'web', 'counted',
       decode(lpad(to_hex(n), 32, '0'), 'hex'), '\\x0000000000000000', sha256(n::text::bytea), '\\x00'
  FROM generate_series(%s::bigint, %s::bigint) n
"""


# --- steps: in a worker's process ---------------------------------------------------------------------------------


def count_at(slug: str, size: int, rounds: int) -> dict[str, Any]:
    """Fill the register up to `size`; then what page and JSON cost without any cache, and a recount."""
    from django.db import connection
    from django.test import RequestFactory

    from petitions.models import Campaign
    from signatures.models import Register
    from signatures.register.publishing import publish_figures
    from signatures.register.tally import check_tally
    from signatures.views import numbers
    from web.page_cache import clear_page_cache

    campaign = Campaign.objects.get(slug=slug)
    register = Register.objects.get(campaign=campaign)
    with connection.cursor() as cursor:
        for start in range(register.last_number + 1, size + 1, 500_000):
            cursor.execute(FILL, [campaign.pk, start, min(start + 499_999, size)])
        Register.objects.filter(pk=register.pk).update(last_number=max(size, register.last_number))
    repair = _timed(lambda: check_tally(campaign, repair=True))
    publish_figures(campaign)
    request = RequestFactory().get(f"/c/{slug}/numbers/")

    def fresh(view: Callable[..., Any]) -> Callable[[], Any]:
        def answer() -> None:
            clear_page_cache()
            if view(request, slug=slug).status_code != 200:
                raise RuntimeError("not a page")

        return answer

    def median_of(work: Callable[[], Any]) -> float:
        return median(_timed(work) for _ in range(rounds))

    median_of(fresh(numbers.numbers))  # templates are compiled, the map is read
    return {
        "page": median_of(fresh(numbers.numbers)),
        "json": median_of(fresh(numbers.tally)),
        "check": _timed(lambda: check_tally(campaign)),
        "repair": repair,
    }


def tally_view(slug: str, rounds: int) -> dict[str, Any]:
    """What the campaigner's page of exact figures costs, from request to HTML."""
    from django.contrib import admin
    from django.contrib.auth.models import User
    from django.test import RequestFactory

    from petitions.models import Campaign
    from staff.models import Membership, Role

    campaign = Campaign.objects.get(slug=slug)
    request = RequestFactory().get("/admin/")
    request.user, _ = User.objects.get_or_create(username="campaigner")
    Membership.objects.get_or_create(user=request.user, role=Role.CAMPAIGNER, section=campaign.section)
    page = admin.site._registry[Campaign]

    def answer() -> None:
        response: Any = page.tally(request, str(campaign.pk))  # type: ignore[attr-defined]
        if response.status_code != 200 or b"us-figures" not in response.render().content:
            raise RuntimeError("not the tally")

    answer()
    return {"seconds": median(_timed(answer) for _ in range(rounds))}


def group_by(slug: str) -> dict[str, Any]:
    """The bare GROUP BY that a recount is held against."""
    from django.db import connection

    from petitions.models import Campaign
    from tests.benchmarks.steps import GROUP_BY

    campaign = Campaign.objects.get(slug=slug)

    def bare() -> None:
        with connection.cursor() as cursor:
            cursor.execute(GROUP_BY, [campaign.pk])
            cursor.fetchall()

    return {"seconds": _timed(bare)}


def pending(slug: str, number: int) -> dict[str, Any]:
    """Submissions that wait for their click; gives the tokens."""
    from django.db import connection

    from petitions.models import Campaign
    from signatures.demo import filling
    from signatures.demo.people import synthetic_signers
    from signatures.identity import new_token
    from signatures.intake.submissions import seal
    from tests.benchmarks.steps import STORE

    campaign = Campaign.objects.select_related("key").get(slug=slug)
    tokens = [new_token() for _ in range(number)]
    signers = islice(synthetic_signers(number, seed=23), number)
    # Synthetic crowds have duplicates in them; here every click is to count.
    people = (replace(signer, email=f"click{place:06}a{signer.email}") for place, signer in enumerate(signers))
    rows = [
        (sealed.token_hash, sealed.key_id, sealed.box, None)
        for token, signer in zip(tokens, people, strict=True)
        for sealed in [seal(campaign, filling._person(campaign, signer), token)]
    ]
    with connection.cursor() as cursor:
        cursor.execute(STORE, [campaign.pk, *map(list, zip(*rows, strict=True))])
        cursor.execute("UPDATE signatures_submission SET mail_due = NULL WHERE mail_due IS NOT NULL")
    return {"tokens": tokens}


def _timed(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


# --- rows ---------------------------------------------------------------------------------------------------------


def counts(site: Site, plan: Plan) -> Iterator[Row]:
    sizes = SIZES if plan.signatures >= SIZES[1] else (0, plan.signatures)
    slug, found = site.facts["signed"], {}
    for size in sizes:
        found[size] = site.step("count_at", slug=slug, size=size, rounds=7)
        found[size]["admin"] = site.step("tally_view", slug=slug, rounds=7)["seconds"]
    bare = site.step("group_by", slug=slug)["seconds"]
    names = {"page": "numbers page, uncached", "json": "tally.json, uncached", "admin": "the campaigner's tally view"}
    for key, name in names.items():
        yield Row(
            f"{name}, at {', '.join(f'{size:,}' for size in sizes)}",
            ", ".join(ms(found[size][key]) for size in sizes),
            ratio=f"{found[sizes[-1]][key] / found[sizes[1]][key]:.2f} ×",
            goal="constant",
        )
    last = found[sizes[-1]]
    yield Row(
        f"rebuild_tallies --check at {sizes[-1]:,}",
        f"{last['check']:,.2f} s (with everything to repair: {last['repair']:,.2f} s)",
        f"a bare GROUP BY: {bare:,.2f} s",
        f"{last['check'] / bare:.2f} ×",
        "≤ 1.5 ×",
        last["check"] / bare <= 1.5,
    )


def click(site: Site, plan: Plan) -> Iterator[Row]:
    """As many confirmations as go; then a steady rate of them, and a reader who asks for the public count meanwhile."""
    yield _presses(site, plan)
    number = CONFIRMATIONS * (CONFIRMING if plan.signatures >= SIZES[1] else 2)
    tokens = site.step("pending", slug=site.facts["filled"], number=number + WARMING)["tokens"]
    worker, beat = site.demo._worker(), site.demo._beat()
    with site.serving() as port:
        path = f"/c/{site.facts['filled']}/tally.json"
        for child in (worker, beat):
            child.start()
        try:
            # The worker is up when it has counted the first; and each thread of the web has its connection then.
            first = _total(port, path) + WARMING
            _click(port, [tokens.pop() for _ in range(WARMING)], load.Load())
            _wait_for_total(port, path, first)
            clicks = load.Load()
            with ThreadPoolExecutor(1) as besides:
                clicking = besides.submit(_click, port, tokens, clicks)
                seen = _watch(port, path, first, number)
                clicking.result()
        finally:
            for child in (beat, worker):
                child.stop()
    rate = number / (clicks.ended - clicks.began)
    # From when a click was due. A count names nobody, so the n-th to be seen is taken for the n-th click: where workers
    # admit in another order, the worst wait was longer by as much.
    ordered = sorted(at - (clicks.began + place / CONFIRMATIONS) for place, at in enumerate(seen))
    yield Row(
        f"from click to public count, at {rate:,.0f} confirmations/s",
        f"median {ordered[len(ordered) // 2]:.1f} s, worst {ordered[-1]:.1f} s",
        goal="≤ 5 s at 500/s",
        held=ordered[-1] <= 5 and rate >= 0.95 * CONFIRMATIONS,
    )


def _presses(site: Site, plan: Plan) -> Row:
    """As many confirmations a second as the web takes, no link pressed twice; and as many bare UPDATEs."""
    tokens = iter(site.step("pending", slug=site.facts["signed"], number=PRESSES * (plan.rounds + 1))["tokens"])
    with site.serving() as port:

        def confirm() -> float:
            return drive([load.post(port, f"/confirm/{next(tokens)}/", b"") for _ in range(PRESSES)], 303)

        def update() -> float:
            return drive([load.post(port, f"/bench/update/{n:064x}/", b"") for n in range(PRESSES)], 200)

        def drive(presses: list[bytes], status: int) -> float:
            # Below PRESSES a second, so that none comes twice.
            return load.drive(port, presses, status=status, seconds=1.0, connections=PRESSING).rate

        for warm in (confirm, update):
            warm()
        ours, bare = interleaved(plan.rounds, confirm, update)
    return Row(
        "confirm over HTTP",
        f"{ours:,.0f}/s",
        f"a bare UPDATE view: {bare:,.0f}/s",
        f"{ours / bare:.2f} ×",
        "≥ 500/s",
        ours >= CONFIRMATIONS,
    )


def _click(port: int, tokens: list[str], clicks: load.Load) -> None:
    """Press one link after the other, CONFIRMATIONS a second. Raises WrongAnswer where one is not confirmed."""
    posts = (load.post(port, f"/confirm/{token}/", b"") for token in tokens)
    seconds = len(tokens) / CONFIRMATIONS
    load.pace(port, posts, rate=CONFIRMATIONS, seconds=seconds, connections=PRESSING, into=clicks)
    if clicks.statuses.keys() != {"303"}:
        raise load.WrongAnswer(f"{dict(clicks.statuses)}")


def _wait_for_total(port: int, path: str, total: int) -> None:
    end = time.perf_counter() + 120
    while _total(port, path) < total:
        if time.perf_counter() > end:
            raise RuntimeError("nothing is counted")
        time.sleep(0.1)


def _total(port: int, path: str) -> int:
    return json.loads(load.fetch(port, path)[1])["total"]


def _watch(port: int, path: str, first: int, number: int) -> list[float]:
    """When the public total had risen above the first by one, by two, and so on (perf_counter)."""
    seen: list[float] = []
    end = time.perf_counter() + 120
    while len(seen) < number and time.perf_counter() < end:
        total = _total(port, path) - first
        seen += [time.perf_counter()] * (total - len(seen))
        time.sleep(0.05)
    if len(seen) < number:
        raise RuntimeError(f"{len(seen)} of {number} were counted")
    return seen


def nginx(site: Site, plan: Plan) -> Iterator[Row]:
    """The counter through config/deploy/nginx.conf, as wrk or our own generator asks; how often the site was asked."""
    if NGINX is None:
        yield Row("the counter through nginx", "nginx is not installed here", goal="≥ 10,000/s")
        return
    path = f"/c/{site.facts['signed']}/tally.json"
    with site.serving() as port, _front(port) as (front, log):
        seconds = plan.round_seconds * 5
        rate = _wrk(front, path, seconds) or _own(front, path, seconds)
        asked = len(log.read_text().splitlines())
    yield Row(
        "the counter through nginx's micro-cache",
        f"{rate:,.0f}/s; the site was asked {asked} times in {seconds:.0f} s",
        goal="≥ 10,000/s, a handful",
        held=rate >= 10_000 and asked <= 2 * seconds + 5,
    )


def _wrk(port: int, path: str, seconds: float) -> float | None:
    if (wrk := shutil.which("wrk")) is None:
        return None
    command = [wrk, "-t1", "-c64", f"-d{seconds:.0f}", f"http://{load.HOST}:{port}{path}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said:
        raise RuntimeError(f"{said}\n{load.fetch(port, path)}")
    return float(said.partition("Requests/sec:")[2].split()[0])


def _own(port: int, path: str, seconds: float) -> float:
    return load.drive(port, [load.get(port, path)], status=200, seconds=seconds, connections=64).rate


@contextmanager
def _front(port: int) -> Iterator[tuple[int, Path]]:
    """nginx with our configuration before this port; logs each request that it passes on."""
    from tests.benchmarks.site import free_port
    from tests.support.nginx import Ports, plain_configuration

    front = free_port()
    text = plain_configuration(Ports(front, free_port(), port, port))
    # What it fetches in the background is a subrequest.
    passed = """map $upstream_addr $passed { default 1; "" 0; }
    access_log passed.log combined if=$passed; log_subrequest on;"""
    text = re.sub(r"access_log failed.log [^;]*;", passed, text, count=1)
    with tempfile.TemporaryDirectory(prefix="undersigned-nginx-") as folder:
        (Path(folder) / "nginx.conf").write_text(text)
        assert NGINX is not None
        process = subprocess.Popen([NGINX, "-p", folder, "-c", "nginx.conf", "-e", "stderr"], stderr=subprocess.DEVNULL)
        try:
            _wait_until_it_listens(front, process)
            yield front, Path(folder) / "passed.log"
        finally:
            process.terminate()
            process.wait(timeout=10)


def _wait_until_it_listens(port: int, process: subprocess.Popen[bytes]) -> None:
    from tests.benchmarks.site import _listens

    while not _listens(port):
        if process.poll() is not None:
            raise RuntimeError("nginx does not start")
        time.sleep(0.02)


STEPS: Final = {step.__name__: step for step in (count_at, tally_view, group_by, pending)}
