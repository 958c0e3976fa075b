"""Which queue each notice goes to, and that the demo's workers serve them all without holding up admission."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config.celery import DEFAULT, MAIL, SLOW, STAGES, app
from config.management.commands.demo import QUEUE, Demo


def test_every_stage_is_looked_at_again_and_again_in_its_own_queue() -> None:
    planned = {entry["task"]: entry["schedule"] for entry in app.conf.beat_schedule.values()}
    assert planned == {f"signatures.{stage}": seconds for stage, (_, seconds) in STAGES.items()}
    assert {queue for queue, _ in STAGES.values()} == {DEFAULT, MAIL, SLOW}
    assert max(seconds for stage, (_, seconds) in STAGES.items() if stage in ("admit", "send_mails", "withdraw")) <= 60


@pytest.mark.parametrize(
    ("stage", "place"), [("admit", 0), ("withdraw", 0), ("provision", 0), ("send_mails", 1), ("build_deliveries", 2)]
)
def test_a_notice_reaches_its_queue_and_no_other(stage: str, place: int) -> None:
    with app.connection_for_write() as connection:
        channel = connection.default_channel
        bound = {name: app.amqp.queues[name](channel) for name in (DEFAULT, MAIL, SLOW)}
        for one in bound.values():
            one.declare()
            one.purge()
        app.send_task(f"signatures.{stage}", connection=connection)
        assert {name for name, one in bound.items() if one.get(no_ack=True)} == {(DEFAULT, MAIL, SLOW)[place]}


def test_a_worker_that_is_told_nothing_serves_every_queue() -> None:
    assert set(app.amqp.queues.consume_from) == {DEFAULT, MAIL, SLOW}


def test_the_demo_serves_every_queue_and_keeps_one_worker_for_what_supporters_wait_for(tmp_path: Path) -> None:
    def say(line: Any) -> None:
        raise AssertionError(line)

    workers = Demo(tmp_path, 8000, 8001, say)._workers()
    served = [worker.argv[worker.argv.index("--queues") + 1].split(",") for worker in workers]
    assert served == [[QUEUE], [f"{QUEUE}-mail", f"{QUEUE}-slow"]]
    for worker in workers:
        assert worker.env
        assert {"KEYRING_DIR", "QUEUE"} <= set(worker.env)
