"""Watching: what a campaign's minutes look like, proof of work where they leave the usual range, and an alarm.

A campaign's own rate refuses nobody. It turns on proof of work, which a person does not notice and a flood pays for;
so does a surge of new mail domains, for a flood may be slow.
"""

from __future__ import annotations

import datetime
import logging
import smtplib
from collections.abc import Sequence
from typing import Any, Final

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection
from django.db.models import Sum
from django.utils import timezone
from redis.exceptions import RedisError

from petitions.models import Campaign
from signatures.identity import mailable
from signatures.models import Monitor, SigningRules, Submission, Tally
from signatures.register.rejections import said_lately
from signatures.register.screening import has_surge
from signatures.register.time_buckets import hour_of
from web.minute_counters import KINDS, read_minutes
from web.redaction import describe

log = logging.getLogger(__name__)

MINUTES: Final = 60
TOP: Final = 8
#: What is unusual: this many times the busiest day of the last week, and never less than this many a minute.
UNUSUAL_TIMES: Final = 10
UNUSUAL_FROM: Final = 60
#: How long proof of work stays on after the last unusual minute.
STAYS_ON: Final = datetime.timedelta(minutes=30)
#: A flood that stays below the usual rate shows in what judgement holds: at least so many, and so much of all.
MUCH_HELD: Final = 20
MUCH_HELD_SHARE: Final = 0.2
#: It takes signatures unusually fast; they come at many new mail domains; judgement holds much of what comes.
SIGNS: Final = ("fast", "fresh", "held")

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


def monitor_campaigns(now: datetime.datetime | None = None) -> int:
    """Look at every campaign that is open; returns how many are under attack."""
    now, attacked = now or timezone.now(), 0
    for campaign in Campaign.objects.open(now):
        try:
            attacked += _watch(campaign, now)
        except (RedisError, OSError) as error:
            log.warning("campaigns are not monitored: Redis is unavailable (%s)", describe(error))
            return attacked
    return attacked


def _watch(campaign: Campaign, now: datetime.datetime) -> bool:
    minutes = {kind: list(read_minutes(kind, campaign.pk, MINUTES)) for kind in KINDS}
    usual, last_hour = usual_rate(campaign, now), _last_hour(campaign, now)
    before = Monitor.objects.filter(campaign=campaign).first()
    attack = _signs_of_attack(campaign, minutes["taken"], usual, last_hour, before, now)
    alarmed_at = ((before and before.alarmed_at) or now) if attack else None
    told_at = before.told_at if before and attack else None
    if alarmed_at == now:
        log.warning("campaign %s is under attack (%s)", campaign.slug, ", ".join(attack))
    if attack and told_at is None and _tell(campaign, attack, last_hour):
        told_at = now
    figures = {**minutes, **last_hour, **_mails(campaign), "usual": usual, "attack": attack}
    Monitor.objects.update_or_create(
        campaign=campaign, defaults={"at": now, "figures": figures, "alarmed_at": alarmed_at, "told_at": told_at}
    )
    return bool(attack)


def _signs_of_attack(
    campaign: Campaign, taken: Sequence[int], usual: int, last_hour: dict[str, Any], before: Monitor | None,
    now: datetime.datetime,
) -> list[str]:  # fmt: skip
    """Why it looks like one (SIGNS); turns proof of work on where that makes a flood pay."""
    rules, _ = SigningRules.objects.get_or_create(campaign=campaign)
    signs = {
        # The minute under way and the one before: a flood is seen within seconds of its beginning.
        "fast": max(taken[-2:]) > usual,
        "fresh": has_surge(campaign.pk, hour_of(now)),
    }
    if any(signs.values()):
        SigningRules.objects.filter(pk=campaign.pk).update(work_until=now + STAYS_ON)
    elif rules.work_until and rules.work_until > now:
        # Not over yet: it pauses, or another hour has begun.
        signs |= {sign: before is not None and sign in before.figures.get("attack", ()) for sign in signs}
    signs["held"] = last_hour["held"] >= max(MUCH_HELD, last_hour["screened"] * MUCH_HELD_SHARE)
    return [sign for sign in SIGNS if signs[sign]]


def usual_rate(campaign: Campaign, now: datetime.datetime) -> int:
    """The most signatures a minute that are nothing unusual, by the busiest of the last seven days."""
    week = Tally.objects.filter(
        campaign=campaign, signed_on__gte=now.date() - datetime.timedelta(days=7), signed_on__lt=now.date()
    )
    days = week.values_list("signed_on").annotate(total=Sum("n"))
    busiest = max((total for _, total in days), default=0)
    return max(UNUSUAL_FROM, UNUSUAL_TIMES * busiest // (24 * 60))


def _tell(campaign: Campaign, attack: Sequence[str], last_hour: dict[str, Any]) -> bool:
    """By mail, to whoever is to be woken: the petition's name and numbers, nothing of a signer.

    Says whether it went out; where the mail server is away, the next look tries again.
    """
    words = {
        "fast": "Signatures are arriving unusually fast. Proof of work is now on, unless it is set to “Never”. "
        "Nobody is turned away.",
        "fresh": "Unusually many signatures, or unusually many flagged ones, use mail domains that "
        "were never seen before. Proof of work is now on, unless it is set to “Never”. Earlier ones are "
        "counted unless they were held: check them and make a ruling.",
        "held": f"Of {last_hour['screened']:,} signatures screened in the last hour, {last_hour['held']:,} are held. "
        "They are not counted until a moderator reviews them.",
    }
    text = "\n\n".join([f"“{campaign.title}”", *(words[sign] for sign in attack)])
    text += f"\n\n{settings.SITE_URL}/admin/signatures/monitor/\n"
    sender, readers = mailable(settings.DEFAULT_FROM_EMAIL), [mailable(reader) for reader in settings.ALERTS_TO]
    mail = EmailMessage("A petition is under attack", text, sender, readers)
    try:
        return bool(mail.send())  # none where ALERTS_TO is empty
    except (smtplib.SMTPException, OSError) as error:
        log.warning("no alert was sent: the mail server is unavailable (%s)", describe(error))
        return False


def _last_hour(campaign: Campaign, now: datetime.datetime) -> dict[str, Any]:
    since = hour_of(now) - datetime.timedelta(hours=1)
    figures: dict[str, Any] = {}
    with connection.cursor() as cursor:
        cursor.execute(JUDGED, [campaign.pk, since])
        figures["screened"], figures["held"] = cursor.fetchone()
        for name, kind in (("networks", "network"), ("domains", "domain")):
            cursor.execute(TOP_LABELS.format(kind=kind), [campaign.pk, since, TOP])
            figures[name] = [{"label": label, "n": n, "held": held} for label, n, held in cursor.fetchall()]
    return figures


def _mails(campaign: Campaign) -> dict[str, int]:
    # By the partial index of what is due: as long as the queue, not as the table.
    waiting = Submission.objects.filter(mail_due__isnull=False, mailed_at__isnull=True, campaign=campaign)
    return {"mails_waiting": waiting.count(), "not_me": said_lately(campaign, timezone.now().date())}
