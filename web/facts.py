"""What standing pages say of the site that is configured and not written: [[name]], [[pending_days]] and the like.

A text that states how long something is kept would be wrong a year later; one that asks the configuration is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from web.i18n import cldr
from web.identities import identity_of
from web.models import Identity, Section, StandingPage

#: How pages are called, by kind: readers and staff call them alike.
TITLES: Final[Mapping[str, Promise]] = {
    StandingPage.Kind.ABOUT: _("About us"),
    StandingPage.Kind.PRIVACY: _("Privacy notice"),
    StandingPage.Kind.IMPRINT: _("Imprint"),
    StandingPage.Kind.ACCESSIBILITY: _("Accessibility"),
    StandingPage.Kind.HELP: _("Help"),
    StandingPage.Kind.CONTACT: _("Contact"),
}
_FACT: Final = re.compile(r"\[\[([a-z_]+)\]\]")

#: Each fact, of a section and its identity; "" where it is not set.
FACTS: Final[Mapping[str, Callable[[Section, Identity], str]]] = {
    "name": lambda section, identity: identity.name if identity.is_set else section.name,
    "address_of_site": lambda section, identity: f"<{identity.origin}/>",
    "postal_address": lambda section, identity: "  \n".join(section.postal_address.splitlines()),
    "contact_email": lambda section, identity: f"<{identity.contact_email}>" if identity.contact_email else "",
    "contact_phone": lambda section, identity: identity.contact_phone,
    "pending_days": lambda section, identity: cldr.number(settings.PENDING_DAYS),
    "outcome_days": lambda section, identity: cldr.number(settings.OUTCOME_DAYS),
    "trace_days": lambda section, identity: cldr.number(settings.TRACE_DAYS),
}


def unknown_facts(text: str) -> list[str]:
    """Names in [[…]] that are no facts."""
    return [name for name in dict.fromkeys(_FACT.findall(text)) if name not in FACTS]


def unset_facts(text: str, section: Section) -> list[str]:
    """Facts that the text states and nobody has set."""
    identity = identity_of(section.pk)
    return [n for n in dict.fromkeys(_FACT.findall(text)) if n in FACTS and not FACTS[n](section, identity)]


def with_facts(text: str, section: Section) -> str:
    """The text, in Markdown still, as it is true now."""
    identity = identity_of(section.pk)
    return _FACT.sub(lambda found: FACTS[found[1]](section, identity) if found[1] in FACTS else found[0], text)
