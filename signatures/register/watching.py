"""Watching: what a campaign's minutes look like, proof of work where they leave the usual range, and an alarm.

A campaign's own rate refuses nobody. It turns on proof of work, which a person does not notice and a flood pays for.
"""

from __future__ import annotations

import datetime
import logging
import smtplib
from typing import Any, Final

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection
from django.db.models import Sum
from django.utils import timezone
from redis.exceptions import RedisError

from petitions.models import Campaign
from signatures.minutes import KINDS, read_minutes
from signatures.models import SigningRules, Submission, Tally, Watch

log = logging.getLogger(__name__)

MINUTES: Final = 60
TOP: Final = 8
#: What is unusual: this many times the busiest day of the last week, and never less than this many a minute.
UNUSUAL_TIMES: Final = 10
UNUSUAL_FROM: Final = 60
#: How long proof of work stays on after the last unusual minute.
STAYS_ON: Final = datetime.timedelta(minutes=30)

# Raw: one pass of the last hour's traces for each kind, grouped where they lie.
TOP_LABELS: Final = """
SELECT encode(t.{kind}, 'hex'), count(*) AS n, count(*) FILTER (WHERE s.state = 'quarantined')
  FROM signatures_trace t JOIN signatures_signature s ON s.id = t.signature_id
 WHERE t.campaign_id = %s AND t.hour >= %s
 GROUP BY t.{kind} ORDER BY n DESC, 1 LIMIT %s
"""
JUDGED: Final = """
SELECT count(*), count(*) FILTER (WHERE s.state = 'quarantined')
  FROM signatures_trace t JOIN signatures_signature s ON s.id = t.signature_id
 WHERE t.campaign_id = %s AND t.hour >= %s
"""


def watch_campaigns(now: datetime.datetime | None = None) -> int:
    """Look at every campaign that is open; returns for how many proof of work is on because of its rate."""
    now, alarmed = now or timezone.now(), 0
    for campaign in Campaign.objects.open(now):
        try:
            alarmed += _watch(campaign, now)
        except (RedisError, OSError) as error:
            log.warning("campaigns are not watched: Redis is away (%s)", type(error).__name__)
            return alarmed
    return alarmed


def _watch(campaign: Campaign, now: datetime.datetime) -> bool:
    minutes = {kind: list(read_minutes(kind, campaign.pk, MINUTES)) for kind in KINDS}
    usual = usual_rate(campaign, now)
    # The minute under way and the one before: a flood is seen within seconds of its beginning.
    unusual = max(minutes["taken"][-2:]) > usual
    before = Watch.objects.filter(campaign=campaign).first()
    alarmed_at = _alarm(campaign, now, unusual, before.alarmed_at if before else None)
    figures = {**minutes, **_last_hour(campaign, now), **_mails(campaign), "usual": usual}
    Watch.objects.update_or_create(
        campaign=campaign, defaults={"at": now, "figures": figures, "alarmed_at": alarmed_at}
    )
    return alarmed_at is not None


def usual_rate(campaign: Campaign, now: datetime.datetime) -> int:
    """The most signatures a minute that are nothing unusual, by the busiest of the last seven days."""
    week = Tally.objects.filter(
        campaign=campaign, signed_on__gte=now.date() - datetime.timedelta(days=7), signed_on__lt=now.date()
    )
    days = week.values_list("signed_on").annotate(total=Sum("n"))
    busiest = max((total for _, total in days), default=0)
    return max(UNUSUAL_FROM, UNUSUAL_TIMES * busiest // (24 * 60))


def _alarm(
    campaign: Campaign, now: datetime.datetime, unusual: bool, since: datetime.datetime | None
) -> datetime.datetime | None:
    """Turn proof of work on, or keep it on; tell people once. Returns since when the campaign is under attack."""
    rules, _ = SigningRules.objects.get_or_create(campaign=campaign)
    if unusual:
        SigningRules.objects.filter(pk=campaign.pk).update(work_until=now + STAYS_ON)
        if since is None:
            _tell(campaign)
        return since or now
    over = rules.work_until is None or rules.work_until <= now
    return None if over else since


def _tell(campaign: Campaign) -> None:
    """By mail, to whoever is to be woken. The site's address and the petition's name; nothing of a signer."""
    log.warning("campaign %s takes signatures unusually fast: proof of work is on", campaign.slug)
    if not settings.ALERTS_TO:
        return
    text = (
        f"“{campaign.title}” takes signatures unusually fast. Where it is not set to “never”, proof of work is on "
        f"now, and nobody is refused.\n\n{settings.SITE_URL}/admin/signatures/watch/\n"
    )
    try:
        EmailMessage("Unusually many signatures", text, settings.DEFAULT_FROM_EMAIL, settings.ALERTS_TO).send()
    except (smtplib.SMTPException, OSError) as error:
        log.warning("nobody was told: the mail server is away (%s)", type(error).__name__)


def _last_hour(campaign: Campaign, now: datetime.datetime) -> dict[str, Any]:
    since = now.replace(minute=0, second=0, microsecond=0) - datetime.timedelta(hours=1)
    figures: dict[str, Any] = {}
    with connection.cursor() as cursor:
        cursor.execute(JUDGED, [campaign.pk, since])
        figures["judged"], figures["held"] = cursor.fetchone()
        for name, kind in (("networks", "network"), ("domains", "domain")):
            cursor.execute(TOP_LABELS.format(kind=kind), [campaign.pk, since, TOP])
            figures[name] = [{"label": label, "n": n, "held": held} for label, n, held in cursor.fetchall()]
    return figures


def _mails(campaign: Campaign) -> dict[str, int]:
    # By the partial index of what is due: as long as the queue, not as the table.
    waiting = Submission.objects.filter(mail_due__isnull=False, mailed_at__isnull=True, campaign=campaign)
    return {"mails_waiting": waiting.count()}
