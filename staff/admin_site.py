"""The admin's site: whoever holds a role may come in, by way of staff/login/."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.urls import URLPattern, URLResolver
from unfold.sites import UnfoldAdminSite


class AdminConfig(DjangoAdminConfig):
    """Django's admin with our site; `unfold.apps.BasicAppConfig` leaves the choice to us."""

    default_site = "staff.admin_site.UndersignedAdminSite"


class UndersignedAdminSite(UnfoldAdminSite):
    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Take in only what the access table guards: what other apps bring along asks Django's permissions."""
        from staff.guarded_admin import GuardedAdmin

        if admin_class is not None and issubclass(admin_class, GuardedAdmin):
            super().register(model_or_iterable, admin_class, **options)
        elif admin_class is None or not admin_class.__module__.startswith(("django.", "allauth.")):
            raise ImproperlyConfigured(f"{admin_class} is no GuardedAdmin (staff/guarded_admin.py).")

    def has_permission(self, request: HttpRequest) -> bool:
        """Whoever holds a role somewhere. `is_staff` and `is_superuser` open nothing."""
        # The models are not there yet while apps are loaded.
        from staff.access import works_here

        return works_here(request.user)

    def get_urls(self) -> list[URLResolver | URLPattern]:
        """Without the detour to any object's page by number: it asks for no right (see get_view_on_site_url)."""
        return [url for url in super().get_urls() if getattr(url, "name", "") != "view_on_site"]
