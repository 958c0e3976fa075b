"""Telling all officers by mail that a campaign's keys will be destroyed, and how to stop it."""

from __future__ import annotations

import datetime
import logging
import smtplib
from typing import Final

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage

from petitions.models import Campaign
from signatures.identity import mailable
from staff.access import RULES
from staff.models import Proposal
from web.redaction import describe

log = logging.getLogger(__name__)

TEXT: Final = """\
Two officers of {site} want the keys of petition number {number} destroyed. After that, nobody can ever
read again who signed it.

It happens on {due:%d %B %Y at %H:%M} UTC, unless one of you stops it. One is enough:

    {page}

or, on the host of the workers:

    manage.py shred_campaign {slug} --stop

If the desk is not to be trusted, use the second way.
"""


def warn_officers(campaign: Campaign, proposal: Proposal, due: datetime.datetime) -> int:
    """Mail everybody who may stop it, and whom alerts and anchors go to. Returns how many mails went out."""
    page = f"{settings.DESK_URL}/admin/staff/proposal/{proposal.pk}/change/"
    text = TEXT.format(site=settings.SITE_URL, number=campaign.pk, due=due, page=page, slug=_name(campaign))
    return sum(_send(text, address) for address in _addresses())


def _name(campaign: Campaign) -> str:
    """How the command knows it: of a campaign at risk by number, for its name stays out of mails."""
    return str(campaign.pk) if campaign.at_risk else campaign.slug


def _addresses() -> list[str]:
    """One mail an address: nobody learns here who else works in this place."""
    officers = User.objects.filter(is_active=True, memberships__role__in=RULES["shred.stop"])
    addresses = set(officers.exclude(email="").values_list("email", flat=True))
    return sorted(addresses | set(settings.ALERTS_TO) | ({settings.AUDIT_ANCHOR_TO} - {""}))


def _send(text: str, address: str) -> int:
    sender = mailable(settings.NEUTRAL_FROM_EMAIL)
    mail = EmailMessage("Keys will be destroyed", text, sender, [mailable(address)])
    try:
        return mail.send()
    except (smtplib.SMTPException, OSError, ValueError) as error:
        log.warning("an officer was not told of a shredding: %s", describe(error))
        return 0
