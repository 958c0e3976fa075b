"""Judgement: what speaks against a signature being a person's, said as reasons; held where they add up.

Web seals what it saw of the sender with the signature (intake/abuse_gate.py). Here, with the keys, it becomes labels
under the campaign's pepper, comparable within a campaign for thirty days and nowhere else. Only what came through
the public site is screened: an import and a campaign's own demo have their own proofs.

The rule: somebody who filled in the trap is held, and so is one of many of a single mailbox that differ after a "+"
only; somebody who is one of many is held if anything else speaks against them. Alone, neither a fast hand, nor a
browser without script, nor a crowded network holds anybody. What speaks against a flood that does all else well is the
proof of work that it left out, so a surge of new mail domains turns that on (monitoring.py). And who is one of a crowd
that looks like people, a carrier's customers or those behind a Tor exit, is not blamed for having no script, nor for
the new mail domains of an hour; nor, where most of them have words of their own or none, for words that others were
handed too.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from disposable_email_domains import blocklist
from django.db.backends.utils import CursorWrapper

from signatures.identity import Mac, mailbox_family
from signatures.mail_providers import LARGE
from signatures.models import LabelCount, Reason
from signatures.models.screening import CLUSTERS, WEIGHTLESS
from signatures.sealing import Person

LABEL_BYTES: Final = 8
#: How many make a cluster: from one network in an hour, at one new domain, with one comment; and in one hour, how many
#: at new domains, and what share of all.
MANY_OF_A_NETWORK: Final = 10
MANY_AT_A_DOMAIN: Final = 10
MANY_OF_A_COMMENT: Final = 5
MANY_OF_A_MAILBOX: Final = 5
MANY_FRESH: Final = 20
SHARE_FRESH: Final = 0.25
#: How long a mail domain is new among a campaign's signers.
NEW_FOR: Final = datetime.timedelta(hours=24)
#: Seconds: nobody reads and fills in a form faster; nobody's mail arrives and is pressed faster.
QUICK: Final = 3
INSTANT: Final = datetime.timedelta(seconds=4)
#: Characters: "I agree." is everybody's.
LONG_COMMENT: Final = 25

# Sorted by the caller: every worker locks rows in one order. In the register's lock, so counts are in order too.
COUNT: Final = """
INSERT INTO signatures_labelcount (campaign_id, kind, label, first_hour, last_hour, n)
SELECT %s, kind, label, %s, %s, n FROM unnest(%b::varchar[], %b::bytea[], %b::int[]) AS seen (kind, label, n)
ON CONFLICT (campaign_id, kind, label)
DO UPDATE SET n = signatures_labelcount.n + excluded.n, last_hour = excluded.last_hour
RETURNING kind, label, first_hour, n
"""


#: Each of these holds by itself: no person fills in the trap, or signs for the fifth time.
ALONE: Final = Reason.TRAP | Reason.TAGS

#: What speaks against whoever's browser runs no script.
WITHOUT_SCRIPT: Final = Reason.UNTIMED | Reason.UNWORKED

#: LabelCount.kind of all of an hour and of those at new domains; the same of those with something against them.
GROUPS: Final = (("a", "f"), ("u", "w"))


@dataclass(slots=True)
class Clues:
    """What is kept of how one signature came."""

    network: bytes
    wide: bytes
    domain: bytes
    comment: bytes | None
    #: Of the mailbox without its tag, where identity takes the tag for a part of it (identity.py); of others none.
    mailbox: bytes | None
    reasons: Reason
    #: Whether half the world has its mail there.
    common: bool


@cache
def _disposable() -> frozenset[str]:
    return frozenset(blocklist)


def observe(
    mac: Mac, person: Person, mailbox: str, confirmed_at: datetime.datetime, mailed_at: datetime.datetime | None
) -> Clues | None:
    """The clues of one submission, but for those that only its neighbours give; None where the web saw no network."""
    seen = person.signals
    network = seen.get("network")
    if not network:
        return None
    domain = mailbox.rpartition("@")[2]
    family = mailbox_family(mailbox)
    comment = " ".join(person.comment.casefold().split())
    return Clues(
        network=_label(mac, b"network", str(network)),
        wide=_label(mac, b"wide", str(seen.get("wide", ""))),
        domain=_label(mac, b"domain", domain),
        comment=_label(mac, b"comment", comment) if len(comment) >= LONG_COMMENT else None,
        mailbox=_label(mac, b"tags", family) if family != mailbox else None,
        reasons=_alone(person, domain, confirmed_at, mailed_at),
        common=domain in LARGE,
    )


def _label(mac: Mac, kind: bytes, text: str) -> bytes:
    return mac(kind + b"\0" + text.encode("utf-8", "replace"))[:LABEL_BYTES]


def _alone(person: Person, domain: str, confirmed_at: datetime.datetime, mailed_at: datetime.datetime | None) -> Reason:
    seen, reasons = person.signals, Reason(0)
    took, so_far = seen.get("took"), seen.get("so_far", 0)
    if seen.get("trap"):
        reasons |= Reason.TRAP
    if took is None:
        reasons |= Reason.UNTIMED
    elif isinstance(took, int) and took < QUICK:
        reasons |= Reason.QUICK
    if seen.get("work") == "missing":
        reasons |= Reason.UNWORKED
    if seen.get("unlimited"):
        reasons |= Reason.UNLIMITED
    if seen.get("abroad"):
        reasons |= Reason.ABROAD
    if isinstance(so_far, int) and so_far > MANY_OF_A_NETWORK:
        reasons |= Reason.NETWORK
    if domain in _disposable():
        reasons |= Reason.DISPOSABLE
    if mailed_at and confirmed_at - mailed_at < INSTANT:
        reasons |= Reason.INSTANT
    return reasons


def screen(cursor: CursorWrapper, campaign_id: int, hour: datetime.datetime, clues: Sequence[Clues]) -> None:
    """Add the reasons that lie in what others do. Needs the register's lock."""
    if not clues:
        return
    seen = Counter([("d", c.domain) for c in clues] + [("c", c.comment) for c in clues if c.comment])
    seen.update(("t", c.mailbox) for c in clues if c.mailbox)
    counted = _count(cursor, campaign_id, hour, seen)
    fresh = {label for (kind, label), (first, _) in counted.items() if kind == "d" and hour - first < NEW_FOR} - {
        c.domain for c in clues if c.common
    }
    repeated = {label for (kind, label), (_, n) in counted.items() if kind == "c" and n >= MANY_OF_A_COMMENT}
    people, with_words = _networks_of_people(cursor, campaign_id, hour, clues, fresh, repeated)
    doubted = [c for c in clues if c.reasons and c.reasons & ~WEIGHTLESS and not _is_of(people, c)]
    surge, hidden_surge = _surges(cursor, campaign_id, hour, (clues, doubted), fresh)
    for c in clues:
        if _is_of(people, c):
            c.reasons &= ~WITHOUT_SCRIPT
        if c.domain in fresh:
            if not _is_of(people, c) and (surge or (hidden_surge and c.reasons & ~WEIGHTLESS)):
                c.reasons |= Reason.FRESH
            if counted["d", c.domain][1] >= MANY_AT_A_DOMAIN:
                c.reasons |= Reason.DOMAIN
        if c.mailbox and counted["t", c.mailbox][1] >= MANY_OF_A_MAILBOX:
            c.reasons |= Reason.TAGS
        if c.comment in repeated and not _is_of(with_words, c):
            c.reasons |= Reason.COMMENT


