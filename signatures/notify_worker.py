"""Tells a worker to look at a stage, by task name, so that no web process imports what workers do.

The work is in PostgreSQL; a notice only says "look now". It may be lost, late or doubled: the schedule
(config/celery.py) finds the same work. So notifying never waits and never fails: a thread does it, at most once a
second for each stage and process, and a second's last notice is never swallowed.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

#: What notifying raises where Redis is away.
AWAY: Final = (OperationalError, RedisError, OSError)
#: Seconds between two notices to one stage.
INTERVAL: Final = 1.0


class WorkerNotifier:
    """One process's. Its thread starts with the first notice, so after any fork."""

    def __init__(self) -> None:
        self._wanted: set[str] = set()
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None

    def notify(self, stage: str) -> None:
        # What is still wanted has not been sent yet, so it comes after this call as well. Hundreds a second end here.
        if stage in self._wanted and self._thread is not None and self._thread.is_alive():
            return
        with self._condition:
            self._wanted.add(stage)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="notify-worker", daemon=True)
                self._thread.start()
            self._condition.notify()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._wanted)
                stages, self._wanted = self._wanted, set()
            for stage in sorted(stages):
                self._send(stage)
            time.sleep(INTERVAL)  # what is asked for meanwhile is sent at its end

    def _send(self, stage: str) -> None:
        try:
            import_string(settings.WORKER_NOTIFIER)(stage)
        except AWAY as error:
            log.warning(
                "could not notify the %s worker (%s); the schedule will pick up the work", stage, type(error).__name__
            )


_notifier = WorkerNotifier()


def notify_worker(stage: str) -> None:
    """Have a worker look at this stage as soon as the current transaction is committed."""
    if connection.in_atomic_block:
        transaction.on_commit(lambda: _notifier.notify(stage))
    else:
        _notifier.notify(stage)
