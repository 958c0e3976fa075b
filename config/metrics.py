"""What a machine room watches, for Prometheus: read from the database at each scrape, by a process of its own.

`manage.py serve_metrics` answers on loopback. Sums and ages only: no petition, person or network is in any of them. The
web servers have Granian's own metrics beside it (config/deploy/systemd). Alerts and a dashboard on these names are in
config/deploy/prometheus.
"""

from __future__ import annotations

import datetime
import logging
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.files.storage import storages
from django.db import Error, connection
from django.db.models import Count, Min, Q, QuerySet, Sum
from django.db.models.functions import Now
from django.utils import timezone
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from petitions.models import Campaign
from signatures.models import (
    CampaignKey,
    Delivery,
    Dimension,
    Heartbeat,
    LedgerEntry,
    MailAnswer,
    Monitor,
    Register,
    Signature,
    Submission,
    TallySum,
)
from signatures.register.stuck_mails import stuck_mails, troubles
from staff.models import AuditEntry
from web import counters
from web.redaction import describe

log = logging.getLogger(__name__)

PREFIX: Final = "undersigned_"
#: Of what is counted of mails.
LOOKED_BACK: Final = datetime.timedelta(hours=1)
#: Places that fill: {name: storage}; and the folders of settings.
STORAGES: Final = {"packets": "packets", "media": "default", "attachments": "attachments", "spool": "spool"}


def registry() -> CollectorRegistry:
    """What `serve_metrics` gives out."""
    found = CollectorRegistry(auto_describe=False)
    found.register(Site())
    return found


class Site(Collector):
    """Asks the database at each scrape; where it is away, that is the answer."""

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked while the process starts."""
        return []

    def collect(self) -> Iterator[Metric]:
        families: list[Metric] = []
        try:
            for read in READERS:
                families += read()
            up = 1
        except Error as error:
            log.warning("metrics: the database is unavailable (%s)", describe(error))
            connection.close()
            up = 0
        yield _gauge("database_up", "Whether the database answers.", up)
        yield _gauge("redis_up", "Whether Redis answers.", _redis_answers())
        yield from _disks()
        yield from families if up else []


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, words, value=value)


def _gauges(name: str, words: str, label: str, values: Iterable[tuple[str, float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(PREFIX + name, words, labels=[label])
    for key, value in values:
        family.add_metric([key], value)
    return family


def _redis_answers() -> int:
    try:
        counters.redis().ping()
    except (RedisError, OSError):
        return 0
    return 1


def _disks() -> Iterator[Metric]:
    places = {name: Path(storages[key].location) for name, key in STORAGES.items()}  # type: ignore[attr-defined]
    places |= {"anchors": settings.ANCHORS_DIR}
    usage = [(name, shutil.disk_usage(_existing(place))) for name, place in places.items()]
    yield _gauges("disk_free_bytes", "Free where files are kept.", "place", [(name, u.free) for name, u in usage])
    yield _gauges("disk_size_bytes", "Size of what they are kept on.", "place", [(name, u.total) for name, u in usage])


def _existing(place: Path) -> Path:
    """The folder, or the next one above it: some are made with their first file."""
    return next(folder for folder in (place, *place.absolute().parents) if folder.exists())


def _age(rows: QuerySet[Any], column: str) -> float:
    """Seconds since the oldest of these rows, by the database's clock; 0 where there is none."""
    found = rows.aggregate(oldest=Min(column), now=Min(Now()))
    return max(0.0, (found["now"] - found["oldest"]).total_seconds()) if found["oldest"] else 0.0


def _flows() -> Iterator[Metric]:
    sums = LedgerEntry.objects.aggregate(**{column: Sum(column) for column in LedgerEntry.COLUMNS})
    family = CounterMetricFamily(PREFIX + "signatures", "What came in, and what became of it.", labels=["event"])
    for column in LedgerEntry.COLUMNS:
        if column != "removed":  # what a ruling removed can be given back, and a counter never falls
            family.add_metric([column], sums[column] or 0)
    yield family
    yield _gauge("counted", "Signatures that count.", Register.objects.aggregate(n=Sum("counted"))["n"] or 0)
    held = TallySum.objects.filter(dimension=Dimension.OUTSIDE, key=Signature.State.QUARANTINED)
    yield _gauge("held", "Signatures that wait for a moderator.", held.aggregate(n=Sum("n"))["n"] or 0)
    yield _gauge("open_campaigns", "Petitions that take signatures.", Campaign.objects.open().count())
    alarmed = Monitor.objects.filter(alarmed_at__isnull=False).count()
    yield _gauge("campaigns_under_attack", "Petitions with signs of a flood.", alarmed)


def _queues() -> Iterator[Metric]:
    waiting = Submission.objects.filter(outcome__isnull=True)
    unmailed = waiting.filter(mail_due__lte=Now(), mailed_at__isnull=True)
    confirmed = waiting.filter(confirmed_at__isnull=False)
    yield _gauge("taken_last_five_minutes", "Signatures taken.", waiting.filter(created_at__gt=_five_ago()).count())
    yield _gauge("unmailed", "Signatures whose mail is due.", unmailed.count())
    yield _gauge("oldest_unmailed_seconds", "Since the oldest of these came.", _age(unmailed, "created_at"))
    yield _gauge("unadmitted", "Confirmed signatures that no worker has looked at.", confirmed.count())
    yield _gauge(
        "oldest_unadmitted_seconds", "Since the oldest of these was confirmed.", _age(confirmed, "confirmed_at")
    )


def _five_ago() -> datetime.datetime:
    return timezone.now() - datetime.timedelta(minutes=5)


def _mails() -> Iterator[Metric]:
    stuck: dict[str, int] = dict.fromkeys(("waits", "given up", "bounced"), 0)
    for mails in stuck_mails():
        stuck[mails.state] += mails.count
    yield _gauges("mails", "Mails by where they stand.", "state", stuck.items())
    yield _gauge("mail_server_refuses", "Kinds of mail that our mail server refuses.", troubles().count())
    family = GaugeMetricFamily(
        PREFIX + "mail_answers_last_hour", "What providers made of our mails.", labels=["provider", "answer"]
    )
    for standing in MailAnswer.objects.standings(LOOKED_BACK):
        for answer, n in standing.answers.items():
            family.add_metric([standing.provider, answer], n)
    yield family


def _work() -> Iterator[Metric]:
    states = dict(Delivery.objects.values_list("state").annotate(n=Count("pk")))
    yield _gauges("deliveries", "Packets.", "state", [(state, states.get(state, 0)) for state in Delivery.State.values])
    ages = [
        (queue, (now - at).total_seconds())
        for queue, at, now in Heartbeat.objects.annotate(now=Now()).values_list("queue", "at", "now")
    ]
    yield _gauges("heartbeat_age_seconds", "Since the schedule last reached a worker of this queue.", "queue", ages)
    exported = AuditEntry.objects.filter(action="keyring.export").order_by("-seq").values_list("at", flat=True).first()
    newer = Q(created_at__gt=exported) if exported else Q()
    not_exported = CampaignKey.objects.filter(newer, campaign__shredding__isnull=True).count()
    yield _gauge("keys_not_exported", "Petitions whose key is in no export of the keyring.", not_exported)
    due = Campaign.objects.filter(state=Campaign.State.OPEN, key__isnull=True, launched_on__isnull=False).count()
    yield _gauge("campaigns_without_key", "Open petitions that cannot take signatures yet.", due)


READERS: Final[tuple[Callable[[], Iterator[Metric]], ...]] = (_flows, _queues, _mails, _work)
