"""What was destroyed, when, by which rule, and until when backups still hold it. To read, and to hand to an auditor."""

from __future__ import annotations

import datetime

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from signatures.models import Destruction
from staff.guarded_admin import GuardedAdmin


@admin.register(Destruction)
class DestructionAdmin(GuardedAdmin):
    rights = {"view": "case.view"}
    list_display = ["on", "rule", "n", "in_backups"]
    list_display_links = None
    list_filter = ["rule"]
    date_hierarchy = "on"

    @display(description=_("backups hold it until"))
    def in_backups(self, gone: Destruction) -> datetime.date:
        return gone.in_backups_until
