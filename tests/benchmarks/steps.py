"""What is measured inside a process of its own, with its role's rights: `python -m tests.benchmarks.steps NAME JSON`.

Each function takes and returns what JSON can hold; seconds are of `perf_counter`.
"""

from __future__ import annotations

import json
import os
import re
import resource
import secrets
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import batched, islice
from statistics import median
from typing import Any, Final

import django

if __name__ == "__main__":
    django.setup()

import msgspec
import pyrage
from django.contrib.auth.models import User
from django.core.mail import EmailMessage, mailers
from django.db import connection, connections
from django.db.models import Avg, Count, Max
from django.utils import timezone
from tqdm import tqdm

from petitions.demo.content import LOCAL_PETITION, PETITION, load
from petitions.models import Campaign, Disclosure, Update
from signatures.delivery.build import build_delivery
from signatures.demo import filling
from signatures.demo.people import Signer, how_many, synthetic_signers
from signatures.identity import new_token
from signatures.intake.submissions import seal
from signatures.models import Delivery, Mailing, Outcome, Reason, Register, Signature, Submission
from signatures.public_figures.figures import public_figures
from signatures.register import admission, mailing, monitoring
from signatures.register import news as register_news
from signatures.register.keyring import keyring, keys_of, provision_campaigns
from signatures.register.tally import check_tally
from signatures.register.unsealing import Opener
from signatures.sealing import NotOpened, Person
from tests.benchmarks import counts
from tests.benchmarks.table import interleaved
from tests.support.fixtures import a_delivery

PLAIN_TABLE: Final = """
CREATE TABLE bench_plain (id bytea PRIMARY KEY, payload bytea NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
GRANT INSERT, SELECT (id), UPDATE (created_at) ON bench_plain TO undersigned_public;
INSERT INTO bench_plain (id, payload)
SELECT decode(lpad(to_hex(n), 64, '0'), 'hex'), '' FROM generate_series(0, 9999) n;
"""
# PostgreSQL takes no COPY into a table with row security, from anybody but its owner.
STORE: Final = """
INSERT INTO signatures_submission (token_hash, campaign_id, sealing_key_id, sealed, confirmed_at, mail_due)
SELECT hashed, %s, key, box, confirmed, CASE WHEN confirmed IS NULL THEN now() END
  FROM unnest(%s::bytea[], %s::uuid[], %s::bytea[], %s::timestamptz[]) AS given (hashed, key, box, confirmed)
"""
GROUP_BY: Final = """
SELECT country, signed_on, source, count(*) FROM signatures_signature
 WHERE campaign_id = %s AND state = 'counted' GROUP BY country, signed_on, source
"""
COPIES: Final = """
INSERT INTO signatures_signature (campaign_id, number, signed_on, slot, share_name, country, source, state,
                                  fingerprint, name_key, withdrawal_hash, sealed)
SELECT campaign_id, number + %s, signed_on, %s, share_name, country, source, state,
       fingerprint, name_key, sha256(int8send(number + %s)), sealed
  FROM signatures_signature WHERE campaign_id = %s AND slot = 0 AND number <= %s
"""
# What a packet reads of each signer, and nothing done with it.
BARE_COPY: Final = """
COPY (SELECT number, signed_on, fingerprint, sealed FROM signatures_signature
       WHERE campaign_id = {} AND state = 'counted' AND share_name AND number BETWEEN {} AND {}
       ORDER BY number) TO STDOUT
"""


def prepare() -> dict[str, Any]:
    """Owner, with keys, as create_demo: the demo's campaigns, open, two officers, and the yardstick's table."""
    load()
    keyring().make()
    provision_campaigns()
    Campaign.objects.filter(slug__in=[PETITION, LOCAL_PETITION]).update(state=Campaign.State.OPEN)
    for name in ("officer-1", "officer-2"):
        User.objects.create(username=name)
        keyring().pin_recipient(name, str(pyrage.x25519.Identity.generate().to_public()))
    with connection.cursor() as cursor:
        cursor.execute(PLAIN_TABLE)
    return {"signed": PETITION, "filled": LOCAL_PETITION}


def _campaign(slug: str) -> Campaign:
    return Campaign.objects.select_related("key", "addressee").get(slug=slug)


