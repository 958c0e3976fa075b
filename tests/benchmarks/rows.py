"""The benchmarks: each measures ours and its yardstick in turn, and gives rows of the table."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any, Final
from urllib.parse import urlencode

import psycopg

from signatures.demo.people import synthetic_signers
from tests.benchmarks import attack, counts, load, matching, tricks, whole_way
from tests.benchmarks.site import Site
from tests.benchmarks.table import Row, interleaved, ms


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything."""

    signatures: int
    rounds: int
    round_seconds: float
    connections: int
    mails: int
    campaigns: int
    #: Of steady load.
    steady_seconds: float


#: Signatures a second: half of what is to be accepted, and what has to be endured.
HALF: Final = 500
STEADY: Final = 300

QUICK = Plan(10_000, rounds=3, round_seconds=1.0, connections=32, mails=100, campaigns=200, steady_seconds=20)
FULL = Plan(191_000, rounds=7, round_seconds=2.0, connections=32, mails=500, campaigns=1000, steady_seconds=600)


# --- over HTTP ----------------------------------------------------------------------------------------------


def signing(site: Site, plan: Plan) -> Iterator[Row]:
    forms = _forms(1000)
    with site.serving() as port, site.serving_yardstick() as other:
        sign = [load.post(port, f"/c/{site.facts['signed']}/sign/", form) for form in forms]
        insert = [load.post(port, "/bench/insert/", form) for form in forms]
        create = [load.post_with_token(other, "/sign/", form) for form in forms]
        rates, tails = _rates(plan, (port, sign, 303), (other, create, 302), (port, insert, 200))
        half = load.pace(port, itertools.cycle(sign), rate=HALF, seconds=10, connections=plan.connections)
    signed, created, bare = rates
    yield Row(
        "accept a signature over HTTP",
        f"{signed:,.0f}/s, p99 {ms(tails[0])}",
        f"a fresh startproject, a form and one create(): {created:,.0f}/s, p99 {ms(tails[1])}",
        f"{signed / created:.2f} ×",
        "≥ 1.5 ×",
        signed / created >= 1.5,
    )
    words = f"a bare INSERT view, for information: {bare:,.0f}/s, p99 {ms(tails[2])}"
    yield Row("the same", f"{signed:,.0f}/s", words, f"{signed / bare:.2f} ×")
    tail = half.percentile(0.99)
    yield Row(f"to wait for that at {HALF} a second", f"p99 {ms(tail)}", goal="≤ 250 ms", held=tail <= 0.25)


def steady(site: Site, plan: Plan) -> Iterator[Row]:
    """Signing for ten minutes, while Redis is restarted and then flushed: what was thanked for has to be there."""
    path, slug = f"/c/{site.facts['signed']}/sign/", site.facts["signed"]
    before = site.step("stored", slug=slug)["stored"]
    posts = (load.post(site.port, path, form) for form in itertools.cycle(_forms(1000)))
    with site.serving() as port, ThreadPoolExecutor(1) as besides:
        signing = besides.submit(
            load.pace, port, posts, rate=STEADY, seconds=plan.steady_seconds, connections=plan.connections
        )
        # Here, not beside: a server ends with the thread that started it.
        for trouble in (site.restart_redis, site.flush_redis):
            if not wait([signing], plan.steady_seconds / 3).done:
                trouble()
        told = signing.result()
    found = site.step("stored", slug=slug)
    thanked, stored = told.statuses["303"], found["stored"] - before
    words = ", ".join(f"{count:,} × {status}" for status, count in sorted(told.statuses.items()))
    yield Row(
        f"{plan.steady_seconds:,.0f} s at {STEADY}/s, Redis restarted and flushed",
        f"{words}, p99 {ms(told.percentile(0.99))}",
        f"stored: {stored:,}; cannot be opened: {found['broken']:,}",
        goal="none lost",
        held=thanked == stored == sum(told.statuses.values()) and not found["broken"],
    )


def page(site: Site, plan: Plan) -> Iterator[Row]:
    path = f"/c/{site.facts['signed']}/"
    with site.serving() as port:
        pages = [load.get(port, path, "Accept-Encoding: gzip, deflate, br")]
        hello = [load.get(port, "/bench/hello/", "Accept-Encoding: gzip, deflate, br")]
        before = _statements(site)
        (ours, bare), tails = _rates(plan, (port, pages, 200), (port, hello, 200))
        queries = _statements(site) - before
        document = load.fetch(port, path)[1].decode()
        page_bytes = site.bytes_of(path)
        css, js = (
            sum(map(site.bytes_of, re.findall(rf'(?:href|src)="(/static/[^"]+\.{kind})"', document)))
            for kind in ("css", "js")
        )
    served = ours * plan.rounds * plan.round_seconds
    yield Row(
        "campaign page",
        f"{ours:,.0f}/s, p99 {ms(tails[0])}",
        f"a hello-world view: {bare:,.0f}/s, p99 {ms(tails[1])}",
        f"{ours / bare:.2f} ×",
        "≥ 0.9 ×",
        ours / bare >= 0.9,
    )
    yield Row(
        "its queries, cached",
        f"{queries} while {served:,.0f} pages went out: {queries / served:.3f} a page",
        goal="0 a page",
        held=queries / served < 0.02,
    )
    total = page_bytes + css + js
    yield Row(
        "page, CSS and JS over the wire",
        f"{page_bytes:,} + {css:,} + {js:,} = {total:,} bytes",
        goal="≤ 14,000",
        held=total <= 14_000,
    )


