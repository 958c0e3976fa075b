"""The register of requests that came by letter or telephone: deadlines, how identity was checked, what was done."""

from __future__ import annotations

import datetime
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from petitions.models import Campaign
from signatures.models import Case, CaseAct
from signatures.notify_worker import notify_worker
from staff.access import within
from staff.concurrent_edits import ToldOfOthers
from staff.guarded_admin import GuardedAdmin, GuardedInline
from web.models import Section


class CaseForm(ToldOfOthers):
    """Of two officers with the same case open, the second is told (staff/concurrent_edits.py)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "received_on" in self.fields and not self.instance.pk:
            self.fields["received_on"].initial = timezone.now().date()

    def clean_received_on(self) -> datetime.date:
        day: datetime.date = self.cleaned_data["received_on"]
        if day > timezone.now().date():
            raise ValidationError(_("This day is still to come."))
        return day


class ActInline(GuardedInline):
    """What was done to signatures. Added, and never changed."""

    model = CaseAct
    fields = ["campaign", "number", "kind", "outcome"]
    readonly_fields = ["outcome"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is not None and not obj.outcome and self._page().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "campaign":
            own = within(Campaign.objects.filter(register__isnull=False, shredding=None), request.user, "case.act")
            kwargs["queryset"] = own.order_by("title")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(Case)
class CaseAdmin(GuardedAdmin):
    rights = {"view": "case.view", "add": "case.act", "change": "case.act"}
    section_lookup = "section"
    form = CaseForm
    fields = ["section", "kind", "reference", "received_on", "due_on", "identity", "outcome", "answered_on"]
    readonly_fields = ["due_on"]
    inlines = [ActInline]
    list_display = ["reference", "kind", "section", "received_on", "due_label", "outcome", "answered_on"]
    list_filter = ["outcome", "kind"]
    list_select_related = ["section"]

    def section_of(self, obj: Case) -> Section:
        return obj.section

    @display(description=_("due"), ordering="due_on", label={"late": "danger", "soon": "warning", "open": "info"})
    def due_label(self, case: Case) -> tuple[str, str]:
        today = timezone.now().date()
        if case.outcome:
            return "answered", f"{case.due_on:%Y-%m-%d}"
        state = "late" if case.due_on < today else "soon" if case.is_pressing(today) else "open"
        return state, f"{case.due_on:%Y-%m-%d}"

    def get_inlines(self, request: HttpRequest, obj: Case | None) -> list[Any]:
        return self.inlines if obj else []

    def save_model(self, request: HttpRequest, obj: Case, form: forms.ModelForm, change: bool) -> None:
        if not change:
            obj.opened_by = cast(User, request.user)
        super().save_model(request, obj, form, change)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        for act in formset.save(commit=False):
            act.asked_by = cast(User, request.user)
            act.save()
            notify_worker("act_on_cases")
        formset.save_m2m()