def _networks_of_people(
    cursor: CursorWrapper, campaign_id: int, hour: datetime.datetime, clues: Sequence[Clues], fresh: set[bytes],
    repeated: set[bytes],
) -> tuple[set[bytes], set[bytes]]:  # fmt: skip
    """Of the crowded networks, those where most have their mail where it is nothing new and nothing else against them;
    and those of them where most have not said either what others say word for word. A flood that wants to pass for one
    has to bring as many patient bots as clumsy ones."""
    crowd = [c for c in clues if c.reasons and c.reasons & Reason.NETWORK]
    if not crowd:
        return set(), set()
    plain = [c for c in crowd if c.reasons & ~WEIGHTLESS == Reason.NETWORK and c.domain not in fresh]
    own = [c for c in plain if c.comment not in repeated]
    groups = {"n": crowd, "p": plain, "q": own}
    seen = Counter((kind, c.network) for kind, group in groups.items() for c in group)
    seen.update({(kind, c.network): 0 for kind in groups for c in crowd})
    counted = _count(cursor, campaign_id, hour, seen)
    people, with_words = (
        {c.network for c in crowd if counted[kind, c.network][1] * 2 > counted["n", c.network][1]} for kind in "pq"
    )
    return people, with_words


def _is_of(networks: set[bytes], c: Clues) -> bool:
    """Whether this is one of the crowd of such a network. Not those who came before it was one: they were not weighed
    when it was looked at, so ten clumsy bots of each network could hide behind its eleventh."""
    return c.network in networks and Reason.NETWORK in c.reasons


