"""Networks that are let through the limits, or kept out."""

from __future__ import annotations

import datetime
from typing import Any, Final, cast

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from redis.exceptions import RedisError
from unfold.decorators import display

from signatures.models import NetworkRule
from staff.guarded_admin import GuardedAdmin
from staff.login.factors import reauthenticated
from web.i18n.cldr import number
from web.minute_counters import read_trials

#: What is offered as the end.
USUAL: Final = datetime.timedelta(days=7)


@admin.register(NetworkRule)
class NetworkRuleAdmin(GuardedAdmin):
    """What an operator types here are offices and data centres, never a supporter's address."""

    rights = {"view": "network.change", "add": "network.change", "change": "network.change", "delete": "network.change"}
    fields = ["network", "verdict", "reason", "until"]
    list_display = ["network", "verdict", "standing", "reason", "until", "made_by", "made_at"]
    list_filter = ["verdict"]
    list_select_related = ["made_by"]
    search_fields = ["network", "reason"]

    @display(description=_("status"))
    def standing(self, rule: NetworkRule) -> str:
        """While it is on trial, and for a while after, with how many requests it met."""
        words = str(rule.standing().label)
        if rule.standing() != NetworkRule.Standing.TRIAL:
            return words
        try:
            met = read_trials([rule.pk])[rule.pk]
        except (RedisError, OSError):
            return words
        assert rule.trial_until is not None
        return _("%(status)s until %(when)s UTC; it has met %(count)s requests so far") % {
            "status": words,
            "when": f"{timezone.localtime(rule.trial_until):%H:%M}",
            "count": number(met),
        }

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"until": timezone.now() + USUAL}

    # Whom it keeps out is not for a session that somebody left open: the form asks before it is filled in.

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return cast(HttpResponse, reauthenticated(super().add_view)(request, *args, **kwargs))

    def change_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return cast(HttpResponse, reauthenticated(super().change_view)(request, *args, **kwargs))

    def save_model(self, request: HttpRequest, obj: NetworkRule, form: forms.ModelForm, change: bool) -> None:
        obj.made_by = cast(User, request.user)
        super().save_model(request, obj, form, change)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for rule in queryset:
            self.delete_model(request, rule)