@contextmanager
def _stopwatch(into: list[float]) -> Iterator[None]:
    started = time.perf_counter()
    yield
    into.append(time.perf_counter() - started)


def _store(campaign: Campaign, people: Iterable[Signer], *, confirmed: bool) -> None:
    """Submissions as the web seals and stores them, in one statement; due for a mail, or confirmed already."""
    rows = []
    for place, signer in enumerate(people):
        sealed = seal(campaign, _as_through_the_gate(filling._person(campaign, signer), place), new_token())
        rows.append((sealed.token_hash, sealed.key_id, sealed.box, signer.signed_at if confirmed else None))
    with connection.cursor() as cursor:
        cursor.execute(STORE, [campaign.pk, *map(list, zip(*rows, strict=True))])


def _as_through_the_gate(person: Person, place: int) -> Person:
    """With what the web sees of people: each from a network of their own, nine in ten at a large provider, one at a
    domain of their own. So each is screened, and none is held. Addresses are such as the form lets through: stripped,
    and without "_" in a domain, which no mail could be sent to."""
    seen = {"network": secrets.token_hex(8), "wide": secrets.token_hex(8), "took": 40, "so_far": 1}
    user = person.email.strip().replace("@", "-at-")
    domain = "web.de" if place % 10 else f"{re.sub('[._]', '-', user)}.example"
    return msgspec.structs.replace(person, email=f"{user}@{domain}", signals=seen)


# --- admission ----------------------------------------------------------------------------------------------


