"""Signing under attack, over real HTTP: what is kept out of the tally, whom it costs, and what timing tells.

Everybody here reads their mail and clicks: the bots have catch-all domains. So confirming is done by a step in a
worker's process (steps.py), with the delays that each kind would have, and admission judges what it finds.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final
from urllib.parse import urlencode

from signatures.demo.people import synthetic_signers
from tests.benchmarks import load
from tests.benchmarks.site import Site
from tests.benchmarks.table import Row

#: Posts of each kind. "one": one network. "many": many networks, each post at a new domain. "slow": nine an hour
#: from each of many networks, at a few domains. All invent a fill time and solve no work. "patient": real-looking
#: data at free-mail providers, work solved where it is asked.
POSTS: Final = {"genuine": 600, "one": 1000, "many": 300, "slow": 270, "patient": 200}
FREE_MAIL: Final = ("gmail.com", "outlook.com", "yahoo.com", "gmx.de", "wp.pl", "ukr.net", "orange.fr", "proton.me")
#: Of genuine people: behind one carrier's address; behind one Tor exit; without script (of those behind the exit,
#: a fifth); at an employer's domain; at one of their own.
CARRIER, TOR, NO_SCRIPT, EMPLOYER, OWN = 0.1, 0.05, 0.02, 0.15, 0.05
#: A carrier's address, a Tor exit's, that of the one network, and the rest of the world.
CARRIER_ADDRESS, TOR_ADDRESS, ONE_ADDRESS = "203.0.113.7", "192.0.2.77", "198.51.100.9"


@dataclass(slots=True)
class Post:
    kind: str
    address: str
    form: dict[str, str]
    solves: bool = False


@dataclass(slots=True)
class Answers:
    seconds: float = 0.0
    by_kind: dict[str, Counter[int]] = field(default_factory=dict)


def attack(site: Site, plan: object) -> Iterator[Row]:
    """The simulation: a quiet beginning, then all kinds at once."""
    slug = site.facts["signed"]
    posts = list(_posts())
    quiet = [post for post in posts if post.kind == "genuine"][:100]
    flood = [post for post in posts if post not in quiet]
    with site.serving(TRUSTED_PROXIES="1", SIGN_RATE="30/m", SIGN_RATE_WITH_WORK="600/m") as port:
        site.step("settle", slug=slug)  # what other benchmarks left
        _send(port, slug, quiet)
        became = Counter(_flat(site.step("settle", slug=slug)))
        _send(port, slug, flood[:150])
        site.step("watch")  # as every ten seconds
        time.sleep(2.5)  # until the web has read it
        answers = _send(port, slug, flood[150:])
        became += Counter(_flat(site.step("settle", slug=slug)))
        why = site.step("reasons", slug=slug, kind="genuine")
    for kind, count in POSTS.items():
        counted, held = became[kind, "counted"], became[kind, "quarantined"]
        if kind == "genuine":
            share = held / max(1, counted + held)
            said = "; ".join(f"{n} {reasons}" for reasons, n in sorted(why.items())) or "–"
            held_of = f"{held} of {counted + held}"
            yield Row("genuine signers held", held_of, said, f"{share:.2%}", "≤ 0.5 %", share <= 0.005)
            continue
        kept_out = 1 - counted / count
        goal, held_goal = ("–", None) if kind == "patient" else ("≥ 99 %", kept_out >= 0.99)
        refused = count - counted - held
        words = f"{count} posts: {refused} refused, {held} held, {counted} counted"
        yield Row(f"bots kept out: {kind}", words, "–", f"{kept_out:.1%}", goal, held_goal)
    sent = sum(sum(statuses.values()) for statuses in answers.by_kind.values())
    yield Row("answers meanwhile, one client that solves work", f"{sent / answers.seconds:,.0f}/s")


def _flat(told: dict[str, dict[str, int]]) -> dict[tuple[str, str], int]:
    return {(kind, state): n for kind, states in told.items() for state, n in states.items()}


def _posts() -> Iterator[Post]:
    """Every post, in one order that is the same in each run."""
    draw = random.Random(7)
    made = [_post(draw, kind, n, signer) for kind, count in POSTS.items()
            for n, signer in enumerate(islice(synthetic_signers(count, seed=len(kind)), count))]  # fmt: skip
    draw.shuffle(made)
    yield from made


def _post(draw: random.Random, kind: str, n: int, signer: object) -> Post:
    address = ".".join(str(draw.randint(20, 99)) for _ in range(4))
    domain, took, solves = draw.choice(FREE_MAIL), str(draw.randint(15_000, 90_000)), kind == "patient"
    if kind == "genuine":
        through = draw.random()
        address = CARRIER_ADDRESS if through < CARRIER else TOR_ADDRESS if through < CARRIER + TOR else address
        solves = draw.random() >= (0.2 if address == TOR_ADDRESS else NO_SCRIPT)
        took = took if solves else ""
        where = draw.random()
        domain = f"own{n}.example" if where < OWN else f"firm{n % 40}.example" if where < OWN + EMPLOYER else domain
    elif kind == "one":
        address, domain = ONE_ADDRESS, f"catchall{n % 5}.example"
    elif kind == "slow":
        address, domain = f"198.51.{100 + n // 9}.{draw.randint(20, 99)}", f"slow{n % 7}.example"
    elif kind == "many":
        domain = f"fresh{n}.example"
    form = {
        "name": signer.name, "email": f"{kind}.{n}@{domain}", "country": signer.country, "place": signer.place,
        "comment": signer.comment, "took": took,
    }  # type: ignore[attr-defined] # fmt: skip
    return Post(kind, address, form, solves)


def _send(port: int, slug: str, posts: list[Post]) -> Answers:
    connection, answers, started = http.client.HTTPConnection(load.HOST, port, timeout=30), Answers(), time.monotonic()
    for post in posts:
        work = _solved(connection, slug, post) if post.solves else ""
        body = urlencode(post.form | {"work": work})
        headers = {
            "Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin",
            "X-Forwarded-For": post.address,
        }  # fmt: skip
        connection.request("POST", f"/c/{slug}/sign/", body, headers)
        response = connection.getresponse()
        response.read()
        answers.by_kind.setdefault(post.kind, Counter())[response.status] += 1
    answers.seconds = time.monotonic() - started
    return answers


def _solved(connection: http.client.HTTPConnection, slug: str, post: Post) -> str:
    """As static/js/proof_of_work.js does it."""
    connection.request("GET", f"/c/{slug}/work/", headers={"X-Forwarded-For": post.address})
    response = connection.getresponse()
    asked = response.read()
    if response.status != 200:
        return ""
    given = json.loads(asked)
    salt, wanted = given["salt"].encode(), given["challenge"]
    found = next(
        n for n in range(given["maxNumber"] + 1) if hashlib.sha256(salt + str(n).encode()).hexdigest() == wanted
    )
    answer = {key: given[key] for key in ("algorithm", "challenge", "salt", "signature")} | {"number": found}
    return base64.b64encode(json.dumps(answer).encode()).decode()


# --- oracle -----------------------------------------------------------------------------------------------------


def oracle(site: Site, plan: object, pairs: int = 5000) -> Iterator[Row]:
    """Pairs of posts that differ in whether the mailbox has signed: are the answers the same, does timing tell?"""
    slug, draw = site.facts["signed"], random.Random(7)
    times: dict[bool, list[float]] = {True: [], False: []}
    answers: set[tuple[str, ...]] = set()
    with site.serving() as port:
        connection = http.client.HTTPConnection(load.HOST, port, timeout=30)
        _timed(connection, slug, "known@example.org")
        site.step("settle", slug=slug)
        for n in range(pairs):
            pair = [(True, "known@example.org"), (False, f"n{n:04}@example.org")]
            draw.shuffle(pair)
            for known, address in pair:
                seconds, answer = _timed(connection, slug, address)
                times[known].append(seconds)
                answers.add(answer)
    told = _auc(times[True], times[False])
    same = len(answers) == 1
    yield Row(
        f"{2 * pairs:,} paired requests", "one and the same answer" if same else f"{len(answers)} answers",
        "–", "–", "identical", same,
    )  # fmt: skip
    yield Row("a classifier on their timing", f"AUC {told:.3f}", "guessing: 0.5", "–", "≤ 0.55", told <= 0.55)


def _timed(connection: http.client.HTTPConnection, slug: str, address: str) -> tuple[float, tuple[str, ...]]:
    body = urlencode({"name": "Ada", "email": address, "country": "PL"})
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    started = time.perf_counter()
    connection.request("POST", f"/c/{slug}/sign/", body, headers)
    response = connection.getresponse()
    text = response.read().decode()
    seconds = time.perf_counter() - started
    said = [f"{name}: {value}" for name, value in response.getheaders() if name.lower() != "date"]
    return seconds, (str(response.status), *said, text)


def _auc(ones: list[float], others: list[float]) -> float:
    """How often a classifier on time alone is right about a pair of both kinds; never below a half (Mann-Whitney)."""
    ranked = sorted([(t, True) for t in ones] + [(t, False) for t in others])
    ranks = sum(rank for rank, (_, one) in enumerate(ranked, start=1) if one)
    auc = (ranks - len(ones) * (len(ones) + 1) / 2) / (len(ones) * len(others))
    return max(auc, 1 - auc)
