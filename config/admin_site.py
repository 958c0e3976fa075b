"""The admin's site: whoever holds a role may come in; the door in front of it is config/door/."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig
from django.http import HttpRequest
from unfold.sites import UnfoldAdminSite


class AdminConfig(DjangoAdminConfig):
    """Django's admin with our site; `unfold.apps.BasicAppConfig` leaves the choice to us."""

    default_site = "config.admin_site.UndersignedAdminSite"


class UndersignedAdminSite(UnfoldAdminSite):
    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Take in only what the access table guards: what other apps bring along asks Django's permissions."""
        from petitions.guarding import GuardedAdmin

        if admin_class is not None and issubclass(admin_class, GuardedAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        """Whoever holds a role somewhere. `is_staff` and `is_superuser` open nothing."""
        # The models are not there yet while apps are loaded.
        from petitions.access import works_here

        return works_here(request.user)
