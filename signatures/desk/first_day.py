"""From an empty installation to the first delivery: what is done already, and what comes next."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext as _

from petitions.models import Campaign
from signatures.models import Delivery, Handover, Recipient
from staff.access import may
from staff.models import AuditEntry, Membership, Role
from web.models import Section


@dataclass(frozen=True, slots=True)
class FirstStep:
    """One of them: what, how, and the page on which it is done; "" where it is done on a machine."""

    done: bool
    what: str
    how: str
    url: str = ""


def first_day_of(user: User) -> list[FirstStep]:
    """The steps in their order, for those who see to them; none once a packet was handed over."""
    if not may(user, "people.manage") and not may(user, "delivery.request"):
        return []
    if Handover.objects.standing().filter(kind=Handover.Kind.HANDED_OVER).exists():
        return []
    return [
        FirstStep(
            _people_with(Role.ADMINISTRATOR) >= 2,
            _("Two administrators"),
            _("Giving a role takes two. On the server: manage.py create_administrator, once for each."),
        ),
        FirstStep(
            Section.objects.exclude(postal_address="").exists(),
            _("Sections, with a postal address"),
            _("Petitions and roles belong to sections. Letters carry the address."),
            _list_of("web_section"),
        ),
        FirstStep(
            _two_in_one_section(),
            _("Two delivery officers in one section"),
            _("One requests a delivery, the other approves it. An administrator asks for the roles, another agrees."),
            _list_of("auth_user"),
        ),
        FirstStep(
            Recipient.objects.filter(state=Recipient.State.PINNED).values("officer").distinct().count() >= 2,
            _("Two officer keys in use"),
            _("Each officer creates theirs here. The first two are activated on a worker’s machine: manage.py "
              "pin_recipient; these then approve the others."),
            _list_of("signatures_recipient"),
        ),
        FirstStep(
            AuditEntry.objects.filter(action="keyring.export").exists(),
            _("The keyring, exported to two offline recipients"),
            _("Without it a backup of the database is worthless. On a worker’s machine: manage.py export_keyring; "
              "again after each campaign."),
        ),
        FirstStep(
            Campaign.objects.filter(register__counted__gt=0).exists(),
            _("A campaign with signatures"),
            _("A campaigner writes and translates it, a moderator opens it."),
            _list_of("petitions_campaign"),
        ),
        FirstStep(
            Delivery.objects.ready().exists(),
            _("A packet that two officers agreed to"),
            _("Request it, write the letter, look at it as it will print; a second officer approves."),
            _list_of("signatures_delivery"),
        ),
        FirstStep(
            False,
            _("Handed over"),
            _("Download and verify it, hand it over, and add that to the handover log. The public reads of it then."),
            _list_of("signatures_handover"),
        ),
    ]  # fmt: skip


def _people_with(role: Role) -> int:
    return User.objects.filter(is_active=True, memberships__role=role).distinct().count()


def _two_in_one_section() -> bool:
    officers = Membership.objects.filter(role=Role.DELIVERY_OFFICER, user__is_active=True)
    each = officers.values("section").annotate(people=Count("user", distinct=True))
    everywhere = sum(row["people"] for row in each if row["section"] is None)
    return any(row["people"] + (everywhere if row["section"] else 0) >= 2 for row in each)


def _list_of(model: str) -> str:
    return reverse(f"admin:{model}_changelist")