def _forms(count: int) -> list[bytes]:
    """Form bodies of different people, as browsers encode them."""
    return [
        urlencode(
            {
                "name": signer.name,
                "email": signer.email,
                "country": signer.country,
                "place": signer.place,
                "comment": signer.comment,
                **({"updates": "on"} if signer.updates else {}),
            }
        ).encode()
        for signer in synthetic_signers(count, seed=3)
    ]


def _rates(plan: Plan, *kinds: tuple[int, list[bytes], int]) -> tuple[list[float], list[float]]:
    """Requests a second of each kind (port, requests, status), in turn, after a warm-up; and the 99th percentiles."""
    tails: list[list[float]] = [[] for _ in kinds]

    def measure(index: int, seconds: float) -> float:
        port, requests, status = kinds[index]
        result = load.drive(port, requests, status=status, seconds=seconds, connections=plan.connections)
        tails[index].append(result.percentile(0.99))
        return result.rate

    for port, requests, status in kinds:
        load.drive(port, requests, status=status, seconds=1.0, connections=plan.connections)
    measures = [partial(measure, index, plan.round_seconds) for index in range(len(kinds))]
    return interleaved(plan.rounds, *measures), [median(each) for each in tails]


def _statements(site: Site) -> int:
    """Transactions, which in the web are single statements, that the database has seen so far."""
    time.sleep(1.5)  # each backend reports at most once a second
    with psycopg.connect(site.demo.servers.database_url("postgres", "postgres"), autocommit=True) as connection:
        query = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'undersigned'"
        found = connection.execute(query).fetchone()
    return int(found[0]) if found else 0


# --- in a worker --------------------------------------------------------------------------------------------


def admission(site: Site, plan: Plan) -> Iterator[Row]:
    result = site.facts["admission"] = site.step(
        "admit",
        filled=site.facts["filled"],
        small=site.facts["signed"],
        signatures=plan.signatures,
        rounds=max(3, plan.rounds),
    )
    yield Row(
        "admit, one worker",
        f"{result['rate']:,.0f}/s (batch of 2,000: {ms(result['per_batch'])})",
        goal="≥ 10,000/s",
        held=result["rate"] >= 10_000,
    )
    yield Row(
        f"a batch at {result['full_size']:,} signatures",
        ms(result["full_batch"]),
        f"at {result['small_size']:,}: {ms(result['small_batch'])}",
        f"{result['full_batch'] / result['small_batch']:.2f} ×",
        "≤ 1.3 ×",
        result["full_batch"] / result["small_batch"] <= 1.3,
    )


def mails(site: Site, plan: Plan) -> Iterator[Row]:
    with site.mail_sink() as url:
        result = site.step(
            "mail", mail_url=url, slug=site.facts["filled"], mails=plan.mails, rounds=min(5, plan.rounds)
        )
    yield _mailed("confirmation mails, one worker", result)


def _mailed(what: str, result: dict[str, Any]) -> Row:
    """`result` is mails a second, and copies of one mail a second."""
    return Row(
        what,
        f"{result['rate']:,.0f}/s",
        f"copies of one ready mail: {result['yardstick']:,.0f}/s",
        f"{result['rate'] / result['yardstick']:.2f} ×",
        "≥ 200/s",
        result["rate"] >= 200,
    )


def news(site: Site, plan: Plan) -> Iterator[Row]:
    slug = site.facts["signed"]
    held = site.step("publish", slug=slug, updates=min(5, plan.rounds))["mailings"]
    with site.mail_sink() as url:
        result = site.step("news", mail_url=url, slug=slug, mailings=held, mails=plan.mails)
    yield _mailed("update mails, one worker, listing included", result)


def search(site: Site, plan: Plan) -> Iterator[Row]:
    """Of searches that no shelf holds, one after another: what somebody waits who looks for two words."""
    made = site.step("campaigns", slug=site.facts["signed"], many=plan.campaigns)["campaigns"]
    with site.serving() as port:
        asked = [load.get(port, f"/?show=over&q=libr+{word}") for word in ("ferry", "river", "school", "word7")]
        hello = [load.get(port, "/bench/hello/")]
        # A warm-up, as for every rate: of each of the server's processes, so by many connections.
        load.drive(port, asked, status=200, seconds=2.0, connections=plan.connections)
        found = load.drive(port, asked, status=200, seconds=max(5.0, plan.round_seconds), connections=1)
        bare = load.drive(port, hello, status=200, seconds=plan.round_seconds, connections=1)
    yield Row(
        f"a search for two words among {made:,} campaigns that are over",
        f"{ms(found.percentile(0.5))}, p99 {ms(found.percentile(0.99))}",
        f"a hello-world view: {ms(bare.percentile(0.5))}",
        goal="≤ 200 ms",
        held=found.percentile(0.99) <= 0.2,
    )


