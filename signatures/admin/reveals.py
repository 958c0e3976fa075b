"""Looking at signatures: the page on which an officer asks, and the addresses its script talks to."""

from __future__ import annotations

import base64
import uuid
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST
from unfold.decorators import display

from petitions.models import Campaign
from signatures.admin.isolated_page import isolated
from signatures.desk import recipients, reveals
from signatures.models import Purpose, Reveal
from staff.access import may
from staff.guarded_admin import GuardedAdmin
from staff.login.factors import reauthenticated
from staff.refusals import NotAllowed
from web.models import Section


class SealedField(forms.CharField):
    """Bytes that a script sealed, as base64."""

    def clean(self, value: Any) -> bytes | None:
        text = super().clean(value)
        try:
            return base64.b64decode(text, validate=True) or None
        except ValueError:
            raise forms.ValidationError(_("Your request arrived damaged. Send it again.")) from None


class QuestionForm(forms.Form):
    """What an officer asks. The address itself is in no field: only the box that the browser made of it."""

    kind = forms.ChoiceField(choices=Reveal.Kind)
    campaign = forms.ModelChoiceField(Campaign.objects.none(), required=False, label=_("Campaign"))
    section = forms.ModelChoiceField(Section.objects.none(), required=False, label=_("Section"))
    number = forms.IntegerField(min_value=1, max_value=2**53, required=False, label=_("Signature number"))
    query = SealedField(max_length=6000, required=False)
    page = forms.IntegerField(min_value=1, max_value=1_000_000, required=False, label=_("Page"))
    purpose = forms.ChoiceField(choices=Purpose, label=_("Purpose"))
    reason = forms.CharField(
        min_length=4,
        max_length=200,
        label=_("Reason or case reference"),
        help_text=_("Kept unencrypted in the audit trail, where others read it. Never enter a name or an address."),
    )

    def __init__(self, officer: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind = self.data.get("kind", "")
        if kind in Reveal.Kind.values:
            self._offer("campaign", reveals.campaigns_for(officer, Reveal.Kind(kind)))
            self._offer("section", reveals.sections_for(officer, Reveal.Kind(kind)))

    def _offer(self, field: str, choices: QuerySet[Any]) -> None:
        cast(forms.ModelChoiceField, self.fields[field]).queryset = choices

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        where = "section" if cleaned.get("kind") == Reveal.Kind.EMAIL else "campaign"
        needed = {"number": "number", "email": "query", "list": "page"}.get(cleaned.get("kind", ""))
        for field in filter(None, (where, needed)):
            if field not in self.errors and not cleaned.get(field):
                self.add_error(field, _("This field is required."))
        return cleaned

    def question(self) -> reveals.Question:
        """What was asked, without what belongs to another kind."""
        given = self.cleaned_data
        kind = Reveal.Kind(given["kind"])
        where = given["section"] if kind is Reveal.Kind.EMAIL else given["campaign"]
        one = {"number": "number", "email": "query", "list": "page"}[kind]
        return reveals.Question(kind, where, given["purpose"], given["reason"], **{one: given[one]})


@admin.register(Reveal)
class RevealAdmin(GuardedAdmin):
    """One's own questions, and the page to ask. Answers are read by the browser that asked, nowhere else."""

    #: One's own, each of a kind and in a section that is asked about again (desk/reveals.py, and by the worker).
    pages = dict.fromkeys(
        ("changelist", "add", "ask", "answer", "close"), "reveal.number or reveal.email or reveal.list"
    ) | {"packet": "delivery.download"}
    list_display = ["asked_at", "kind", "campaign", "section", "purpose", "state_label"]
    list_display_links = None
    list_select_related = ["campaign", "section"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Reveal]:
        return Reveal.objects.filter(officer=cast(User, request.user)).defer("answer", "query")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(reveals.kinds_for(cast(User, request.user)))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    @display(description=_("status"), ordering="state", label={"answered": "success", "refused": "danger"})
    def state_label(self, reveal: Reveal) -> tuple[str, str]:
        return reveal.state, reveal.get_state_display()

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The page. It asks, waits, opens and forgets by itself (static/js/desk/reveal.js)."""
        if not self.has_add_permission(request):
            raise Http404
        officer = cast(User, request.user)
        kinds = reveals.kinds_for(officer)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Look up a signature"),
            "form": QuestionForm(officer),
            "kinds": kinds,
            "campaigns": {kind.value: reveals.campaigns_for(officer, kind) for kind in kinds},
            "sections": reveals.sections_for(officer, Reveal.Kind.EMAIL),
            "my_key": recipients.key_in_use(officer),
            "desk_key": reveals.desk_key(),
            "username": officer.username,
            "may_rule": may(officer, "ruling.make"),
        }
        return TemplateResponse(request, "signatures/desk/reveal.html", context)

    def ask(self, request: HttpRequest) -> HttpResponse:
        """The page's question; 422 with words where it cannot be asked."""
        if not self.has_add_permission(request):
            raise Http404
        officer = cast(User, request.user)
        form = QuestionForm(officer, request.POST)
        if not form.is_valid():
            return JsonResponse(
                {"errors": {field: [str(e) for e in errors] for field, errors in form.errors.items()}}, status=422
            )
        try:
            asked = reveals.ask(officer, form.question())
        except NotAllowed as error:
            return JsonResponse({"errors": {"__all__": [str(error)]}}, status=422)
        return JsonResponse({"reveal": str(asked.pk)}, status=201)

    def answer(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
        """How far a question is; the answer as ciphertext."""
        mine = Reveal.objects.filter(officer=cast(User, request.user)).select_related("campaign__section", "section")
        progress = reveals.progress(get_object_or_404(mine, pk=object_id), cast(User, request.user))
        box = base64.b64encode(progress.answer).decode() if progress.answer else ""
        return JsonResponse({"state": progress.state, "answer": box, "words": progress.words})

    def close(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
        mine = Reveal.objects.filter(officer=cast(User, request.user))
        reveals.close(get_object_or_404(mine, pk=object_id))
        return HttpResponse(status=204)

    def open_packet(self, request: HttpRequest) -> HttpResponse:
        """The page on which the browser opens a packet; nothing of it comes here."""
        if not may(request.user, "delivery.download"):
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Open a packet"),
            "my_key": recipients.key_in_use(cast(User, request.user)),
        }
        return TemplateResponse(request, "signatures/desk/open_packet.html", context)

    def get_urls(self) -> list[URLPattern]:
        wrap, name = self.admin_site.admin_view, "signatures_reveal"
        return [
            path("", wrap(self.changelist_view), name=f"{name}_changelist"),
            path("add/", isolated(wrap(require_GET(reauthenticated(self.add_view)))), name=f"{name}_add"),
            path("ask/", wrap(require_POST(reauthenticated(self.ask))), name=f"{name}_ask"),
            path("packet/", isolated(wrap(require_GET(self.open_packet))), name=f"{name}_packet"),
            path("<uuid:object_id>/answer/", wrap(require_GET(self.answer)), name=f"{name}_answer"),
            path("<uuid:object_id>/close/", wrap(require_POST(self.close)), name=f"{name}_close"),
        ]
