"""Updates, and sending one by mail to those signers who asked to be told."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from petitions.access import may
from petitions.admin import UpdateContentAdmin
from petitions.models import Update
from petitions.previewing import preview
from signatures.doorbell import ring
from signatures.models import Mailing


@admin.register(Update)
class UpdateAdmin(UpdateContentAdmin):
    pages = {"mail": "content.change", "preview": "content.view"}
    actions_detail = ["preview", "mail", "translations"]

    def has_mail_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return may(request.user, "content.change")

    @action(description=_("Send by mail"), url_path="mail", permissions=["mail"], icon="mail")
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
            self.log_change(request, update, "mailed")
            ring("spread_news")
            self.message_user(request, _("It is being sent."), messages.SUCCESS)
            return HttpResponseRedirect(reverse("admin:petitions_update_mail", args=[update.pk]))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Send by mail"),
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
        """unfold names an action's address after the method and a hash; ours are linked to by name."""
        pages = [
            path(f"<path:object_id>/{name}/", self.admin_site.admin_view(view), name=f"petitions_update_{name}")
            for name, view in (("mail", self.mail), ("preview", self.preview))
        ]
        return [*pages, *super().get_urls()]