def _surges(
    cursor: CursorWrapper, campaign_id: int, hour: datetime.datetime, groups: tuple[Sequence[Clues], Sequence[Clues]],
    fresh: set[bytes],
) -> tuple[bool, bool]:  # fmt: skip
    """Whether too many of the hour are at new domains: of all, and of those with something against them. The second
    finds a flood in an hour so busy that it is a small part of it."""
    label, seen = _hour_label(hour), Counter[tuple[str, bytes]]()
    for (all_kind, fresh_kind), group in zip(GROUPS, groups, strict=True):
        seen[all_kind, label] = len(group)
        seen[fresh_kind, label] = sum(1 for c in group if c.domain in fresh)
    counted = _count(cursor, campaign_id, hour, seen)
    of_all, of_doubted = (_are_many(counted[fresh_, label][1], counted[all_, label][1]) for all_, fresh_ in GROUPS)
    return of_all, of_doubted


def has_surge(campaign_id: int, hour: datetime.datetime) -> bool:
    """Whether so many came at new domains in that hour, of all or of those with something against them, that it looks
    like a flood."""
    kinds = [kind for group in GROUPS for kind in group]
    of_the_hour = LabelCount.objects.filter(campaign_id=campaign_id, kind__in=kinds, label=_hour_label(hour))
    counted = dict(of_the_hour.values_list("kind", "n"))
    return any(_are_many(counted.get(fresh, 0), counted.get(all_, 0)) for all_, fresh in GROUPS)


def _are_many(fresh: int, all_: int) -> bool:
    return fresh >= MANY_FRESH and fresh > SHARE_FRESH * all_


def _hour_label(hour: datetime.datetime) -> bytes:
    return int(hour.timestamp()).to_bytes(LABEL_BYTES)


def _count(
    cursor: CursorWrapper, campaign_id: int, hour: datetime.datetime, seen: Counter[tuple[str, bytes]]
) -> dict[tuple[str, bytes], tuple[datetime.datetime, int]]:
    """{(kind, label): (hour it was first seen in, how often by now)}"""
    keys = sorted(seen)
    kinds, labels = [kind for kind, _ in keys], [label for _, label in keys]
    cursor.execute(COUNT, [campaign_id, hour, hour, kinds, labels, [seen[key] for key in keys]])
    return {(kind, bytes(label)): (first, n) for kind, label, first, n in cursor.fetchall()}


def is_held(reasons: Reason) -> bool:
    """Whether a signature with these reasons waits for a person's judgement."""
    if not reasons:  # nearly always: questions to a flag cost a microsecond each
        return False
    if reasons & ALONE:
        return True
    return bool(reasons & CLUSTERS) and (reasons & ~WEIGHTLESS).bit_count() >= 2
