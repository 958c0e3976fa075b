"""Sending an update to everybody who asked for news: prepared, tried on oneself, then sent.

To more than a thousand, or where signers are at risk, a second person approves it in exactly these words. What must
hold whoever writes is in config/database/mailings.sql; register/news.py prepares and sends.
"""

from __future__ import annotations

from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from petitions.models import Update
from signatures.models import Mailing
from signatures.models.news import MAILING_ALONE
from signatures.news_links import foreign_links
from signatures.notify_worker import notify_worker
from staff import approvals
from staff.access import may
from staff.models import Proposal
from staff.refusals import NotAllowed, refusals_in_words
from web.i18n.cldr import number

MAILING_REFUSALS: Final = {
    "mailing_is_begun": gettext_lazy("It is being sent already."),
    "mailing_is_prepared_first": gettext_lazy("It is not prepared yet. Try again in a moment."),
    "mailing_is_tested_first": gettext_lazy("Send a test e-mail to yourself first, and read it."),
    "mailing_words_are_fixed": gettext_lazy("Its words have changed since it was prepared. Prepare it again."),
    "mailing_needs_two_people": gettext_lazy("Someone else has to approve it first."),
}


def takes_two(mailing: Mailing) -> bool:
    """Whether a second person has to approve it. The guard decides; this says it in time."""
    return mailing.update.campaign.at_risk or (mailing.recipients or 0) > MAILING_ALONE


def prepare(update: Update, by: User) -> Mailing:
    """Have a worker find out to how many it goes; again, where it was prepared and not sent. Raises NotAllowed."""
    if links := foreign_links(update):
        raise NotAllowed(
            _("It may only lead to this site and to hosts on the list of whoever runs it. Remove: %s.")
            % ", ".join(links)
        )
    with refusals_in_words(MAILING_REFUSALS), transaction.atomic():
        mailing, made = Mailing.objects.get_or_create(update=update)
        if not made:
            Mailing.objects.filter(pk=mailing.pk).update(asked_at=timezone.now())
    notify_worker("spread_news")
    return mailing


def send_test(mailing: Mailing, by: User) -> None:
    """Have it mailed to whoever sends it. Raises NotAllowed."""
    if not by.email:
        raise NotAllowed(str(Mailing.Problem.NO_ADDRESS.label))
    with refusals_in_words(MAILING_REFUSALS), transaction.atomic():
        Mailing.objects.filter(pk=mailing.pk).update(test_for=by)
    notify_worker("spread_news")


def send(mailing: Mailing, by: User) -> None:
    """Send it. Raises NotAllowed, also where it takes two."""
    with refusals_in_words(MAILING_REFUSALS), transaction.atomic():
        if not Mailing.objects.filter(pk=mailing.pk, begun_at=None).update(begun_by=by):
            raise NotAllowed(str(MAILING_REFUSALS["mailing_is_begun"]))
    notify_worker("spread_news")


def propose_mailing(mailing: Mailing, by: User, reason: str) -> Proposal:
    """Ask that it is sent. Raises NotAllowed."""
    if mailing.begun_at is not None:
        raise NotAllowed(str(MAILING_REFUSALS["mailing_is_begun"]))
    if mailing.recipients is None or mailing.problem:
        raise NotAllowed(str(MAILING_REFUSALS["mailing_is_prepared_first"]))
    if mailing.tested_at is None:
        raise NotAllowed(str(MAILING_REFUSALS["mailing_is_tested_first"]))
    subject = {"mailing": mailing.pk, "recipients": mailing.recipients, "text": mailing.text_sha256}
    return approvals.propose(Proposal.Kind.MAILING, by, mailing.update.campaign.section, subject, reason)


def may_send(update: Update, user: User) -> bool:
    return may(user, "mailing.request", update.campaign)


def _is_sent(proposal: Proposal) -> None:
    mailing = Mailing.objects.get(pk=proposal.subject["mailing"])
    send(mailing, User.objects.get(pk=proposal.requested_by_id))


def _in_words(proposal: Proposal) -> str:
    mailing = Mailing.objects.select_related("update__campaign").get(pk=proposal.subject["mailing"])
    words = _("“%(title)s” is mailed to everyone who asked for news of “%(campaign)s”: %(count)s e-mails.") % {
        "title": mailing.update.title,
        "campaign": mailing.update.campaign,
        "count": number(proposal.subject["recipients"]),
    }
    return f"{words} {mailing.update.lead}"


APPROVAL: Final = approvals.Rules(
    request="mailing.request", approve="mailing.approve", words=_in_words, carry_out=_is_sent
)