def admit(filled: str, small: str, signatures: int, rounds: int) -> dict[str, Any]:
    """Fill one register, timing admission alone; then batches into it and into a small one, in turn."""
    full, empty = _campaign(filled), _campaign(small)
    times: list[float] = []
    people = (replace(signer, share_name=True) for signer in synthetic_signers(signatures))
    with tqdm(total=how_many(signatures), desc="filling", unit=" signatures", disable=None, leave=False) as progress:
        for batch in batched(people, admission.BATCH):
            _admit_timed(full, batch, times)
            progress.update(len(batch))
    newcomers = synthetic_signers(2 * admission.BATCH * rounds, seed=7)

    def into(campaign: Campaign) -> Callable[[], float]:
        def measure() -> float:
            taken: list[float] = []
            others = (replace(p, email=f"late.{p.email}", share_name=True) for p in islice(newcomers, admission.BATCH))
            _admit_timed(campaign, tuple(others), taken)
            return taken[0]

        return measure

    small_batch, full_batch = interleaved(rounds, into(empty), into(full))
    whole = times[: signatures // admission.BATCH]  # the last one may be smaller
    return {
        "per_batch": median(whole or times),
        "rate": min(admission.BATCH, signatures) / median(whole or times),
        "overall": how_many(signatures) / sum(times),
        "small_batch": small_batch,
        "full_batch": full_batch,
        "small_size": Register.objects.get(campaign=empty).counted,
        "full_size": Register.objects.get(campaign=full).counted,
    }


def _admit_timed(campaign: Campaign, batch: tuple[Signer, ...], times: list[float]) -> None:
    _store(campaign, batch, confirmed=True)
    with _stopwatch(times):
        taken = admission.admit_batch(campaign, len(batch))
    if taken != len(batch):
        raise RuntimeError(f"{taken} of {len(batch)} were taken: something else admits here too")


# --- attack -------------------------------------------------------------------------------------------------

#: Seconds from mail to click: bots have it scripted, people look into their mailbox now and then.
CLICK_AFTER: Final = {"one": 1.0, "many": 1.0, "patient": 600.0}
CONFIRM: Final = """
UPDATE signatures_submission AS s
   SET confirmed_at = now(), mailed_at = now() - make_interval(secs => given.seconds), mail_due = NULL
  FROM unnest(%s::bytea[], %s::float8[]) AS given (token_hash, seconds) WHERE s.token_hash = given.token_hash
"""


def settle(slug: str) -> dict[str, dict[str, int]]:
    """Everybody clicks, and is admitted; tells what became of each kind: {kind: {state: how many}}."""
    campaign = _campaign(slug)
    opener, waiting = Opener(campaign), Submission.objects.filter(campaign=campaign, outcome=None)
    rows = list(waiting.values_list("token_hash", "sealing_key_id", "sealed"))
    opener.know(key for _, key, _ in rows)
    kinds = {bytes(h): opener.open(key, bytes(box), bytes(h)).email.partition(".")[0] for h, key, box in rows}
    with connection.cursor() as cursor:
        cursor.execute(CONFIRM, [list(kinds), [CLICK_AFTER.get(kind, 90.0) for kind in kinds.values()]])
    admission.admit_all(campaign, seconds=120)
    became: dict[str, Counter[str]] = defaultdict(Counter)
    for hashed, outcome in Submission.objects.filter(token_hash__in=list(kinds)).values_list("token_hash", "outcome"):
        became[kinds[bytes(hashed)]]["quarantined" if outcome == Outcome.HELD else str(outcome)] += 1
    return {kind: dict(states) for kind, states in became.items()}


def reasons(slug: str, kind: str) -> dict[str, int]:
    """What spoke against those of this kind that are held: {reasons, in words: how many}."""
    campaign, said = _campaign(slug), Counter[str]()
    box = keys_of(campaign).register_box
    for held in Signature.objects.filter(campaign=campaign, state=Signature.State.QUARANTINED).select_related("trace"):
        if box.open(bytes(held.sealed), bytes(held.fingerprint)).email.partition(".")[0] == kind:
            said[", ".join(str(reason.name).lower() for reason in Reason(held.trace.reasons))] += 1
    return dict(said)


def stored(slug: str) -> dict[str, int]:
    """How many submissions wait, and how many of them a worker cannot open."""
    campaign, broken, count = _campaign(slug), 0, 0
    opener = Opener(campaign)
    waiting = Submission.objects.filter(campaign=campaign, outcome=None).values_list(
        "token_hash", "sealing_key_id", "sealed"
    )
    opener.know(waiting.values_list("sealing_key_id", flat=True).distinct())
    for hashed, key, box in waiting.iterator(chunk_size=2000):
        count += 1
        try:
            opener.open(key, bytes(box), bytes(hashed))
        except NotOpened:
            broken += 1
    return {"stored": count, "broken": broken}


def watch() -> dict[str, int]:
    """What a worker does every ten seconds."""
    return {"alarmed": monitoring.monitor_campaigns()}


# --- mails --------------------------------------------------------------------------------------------------


def mail(slug: str, mails: int, rounds: int) -> dict[str, Any]:
    """Confirmation mails, and the same number of copies of one ready mail over one connection, in turn."""
    campaign = _campaign(slug)
    with connection.cursor() as cursor:  # what other benchmarks left is not ours to send
        cursor.execute("UPDATE signatures_submission SET mail_due = NULL WHERE mail_due IS NOT NULL")
    people = synthetic_signers(mails * (rounds + 1), seed=11)
    person = msgspec.structs.replace(filling._person(campaign, next(people)), token=new_token())
    example = mailing.confirmation_mail(campaign, person, Opener(campaign))

    def ours() -> float:
        _store(campaign, islice(people, mails), confirmed=False)
        taken: list[float] = []
        with _stopwatch(taken):
            sent = mailing.send_mails(seconds=60)
        if sent != mails:
            raise RuntimeError(f"{sent} of {mails} mails were sent")
        return mails / taken[0]

    rate, yardstick = interleaved(rounds, ours, _copies(example, mails))
    return {"rate": rate, "yardstick": yardstick}


def publish(slug: str, updates: int) -> dict[str, Any]:
    """Owner: updates whose mailings are held until they are measured."""
    campaign, now = _campaign(slug), timezone.now()
    lead = "From May on it is open on Thursday evenings, and on Saturday mornings."
    made = [
        Update.objects.create(
            campaign=campaign, slug=f"news-{n}", title="The council gave in", lead=lead, published_at=now
        )
        for n in range(updates)
    ]
    held = [Mailing.objects.create(update=update, listed_at=now, begun_at=now, done_at=now) for update in made]
    return {"mailings": [mailing.pk for mailing in held]}


def news(slug: str, mailings: list[int], mails: int) -> dict[str, Any]:
    """Updates, listed and sent to those who asked for them, and as many copies of one ready mail, in turn."""
    campaign, waiting = _campaign(slug), iter(mailings)
    before = Register.objects.get(campaign=campaign).counted
    people = (replace(signer, updates=True) for signer in synthetic_signers(mails * 2, seed=13))
    _admit_timed(campaign, tuple(islice(people, mails)), [])

    wanted = Register.objects.get(campaign=campaign).counted - before

    def ours() -> float:
        mailing, taken = Mailing.objects.get(pk=next(waiting)), list[float]()
        Mailing.objects.filter(pk=mailing.pk).update(listed_at=None, done_at=None)
        with _stopwatch(taken):
            sent = register_news.spread_news(seconds=60)
        mailing.refresh_from_db()
        if not mailing.done_at or sent != mailing.sent or sent < wanted:
            raise RuntimeError(f"{sent} of {wanted} mails were sent")
        return sent / taken[0]

    edition = register_news.Edition(Mailing.objects.get(pk=mailings[0]), keys_of(campaign))
    reader = register_news.Reader(filling._person(campaign, next(people)), new_token(), new_token())
    example = register_news.news_mail(edition, reader)
    rate, yardstick = interleaved(len(mailings), ours, _copies(example, mails))
    return {"rate": rate, "yardstick": yardstick}


def _copies(example: EmailMessage, mails: int) -> Callable[[], float]:
    """Mails a second, where the same ready mail goes over one connection again and again."""

    def measure() -> float:
        server, taken = mailers.default, list[float]()
        server.open()
        with _stopwatch(taken):
            for _ in range(mails):
                server.send_messages([example])
        server.close()
        return mails / taken[0]

    return measure


# --- search -------------------------------------------------------------------------------------------------

#: The words that campaigns are about, and one that all of them have.
SUBJECTS: Final = ("ferry", "library", "school", "hospital", "river", "prison", "press", "housing", "railway", "forest")


def campaigns(slug: str, many: int) -> dict[str, Any]:
    """Owner: so many campaigns to search, each about two of the subjects, with a background of 200 words.

    Closed, for an open one has to have keys, and a thousand of those take a worker minutes.
    """
    example = _campaign(slug)
    filler = " ".join(f"word{n}" for n in range(190))
    for n in range(many):
        about = f"{SUBJECTS[n % 10]} and {SUBJECTS[n // 10 % 10]}"
        Campaign.objects.create(
            slug=f"bench-{n}", title=f"Number {n}: the {about}", lead=f"We ask for the {about}.", background=filler,
            pledge="I ask.", section=example.section, addressee=example.addressee, state=Campaign.State.CLOSED,
            closes_at=timezone.now(), launched_on=timezone.now().date(), responsible="Nobody",
        )  # fmt: skip
    return {"campaigns": Campaign.objects.over().count()}


# --- tally --------------------------------------------------------------------------------------------------


def tally(filled: str, small: str, rounds: int) -> dict[str, Any]:
    """The exact recount against the bare GROUP BY; and what a page reads, at two sizes of register."""
    full, less = _campaign(filled), _campaign(small)

    def recount() -> float:
        taken: list[float] = []
        with _stopwatch(taken):
            differences = check_tally(full)
        if differences:
            raise RuntimeError(f"the tally is wrong: {differences[0]}")
        return taken[0]

    def group_by() -> float:
        taken: list[float] = []
        with _stopwatch(taken), connection.cursor() as cursor:
            cursor.execute(GROUP_BY, [full.pk])
            cursor.fetchall()
        return taken[0]

    def read(campaign: Campaign) -> Callable[[], float]:
        def measure() -> float:
            taken: list[float] = []
            with _stopwatch(taken):
                public_figures(campaign)
            return taken[0]

        return measure

    with connection.cursor() as cursor:  # as autovacuum leaves it some time after such a load
        cursor.execute("SELECT pg_stat_force_next_flush()")
    recounted, bare = interleaved(rounds, recount, group_by)
    small_read, full_read = interleaved(rounds * 3, read(less), read(full))
    sizes = {campaign.slug: Register.objects.get(campaign=campaign).counted for campaign in (full, less)}
    return {
        "recount": recounted, "bare": bare, "small_read": small_read, "full_read": full_read,
        "full_size": sizes[filled], "small_size": sizes[small],
    }  # fmt: skip


# --- packets ------------------------------------------------------------------------------------------------


def request_deliveries(slug: str, upto: list[int]) -> list[int]:
    """Owner: approved deliveries of the numbers up to each of these (0: all), each a series of its own; their keys."""
    campaign = _campaign(slug)
    officers = list(User.objects.filter(username__startswith="officer-").order_by("username"))
    last = Register.objects.get(campaign=campaign).last_number
    series = Delivery.objects.filter(campaign=campaign).count()
    return [
        a_delivery(
            campaign, *officers, series=series + n, profile=Disclosure.NAMED, first_number=1, last_number=until or last
        ).pk
        for n, until in enumerate(upto, start=1)
    ]


def grow(slug: str, size: int) -> int:
    """Owner: signers of the register are put into it again, and again, until it has that many; how many it has.

    Each copy has the same mailbox in another slot, so that its box opens as its original's does.
    """
    campaign = _campaign(slug)
    register = Register.objects.get(campaign=campaign)
    first = register.last_number
    with connection.cursor() as cursor, tqdm(total=size, initial=first, disable=None, leave=False) as progress:
        for slot, last in enumerate(range(first, size, first), start=1):
            cursor.execute(COPIES, [last, slot, last, campaign.pk, size - last])
            progress.update(first)
    last = campaign.signatures.aggregate(last=Max("number"))["last"]
    Register.objects.filter(campaign=campaign).update(last_number=last, counted=last)
    return last


def packet(delivery: int, workers: int) -> dict[str, Any]:
    """One packet with all its files, by so many workers at once.

    Peak memory is that of the largest process of all, those that set pages included.
    """
    taken: list[float] = []
    connections.close_all()  # each worker opens its own
    with _stopwatch(taken):
        children = [_forked(_build_until_ready, delivery) for _ in range(workers)]
        ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    found = Delivery.objects.get(pk=delivery)
    size = found.last_number - found.first_number + 1
    if any(ended) or found.manifest is None or found.manifest["totals"]["listed"] != size:
        raise RuntimeError(f"it is {found.state} ({found.problem}); the workers ended with {ended}")
    parts = found.parts.values("kind").annotate(mean=Avg("seconds"), most=Max("seconds"), n=Count("pk"))
    return {
        "signers": size,
        "seconds": taken[0],
        "parts_seconds": sum(part["mean"] * part["n"] for part in parts),
        "peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
        "parts": {part["kind"]: [part["n"], part["mean"], part["most"]] for part in parts},
    }


def _forked(function: Callable[[int], None], delivery: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        function(delivery)
        os._exit(0)
    finally:
        os._exit(1)


def _build_until_ready(delivery: int) -> None:
    while not build_delivery(delivery):
        if Delivery.objects.get(pk=delivery).state != Delivery.State.APPROVED:
            return
        time.sleep(0.05)  # the others are at the last parts


def bare_copy(delivery: int) -> dict[str, Any]:
    """The same rows out of the database into a temporary file, and nothing else."""
    found, taken = Delivery.objects.get(pk=delivery), list[float]()
    query = BARE_COPY.format(found.campaign_id, found.first_number, found.last_number)
    with tempfile.TemporaryFile() as file, connection.cursor() as cursor, _stopwatch(taken):
        with cursor.copy(query) as copy:
            for block in copy:
                file.write(block)
        file.flush()
    return {"seconds": taken[0], "peak_mb": _peak()}


def _peak() -> float:
    """Megabytes this process has had in memory at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


STEPS: Final[dict[str, Callable[..., Any]]] = {
    step.__name__: step
    for step in (
        prepare,
        admit,
        settle,
        reasons,
        stored,
        watch,
        mail,
        publish,
        news,
        campaigns,
        tally,
        request_deliveries,
        grow,
        packet,
        bare_copy,
    )
} | counts.STEPS

if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    print(json.dumps(STEPS[sys.argv[1]](**json.loads(sys.argv[2]))))
