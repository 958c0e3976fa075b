"""What a notice makes a worker do: thin, without arguments, safe to come twice, late, or never (the schedule)."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

from celery import Task, shared_task
from django.conf import settings

from petitions.desk.lifecycle import close_what_is_over
from petitions.models import Campaign
from signatures.delivery import previews, share_images
from signatures.delivery.build import build_deliveries
from signatures.delivery.forgetting import forget_in_packets
from signatures.delivery.orphan_cleanup import remove_orphans
from signatures.delivery.reissuing import reissue_packets
from signatures.delivery.signing import publish_signing_key
from signatures.notify_worker import notify_worker
from signatures.register import (
    addressee_keys,
    admission,
    audit_anchors,
    bounces,
    cases,
    heartbeats,
    keyring,
    mailbox_requests,
    mailbox_wishes,
    mailing,
    monitoring,
    news,
    pruning,
    publishing,
    recipients,
    rejections,
    reveal,
    rulings,
    shredding,
    takedowns,
    tombstones,
    withdrawal,
)
from signatures.register.own_keys import WrongKeyring, require_own_keyring
from signatures.register.tally import check_tally

log = logging.getLogger(__name__)

#: Every stage looks every few seconds; what is wrong with the keyring is said again after so many.
SAID_AGAIN: Final = 60.0


class Stage(Task):
    """Works only where the keyring is this database's own. A folder can be unmounted while a worker runs."""

    _said: tuple[str, float] = ("", 0.0)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            require_own_keyring()
        except WrongKeyring as error:
            self._refuse(str(error))
            return None
        return super().__call__(*args, **kwargs)

    @staticmethod
    def _refuse(why: str) -> None:
        now, (said, at) = time.monotonic(), Stage._said
        if why != said or now > at + SAID_AGAIN:
            Stage._said = (why, now)
            log.error("No work is done, and nothing was changed. %s", why)


@shared_task(base=Stage, name="signatures.provision")
def provision() -> None:
    """Keys for campaigns that have none; and the organisation's own, shown where none are."""
    publish_signing_key()
    keyring.publish_desk_key()
    mailbox_requests.publish_request_key()
    keyring.provision_campaigns()


@shared_task(base=Stage, name="signatures.send_mails")
def send_mails() -> None:
    mailing.send_mails()


@shared_task(base=Stage, name="signatures.read_bounces")
def read_bounces() -> None:
    """Notices of mails that reached nobody, where a place for them is set."""
    if settings.BOUNCES_DIR:
        bounces.read_bounces(settings.BOUNCES_DIR, keyring.keyring().site_key())


@shared_task(base=Stage, name="signatures.admit")
def admit() -> None:
    admission.admit_everything()


@shared_task(base=Stage, name="signatures.publish")
def publish() -> None:
    """Editions of the public figures that are due."""
    publishing.publish_everything()


@shared_task(base=Stage, name="signatures.spread_news")
def spread_news() -> None:
    news.spread_news()


@shared_task(base=Stage, name="signatures.withdraw")
def withdraw() -> None:
    withdrawal.apply_withdrawals()


@shared_task(base=Stage, name="signatures.answer_requests")
def answer_requests() -> None:
    """Mails with the link to somebody's own page."""
    mailbox_requests.answer_requests()


@shared_task(base=Stage, name="signatures.apply_rejections")
def apply_rejections() -> None:
    """What owners of mailboxes say that they never sent."""
    rejections.apply_rejections()


@shared_task(base=Stage, name="signatures.grant_wishes")
def grant_wishes() -> None:
    """What people pressed on their own pages."""
    mailbox_wishes.grant_wishes(forget_in_packets)


@shared_task(base=Stage, name="signatures.close_campaigns")
def close_campaigns() -> None:
    """Campaigns whose planned closing has come; and back what one person took down and nobody confirmed."""
    close_what_is_over()
    takedowns.end_unconfirmed_takedowns()


@shared_task(base=Stage, name="signatures.monitor")
def monitor() -> None:
    monitoring.monitor_campaigns()


@shared_task(base=Stage, name="signatures.apply_rulings")
def apply_rulings() -> None:
    rulings.work_on_rulings()


@shared_task(base=Stage, name="signatures.build_deliveries")
def build() -> None:
    """Ring for another worker where there are parts to share; it rings for the next, until all are at it."""
    build_deliveries(notice=lambda: notify_worker("build_deliveries"))
    reissue_packets()


@shared_task(base=Stage, name="signatures.preview_letters")
def preview_letters() -> None:
    """Letters of requested deliveries, for whoever decides on them."""
    previews.preview_letters()


@shared_task(base=Stage, name="signatures.settle_recipients")
def settle_recipients() -> None:
    recipients.settle_recipients()
    addressee_keys.settle_addressee_keys()


@shared_task(base=Stage, name="signatures.answer_reveals")
def answer_reveals() -> None:
    reveal.answer_reveals()


@shared_task(base=Stage, name="signatures.act_on_cases")
def act_on_cases() -> None:
    """What privacy officers have done to signatures for who wrote or called."""
    cases.act_on_cases(forget_in_packets)


@shared_task(base=Stage, name="signatures.clear_reveals")
def clear_reveals() -> None:
    reveal.clear_reveals()


@shared_task(base=Stage, name="signatures.prune")
def prune() -> None:
    pruning.prune()
    remove_orphans()


@shared_task(base=Stage, name="signatures.check_tallies")
def check_tallies() -> None:
    """Recount every register, repair what differs, and say so: a wrong count is never hidden."""
    for campaign in Campaign.objects.filter(register__isnull=False):
        for difference in check_tally(campaign, repair=True):
            log.error("tally of %s repaired: %s", campaign.slug, difference)


@shared_task(base=Stage, name="signatures.anchor_audit")
def anchor_audit() -> None:
    """The trail's anchor of the day, kept and mailed."""
    audit_anchors.anchor_trail()


@shared_task(base=Stage, name="signatures.keep_tombstones")
def keep_tombstones() -> None:
    """What says who withdrew or was erased: copied to another place, and its end noted in the trail."""
    tombstones.copy_tombstones()
    tombstones.note_head()


@shared_task(name="signatures.beat")
def beat() -> None:
    """The schedule reaches a worker of the first queue. Also where the keyring is wrong: that is told apart."""
    heartbeats.note("default")


@shared_task(name="signatures.beat_mail")
def beat_mail() -> None:
    heartbeats.note("mail")


@shared_task(name="signatures.beat_slow")
def beat_slow() -> None:
    heartbeats.note("slow")


@shared_task(base=Stage, name="signatures.draw_share_images")
def draw_share_images() -> None:
    share_images.draw_share_images()


@shared_task(base=Stage, name="signatures.shred_campaigns")
def shred_campaigns() -> None:
    """Destroy the keys of campaigns that two people want shredded."""
    shredding.shred_campaigns()
