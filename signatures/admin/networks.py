"""Networks that are let through the limits, or kept out."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest

from signatures.models import NetworkRule
from staff.guarded_admin import GuardedAdmin


@admin.register(NetworkRule)
class NetworkRuleAdmin(GuardedAdmin):
    """What an operator types here are offices and data centres, never a supporter's address."""

    rights = {"view": "network.change", "add": "network.change", "change": "network.change", "delete": "network.change"}
    fields = ["network", "verdict", "reason", "until"]
    list_display = ["network", "verdict", "reason", "until", "made_by", "made_at"]
    list_filter = ["verdict"]
    list_select_related = ["made_by"]
    search_fields = ["network", "reason"]

    def save_model(self, request: HttpRequest, obj: NetworkRule, form: forms.ModelForm, change: bool) -> None:
        obj.made_by = cast(User, request.user)
        super().save_model(request, obj, form, change)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for rule in queryset:
            self.delete_model(request, rule)
