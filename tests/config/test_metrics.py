"""What operators watch: read from a real database, told in names that alerts and dashboard know."""

import datetime
import json
import re

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError
from django.utils import timezone
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from config import metrics
from config.celery import STAGES
from petitions.models import Campaign
from signatures.models import Heartbeat, MailAnswer, Submission
from signatures.register import admission, heartbeats, mail_answers
from tests.support.fixtures import acting_as

DEPLOY = settings.BASE_DIR / "config" / "deploy" / "prometheus"
NAME = re.compile(r"\bundersigned_\w+")


def scraped():
    """{name: {labels as text: value}}, with a worker's rights."""
    with acting_as(settings.WORKER_ROLE):
        text = generate_latest(metrics.registry()).decode()
    return {
        sample.name: {**{",".join(s.labels.values()): s.value for s in family.samples if s.name == sample.name}}
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(name, labels=""):
    return scraped()[name][labels]


def test_what_waits_shows_by_number_and_age(campaign, sign):
    assert value("undersigned_unmailed") == value("undersigned_oldest_unadmitted_seconds") == 0
    sign(campaign, confirmed=False)
    Submission.objects.update(mail_due=timezone.now(), created_at=timezone.now() - datetime.timedelta(minutes=10))
    sign(campaign, email="b@example.org", confirmed=timezone.now() - datetime.timedelta(minutes=3))
    told = scraped()
    assert told["undersigned_unmailed"][""] >= 1
    assert told["undersigned_oldest_unmailed_seconds"][""] == pytest.approx(600, abs=60)
    assert told["undersigned_oldest_unadmitted_seconds"][""] == pytest.approx(180, abs=60)
    with acting_as(settings.WORKER_ROLE):
        admission.admit_all(campaign)
    told = scraped()
    assert (told["undersigned_unadmitted"][""], told["undersigned_counted"][""]) == (0, 1)
    assert told["undersigned_signatures_total"]["taken"] == 1


def test_each_queue_of_the_schedule_beats(db):
    assert {queue for stage, (queue, _) in STAGES.items() if stage.startswith("beat")} == {
        queue for queue, _ in STAGES.values()
    }
    with acting_as(settings.WORKER_ROLE):
        for queue in ("default", "mail", "slow"):
            heartbeats.note(queue)
    Heartbeat.objects.filter(queue="mail").update(at=timezone.now() - datetime.timedelta(hours=1))
    told = scraped()["undersigned_heartbeat_age_seconds"]
    assert told.keys() == {"default", "mail", "slow"}
    assert told["mail"] > 3500
    assert told["default"] < 60


def test_what_providers_answer_is_summed_and_small_domains_are_one(db):
    answers = {}
    for address, answer in [("a@gmail.com", "taken"), ("b@GMAIL.com", "later"), ("c@her-own-name.example", "taken")]:
        key = mail_answers.provider_of(address), answer
        answers[key] = answers.get(key, 0) + 1
    with acting_as(settings.WORKER_ROLE):
        mail_answers.note(answers)
        mail_answers.note(answers)
    told = scraped()["undersigned_mail_answers_last_hour"]
    assert told == {"taken,gmail.com": 2, "later,gmail.com": 2, "taken,other": 2}
    assert "her-own-name" not in str(list(MailAnswer.objects.values()))


def test_a_key_that_is_in_no_export_is_told(campaign):
    assert value("undersigned_keys_not_exported") == Campaign.objects.filter(key__isnull=False).count() > 0


def test_where_the_database_is_away_that_is_what_is_told(db, monkeypatch):
    def away():
        raise OperationalError from psycopg.OperationalError("gone")

    monkeypatch.setattr(metrics, "READERS", [away])
    told = scraped()
    assert told["undersigned_database_up"][""] == 0
    assert "undersigned_unmailed" not in told


def test_alerts_and_dashboard_know_only_what_is_told_and_leave_no_alarm_out(campaign, sign):
    mail_answers.note({("gmail.com", "taken"): 1})
    heartbeats.note("default")
    told = set(scraped())
    alerts, dashboard = (DEPLOY / "alerts.yml").read_text(), (DEPLOY / "dashboard.json").read_text()
    assert {*NAME.findall(alerts), *NAME.findall(dashboard)} <= told
    watched = {*NAME.findall(alerts), *NAME.findall(dashboard)}
    assert told - watched <= {"undersigned_open_campaigns"}
    assert len(json.loads(dashboard)["panels"]) >= 8
    assert len(re.findall(r"^ *- alert:", alerts, re.M)) == len(re.findall(r"^ *do:", alerts, re.M))


def test_nothing_that_is_told_names_a_petition_or_a_person(campaign, sign):
    sign(campaign, name="Ada Lovelace", email="ada@lovelace.example", confirmed=False)
    with acting_as(settings.WORKER_ROLE):
        text = generate_latest(metrics.registry()).decode()
    for word in ("Ada", "lovelace", campaign.slug, str(campaign.uid)):
        assert word not in text


def test_what_stands_of_providers_goes_after_35_days(db):
    MailAnswer.objects.create(hour=timezone.now() - datetime.timedelta(days=36), provider="gmail.com", answer="taken")
    MailAnswer.objects.create(hour=timezone.now() - datetime.timedelta(days=34), provider="gmail.com", answer="taken")
    from signatures.register.pruning import prune

    with acting_as(settings.WORKER_ROLE):
        assert prune()["mail answers"] == 1
    assert MailAnswer.objects.count() == 1
    call_command("retention", "--dry-run")
