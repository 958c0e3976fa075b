"""Who may do what: the one table that the admin, its pages, the workers and the tests ask.

An action is named "thing.verb". A role holds in the section of its membership; what belongs to no
section (an addressee, a login) is for whoever has the role anywhere. Django's own permissions decide
nothing here, and a superuser is nobody special: no flag opens what a role does not.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final, Protocol

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Exists, OuterRef, Q, QuerySet

from staff.models import Membership, Role
from web.models import Section

_CAMPAIGNER: Final = Role.CAMPAIGNER
_MODERATOR: Final = Role.MODERATOR
_DELIVERY: Final = Role.DELIVERY_OFFICER
_PRIVACY: Final = Role.PRIVACY_OFFICER
_ADMINISTRATOR: Final = Role.ADMINISTRATOR


def _roles(*roles: Role) -> frozenset[Role]:
    return frozenset(roles)


#: action → the roles that may. Administrators manage people, and see nothing of any signer.
RULES: Final[dict[str, frozenset[Role]]] = {
    "campaign.view": _roles(_CAMPAIGNER, _MODERATOR, _DELIVERY, _PRIVACY),
    "campaign.add": _roles(_CAMPAIGNER),
    "campaign.change": _roles(_CAMPAIGNER),
    "campaign.delete": _roles(_CAMPAIGNER),
    "campaign.open": _roles(_MODERATOR),
    "campaign.close": _roles(_MODERATOR),
    "takedown.confirm": _roles(_MODERATOR),
    "restoration.request": _roles(_MODERATOR),
    "restoration.approve": _roles(_MODERATOR),
    "site.halt": _roles(_ADMINISTRATOR),
    "content.view": _roles(_CAMPAIGNER, _MODERATOR, _DELIVERY, _PRIVACY),
    "content.change": _roles(_CAMPAIGNER),
    "tally.view": _roles(_CAMPAIGNER, _MODERATOR),
    "disclosure.request": _roles(_CAMPAIGNER),
    "disclosure.approve": _roles(_CAMPAIGNER, _MODERATOR),
    "correction.request": _roles(_CAMPAIGNER),
    "correction.approve": _roles(_CAMPAIGNER, _MODERATOR),
    "mailing.request": _roles(_CAMPAIGNER),
    "mailing.approve": _roles(_CAMPAIGNER, _MODERATOR),
    "ruling.view": _roles(_MODERATOR),
    "ruling.make": _roles(_MODERATOR),
    "ruling.approve": _roles(_MODERATOR),
    "network.change": _roles(_MODERATOR, _ADMINISTRATOR),
    "delivery.view": _roles(_DELIVERY),
    "delivery.request": _roles(_DELIVERY),
    "delivery.approve": _roles(_DELIVERY),
    "delivery.download": _roles(_DELIVERY),
    "delivery.discard": _roles(_DELIVERY),
    "delivery.handover": _roles(_DELIVERY),
    "recipient.register": _roles(_MODERATOR, _DELIVERY, _PRIVACY),
    "recipient.approve": _roles(_MODERATOR, _DELIVERY, _PRIVACY),
    "recipient.revoke": _roles(_MODERATOR, _DELIVERY, _PRIVACY, _ADMINISTRATOR),
    "delivery.reissue": _roles(_DELIVERY),
    "addressee_key.request": _roles(_DELIVERY),
    "addressee_key.approve": _roles(_DELIVERY),
    "addressee_key.revoke": _roles(_DELIVERY, _ADMINISTRATOR),
    "reveal.number": _roles(_MODERATOR, _PRIVACY),
    "reveal.email": _roles(_PRIVACY),
    "reveal.list": _roles(_MODERATOR),
    "case.view": _roles(_PRIVACY),
    "case.act": _roles(_PRIVACY),
    # Both have keys, for a worker takes nobody's word for it.
    "shred.request": _roles(_DELIVERY, _PRIVACY),
    "shred.approve": _roles(_DELIVERY, _PRIVACY),
    "shred.stop": _roles(_MODERATOR, _DELIVERY, _PRIVACY, _ADMINISTRATOR),
    "audit.view": _roles(*Role),
    "section.manage": _roles(_ADMINISTRATOR),
    "identity.change": _roles(_ADMINISTRATOR),
    "page.change": _roles(_CAMPAIGNER, _ADMINISTRATOR),
    "people.manage": _roles(_ADMINISTRATOR),
    "people.approve": _roles(_ADMINISTRATOR),
    "factors.request": _roles(_ADMINISTRATOR),
    "factors.approve": _roles(_ADMINISTRATOR),
}


class Who(StrEnum):
    """For pages that ask for no role in particular (staff/access_matrix.py)."""

    ANYBODY = "anybody"
    LOGGED_IN = "any logged-in user"
    WORKS_HERE = "any staff role"
    NOBODY = "nobody"


class InASection(Protocol):
    """Whatever belongs to a section: a campaign, a picture."""

    @property
    def section_id(self) -> int: ...


def may(user: User | AnonymousUser, action: str, where: Section | InASection | None = None) -> bool:
    """Whether this person may do this there; without `where`, in any section at all.

    The same rule as sections_of(). Raises KeyError for an action that the table does not know.
    """
    roles = RULES[action]
    if not user.is_authenticated or not user.is_active:
        return False
    held = [membership for membership in user.memberships.all() if membership.role in roles]
    if where is None:
        return bool(held)
    section_id = where.pk if isinstance(where, Section) else where.section_id
    return any(membership.section_id in (None, section_id) for membership in held)


def sections_of(user: User | AnonymousUser, action: str) -> QuerySet[Section]:
    """The sections in which this person may do this. The same rule as may()."""
    roles = RULES[action]
    if not user.is_authenticated or not user.is_active:
        return Section.objects.none()
    held = Membership.objects.filter(user=user, role__in=roles)
    return Section.objects.filter(Exists(held.filter(Q(section=None) | Q(section=OuterRef("pk")))))


def within[Those: QuerySet[Any]](those: Those, user: User | AnonymousUser, action: str) -> Those:
    """Of things that belong to a section, those in whose section this person may do this."""
    return those.filter(section__in=sections_of(user, action))


def works_here(user: User | AnonymousUser) -> bool:
    """Whether this person holds any role at all: nobody else gets into the admin."""
    return user.is_authenticated and user.is_active and any(user.memberships.all())
