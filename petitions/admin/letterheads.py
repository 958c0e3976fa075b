"""The logo at the head of a section's letters: an administrator uploads it, a child process draws it anew."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminFileFieldWidget

from petitions.admin.picture_refusals import REASONS
from petitions.models import Letterhead
from petitions.pictures import ACCEPT, PictureRefused, draw_logo
from staff.guarded_admin import GuardedAdmin
from web.models import Section


class LetterheadForm(forms.ModelForm):
    upload = forms.FileField(
        label=_("Logo"),
        widget=UnfoldAdminFileFieldWidget({"accept": ACCEPT}),
        help_text=_(
            "PNG, JPEG, WebP or AVIF, ideally 1200 pixels wide, on white or on nothing. It is drawn anew: hidden data "
            "is removed. On paper it is at most 14 mm high and 60 mm wide."
        ),
    )

    class Meta:
        model = Letterhead
        fields = ["section"]

    def full_clean(self) -> None:
        super().full_clean()
        upload = self.cleaned_data.get("upload") if self.is_bound and not self.errors else None
        if upload is None:
            return
        try:
            logo = draw_logo(upload.read(), upload.name)
        except PictureRefused as refusal:
            self.add_error("upload", forms.ValidationError(REASONS[refusal.reason], code=refusal.reason))
        else:
            self.instance.png, self.instance.width, self.instance.height = logo.png, logo.width, logo.height


@admin.register(Letterhead)
class LetterheadAdmin(GuardedAdmin):
    """One for each section; how it looks, the preview of a letter shows."""

    rights = dict.fromkeys(("view", "add", "change", "delete"), "section.manage")
    section_lookup = "section"
    form = LetterheadForm
    fields = ["section", "upload"]
    list_display = ["section", "size"]
    list_select_related = ["section"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("png")

    def section_of(self, obj: Letterhead) -> Section:
        return obj.section

    @display(description=_("size in pixels"))
    def size(self, letterhead: Letterhead) -> str:
        return f"{letterhead.width} × {letterhead.height}"
