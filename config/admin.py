"""Logins, the roles they hold, and sections: what administrators manage, in unfold's look."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from petitions.guarding import GuardedAdmin, GuardedInline
from petitions.sections import Membership, Section

admin.site.unregister(User)
admin.site.unregister(Group)


class MembershipInline(GuardedInline, TabularInline):
    model = Membership
    fields = ["role", "section"]


@admin.register(User)
class LoginAdmin(UserAdmin, GuardedAdmin):
    """No group, no permission, no superuser: what somebody may do follows from their roles (petitions/access.py)."""

    rights = {"view": "people.manage", "add": "people.manage", "change": "people.manage"}
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = [MembershipInline]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        (_("Who it is"), {"fields": [("first_name", "last_name"), "email"]}),
        (_("Access"), {"fields": ["is_active"]}),
    ]
    list_display = ["username", "first_name", "last_name", "is_active", "last_login"]
    list_filter = ["is_active", "memberships__role", "memberships__section"]
    filter_horizontal = []


@admin.register(Section)
class SectionAdmin(GuardedAdmin):
    rights = {"view": "section.manage", "add": "section.manage", "change": "section.manage"}
    list_display = ["name", "slug"]
    prepopulated_fields = {"slug": ("name",)}
