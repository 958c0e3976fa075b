"""The words a supporter agrees to, and their version: what is stored is which wording was agreed to.

Change a wording, and its version with it; never reuse a version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from petitions.models import Campaign, Disclosure
from signatures.mail_providers import READ_BY_STATE
from signatures.sealing import Consents
from web.i18n.languages import DEFAULT, known
from web.i18n.translated import isolated

#: Version of the wording of each consent. What is sealed names the language too ("named-1.be"): people agreed to
#: the words that they read, and a translation may say less or more than its original.
VERSIONS: Final = {
    "named": "named-2", "initials": "initials-2", "comment": "comment-3", "updates": "updates-3",
    "neutral updates": "neutral-updates-1",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wording:
    """What the sign form and the confirmation page say. `share_name` is "" where nobody's name is ever handed over to
    the addressee, `share_comment` where no packet ever holds a comment."""

    share_name: str
    share_comment: str
    updates: str
    #: Who sees what, whether or not a box is ticked: beside the boxes.
    seen: str
    #: The same for the sign form, which has no boxes yet.
    disclosed: str
    responsible: str
    notice: str
    kept: str


def wording(campaign: Campaign) -> Wording:
    """The words for this campaign, in the current language."""
    share_name, seen = _disclosed(campaign.disclosure)
    addressee = isolated(campaign.addressee.name)
    told = _about(seen, addressee)
    ahead = _about(_agreed_later(), addressee) if share_name else told
    return Wording(
        share_name=_about(share_name, addressee),
        share_comment="" if campaign.at_risk else _comment_box(),
        updates=_updates(campaign),
        seen=told if campaign.at_risk else format_html("{} {}", told, _checked()),
        disclosed=ahead if campaign.at_risk else format_html("{} {}", ahead, _checked()),
        responsible=campaign.responsible,
        notice=_(
            "We store what you enter here encrypted; this website itself cannot read it. "
            "We use it to prove and count your signature, and for nothing you have not agreed to here. "
            "Every e-mail from us has a link to withdraw."
        ),
        kept=f"{_deleted_after(settings.PENDING_DAYS)} {_kept()} {_in_backups()}",
    )


def _deleted_after(days: int) -> str:
    words = ngettext(
        "We delete unconfirmed signatures, unread, after %(days)d day.",
        "We delete unconfirmed signatures, unread, after %(days)d days.",
        days,
    )
    return words % {"days": days}


def _kept() -> str:
    return _(
        "We keep your signature until you withdraw it or the keys of this petition are destroyed. "
        "Your comment is never published."
    )


def _in_backups() -> str:
    """As long as signatures/models/destruction.py and config/backup.py say; a test ties the three."""
    return _("Our backups may still hold what was deleted for up to 35 days.")


def _disclosed(disclosure: str) -> tuple[str, str]:
    """The words of the box, "" where there is none, and what the addressee gets anyway."""
    if disclosure == Disclosure.NAMED:
        return (
            _("Show my name, place and country to %(addressee)s."),
            _(
                "%(addressee)s gets the total number of signatures. "
                "If you leave the box empty, you are counted but not named."
            ),
        )
    if disclosure == Disclosure.INITIALS:
        return (
            _("Show my initials and my country to %(addressee)s."),
            _("%(addressee)s gets the total number of signatures. If you leave the box empty, you are only counted."),
        )
    return "", _(
        "%(addressee)s gets numbers only: how many people signed, and from which countries. No names are handed over."
    )


def _agreed_later() -> str:
    return _(
        "%(addressee)s gets the total number of signatures. "
        "When you confirm, you decide whether anything about you is handed over."
    )


def _updates(campaign: Campaign) -> str:
    """At risk the confirmation page names no petition to whoever opens the link."""
    if campaign.at_risk:
        return _("E-mail me news about what I confirm here.")
    return _("E-mail me news about this petition.")


def _about(words: str, addressee: str) -> SafeString:
    """The words with the addressee's name in them, which may come marked (web/i18n/translated.py)."""
    return mark_safe(conditional_escape(words) % {"addressee": conditional_escape(addressee)})  # noqa: S308 - escaped


def _comment_box() -> str:
    return _("Show my comment to the people who check the signatures for us.")


def _checked() -> str:
    """What a packet for a trusted third party tells (Disclosure.FULL); signers at risk are in none."""
    return _(
        "To verify the count, an independent checker may be shown names and e-mail addresses. "
        "The checker is never the addressee."
    )


def mailbox_warning(campaign: Campaign) -> str:
    """Words of warning where the addressee's state can read some mailboxes; "" where it is no danger."""
    domains = READ_BY_STATE.get(str(campaign.addressee.country))
    if not campaign.at_risk or not domains:
        return ""
    return _(
        "The authorities there can read e-mail at %(domains)s. "
        "Our e-mail does not name the petition, but a provider in another country is safer."
    ) % {"domains": ", ".join(domains)}


def agreed_to(campaign: Campaign, added: Mapping[str, Any], details: Mapping[str, str]) -> Consents:
    """What is sealed of a `ConfirmForm`'s cleaned data, and of a `DetailsForm`'s if there is one."""
    versions = consents(campaign, added["share_name"], added["share_comment"], added["updates"])
    return Consents(comment="" if campaign.at_risk else added["comment"], **versions, **details)


def consents(campaign: Campaign, share_name: bool, share_comment: bool, updates: bool) -> dict[str, str]:
    """The versions agreed to, or "". Nobody can agree to what this campaign does not offer."""
    return {
        "share_name": _version(campaign.disclosure) if share_name else "",
        "share_comment": _version("comment") if share_comment and not campaign.at_risk else "",
        "updates": _version("neutral updates" if campaign.at_risk else "updates") if updates else "",
    }


def _version(consent: str) -> str:
    """The version in the language that the form was read in; "" for a consent that is not asked for."""
    version = VERSIONS.get(consent)
    return f"{version}.{known(get_language() or DEFAULT)}" if version else ""
