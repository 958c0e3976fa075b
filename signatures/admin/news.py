"""Updates, and sending one by mail to those signers who asked to be told."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from petitions.admin.content import UpdateContentAdmin
from petitions.admin.previews import preview
from petitions.models import Update
from signatures.desk import mailings
from signatures.desk.announcements import SAYING, frozen_in, unsaid
from signatures.models import Announcement, Mailing
from staff.access import may
from staff.login.factors import reauthenticated, recently_authenticated
from staff.models import Proposal
from staff.refusals import NotAllowed
from web.i18n.cldr import number


class UpdateForm(ModelForm):
    """Of a press release about a packet, the figures stay: the words around them are free."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        being_mailed = Mailing.objects.filter(update=self.instance.pk, begun_at__isnull=False, done_at=None).exists()
        if being_mailed and {"title", "lead", "language"} & set(self.changed_data):
            raise ValidationError(_("It is being mailed. Wait until that is done."))
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
    pages = {"mail": "mailing.request", "preview": "content.view"}
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
        return may(request.user, "mailing.request")

    @action(description=_("Send by e-mail"), url_path="mail", permissions=["mail"], icon="mail")
    def mail(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What became of its mails; before that, how it is prepared, tried and sent. No update goes out twice."""
        update = self.get_object(request, object_id)
        if update is None:
            raise Http404
        if not mailings.may_send(update, cast(User, request.user)):
            raise PermissionDenied
        if request.method == "POST":
            # What goes to thousands of mailboxes is not for a session that somebody left open.
            if not recently_authenticated(request):
                return cast(HttpResponse, reauthenticated(self.mail)(request, object_id))
            return self._do_with_mails(request, update)
        mailing = Mailing.objects.filter(update=update).select_related("test_for", "begun_by").first()
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Send by e-mail"),
            "original": update,
            "update": update,
            "published": _is_published(update),
            "mailing": mailing,
            "takes_two": mailing is not None and mailings.takes_two(mailing),
            "asked": _waiting_of(mailing),
            "person": request.user,
        }
        return TemplateResponse(request, "signatures/admin/mail.html", context)

    def _do_with_mails(self, request: HttpRequest, update: Update) -> HttpResponse:
        """`do`: prepare, test, send or ask."""
        by, do = cast(User, request.user), request.POST.get("do", "")
        mailing = Mailing.objects.filter(update=update).select_related("update__campaign").first()
        back = HttpResponseRedirect(reverse("admin:petitions_update_mail", args=[update.pk]))
        try:
            if do == "prepare" and _is_published(update):
                mailings.prepare(update, by)
                self.message_user(request, _("Being prepared. Nothing is sent before you say so."), messages.SUCCESS)
            elif mailing is not None and do == "test":
                mailings.send_test(mailing, by)
                self.message_user(request, _("A test e-mail is on its way to you."), messages.SUCCESS)
            elif mailing is not None and do == "send":
                mailings.send(mailing, by)
                self.message_user(request, _("The e-mails are being sent."), messages.SUCCESS)
            elif mailing is not None and do == "ask":
                made = mailings.propose_mailing(mailing, by, request.POST.get("reason", "").strip())
                return HttpResponseRedirect(reverse("admin:staff_proposal_change", args=[made.pk]))
        except NotAllowed as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
        return back

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


def _is_published(update: Update) -> bool:
    return Update.objects.published().filter(pk=update.pk).exists()


def _waiting_of(mailing: Mailing | None) -> Proposal | None:
    """What a second person has to decide on, of these very words."""
    if mailing is None:
        return None
    asked = Proposal.objects.waiting().filter(kind=Proposal.Kind.MAILING, subject__mailing=mailing.pk)
    return asked.filter(subject__text=mailing.text_sha256).first()
