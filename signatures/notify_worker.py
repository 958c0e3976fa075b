"""Rings a worker, by task name, so that the web never imports what the worker does.

The work is in PostgreSQL; a ring only says "look now". It may be lost, late or doubled: the sweep
(config/celery.py) finds the same work. So ringing never waits and never fails: a thread does it, at
most once a second for each stage and process, and a second's last ring is never swallowed.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from celery import current_app
from django.db import connection, transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

#: Seconds between two rings of one stage.
INTERVAL: Final = 1.0


class WorkerNotifier:
    """One process's bell. Its thread starts with the first ring, so after any fork."""

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
                self._thread = threading.Thread(target=self._run, name="doorbell", daemon=True)
                self._thread.start()
            self._condition.notify()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._wanted)
                stages, self._wanted = self._wanted, set()
            for stage in sorted(stages):
                self._send(stage)
            time.sleep(INTERVAL)  # what is asked for meanwhile is rung at its end

    def _send(self, stage: str) -> None:
        try:
            current_app.send_task(f"signatures.{stage}", retry=False, expires=60)
        except (OperationalError, RedisError, OSError) as error:
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
