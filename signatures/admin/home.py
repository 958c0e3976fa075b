"""The admin's first page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, cast

from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from signatures.desk.first_day import first_day_of
from signatures.desk.home import campaigns_of, roles_of, tasks_of
from staff.access import may

#: What there is to open, as somebody at a desk looks for it: (heading, {model: its name there}).
DOORS: Final[tuple[tuple[Promise, dict[str, Promise]], ...]] = (
    (
        _("Petitions"),
        {
            "Campaign": _("Campaigns"),
            "Update": _("Updates"),
            "Dossier": _("Dossiers"),
            "Picture": _("Pictures"),
            "Addressee": _("Addressees"),
            "DemandStep": _("Progress on demands"),
        },
    ),
    (
        _("Signatures"),
        {
            "Reveal": _("Signature lookups"),
            "Case": _("Data requests"),
            "Destruction": _("Destroyed data"),
            "Monitor": _("Live activity"),
            "Ruling": _("Rulings"),
            "NetworkRule": _("Network rules"),
        },
    ),
    (
        _("Handover"),
        {"Delivery": _("Deliveries"), "Handover": _("Handover log"), "AddresseeKey": _("Addressees’ keys")},
    ),
    (_("People"), {"User": _("Users"), "Section": _("Sections"), "Letterhead": _("Letterheads")}),
    (
        _("Oversight"),
        {"Proposal": _("Approvals"), "Recipient": _("Officer keys"), "AuditEntry": _("Audit trail")},
    ),
    (
        _("Site"),
        {
            "Identity": _("Identities"),
            "StandingPage": _("Standing pages"),
            "Maintenance": _("Maintenance mode"),
        },
    ),
)


@dataclass(frozen=True, slots=True)
class NavLink:
    """One of the admin's lists."""

    name: str | Promise
    url: str


def nav_links_of(request: HttpRequest) -> list[tuple[Promise, list[NavLink]]]:
    """(heading, what this person may open under it); nothing without a link."""
    urls = {
        model["object_name"]: model["admin_url"] for app in admin.site.get_app_list(request) for model in app["models"]
    }
    groups = [
        (heading, [NavLink(name, urls[model]) for model, name in names.items() if urls.get(model)])
        for heading, names in DOORS
    ]
    return [(heading, links) for heading, links in groups if links]


def with_desk(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """unfold's DASHBOARD_CALLBACK: what needs doing, and one's campaigns."""
    user = cast(User, request.user)
    return {
        **context,
        "title": None,
        "person": user,
        "roles": roles_of(user),
        "tasks": tasks_of(user),
        "first_day": first_day_of(user),
        "lines": campaigns_of(user) if may(user, "campaign.view") else [],
        "sees_figures": may(user, "tally.view"),
        "nav_links": nav_links_of(request),
    }
