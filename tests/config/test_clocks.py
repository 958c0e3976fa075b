"""Machines whose clocks are apart: no notice is thrown away for it, no mail waits for it, and no backlog grows."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from celery.beat import ScheduleEntry
from celery.schedules import schedule
from celery.worker.request import Request
from django.db.models.functions import Now

from config import celery
from config.celery import MAIL, MOST_NOTICES, Scheduler, app
from signatures import tasks
from signatures.models import NewsMail, Submission
from signatures.notify_worker import WorkerNotifier
from signatures.register import mailing, news
from tests.signatures.register.test_mailing import free_port, smtp
from tests.signatures.register.test_news import YES, admitted, ask, publish

__all__ = ["admitted", "smtp"]

APART = [datetime.timedelta(seconds=seconds) for seconds in (-10, -90, 90, -7200, 7200)]


@pytest.fixture
def queue() -> Iterator[Any]:
    """The mails' queue, empty."""
    with app.connection_for_write() as connection:
        bound = app.amqp.queues[MAIL](connection.default_channel)
        bound.declare()
        bound.purge()
        yield bound
        bound.purge()


@pytest.fixture
def beat(tmp_path: Any) -> Scheduler:
    return Scheduler(app, schedule_filename=str(tmp_path / "schedule"), lazy=True)


def entry() -> ScheduleEntry:
    return ScheduleEntry(name="look-at-send_mails", task="signatures.send_mails", schedule=schedule(5), app=app)


def is_thrown_away(message: Any) -> bool:
    """As a worker decides, by its own clock."""
    request = Request(message, app=app, task=tasks.send_mails, hostname="here")
    return bool(request.maybe_expire())


@pytest.mark.parametrize("apart", APART)
def test_a_notice_is_heard_however_far_the_clocks_are_apart(queue: Any, beat: Scheduler, apart: Any) -> None:
    with time_machine.travel(datetime.datetime.now(datetime.UTC) + apart, tick=False):
        WorkerNotifier()._send("send_mails")
        beat.apply_entry(entry())
    notices = [queue.get(no_ack=True) for _ in range(2)]
    assert all(notices)
    assert not any(is_thrown_away(notice) for notice in notices)


def test_no_schedule_says_when_a_notice_is_too_old() -> None:
    assert not [name for name, planned in app.conf.beat_schedule.items() if "expires" in planned.get("options", {})]
    assert app.conf.beat_scheduler == "config.celery:Scheduler"


def test_notices_do_not_pile_up_while_the_workers_are_away(queue: Any, beat: Scheduler) -> None:
    notifier = WorkerNotifier()
    for _ in range(MOST_NOTICES):
        notifier._send("send_mails")
        beat.apply_entry(entry())
    assert queue.queue_declare(passive=True).message_count == MOST_NOTICES
    assert queue.get(no_ack=True)
    beat.apply_entry(entry())
    assert queue.queue_declare(passive=True).message_count == MOST_NOTICES


def test_beat_says_once_that_redis_is_away_and_goes_on(queue: Any, beat: Scheduler, settings: Any, caplog: Any) -> None:
    celery._broker.cache_clear()
    url = settings.REDIS_URL
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    began = time.monotonic()
    for _ in range(20):
        beat.apply_entry(entry())
    assert time.monotonic() - began < 10
    assert [record.getMessage() for record in caplog.records if record.name == "config.celery"] == [
        "no worker can be notified: Redis is unavailable (ConnectionError)"
    ]
    settings.REDIS_URL = url
    celery._broker.cache_clear()
    beat.apply_entry(entry())
    assert queue.get(no_ack=True)


@pytest.mark.parametrize("apart", APART)
def test_what_is_due_is_due_by_the_databases_clock(campaign: Any, sign: Any, smtp: Any, apart: Any) -> None:
    sign(campaign, confirmed=False, email="ada@example.org")
    later = sign(campaign, confirmed=False, email="later@example.org")
    Submission.objects.update(mail_due=Now() - datetime.timedelta(minutes=1))
    Submission.objects.filter(pk=later).update(mail_due=Now() + datetime.timedelta(minutes=1))
    with time_machine.travel(datetime.datetime.now(datetime.UTC) + apart, tick=True):
        assert mailing.send_mails() == 1
    assert smtp.addresses() == ["ada@example.org"]


@pytest.mark.parametrize("apart", APART)
def test_updates_put_off_are_due_by_the_databases_clock(campaign: Any, admitted: Any, smtp: Any, apart: Any) -> None:
    admitted(campaign, {"email": "ada@example.org", **YES})
    ask(publish(campaign))
    smtp.at_rcpt = {"ada@example.org": ["450 greylisted"]}
    with time_machine.travel(datetime.datetime.now(datetime.UTC) + apart, tick=True):
        news.list_batch()
        NewsMail.objects.update(due=Now() - datetime.timedelta(minutes=1))
        news.send_batch()
        mail = NewsMail.objects.annotate(now=Now()).get()
        assert datetime.timedelta(0) < mail.due - mail.now <= news.PUT_OFF
        NewsMail.objects.update(due=Now() - datetime.timedelta(minutes=1))
        assert news.send_batch() == 1
