"""What a worker takes from Redis: the name of a stage, and nothing else that a message says.

Whoever seizes the public host may write to the queues. A Celery message has room for a compressed body of any size,
for a time limit that kills the worker's child, for callbacks and dates; garbage ends the worker. So each message is
made anew from the one word that a notice is, and what names no stage is read as a look that would come anyway.
"""

from __future__ import annotations

import base64
import json
import logging
import uuid
from collections.abc import Container
from typing import Any, Final

from kombu.transport import redis, virtual

log = logging.getLogger(__name__)

#: Characters of a message that is looked at. Ours have about 1,000; Redis takes none above 1 MB (proto-max-bulk-len).
LONGEST: Final = 8_192
_NO_ARGUMENTS: Final = base64.b64encode(
    json.dumps([[], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]).encode()
).decode()


class FreeingQoS(redis.QoS):
    """Counts a notice as done even where Redis could not be told so.

    kombu goes on counting it as being worked on, and Celery only writes a line: a worker whose every place was taken
    when Redis went never took a notice again. What stays in Redis comes once more in an hour, which does no harm.
    """

    def ack(self, delivery_tag: Any) -> None:
        try:
            super().ack(delivery_tag)
        except Exception:
            virtual.QoS.ack(self, delivery_tag)
            raise


def notice(task: str, queue: str) -> dict[str, Any]:
    """A message as Celery sends it (protocol 2): this task, no arguments, no conditions."""
    number = str(uuid.uuid4())
    return {
        "body": _NO_ARGUMENTS,
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": task, "id": number, "root_id": number, "retries": 0},
        "properties": {
            "correlation_id": number,
            "delivery_mode": 2,
            "delivery_info": {"exchange": queue, "routing_key": queue},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
        },
    }


def named_in(message: Any, tasks: Container[str]) -> str:
    """The task that this message is for, if it is one of these; "" for whatever else came."""
    try:
        task = message["headers"]["task"]
    except (TypeError, LookupError):
        return ""
    return task if isinstance(task, str) and task in tasks else ""


def read(text: str) -> Any:
    """JSON of a length that ours have; of whatever else nothing."""
    try:
        return json.loads(text) if len(text) <= LONGEST else None
    except (ValueError, RecursionError):
        return None


def take_notices_only(queues: dict[str, str], otherwise: str) -> None:
    """From here on, this process takes from Redis what `notice()` makes: of these tasks (each with its queue).

    What names none of them becomes `otherwise`.
    """

    class Notice(virtual.Message):
        def __init__(self, payload: Any, channel: Any = None, **given: Any) -> None:
            if not (task := named_in(payload, queues)):
                log.warning("a message that names no stage was thrown away")
                task = otherwise
            super().__init__(notice(task, queues[task]), channel, **given)

    transport: Any = redis
    transport.loads = read
    transport.Channel.QoS = FreeingQoS
    transport.Channel.Message = Notice
