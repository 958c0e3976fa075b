"""Removing somebody's second factors, which they have lost: it takes two administrators.

One alone could make a new password by a one-time link and then a second factor, and be that person.
"""

from __future__ import annotations

from typing import Final

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from staff import approvals
from staff.enrolment import enrolment_of
from staff.login.factors import has_second_factor
from staff.login.sessions import end_sessions_of
from staff.models import Proposal
from staff.refusals import NotAllowed


def propose_forgetting(person: User, by: User, reason: str) -> Proposal:
    """Ask that this person begins with a password alone once more. Raises NotAllowed."""
    if not has_second_factor(person):
        raise NotAllowed(_("This user has no second factor. They set one up at their next login."))
    return approvals.propose(Proposal.Kind.FACTORS, by, None, {"user": person.pk}, reason)


def _are_forgotten(proposal: Proposal) -> None:
    """The database spends the approval with the last of them (config/database/factors.sql)."""
    person = User.objects.get(pk=proposal.subject["user"])
    Authenticator.objects.filter(user=person).delete()
    end_sessions_of(person)


def _in_words(proposal: Proposal) -> str:
    person = User.objects.get(pk=proposal.subject["user"])
    words = _(
        "Removes all second factors and recovery codes of %(person)s and logs them out everywhere. After "
        "that, anyone who knows the password can set up new ones: speak to %(person)s before you approve."
    ) % {"person": person}
    return " ".join([words, *enrolment_of(person)])


APPROVAL: Final = approvals.Rules(
    request="factors.request", approve="factors.approve", words=_in_words, carry_out=_are_forgotten
)
