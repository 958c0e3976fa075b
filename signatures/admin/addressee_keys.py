"""Public keys of addressees: entered by one officer, approved by another, who proves it with their own key."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.decorators import display

from signatures.admin.isolated_page import isolated
from signatures.admin.refusals import ExplainsRefusals, RefusableForm
from signatures.desk import addressee_keys
from signatures.desk.recipients import key_in_use
from signatures.models import AddresseeKey
from staff.access import may
from staff.guarded_admin import GuardedAdmin
from staff.login.factors import reauthenticated
from staff.refusals import NotAllowed


class AddresseeKeyForm(RefusableForm):
    class Meta:
        model = AddresseeKey
        fields = ["addressee", "recipient", "agreement"]
        field_classes = {"recipient": forms.CharField}
        widgets = {"recipient": forms.Textarea}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if field := self.fields.get("recipient"):
            # What is pasted may have line breaks, and be something else altogether: it is looked at as it came.
            field.max_length, field.validators = None, []  # type: ignore[attr-defined]

    def clean_recipient(self) -> str:
        try:
            return addressee_keys.recipient_typed(self.cleaned_data["recipient"])
        except NotAllowed as refusal:
            raise forms.ValidationError(str(refusal)) from None


@admin.register(AddresseeKey)
class AddresseeKeyAdmin(ExplainsRefusals, GuardedAdmin):
    """Enter, approve, revoke. Nothing is edited, nothing deleted."""

    rights = {"add": "addressee_key.request"}
    pages = {
        "challenge": "addressee_key.approve",
        "approve": "addressee_key.approve",
        "revoke": "addressee_key.revoke",
        **dict.fromkeys(("changelist", "change"), "addressee_key.request or addressee_key.revoke"),
    }
    form = AddresseeKeyForm
    fields = ["addressee", "recipient", "agreement"]
    list_display = ["addressee", "key", "agreement", "state_label", "registered_at", "pinned_at", "revoked_at"]
    list_display_links = ["addressee", "key"]
    list_select_related = ["addressee", "proposal__requested_by", "proposal__decided_by"]
    list_filter = ["state"]

    def has_view_permission(self, request: HttpRequest, obj: AddresseeKey | None = None) -> bool:
        return any(may(request.user, action) for action in ("addressee_key.request", "addressee_key.revoke"))

    @display(
        description=_("status"),
        ordering="state",
        label={"waiting": "warning", "pinned": "success", "revoked": "danger"},
    )
    def state_label(self, key: AddresseeKey) -> tuple[str, str]:
        return key.state, key.get_state_display()

    @display(description=_("key"), ordering="recipient")
    def key(self, key: AddresseeKey) -> str:
        return key.short

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if hasattr(field.widget, "can_add_related"):
            field.widget.can_add_related = field.widget.can_change_related = field.widget.can_view_related = False
        return field

    def save_model(self, request: HttpRequest, obj: AddresseeKey, form: forms.ModelForm, change: bool) -> None:
        made = addressee_keys.enter(obj.addressee, obj.recipient, obj.agreement, cast(User, request.user))
        obj.__dict__.update(made.__dict__)

    def response_add(
        self, request: HttpRequest, obj: AddresseeKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        self.message_user(request, _("Entered. Someone else has to compare and approve it."), messages.SUCCESS)
        return HttpResponseRedirect(_page_of(obj))

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        key, user = self._key_or_404(request, object_id), cast(User, request.user)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Key of %s") % key.addressee,
            "key": key,
            "own": key.proposal.requested_by_id == user.pk,
            "agreed": addressee_keys.is_agreed(key),
            "may_approve": addressee_keys.may_approve(key, user),
            "my_key": key_in_use(user),
            "told": json.dumps(addressee_keys.expected_in_challenge(key)),
            "may_revoke": key.state != AddresseeKey.State.REVOKED and may(user, "addressee_key.revoke"),
        }
        return TemplateResponse(request, "signatures/desk/addressee_key.html", context)

    def challenge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """POST: have a worker make a challenge. GET: the challenge, once it is there."""
        key, user = self._key_or_404(request, object_id), cast(User, request.user)
        if not addressee_keys.may_approve(key, user):
            raise Http404
        try:
            if request.method == "POST":
                addressee_keys.ask_challenge(key, user)
            sealed, problem = addressee_keys.challenge_for(key, user)
        except NotAllowed as error:
            sealed, problem = None, str(error)
        box = base64.b64encode(sealed).decode() if sealed else ""
        return JsonResponse(
            {"state": "refused" if problem else "answered" if box else "asked", "answer": box, "words": problem}
        )

    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if not may(request.user, "addressee_key.approve"):
            raise Http404
        key = self._key_or_404(request, object_id)
        try:
            proof = base64.b64decode(request.POST.get("proof", ""), validate=True)
            addressee_keys.approve(key, cast(User, request.user), proof)
        except (NotAllowed, binascii.Error) as error:
            words = str(error) if isinstance(error, NotAllowed) else _("The proof did not match. Try again.")
            self.message_user(request, words, messages.WARNING)
        else:
            self.message_user(request, _("Approved. The key becomes active shortly."), messages.SUCCESS)
        return HttpResponseRedirect(_page_of(key))

    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        key = self._key_or_404(request, object_id)
        try:
            addressee_keys.revoke(key, cast(User, request.user))
        except NotAllowed as error:
            self.message_user(request, str(error), messages.WARNING)
        else:
            self.message_user(request, _("Revoked. Nothing will be encrypted to this key any more."), messages.SUCCESS)
        return HttpResponseRedirect(_page_of(key))

    def _key_or_404(self, request: HttpRequest, object_id: str) -> AddresseeKey:
        if not self.has_view_permission(request):
            raise Http404
        found = self.get_queryset(request).select_related(*self.list_select_related)
        return self.object_or_404(request, object_id, found)

    def get_urls(self) -> list[URLPattern]:
        """The page of one key is ours, without the admin's scripts: an identity may be in its memory."""
        wrap, name = self.admin_site.admin_view, "signatures_addresseekey"
        return [
            path("", wrap(self.changelist_view), name=f"{name}_changelist"),
            path("add/", wrap(reauthenticated(self.add_view)), name=f"{name}_add"),
            path("<str:object_id>/change/", isolated(wrap(self.change_view)), name=f"{name}_change"),
            path("<str:object_id>/challenge/", wrap(self.challenge), name=f"{name}_challenge"),
            path("<str:object_id>/approve/", wrap(require_POST(reauthenticated(self.approve))), name=f"{name}_approve"),
            path("<str:object_id>/revoke/", wrap(require_POST(self.revoke)), name=f"{name}_revoke"),
        ]


def _page_of(key: AddresseeKey) -> str:
    return reverse("admin:signatures_addresseekey_change", args=[key.pk])
