"""How somebody's second factors came about, for whoever decides on their role or on removing them.

An administrator who makes up a colleague sets that colleague's second factor up, with the colleague's one-time link.
The trail has when and from which network both were done; that they are one network says nothing of an office, and much
of a colleague who is meant to be elsewhere.
"""

from __future__ import annotations

import datetime
from typing import Final

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.translation import gettext as _

from staff.login.factors import SECOND_FACTORS
from staff.models import AuditEntry

#: How long whoever decides is told that somebody made a one-time link.
LATELY: Final = datetime.timedelta(days=14)


def enrolment_of(person: User) -> list[str]:
    """Sentences: who set each second factor up, when and from where; and who made a one-time link lately."""
    factors = Authenticator.objects.filter(user=person, type__in=SECOND_FACTORS).order_by("created_at")
    said = [_of_factor(factor) for factor in factors]
    links = AuditEntry.objects.filter(action="people.link", detail__user=person.pk)
    link = links.filter(at__gt=timezone.now() - LATELY).select_related("actor").first()
    if link is not None:
        made = _("%(who)s created a one-time link for a new password on %(when)s, %(where)s.")
        said.append(made % {"who": link.actor, "when": _moment(link.at), "where": _where(link)})
        if any(_network(entry) == _network(link) != "" for entry in map(_entry_of, factors) if entry):
            said.append(_("That is the network from which a second factor was set up: ask the person themselves."))
    return said


def _of_factor(factor: Authenticator) -> str:
    entry = _entry_of(factor)
    made = _("Second factor (%(type)s): set up by %(who)s on %(when)s, %(where)s.")
    return made % {
        "type": factor.get_type_display(),
        "who": (entry and entry.actor) or _("whoever runs the installation"),
        "when": _moment(entry.at if entry else factor.created_at),
        "where": _where(entry),
    }


def _entry_of(factor: Authenticator) -> AuditEntry | None:
    added = AuditEntry.objects.filter(action="factor.added", detail__factor=factor.pk)
    return added.select_related("actor").first()


def _network(entry: AuditEntry) -> str:
    return str(entry.detail.get("from", ""))


def _where(entry: AuditEntry | None) -> str:
    network = _network(entry) if entry else ""
    return _("from %s") % network if network else _("from an unknown network")


def _moment(at: datetime.datetime) -> str:
    return f"{timezone.localtime(at):%d.%m.%Y %H:%M} UTC"
