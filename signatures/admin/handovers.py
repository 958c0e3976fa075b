"""The handover log: what happened between us and an authority over a packet. Added to, never changed, and corrected by
entries that take another's place."""

from __future__ import annotations

import re
from typing import Any, Final, cast

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import models
from django.forms import ModelChoiceField, ModelForm
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET
from unfold.decorators import display

from petitions.models import Campaign
from signatures.admin.refusals import ExplainsRefusals, RefusableForm
from signatures.desk.handovers import record
from signatures.models import Delivery, Handover
from staff.access import sections_of
from staff.guarded_admin import GuardedAdmin

#: Bytes of a receipt or an answer, scanned.
LARGEST_ATTACHMENT = 20_000_000


class HandoverForm(RefusableForm):
    """A new entry; `corrects`, which its address names, makes it one that takes another's place."""

    corrects: Handover | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "kind" not in self.fields:
            return  # shown, and not asked for
        if self.corrects is None:
            kind = self.fields["kind"]
            kind.choices = [choice for choice in kind.choices if choice[0] != Handover.Kind.VOID]  # type: ignore[attr-defined]
            return
        self.instance.corrects = self.corrects
        self.fields["correction"].required = True
        cast(ModelChoiceField, self.fields["delivery"]).queryset = Delivery.objects.filter(pk=self.corrects.delivery_id)

    def clean_attachment(self) -> UploadedFile | None:
        attachment: UploadedFile | None = self.cleaned_data["attachment"]
        if attachment and (attachment.size or 0) > LARGEST_ATTACHMENT:
            raise ValidationError(_("The file is larger than 20 MB."))
        if attachment and not _is_what_it_is_called(attachment):
            raise ValidationError(_("The file is not of the kind that its name says."))
        return attachment


#: What a file of that kind begins with; a mail with the name of a header.
_BEGINNINGS: Final = {
    "pdf": rb"%PDF-",
    "png": rb"\x89PNG\r\n\x1a\n",
    "jpg": rb"\xff\xd8\xff",
    "jpeg": rb"\xff\xd8\xff",
    "docx": rb"PK\x03\x04",
    "odt": rb"PK\x03\x04",
    "eml": rb"[A-Za-z][A-Za-z0-9-]{1,60}:|From ",
}


def _is_what_it_is_called(attachment: UploadedFile) -> bool:
    beginning = attachment.read(100)
    attachment.seek(0)
    kind = (attachment.name or "").rpartition(".")[2].lower()
    return kind not in _BEGINNINGS or re.match(_BEGINNINGS[kind], beginning) is not None  # the model refuses others


@admin.register(Handover)
class HandoverAdmin(ExplainsRefusals, GuardedAdmin):
    rights = {"view": "delivery.view", "add": "delivery.handover"}
    pages = {"file": "delivery.view"}
    section_lookup = "delivery__campaign__section"
    form = HandoverForm
    told = ["delivery", ("kind", "on"), "place", "reference", "is_public", "statement"]
    list_display = ["delivery", "kind", "on", "place", "reference", "is_public", "attached", "corrected"]
    list_select_related = ["delivery__campaign", "corrected_by"]
    list_filter = ["kind", "is_public"]

    def section_of(self, obj: Handover) -> Campaign:
        return obj.delivery.campaign

    def get_fieldsets(self, request: HttpRequest, obj: Handover | None = None) -> Any:
        is_correction = obj.corrects_id if obj else self._to_correct(request)
        told = ["correction", *self.told] if is_correction else self.told
        return [(None, {"fields": told}), (_("Internal"), {"fields": ["people", "note", "attachment"]})]

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> type[ModelForm]:
        form: Any = super().get_form(request, *args, **kwargs)  # a class for this request alone
        form.corrects = self._to_correct(request)
        return cast(type[ModelForm], form)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What was entered before, where it is corrected: whoever corrects changes what was wrong."""
        wrong = self._to_correct(request)
        if wrong is None:
            return super().get_changeform_initial_data(request)
        names = ("kind", "on", "place", "reference", "is_public", "statement", "people", "note")
        return {"delivery": wrong.delivery_id} | {name: getattr(wrong, name) for name in names}

    def _to_correct(self, request: HttpRequest) -> Handover | None:
        """The entry that the address names. Its receipt stays with it."""
        named = request.GET.get("corrects", "")
        if not (named.isascii() and named.isdecimal() and len(named) < 19):
            return None
        own = sections_of(request.user, "delivery.handover")
        return self.get_queryset(request).filter(pk=int(named), delivery__campaign__section__in=own).first()

    @display(description=_("corrected"), empty_value="–")
    def corrected(self, entry: Handover) -> str | None:
        return entry.corrected_by.correction if hasattr(entry, "corrected_by") else None

    @display(description=_("receipt or reply"), empty_value="–")
    def attached(self, entry: Handover) -> str | None:
        if not entry.attachment:
            return None
        return format_html('<a href="{}">{}</a>', reverse("admin:signatures_handover_file", args=[entry.pk]), _("Open"))

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "delivery":  # chosen here, and written elsewhere
            widget = field.widget
            widget.can_add_related = widget.can_change_related = widget.can_view_related = False
        if db_field.name in ("statement", "note"):
            field.widget.attrs["rows"] = 4
        if db_field.name == "attachment":  # what the model takes; an iPhone makes a JPEG of its photo then
            field.widget.attrs["accept"] = "application/pdf,image/png,image/jpeg,.docx,.odt,.eml"
        return field

    def formfield_for_foreignkey(self, db_field: models.ForeignKey, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "delivery":
            own = sections_of(request.user, "delivery.handover")
            kwargs["queryset"] = Delivery.objects.ready().filter(campaign__section__in=own).select_related("campaign")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Handover, form: ModelForm, change: bool) -> None:
        record(obj, cast(User, request.user))

    def response_add(self, request: HttpRequest, obj: Handover, post_url_continue: str | None = None) -> HttpResponse:
        """Back to the packet, which shows the entry."""
        self.message_user(request, _("Entry added to the handover log."), messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:signatures_delivery_change", args=[obj.delivery_id]))

    def file(self, request: HttpRequest, object_id: str) -> FileResponse:
        """The receipt or answer, to those who may see the log."""
        if not self.has_view_permission(request):
            raise Http404
        entry = self.object_or_404(request, object_id)
        if not entry.attachment:
            raise Http404
        # By its name it could be a script, and scripts of our own address run here.
        return FileResponse(entry.attachment.open("rb"), as_attachment=True, content_type="application/octet-stream")

    def get_urls(self) -> list[URLPattern]:
        return [*self.pages_of_objects(file=require_GET(self.file)), *super().get_urls()]
