"""Of whatever lies in a queue, a worker reads which stage it names."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
from celery.app.amqp import AMQP
from hypothesis import given
from hypothesis import strategies as st
from kombu.transport import redis
from kombu.utils.json import dumps

from config import notices
from config.celery import DEFAULT, MAIL, app

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text() | st.sampled_from(["headers", "task"]), inside),
)


def read(text: str) -> Any:
    """As a worker reads it: what it would keep in Redis until the work is done."""
    with app.connection_for_read() as connection:
        channel = connection.default_channel
        return channel.message_to_python(redis.loads(text))._raw


def told(message: dict[str, Any]) -> tuple[str, str, Any]:
    """The task, the queue and the arguments of a message."""
    assert set(message["headers"]) == {"lang", "task", "id", "root_id", "retries"}
    arguments, options, after = json.loads(base64.b64decode(message["body"]))
    assert set(after.values()) == {None}
    return message["headers"]["task"], message["properties"]["delivery_info"]["routing_key"], (arguments, options)


def sent(task: str, **more: Any) -> dict[str, Any]:
    message = notices.notice(task, DEFAULT)
    return message | {"headers": message["headers"] | more}


def test_a_stage_is_all_that_is_taken_from_a_message() -> None:
    bomb = base64.b64encode(gzip.compress(b"[[], {}, {}]" + b" " * 1_000_000)).decode()
    hostile = sent("signatures.send_mails", compression="application/x-gzip", timelimit=[0.001, 0.001], retries=10**9,
                   eta="2099-01-01T00:00:00", expires="2000-01-01T00:00:00", group="g", chord={"x": 1}) | {
        "body": bomb, "content-type": "application/x-python-serialize", "content-encoding": "binary"}  # fmt: skip
    hostile["properties"] = {"delivery_tag": [], "reply_to": "other", "priority": 9, "body_encoding": "base64"}
    assert told(read(dumps(hostile))) == ("signatures.send_mails", MAIL, ([], {}))


@pytest.mark.parametrize(
    "text",
    [
        "", "garbage", "{}", "[]", "7", "null", '"signatures.admit"', '{"headers": []}', "[" * 9000, "\ufffd\0",
        '{"headers": {"task": ["signatures.admit"]}}', '{"headers": {"task": "celery.backend_cleanup"}}',
        '{"headers": {"task": "signatures.admit "}}', '[{"headers": {"task": "signatures.admit"}}, "a", "b"]',
        '{"headers": ' * 600, json.dumps(sent("signatures.admit") | {"x": "x" * notices.LONGEST}),
    ],
)  # fmt: skip
def test_what_names_no_stage_is_a_look_that_would_come_anyway(text: str) -> None:
    assert told(read(text)) == ("signatures.provision", DEFAULT, ([], {}))


@given(JSON)
def test_whatever_lies_there_becomes_a_notice(value: Any) -> None:
    assert told(read(json.dumps(value)))[0] in app.conf.task_routes


def test_a_notice_is_what_celery_sends() -> None:
    """Its own form may change with a version: then a worker has to be able to read both."""
    amqp: AMQP = app.amqp
    theirs = amqp.as_task_v2("id", "signatures.admit")
    ours = notices.notice("signatures.admit", DEFAULT)
    assert set(ours["headers"]) <= set(theirs.headers)
    assert json.loads(base64.b64decode(ours["body"])) == json.loads(json.dumps(theirs.body))
