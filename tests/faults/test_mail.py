"""Mails through a real SMTP server that goes away, and workers that are killed while they send (I7)."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.faults.crowd import NAME, an_address
from tests.support.stack import LOCAL, RECOVERY, Stack, free_port, kill, wait_until

#: Seconds after which a silent worker is taken for dead (register/mailing.py).
LEASE = 55


class Sink:
    """An SMTP server that may come and go; counts the mails it took by recipient."""

    def __init__(self) -> None:
        self.port = free_port()
        self.slowness = 0.0
        self.taken: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._controller: Controller | None = None

    @property
    def url(self) -> str:
        return f"smtp+plain://127.0.0.1:{self.port}"

    def open(self) -> None:
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, ready_timeout=20)
        self._controller.start()

    def close(self) -> None:
        if self._controller:
            self._controller.stop()
        self._controller = None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        await asyncio.sleep(self.slowness)
        with self._lock:
            self.taken.update(str(address) for address in envelope.rcpt_tos)
        return "250 taken"


@pytest.fixture
def sink() -> Any:
    made = Sink()
    yield made
    made.close()


@pytest.fixture
def mailer(stack: Stack, sink: Sink) -> Callable[[], Any]:
    """Starts a worker that sends to the sink, in the place of the demo's; no alarm, only what supporters get."""
    kill(stack.worker)
    return lambda: stack.another_worker("mailer", MAIL_URL=sink.url, DEMO_MAIL_DIR="", ALERTS_TO="")


def sign(stack: Stack, count: int) -> list[str]:
    people = [an_address() for _ in range(count)]
    assert {stack.sign(LOCAL, address, name=NAME).status for address in people} == {303}
    return people


def found_no_server(stack: Stack) -> bool:
    return "the mail server is unavailable" in (stack.home / "log" / "mailer.log").read_text(errors="replace")


def waiting(stack: Stack) -> int:
    ((count,),) = stack.sql("SELECT count(*) FROM signatures_submission WHERE mail_due IS NOT NULL")
    return int(count)


def let_pass(stack: Stack, seconds: int) -> None:
    stack.let_mail_wait_pass(seconds)
    stack.ring("send_mails")


def nothing_passes(stack: Stack, seconds: int) -> None:
    """The slow sweeps wait in earnest: the sweep alone finds what is due."""


def test_mails_wait_for_a_mail_server_that_is_away(stack: Stack, sink: Sink, mailer: Callable[[], Any]) -> None:
    people = sign(stack, 40)
    mailer()
    wait_until(lambda: found_no_server(stack), RECOVERY, "the worker has looked for the mail server")
    assert waiting(stack) == 40
    sink.open()
    wait_until(lambda: sink.taken.keys() >= set(people), RECOVERY, "the mails are sent")
    wait_until(lambda: nothing_to_mail(stack), RECOVERY, "it is known that they are")
    assert sink.taken == Counter(people)


@pytest.mark.parametrize("passing", [let_pass, pytest.param(nothing_passes, marks=pytest.mark.slow)])
def test_mails_of_a_killed_worker_are_sent_once_more_at_most(
    stack: Stack, sink: Sink, mailer: Callable[[], Any], passing: Callable[[Stack, int], None]
) -> None:
    sink.slowness = 0.02
    sink.open()
    people = sign(stack, 120)
    worker = mailer()
    wait_until(lambda: sum(sink.taken.values()) >= 30, RECOVERY, "mails are being sent")
    kill(worker)
    assert len(sink.taken) < len(people)
    sink.slowness = 0
    passing(stack, LEASE)
    worker.start()
    wait_until(lambda: sink.taken.keys() >= set(people), 2 * RECOVERY, "the mails are sent")
    wait_until(lambda: nothing_to_mail(stack), RECOVERY, "it is known that they are")
    assert sink.taken.keys() == set(people)
    assert max(sink.taken.values()) <= 2


def nothing_to_mail(stack: Stack) -> bool:
    return waiting(stack) == 0
