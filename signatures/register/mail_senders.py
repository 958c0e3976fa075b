"""Whom a campaign's mails come from: under which name, at whose address, and who gets the answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.headerregistry import Address
from email.utils import parseaddr

from django.conf import settings

from petitions.models import Campaign
from web.identities import identity_of, main
from web.models.identity import COLOUR


@dataclass(frozen=True, slots=True)
class MailSender:
    #: As it stands in From.
    from_email: str
    #: `https://…` that links lead to.
    origin: str
    headers: dict[str, str] = field(default_factory=dict)
    #: Of its buttons and links.
    colour: str = COLOUR


def sender_of(campaign: Campaign) -> MailSender:
    """Its section's. At risk the installation's neutral one, at the installation's address: neither a name nor a host
    may tell whoever opens the mailbox what was signed.

    The address itself is the installation's in any case: it is the one that the mail server may send for.
    """
    if campaign.at_risk:
        return MailSender(settings.NEUTRAL_FROM_EMAIL, main().origin)
    identity = identity_of(campaign.section_id)
    sender = settings.DEFAULT_FROM_EMAIL
    if identity.sender_name:
        sender = str(Address(identity.sender_name, addr_spec=parseaddr(sender)[1]))
    headers = {"Reply-To": identity.reply_to} if identity.reply_to else {}
    return MailSender(sender, identity.origin, headers, identity.colour or COLOUR)