def tally(site: Site, plan: Plan) -> Iterator[Row]:
    _fill(site, plan)
    result = site.step("tally", filled=site.facts["filled"], small=site.facts["signed"], rounds=max(7, plan.rounds))
    yield Row(
        f"recount {result['full_size']:,} and compare",
        ms(result["recount"]),
        f"a bare GROUP BY: {ms(result['bare'])}",
        f"{result['recount'] / result['bare']:.2f} ×",
        "≤ 1.5 ×",
        result["recount"] / result["bare"] <= 1.5,
    )
    yield Row(
        f"a page's figures at {result['full_size']:,}",
        ms(result["full_read"]),
        f"at {result['small_size']:,}: {ms(result['small_read'])}",
        f"{result['full_read'] / result['small_read']:.2f} ×",
        "constant",
    )


def packet(site: Site, plan: Plan) -> Iterator[Row]:
    _fill(site, plan)
    by_two, by_one = site.step("request_deliveries", slug=site.facts["filled"], upto=[0, 0])
    bare = site.step("bare_copy", delivery=by_two)["seconds"]
    two, one = (site.step("packet", delivery=delivery, workers=n) for delivery, n in ((by_two, 2), (by_one, 1)))
    yield Row(
        f"packet of {two['signers']:,} named, all files, encrypted, two workers",
        f"{two['seconds']:,.1f} s",
        f"a bare COPY: {bare:,.2f} s",
        f"{two['seconds'] / bare:.0f} ×",
        "≤ 60 s at 191,000",
        two["seconds"] * 191_000 / two["signers"] <= 60,
    )
    yield Row(
        "the same by one worker", f"{one['seconds']:,.1f} s", "two workers", f"{one['seconds'] / two['seconds']:.2f} ×"
    )
    for kind, (count, mean, most) in one["parts"].items():
        yield Row(f"a part ({kind}), {count} of them", f"{mean:,.2f} s", f"the longest: {most:,.2f} s", "")
    rest = one["seconds"] - one["parts_seconds"]
    yield Row(
        "sealing, letters, archive", f"{rest:,.2f} s", "the whole by one worker", f"{rest / one['seconds']:.2f} ×"
    )


def large(site: Site, plan: Plan) -> Iterator[Row]:
    """Ten times as many signers must take ten times as long, and no more memory."""
    _fill(site, plan)
    slug = site.facts["filled"]
    (less,) = site.step("request_deliveries", slug=slug, upto=[plan.signatures])
    small = site.step("packet", delivery=less, workers=2)
    site.step("grow", slug=slug, size=plan.signatures * 2_000_000 // FULL.signatures)
    (more,) = site.step("request_deliveries", slug=slug, upto=[0])
    big = site.step("packet", delivery=more, workers=2)
    yield Row(
        f"peak memory of any process, a packet of {big['signers']:,}",
        f"{big['peak_mb']:,.0f} MB",
        f"of {small['signers']:,}: {small['peak_mb']:,.0f} MB",
        f"{big['peak_mb'] / small['peak_mb']:.2f} ×",
        "≤ 1.2 ×",
        big["peak_mb"] / small["peak_mb"] <= 1.2,
    )
    each = big["seconds"] / big["signers"] * small["signers"]
    yield Row(
        "its time", f"{big['seconds']:,.0f} s", f"{small['seconds']:,.1f} s", f"{each / small['seconds']:.2f} × each"
    )


def _fill(site: Site, plan: Plan) -> None:
    """Admission's benchmark leaves a filled register behind; run it where it was not asked for."""
    if "admission" not in site.facts:
        list(admission(site, plan))


#: In this order: the register is filled first, and what comes later sees a site in use.
BENCHMARKS: dict[str, Callable[[Any, Plan], Iterator[Row]]] = {
    "admission": admission,
    "tally": tally,
    "packet": packet,
    "signing": signing,
    "page": page,
    "mails": mails,
    "news": news,
    "search": search,
    "oracle": attack.oracle,
    "attack": attack.attack,
    "nginx": counts.nginx,
    "click": counts.click,
    "whole_way": whole_way.whole_way,
    # Last: it makes a register of six million.
    "counts": counts.counts,
    "large": large,
    "steady": steady,
    "matching": matching.matching,
    "tricks": tricks.tricks,
}
#: Run only where they are asked for by name: most take longer than all others together.
LONG: Final = {"large", "steady", "matching", "tricks"}
WITHOUT_SITE: Final = {"matching"}
