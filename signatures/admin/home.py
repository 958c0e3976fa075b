"""The admin's first page."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.models import User
from django.http import HttpRequest

from petitions.access import may
from signatures.desk.home import campaigns_of, roles_of, tasks_of


def with_desk(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """unfold's DASHBOARD_CALLBACK: what needs doing, and one's campaigns."""
    user = cast(User, request.user)
    return {
        **context,
        "title": None,
        "person": user,
        "roles": roles_of(user),
        "tasks": tasks_of(user),
        "lines": campaigns_of(user) if may(user, "campaign.view") else [],
        "sees_figures": may(user, "tally.view"),
    }
