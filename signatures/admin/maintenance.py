"""Maintenance mode of the whole site: begun and ended by an administrator, and written down."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from signatures.desk import lifecycle
from staff.guarded_admin import GuardedAdmin
from web.models import Maintenance


@admin.register(Maintenance)
class StandstillAdmin(GuardedAdmin):
    """Adding one halts the whole site, deleting it starts the site again."""

    rights = {"view": "site.halt", "add": "site.halt", "delete": "site.halt"}
    list_display = ["mode", "note", "since"]
    fields = ["mode", "note"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not Maintenance.objects.exists()

    def save_model(self, request: HttpRequest, obj: Maintenance, form: Any, change: bool) -> None:
        lifecycle.halt(cast(User, request.user), obj.mode, obj.note)

    def delete_model(self, request: HttpRequest, obj: Maintenance) -> None:
        lifecycle.restart(cast(User, request.user))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Maintenance]) -> None:
        lifecycle.restart(cast(User, request.user))
