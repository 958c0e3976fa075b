"""The workers' door: `celery -A config.celery worker`, and `… beat` for the sweep."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("ROLE", "worker")

app = Celery("undersigned")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["signatures"])

# PostgreSQL holds the truth and a doorbell may be lost, so every stage is rung again and again: that
# is the whole recovery. `expires` keeps a backlog of rings from growing while the workers are away.
SWEEP = {
    "provision": 10, "send_mails": 5, "admit": 5, "withdraw": 5, "build_deliveries": 10,
    "prune": 600, "check_tallies": 3600,
}  # fmt: skip
app.conf.beat_schedule = {
    f"sweep-{stage}": {"task": f"signatures.{stage}", "schedule": seconds, "options": {"expires": seconds}}
    for stage, seconds in SWEEP.items()
}
