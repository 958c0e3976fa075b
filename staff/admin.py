"""Logins, the roles they hold, and sections: what administrators manage, in unfold's look."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.admin import TabularInline
from unfold.decorators import display

from staff import audit
from staff.access import works_here
from staff.guarded_admin import GuardedAdmin, GuardedInline
from staff.login.factors import has_second_factor, reauthenticated
from staff.login.links import one_time_link
from staff.login.names import TYPED, refuse_mistakable
from staff.login.sessions import end_sessions_of
from staff.memberships import end_membership
from staff.models import Membership
from web.models import Section
from web.senders import client_network

NO_LINK = _(
    "This user has roles but no second factor, so anyone with the link could act as them. Remove the roles first."
)


class MembershipInline(GuardedInline, TabularInline):
    """Taken away here, by one person, at once. Given by two, under Four eyes."""

    model = Membership
    fields = ["role", "section"]
    verbose_name_plural = _("roles (assigned by two administrators, under Approvals)")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class NewLoginForm(forms.ModelForm):
    def clean_username(self) -> str:
        username: str = self.cleaned_data["username"]
        refuse_mistakable(username)
        return username


@admin.register(User)
class LoginAdmin(GuardedAdmin):
    """Who works here. No password is typed here: a one-time link lets its owner choose one."""

    rights = {"view": "people.manage", "add": "people.manage", "change": "people.manage"}
    pages = {"link": "people.manage"}
    form = NewLoginForm
    inlines = [MembershipInline]
    fieldsets = [
        (None, {"fields": ["username", ("first_name", "last_name"), "email"]}),
        (_("Access"), {"fields": ["is_active"]}),
    ]
    list_display = ["username", "name", "roles", "is_active", "last_login"]
    list_filter = ["is_active", "memberships__role", "memberships__section"]
    search_fields = ["username", "first_name", "last_name"]
    ordering = ["username"]
    change_form_template = "staff/admin/person.html"

    @display(description=_("name"))
    def name(self, person: User) -> str:
        return person.get_full_name() or "–"

    @display(description=_("roles"))
    def roles(self, person: User) -> str:
        return ", ".join(sorted({membership.get_role_display() for membership in person.memberships.all()})) or "–"

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("memberships")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """The trail, the keyring and colleagues know a person by it: nobody becomes somebody else."""
        return ["username"] if obj else []

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "username":
            field.widget.attrs.update(TYPED)
        if db_field.name == "is_active":
            field.help_text = _(
                "Clear this to block the user: they cannot log in, open sessions end at once, and their roles "
                "are removed."
            )
        return field

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm, change: bool) -> None:
        if not change:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)
        if not obj.is_active:
            # Or a single administrator could open the login again, roles and all.
            for membership in obj.memberships.all():
                end_membership(membership, cast(User, request.user))
            end_sessions_of(obj)
        if change and "is_active" in form.changed_data:
            _note(request, "people.reopen" if obj.is_active else "people.close", obj)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        formset.save(commit=False)
        for membership in formset.deleted_objects:
            end_membership(membership, cast(User, request.user))

    def response_add(self, request: HttpRequest, obj: User, post_url_continue: str | None = None) -> HttpResponse:
        return self._show_link(request, obj)

    def link(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Another one-time link, for a lost password. The second factor is still asked for, so there has to be one."""
        person = self._person_or_404(request, object_id)
        if works_here(person) and not has_second_factor(person):
            self.message_user(request, NO_LINK, messages.ERROR)
            return HttpResponseRedirect(reverse("admin:auth_user_change", args=[person.pk]))
        return self._show_link(request, person)

    def _person_or_404(self, request: HttpRequest, object_id: str) -> User:
        person: User | None = self.get_object(request, object_id)
        if person is None or not self.has_change_permission(request, person):
            raise Http404
        return person

    def _show_link(self, request: HttpRequest, person: User) -> HttpResponse:
        # Whoever decides on a role or a removal is shown it (staff/enrolment.py).
        _note(request, "people.link", person, {"from": network} if (network := client_network(request)) else {})
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("One-time link"),
            "original": person,
            "person": person,
            "link": one_time_link(person),
        }
        return TemplateResponse(request, "staff/admin/link.html", context)

    def get_urls(self) -> list[URLPattern]:
        return [*self.pages_of_objects(link=require_POST(reauthenticated(self.link))), *super().get_urls()]


def _note(request: HttpRequest, action: str, person: User, more: dict[str, str] | None = None) -> None:
    audit.append(cast(User, request.user), action, None, detail={"user": person.pk} | (more or {}))


@admin.register(Section)
class SectionAdmin(GuardedAdmin):
    rights = {"view": "section.manage", "add": "section.manage", "change": "section.manage"}
    list_display = ["name", "slug"]
    prepopulated_fields = {"slug": ("name",)}
