"""Keys of officers: made in one's own browser, approved by somebody else. Their secret halves never come here."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.decorators import display

from signatures.admin.isolated_page import isolated
from signatures.desk import recipients
from signatures.models import Recipient
from staff.access import may
from staff.guarded_admin import GuardedAdmin
from staff.login.factors import reauthenticated
from staff.refusals import NotAllowed


@admin.register(Recipient)
class RecipientAdmin(GuardedAdmin):
    """Make, register, approve, revoke. Nothing is edited, nothing deleted."""

    rights = {"add": "recipient.register"}
    #: Of these keys, one's own; all of them for those who may take them out of use (known_to).
    pages = {
        "challenge": "recipient.approve",
        "approve": "recipient.approve",
        **dict.fromkeys(("changelist", "change", "revoke"), "recipient.register or recipient.revoke"),
    }
    list_display = ["officer", "key", "state_label", "registered_at", "pinned_at", "revoked_at"]
    list_display_links = ["officer", "key"]
    list_filter = ["state"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Recipient]:
        return recipients.known_to(cast(User, request.user))

    def has_view_permission(self, request: HttpRequest, obj: Recipient | None = None) -> bool:
        return any(may(request.user, action) for action in ("recipient.register", "recipient.revoke"))

    @display(
        description=_("status"),
        ordering="state",
        label={"waiting": "warning", "pinned": "success", "revoked": "danger"},
    )
    def state_label(self, key: Recipient) -> tuple[str, str]:
        return key.state, key.get_state_display()

    @display(description=_("key"), ordering="recipient")
    def key(self, key: Recipient) -> str:
        return key.short

    # --- one's own ---------------------------------------------------------------------------------------------

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The page on which the browser makes an identity; what comes back is its public half."""
        if not self.has_add_permission(request):
            raise Http404
        officer, problem = cast(User, request.user), ""
        if request.method == "POST":
            try:
                made = recipients.register(officer, request.POST.get("recipient", "").strip())
            except NotAllowed as error:
                problem = str(error)
            else:
                return HttpResponseRedirect(reverse("admin:signatures_recipient_change", args=[made.pk]))
        context = {
            "title": _("Create a key"),
            "in_use": recipients.key_in_use(officer),
            "username": officer.username,
            "problem": problem,
        }
        return self._page(request, "signatures/desk/make_key.html", context)

    # --- one key ------------------------------------------------------------------------------------------------

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        key, user = self._key_or_404(request, object_id), cast(User, request.user)
        context = {
            "title": _("Key of %s") % key.officer,
            "key": key,
            "own": key.officer_id == user.pk,
            "agreed": recipients.is_agreed(key),
            "may_approve": recipients.may_approve(key, user),
            "nobody_can": recipients.nobody_can_approve(key),
            "my_key": recipients.key_in_use(user),
            "told": json.dumps({"officer": key.officer.username, "recipient": key.recipient}),
            "may_revoke": key.state != Recipient.State.REVOKED and self._may_revoke(key, user),
        }
        return self._page(request, "signatures/desk/key.html", context)

    def challenge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """POST: have a worker make a challenge. GET: the challenge, once it is there."""
        key, user = self._key_or_404(request, object_id), cast(User, request.user)
        if not recipients.may_approve(key, user):
            raise Http404
        try:
            if request.method == "POST":
                recipients.ask_challenge(key, user)
            sealed, problem = recipients.challenge_for(key, user)
        except NotAllowed as error:
            sealed, problem = None, str(error)
        box = base64.b64encode(sealed).decode() if sealed else ""
        return JsonResponse(
            {"state": "refused" if problem else "answered" if box else "asked", "answer": box, "words": problem}
        )

    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if not may(request.user, "recipient.approve"):
            raise Http404
        key = self._key_or_404(request, object_id)
        try:
            proof = base64.b64decode(request.POST.get("proof", ""), validate=True)
            recipients.approve(key, cast(User, request.user), proof)
        except (NotAllowed, binascii.Error) as error:
            words = str(error) if isinstance(error, NotAllowed) else _("The proof did not match. Try again.")
            self.message_user(request, words, messages.WARNING)
        else:
            self.message_user(request, _("Approved. The key becomes active shortly."), messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:signatures_recipient_change", args=[key.pk]))

    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        key = self._key_or_404(request, object_id)
        try:
            recipients.revoke(key, cast(User, request.user))
        except NotAllowed as error:
            self.message_user(request, str(error), messages.WARNING)
        else:
            self.message_user(request, _("Revoked. Nothing will be encrypted to this key any more."), messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:signatures_recipient_change", args=[key.pk]))

    def _may_revoke(self, key: Recipient, user: User) -> bool:
        return key.officer_id == user.pk or may(user, "recipient.revoke")

    def _key_or_404(self, request: HttpRequest, object_id: str) -> Recipient:
        if not self.has_view_permission(request):
            raise Http404
        return self.object_or_404(request, object_id)

    def _page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        return TemplateResponse(
            request, template, {**self.admin_site.each_context(request), "opts": self.opts, **context}
        )

    def get_urls(self) -> list[URLPattern]:
        """Addresses of our own, and the admin's list; its pages for one row are ours too, without its scripts."""
        wrap, name = self.admin_site.admin_view, "signatures_recipient"
        return [
            path("", wrap(self.changelist_view), name=f"{name}_changelist"),
            path("add/", isolated(wrap(reauthenticated(self.add_view))), name=f"{name}_add"),
            path("<str:object_id>/change/", isolated(wrap(self.change_view)), name=f"{name}_change"),
            path("<str:object_id>/challenge/", wrap(self.challenge), name=f"{name}_challenge"),
            path("<str:object_id>/approve/", wrap(require_POST(reauthenticated(self.approve))), name=f"{name}_approve"),
            path("<str:object_id>/revoke/", wrap(require_POST(self.revoke)), name=f"{name}_revoke"),
        ]
