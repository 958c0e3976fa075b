"""Under which name, address and colours each section meets its readers: administrators set it up."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from petitions.admin.translations import TranslatedAdmin
from web.models import Identity, Section

#: What an <input type=color> cannot say: none.
_COLOURS = ("colour", "theme_colour")


def hosts() -> list[str]:
    """The host names at which the public site answers: whoever runs it lists them, for it needs their certificates."""
    own = urlsplit(settings.SITE_URL).hostname or ""
    return list(dict.fromkeys([own, *settings.SECTION_HOSTS]))


class IdentityForm(forms.ModelForm):
    """Explains what the table would refuse."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "host" in self.fields:
            offered = dict.fromkeys([*hosts(), *filter(None, [self.instance.host])])
            self.fields["host"] = forms.ChoiceField(
                label=_("Address of its own"),
                required=False,
                choices=[("", _("None: beside the other sections")), *((host, host) for host in offered)],
                widget=UnfoldAdminSelectWidget,
                help_text=_(
                    "Another host name? Whoever runs the site adds it to SECTION_HOSTS first: it needs a certificate."
                ),
            )

    def clean_host(self) -> str | None:
        return self.cleaned_data["host"] or None

    def _clean_colour(self, name: str) -> str:
        return str(self.cleaned_data[name]).strip().lower()

    def clean_colour(self) -> str:
        return self._clean_colour("colour")

    def clean_theme_colour(self) -> str:
        return self._clean_colour("theme_colour")


@admin.register(Identity)
class IdentityAdmin(TranslatedAdmin):
    rights = {"view": "identity.change", "add": "identity.change", "change": "identity.change"}
    section_lookup = "section"
    form = IdentityForm
    list_display = ["name", "section", "host"]
    list_select_related = ["section"]
    fieldsets = [
        (None, {"fields": ["section", "host", "language", "name", "short_name"]}),
        (_("Home page"), {"fields": ["headline", "lead", "notice"]}),
        (_("Colours"), {"fields": [_COLOURS]}),
        (_("Who publishes"), {"fields": ["who_we_are", "past_results", "more_url", "footer_links", "social_accounts"]}),
        (_("E-mails"), {"fields": ["sender_name", "reply_to"]}),
        (_("How to reach you"), {"fields": [("contact_email", "contact_phone")]}),
    ]

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(db_field, models.TextField):
            field.widget.attrs["rows"] = 3
        return field

    def section_of(self, obj: Identity) -> Section:
        return obj.section

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        return f"{obj.origin}/" if obj is not None else None
