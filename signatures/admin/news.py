"""Updates, and sending one by mail to those signers who asked to be told."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from petitions.admin.content import UpdateContentAdmin
from petitions.admin.previews import preview
from petitions.models import Update
from signatures.desk.announcements import SAYING, frozen_in, unsaid
from signatures.models import Announcement, Mailing
from signatures.notify_worker import notify_worker
from staff.access import may
from web.i18n.cldr import number


class UpdateForm(ModelForm):
    """Of a press release about a packet, the figures stay: the words around them are free."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        announcement = announcement_of(self.instance)
        if announcement and not self.errors:
            # construct_instance() fills the instance only after this.
            for name in (*SAYING, "language"):
                setattr(self.instance, name, cleaned.get(name, getattr(self.instance, name)))
            if missing := unsaid(announcement, self.instance):
                self.add_error(
                    "title",
                    _("These figures are fixed and must appear in the title, lead or text: %s.") % ", ".join(missing),
                )
        return cleaned


def announcement_of(update: Update) -> Announcement | None:
    if update.pk is None:  # it is just being written
        return None
    return Announcement.objects.filter(update=update).select_related("delivery__campaign").first()


@admin.register(Update)
class UpdateAdmin(UpdateContentAdmin):
    form = UpdateForm
    pages = {"mail": "content.change", "preview": "content.view"}
    actions_detail = ["preview", "mail", "translations"]

    def get_fieldsets(self, request: HttpRequest, obj: Update | None = None) -> Any:
        """Above a press release about a packet: what is frozen in it."""
        fieldsets = super().get_fieldsets(request, obj)
        return [(None, {"fields": ["frozen"]}), *fieldsets] if obj and announcement_of(obj) else fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Update | None = None) -> Any:
        return [*super().get_readonly_fields(request, obj), "frozen"]

    @display(description=_("fixed figures"))
    def frozen(self, update: Update) -> str:
        announcement = announcement_of(update)
        if announcement is None:
            return ""
        words = {"figures": ", ".join(map(number, frozen_in(announcement))), "packet": announcement.delivery}
        return (
            _(
                "%(figures)s, from the manifest of %(packet)s. They must appear in the title, lead or text in "
                "every language; everything else is yours to write."
            )
            % words
        )

    def look_at_translations(self, request: HttpRequest, obj: Update) -> None:
        announcement = announcement_of(obj)
        if announcement and (missing := unsaid(announcement, obj)):
            said = _("These fixed figures are missing: %s.") % ", ".join(missing)
            self.message_user(request, said, messages.WARNING)

    def has_mail_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return may(request.user, "content.change")

    @action(description=_("Send by e-mail"), url_path="mail", permissions=["mail"], icon="mail")
    def mail(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What became of its mails, or a button that has them sent. Once: no update goes out twice."""
        update = self.get_object(request, object_id)
        if update is None:
            raise Http404
        if not may(request.user, "content.change", update.campaign):
            raise PermissionDenied
        published = Update.objects.published().filter(pk=update.pk).exists()
        if request.method == "POST" and published:
            Mailing.objects.get_or_create(update=update)
            notify_worker("spread_news")
            self.message_user(request, _("The e-mails are being sent."), messages.SUCCESS)
            return HttpResponseRedirect(reverse("admin:petitions_update_mail", args=[update.pk]))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Send by e-mail"),
            "original": update,
            "update": update,
            "published": published,
            "mailing": Mailing.objects.filter(update=update).first(),
        }
        return TemplateResponse(request, "signatures/admin/mail.html", context)

    def has_preview_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return may(request.user, "content.view")

    @action(description=_("Preview"), url_path="preview", permissions=["preview"], icon="visibility")
    def preview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The update as readers will see it, published or not."""
        update = self.get_object(request, object_id)
        if update is None:
            raise Http404
        back = reverse("admin:petitions_update_change", args=[update.pk])
        shown = {"update": update, "campaign": update.campaign, "back": back}
        return preview(request, "petitions/admin/preview_update.html", lambda: shown)

    def get_urls(self) -> list[URLPattern]:
        return [*self.pages_of_objects(mail=self.mail, preview=self.preview), *super().get_urls()]
