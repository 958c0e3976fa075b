"""The pages that an organisation must have, begun with a text that says what is configured."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from petitions.admin.translations import TranslatedAdmin
from petitions.starting_texts import is_as_offered, starting_text, translate_as_offered
from web.facts import FACTS, unknown_facts, unset_facts
from web.identities import identity_of, pages_of
from web.models import Section, StandingPage


class StandingPageForm(forms.ModelForm):
    """Refuses facts that there are not, and those that nobody has set: a page would say nothing in their place."""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        text, section = cleaned.get("text", ""), cleaned.get("section") or getattr(self.instance, "section", None)
        if unknown := unknown_facts(text):
            known = ", ".join(f"[[{name}]]" for name in FACTS)
            words = _("Nothing is known of [[%(name)s]]. There are: %(known)s")
            self.add_error("text", words % {"name": unknown[0], "known": known})
        elif section and (unset := unset_facts(text, section)):
            self.add_error(
                "text",
                _("[[%s]] is not set. Enter it first (Identities, Sections), or leave it out here.") % unset[0],
            )
        return cleaned


@admin.register(StandingPage)
class StandingPageAdmin(TranslatedAdmin):
    rights = {"view": "page.change", "add": "page.change", "change": "page.change", "delete": "page.change"}
    section_lookup = "section"
    form = StandingPageForm
    fields = ["section", "kind", "language", "text"]
    list_display = ["kind", "section", "changed_on"]
    list_display_links = ["kind"]
    list_filter = ["kind", "section"]
    list_select_related = ["section"]

    def section_of(self, obj: StandingPage) -> Section:
        return obj.section

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """`?kind=privacy` begins with the text of that page."""
        given = super().get_changeform_initial_data(request)
        return {"text": starting_text(given.get("kind", "")), **given}

    def save_model(self, request: HttpRequest, obj: StandingPage, form: forms.ModelForm, change: bool) -> None:
        """A text that is taken as it is offered comes with its translations."""
        if not change and is_as_offered(obj):
            translate_as_offered(obj)
        super().save_model(request, obj, form, change)

    def get_view_on_site_url(self, obj: StandingPage | None = None) -> str | None:
        path = pages_of(obj.section_id).get(obj.kind) if obj else None
        return f"{identity_of(obj.section_id).origin}{path}" if obj and path else None
