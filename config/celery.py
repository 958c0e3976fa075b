"""The workers: `celery -A config.celery worker`, and `… beat` for the schedule."""

import logging
import os
import sys
from functools import cache
from typing import Any, Final

from celery import Celery
from celery.beat import PersistentScheduler, ScheduleEntry, SchedulingError
from celery.signals import task_failure, worker_init
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from kombu import Exchange, Queue
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from config.notices import take_notices_only
from config.redis_rights import queues

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("ROLE", "worker")

log = logging.getLogger(__name__)

#: Notices that wait in one queue. More would say nothing new, and a backlog must not grow while workers are away.
MOST_NOTICES: Final = 200
#: What notifying raises where Redis is away. The same in signatures/notify_worker.py.
AWAY: Final = (OperationalError, RedisError, OSError)

try:
    QUEUE: str = settings.CELERY_TASK_DEFAULT_QUEUE
except ImproperlyConfigured as error:
    sys.exit(f"Not configured: {error}")
DEFAULT, MAIL, SLOW = queues(QUEUE)
#: stage → (queue, seconds between two looks). Three queues, so that workers can be set apart: packets that take an hour
#: and a mail server that hangs must not hold up admission. A worker without -Q serves all three. PostgreSQL holds the
#: truth and a notice may be lost, so each stage is looked at again and again: that is the whole recovery.
STAGES: Final[dict[str, tuple[str, int]]] = {
    "provision": (DEFAULT, 10),
    "admit": (DEFAULT, 5),
    "withdraw": (DEFAULT, 5),
    "apply_rejections": (DEFAULT, 10),
    "grant_wishes": (DEFAULT, 5),
    "publish": (DEFAULT, 5),
    "answer_reveals": (DEFAULT, 5),
    "act_on_cases": (DEFAULT, 10),
    "clear_reveals": (DEFAULT, 30),
    "settle_recipients": (DEFAULT, 5),
    "close_campaigns": (DEFAULT, 30),
    "monitor": (DEFAULT, 10),
    "send_mails": (MAIL, 5),
    "answer_requests": (MAIL, 5),
    "spread_news": (MAIL, 15),
    "anchor_audit": (MAIL, 600),
    "keep_tombstones": (SLOW, 60),
    "apply_rulings": (SLOW, 5),
    "build_deliveries": (SLOW, 10),
    "preview_letters": (SLOW, 5),
    "read_bounces": (SLOW, 60),
    "draw_share_images": (SLOW, 60),
    "shred_campaigns": (SLOW, 10),
    "prune": (SLOW, 600),
    "check_tallies": (SLOW, 3600),
    "beat": (DEFAULT, 30),
    "beat_mail": (MAIL, 30),
    "beat_slow": (SLOW, 30),
}


@cache
def _broker() -> Redis:
    return Redis.from_url(settings.REDIS_URL, socket_connect_timeout=0.3, socket_timeout=5)


def has_room(stage: str) -> bool:
    """Whether another notice to this stage would say something new. Raises RedisError."""
    queue, _seconds = STAGES[stage]
    return int(_broker().llen(queue)) < MOST_NOTICES


app = Celery("undersigned")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["signatures"])
# Each with an exchange and a key of its own: by default all would be bound to one, and get every notice.
app.conf.task_queues = [Queue(name, Exchange(name), routing_key=name) for name in (DEFAULT, MAIL, SLOW)]
app.conf.task_routes = {f"signatures.{stage}": {"queue": queue} for stage, (queue, _) in STAGES.items()}
take_notices_only(
    {task: route["queue"] for task, route in app.conf.task_routes.items()}, otherwise="signatures.provision"
)
# No notice expires: Celery's `expires` is a time by the sender's clock, and a worker whose clock was a minute ahead
# threw all of them away.
app.conf.beat_schedule = {
    f"look-at-{stage}": {"task": f"signatures.{stage}", "schedule": seconds} for stage, (_, seconds) in STAGES.items()
}
app.conf.beat_scheduler = "config.celery:Scheduler"


def notify(stage: str) -> None:
    """Have a worker look at this stage (signatures/notify_worker.py). Raises what AWAY names."""
    if has_room(stage):
        # Nothing is declared: whoever notifies may put a notice into a queue, and no more (config/redis_rights.py).
        app.send_task(f"signatures.{stage}", retry=False, declare=())


@task_failure.connect
def leave_read_only(exception: BaseException | None = None, **given: Any) -> None:
    """A worker keeps its connection, which may outlive a time in which nothing could be written, and be no good."""
    from web.connections import discard_read_only, is_read_only

    if is_read_only(exception):
        discard_read_only()


@worker_init.connect
def refuse_another_keyring(**given: Any) -> None:
    """Before a worker takes anything. Where the database cannot be asked it starts: each stage asks again."""
    from django.db import DatabaseError, connections

    from signatures.register.own_keys import WrongKeyring, require_own_keyring

    try:
        require_own_keyring()
    except WrongKeyring as error:
        sys.exit(f"This worker does not start. Nothing was changed. {error}")
    except DatabaseError as error:
        log.warning("the keyring could not be compared: the database is unavailable (%s)", type(error).__name__)
    finally:
        connections.close_all()  # the pool's processes open their own


class Scheduler(PersistentScheduler):
    """Beat's clock; notifies only where there is room, and says once, not at every tick, that Redis is away."""

    _away = False

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        try:
            if has_room(str(entry.task).removeprefix("signatures.")):
                self.apply_async(entry, producer=producer, advance=False)
        except (*AWAY, SchedulingError) as error:
            if not self._away:
                log.warning("no worker can be notified: Redis is unavailable (%s)", type(error).__name__)
            self._away = True
        else:
            self._away = False
