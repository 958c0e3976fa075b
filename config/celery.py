"""The workers' door: `celery -A config.celery worker`, and `… beat` for the sweep."""

import os
from typing import Any

from celery import Celery
from django.conf import settings
from kombu import Exchange, Queue
from kombu.transport import redis, virtual

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("ROLE", "worker")


class FreeingQoS(redis.QoS):
    """Counts a ring as done even where Redis could not be told so.

    kombu goes on counting it as being worked on, and Celery only writes a line: a worker whose every place was taken
    when Redis went never took a ring again. What stays in Redis is rung once more in an hour, which does no harm.
    """

    def ack(self, delivery_tag: Any) -> None:
        try:
            super().ack(delivery_tag)
        except Exception:
            virtual.QoS.ack(self, delivery_tag)
            raise


redis.Channel.QoS = FreeingQoS

app = Celery("undersigned")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["signatures"])

# Three queues, so that workers can be set apart: packets that take an hour and a mail server that hangs must
# not hold up admission. A worker without -Q serves all three.
DEFAULT = settings.CELERY_TASK_DEFAULT_QUEUE
MAIL, SLOW = f"{DEFAULT}-mail", f"{DEFAULT}-slow"
ROUTES = {
    "shred_campaigns": SLOW,
    "provision": DEFAULT, "admit": DEFAULT, "withdraw": DEFAULT, "publish": DEFAULT,
    "answer_reveals": DEFAULT, "clear_reveals": DEFAULT, "settle_recipients": DEFAULT,
    "build_deliveries": SLOW, "prune": SLOW, "draw_share_images": SLOW, "check_tallies": SLOW,
    "send_mails": MAIL, "spread_news": MAIL, "anchor_audit": MAIL,
    "close_campaigns": DEFAULT, "monitor": DEFAULT, "rule": SLOW, "read_bounces": SLOW,
}  # fmt: skip
# Each with an exchange and a key of its own: by default all would be bound to one, and get every ring.
app.conf.task_queues = [Queue(name, Exchange(name), routing_key=name) for name in (DEFAULT, MAIL, SLOW)]
app.conf.task_routes = {f"signatures.{stage}": {"queue": queue} for stage, queue in ROUTES.items()}

# PostgreSQL holds the truth and a doorbell may be lost, so every stage is rung again and again: that
# is the whole recovery. `expires` keeps a backlog of rings from growing while the workers are away.
SCHEDULE = {
    "shred_campaigns": 600,
    "provision": 10, "send_mails": 5, "admit": 5, "withdraw": 5, "publish": 5,
    "spread_news": 15, "answer_reveals": 5, "clear_reveals": 30, "settle_recipients": 5, "build_deliveries": 10,
    "anchor_audit": 600, "prune": 600, "draw_share_images": 60, "check_tallies": 3600,
    "close_campaigns": 30, "monitor": 10, "rule": 5, "read_bounces": 60,
}  # fmt: skip
app.conf.beat_schedule = {
    f"sweep-{stage}": {"task": f"signatures.{stage}", "schedule": seconds, "options": {"expires": seconds}}
    for stage, seconds in SCHEDULE.items()
}
