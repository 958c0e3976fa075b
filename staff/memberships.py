"""Giving a role: it takes two administrators. Taking one away takes one, and counts with the next click."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from staff import approvals, audit
from staff.enrolment import enrolment_of
from staff.login.factors import has_second_factor
from staff.models import Membership, Proposal, Role
from staff.refusals import NotAllowed, refusals_in_words, words_of_constraints
from web.models import Section

REFUSALS: Final = {
    **words_of_constraints(Membership),
    "membership_needs_second_factor": gettext_lazy(
        "This user has no second factor yet. Roles can be assigned after their first login; otherwise "
        "anyone with the one-time link would get the role."
    ),
    "membership_administrator_is_nothing_else": gettext_lazy(
        "Administrators cannot hold another role: people who assign roles must not see signers."
    ),
}


def propose_membership(user: User, role: str, section: Section | None, by: User, reason: str) -> Proposal:
    """Ask that this person holds this role there (None: everywhere). Raises NotAllowed."""
    if section is None and role not in Membership.EVERYWHERE:
        raise NotAllowed(str(REFUSALS["membership_everywhere_for_few"]))
    if section is not None and role == Role.ADMINISTRATOR:
        raise NotAllowed(str(REFUSALS["membership_administrator_everywhere"]))
    if not (user.is_active and has_second_factor(user)):
        raise NotAllowed(str(REFUSALS["membership_needs_second_factor"]))
    if Membership.objects.filter(user=user, role=role, section=section).exists():
        raise NotAllowed(str(REFUSALS["membership_once"]))
    subject = {"user": user.pk, "role": str(role), "section": section.pk if section else None}
    return approvals.propose(Proposal.Kind.MEMBERSHIP, by, section, subject, reason)


def end_membership(membership: Membership, by: User) -> None:
    """Take a role away, and write that down."""
    detail = {"user": membership.user_id, "role": membership.role}
    with transaction.atomic():
        membership.delete()
        audit.append(by, "membership.end", membership.section, detail=detail)


def _is_given(proposal: Proposal) -> None:
    said = proposal.subject
    with refusals_in_words(REFUSALS):
        Membership.objects.create(user_id=said["user"], role=said["role"], section_id=said["section"])


def _in_words(proposal: Proposal) -> str:
    said = proposal.subject
    section = Section.objects.filter(pk=said["section"]).first()
    person = User.objects.get(pk=said["user"])
    words = _("%(person)s gets the role %(role)s in %(where)s.") % {
        "person": person,
        "role": Role(said["role"]).label,
        "where": section or _("all sections"),
    }
    return " ".join([words, *enrolment_of(person)])


APPROVAL: Final = approvals.Rules(
    request="people.manage", approve="people.approve", words=_in_words, carry_out=_is_given
)
