"""The whole site's standstill: begun and ended by an administrator, and written down."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from petitions.guarding import GuardedAdmin
from petitions.models import Standstill
from signatures.desk import life


@admin.register(Standstill)
class StandstillAdmin(GuardedAdmin):
    """Adding one halts the whole site, deleting it starts the site again."""

    rights = {"view": "site.halt", "add": "site.halt", "delete": "site.halt"}
    list_display = ["mode", "note", "since"]
    fields = ["mode", "note"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not Standstill.objects.exists()

    def save_model(self, request: HttpRequest, obj: Standstill, form: Any, change: bool) -> None:
        life.halt(cast(User, request.user), obj.mode, obj.note)

    def delete_model(self, request: HttpRequest, obj: Standstill) -> None:
        life.restart(cast(User, request.user))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Standstill]) -> None:
        life.restart(cast(User, request.user))
