"""The words a supporter agrees to, and their version: what is stored is which wording was agreed to.

Change a wording, and its version with it; never reuse a version.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from petitions.models import Campaign, Disclosure

#: Version of the wording of each consent, as sealed with the signature.
VERSIONS: Final = {"share_name": "named-1", "updates": "updates-1"}

#: Mailboxes kept by companies that answer to a state's authorities, by that state. A warning, never a refusal.
MAILBOXES_UNDER_STATE: Final = {
    "BY": ("tut.by", "mail.by", "yandex.by", "mail.ru", "yandex.ru"),
    "RU": ("mail.ru", "yandex.ru", "rambler.ru"),
    "CN": ("qq.com", "163.com", "sina.com"),
}


@dataclass(frozen=True, slots=True)
class Wording:
    """What the form says beside its boxes. `share_name` is "" where nobody's name is ever handed over."""

    share_name: str
    updates: str
    responsible: str
    notice: str


def wording(campaign: Campaign) -> Wording:
    """The words for this campaign, in the current language."""
    named = campaign.disclosure in (Disclosure.NAMED, Disclosure.INITIALS)
    return Wording(
        share_name=_("Show my name, place and country to %(addressee)s.") % {"addressee": campaign.addressee.name}
        if named
        else "",
        updates=_("Tell me by e-mail how this goes on."),
        responsible=campaign.responsible,
        notice=_(
            "We store what you write here encrypted; the web site itself cannot read it. "
            "It serves to prove and count your signature, and nothing that you have not agreed to here. "
            "Each mail from us has a link that takes your name back."
        ),
    )


def mailbox_warning(campaign: Campaign) -> str:
    """Words of warning where the addressee's state can read some mailboxes; "" where it is no danger."""
    domains = MAILBOXES_UNDER_STATE.get(str(campaign.addressee.country))
    if not campaign.at_risk or not domains:
        return ""
    return _(
        "A mailbox at %(domains)s can be read by authorities there. "
        "Our mail does not name the petition; a mailbox in another country is safer still."
    ) % {"domains": ", ".join(domains)}


def consents(campaign: Campaign, share_name: bool, updates: bool) -> dict[str, str]:
    """The versions agreed to, or "". Nobody can agree to what this campaign does not offer."""
    offered = bool(wording(campaign).share_name)
    return {
        "share_name": VERSIONS["share_name"] if share_name and offered else "",
        "updates": VERSIONS["updates"] if updates else "",
    }
