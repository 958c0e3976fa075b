"""Rulings: what a moderator decides about all signatures that came alike, or about some by their references. A worker
looks up and carries out."""

from __future__ import annotations

import datetime
import re
import unicodedata
from typing import Any, Final, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from petitions.models import Campaign
from signatures.models import Reason, Ruling, Source
from signatures.models.screening import MOST_REFERENCES, REASONS
from signatures.notify_worker import notify_worker
from staff import audit
from staff.access import may
from staff.guarded_admin import GuardedAdmin
from staff.login.factors import reauthenticated
from staff.refusals import violated_constraint

LABELS: Final = {
    "network": _("Network"),
    "wide": _("Wider network"),
    "domain": _("Mail domain"),
    "comment": _("Comment"),
}
State = Ruling.State
MANY: Final = _(
    "You have excluded more than 20 signatures today, with these. Another moderator has to confirm this ruling first."
)
#: Each step: from which states, and to which.
STEPS: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "carry_out": ((State.READY,), State.RUNNING),
    "stop": ((State.ASKED, State.READY, State.RUNNING), State.CANCELLED),
    "undo": ((State.DONE, State.CANCELLED), State.UNDOING),
}


class RulingForm(forms.ModelForm):
    """Which signatures: all that is filled in has to be so. Labels are those of the dashboard and the review list."""

    network = forms.RegexField("^[0-9a-f]{16}$", label=LABELS["network"], required=False)
    wide = forms.RegexField("^[0-9a-f]{16}$", label=LABELS["wide"], required=False)
    domain = forms.RegexField("^[0-9a-f]{16}$", label=LABELS["domain"], required=False)
    comment = forms.RegexField("^[0-9a-f]{16}$", label=LABELS["comment"], required=False)
    why = forms.ChoiceField(label=_("Flag"), required=False, widget=UnfoldAdminSelectWidget)
    source = forms.ChoiceField(label=_("Source"), required=False, widget=UnfoldAdminSelectWidget)
    signatures = forms.CharField(
        label=_("References"),
        required=False,
        help_text=_("Of single signatures, as the list of those held for review shows them, with spaces between."),
    )
    since = forms.SplitDateTimeField(label=_("From (hour)"), required=False, widget=UnfoldAdminSplitDateTimeWidget)
    until = forms.SplitDateTimeField(label=_("Before (hour)"), required=False, widget=UnfoldAdminSplitDateTimeWidget)

    class Meta:
        model = Ruling
        fields = ["campaign", "verb", "reason"]
        widgets = {"reason": UnfoldAdminTextareaWidget(attrs={"rows": 2})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in (*LABELS, "signatures"):
            self.fields[name].widget = UnfoldAdminTextInputWidget(attrs={"dir": "ltr", "spellcheck": "false"})
            self.fields[name].initial = self.initial.get(name)
        anything = ("", "–")
        cast(forms.ChoiceField, self.fields["why"]).choices = [
            anything, *((reason.name, words) for reason, words in REASONS.items())
        ]  # fmt: skip
        cast(forms.ChoiceField, self.fields["source"]).choices = [anything, *Source.choices]

    def clean_signatures(self) -> list[int]:
        """What is pasted of a list: numbers, whatever stands between them."""
        typed = re.split(r"[\s,;#]+", unicodedata.normalize("NFKC", self.cleaned_data["signatures"]).strip(" ,;#"))
        references = sorted({int(one) for one in typed if one.isdecimal() and len(one) < 19})
        if len(references) > MOST_REFERENCES:
            raise forms.ValidationError(_("Name at most %d signatures in one ruling.") % MOST_REFERENCES)
        if not all(one.isdecimal() and 0 < len(one) < 19 and int(one) for one in filter(None, typed)):
            raise forms.ValidationError(_("Enter references only: whole numbers, with spaces between."))
        return references

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        query = {name: cleaned[name] for name in (*LABELS, "source", "signatures") if cleaned.get(name)}
        if cleaned.get("why"):
            query["reason"] = Reason[cleaned["why"]].name
        for name in ("since", "until"):
            if moment := cleaned.get(name):
                query[name] = cast(datetime.datetime, moment).isoformat()
        if not query and not self.errors:
            raise forms.ValidationError(_("Fill in at least one criterion."))
        self.instance.query = query
        return cleaned


@admin.register(Ruling)
class RulingAdmin(GuardedAdmin):
    rights = {"view": "ruling.view", "add": "ruling.make"}
    pages = dict.fromkeys(STEPS, "ruling.make") | {"confirm": "ruling.approve"}
    section_lookup = "campaign__section"
    form = RulingForm
    list_display = ["campaign", "verb", "state", "touched", "made_by", "made_at"]
    list_filter = ["state", "verb"]
    list_select_related = ["campaign__section", "made_by"]
    fieldsets = [
        (None, {"fields": ["campaign", "verb", "reason"]}),
        (_("Criteria"), {"fields": ["signatures", *LABELS, "why", "source", "since", "until"]}),
    ]

    def section_of(self, obj: Ruling) -> Campaign:
        return obj.campaign

    def save_model(self, request: HttpRequest, obj: Ruling, form: forms.ModelForm, change: bool) -> None:
        obj.made_by = cast(User, request.user)
        super().save_model(request, obj, form, change)
        detail = {"ruling": obj.pk, "campaign": obj.campaign_id, "verb": obj.verb, "query": obj.query}
        audit.append(obj.made_by, "ruling.make", obj.campaign.section, obj.reason, detail)
        notify_worker("apply_rulings")

    def response_add(self, request: HttpRequest, obj: Ruling, post_url_continue: str | None = None) -> HttpResponse:
        self.message_user(
            request, _("Counting the matching signatures. Nothing changes until you confirm."), messages.INFO
        )
        return HttpResponseRedirect(_url(obj))

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """How many, how far, and what may be done now."""
        ruling = self._ruling_or_404(request, object_id)
        acts = may(request.user, "ruling.make", ruling.campaign)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": str(ruling),
            "original": ruling,
            "ruling": ruling,
            "which": [(_words(key), _as_text(value)) for key, value in sorted(ruling.query.items())],
            "steps": [step for step, (states, _to) in STEPS.items() if acts and ruling.state in states],
            "may_confirm": self._may_confirm(request, ruling),
            "waiting": ruling.state in (State.ASKED, State.RUNNING, State.UNDOING),
        }
        return TemplateResponse(request, "signatures/admin/ruling.html", context)

    def _ruling_or_404(self, request: HttpRequest, object_id: str) -> Ruling:
        if not self.has_view_permission(request):
            raise Http404
        found = self.get_queryset(request).select_related(*self.list_select_related)
        return self.object_or_404(request, object_id, found)

    def _step(self, request: HttpRequest, object_id: str, step: str) -> HttpResponse:
        """One conditional UPDATE: whoever was slower finds nothing to change, and is told so."""
        ruling = self._ruling_or_404(request, object_id)
        if not may(request.user, "ruling.make", ruling.campaign):
            self.message_user(request, _("Your role does not allow this."), messages.ERROR)
        elif self._took_or_told(request, ruling, step):
            notify_worker("apply_rulings")
        else:
            self.message_user(
                request, _("Its status has changed in the meantime. Check it and try again."), messages.WARNING
            )
        return HttpResponseRedirect(_url(ruling))

    def _took_or_told(self, request: HttpRequest, ruling: Ruling, step: str) -> bool:
        try:
            return self._took(request, ruling, step)
        except IntegrityError as error:
            if violated_constraint(error) != "ruling_many_need_two_people":
                raise
            self.message_user(request, MANY, messages.ERROR)
            return True

    def _may_confirm(self, request: HttpRequest, ruling: Ruling) -> bool:
        """Whether this person may make it last: somebody else's, that takes signatures out of the count."""
        open_still = ruling.state in (State.READY, State.RUNNING, State.DONE) and ruling.confirmed_by_id is None
        others = ruling.made_by_id != request.user.pk and may(request.user, "ruling.approve", ruling.campaign)
        return open_still and others and ruling.verb != Ruling.Verb.COUNT

    def confirm(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The second person: what runs or is done lasts; what waited for them begins."""
        ruling = self._ruling_or_404(request, object_id)
        if not self._may_confirm(request, ruling):
            self.message_user(request, _("Someone else has to confirm it."), messages.ERROR)
            return HttpResponseRedirect(_url(ruling))
        to = State.RUNNING if ruling.state == State.READY else ruling.state
        with transaction.atomic():
            same = Ruling.objects.filter(pk=ruling.pk, state=ruling.state, confirmed_by=None)
            if same.update(state=to, confirmed_by=cast(User, request.user)):
                detail = {"ruling": ruling.pk, "campaign": ruling.campaign_id, "would_touch": ruling.would_touch}
                audit.append(cast(User, request.user), "ruling.approve", ruling.campaign.section, "", detail)
                notify_worker("apply_rulings")
                self.message_user(request, _("Confirmed. It lasts until somebody undoes it."), messages.SUCCESS)
            else:
                self.message_user(
                    request, _("Its status has changed in the meantime. Check it and try again."), messages.WARNING
                )
        return HttpResponseRedirect(_url(ruling))

    def _took(self, request: HttpRequest, ruling: Ruling, step: str) -> bool:
        states, to = STEPS[step]
        with transaction.atomic():
            if not Ruling.objects.filter(pk=ruling.pk, state__in=states).update(state=to):
                return False
            detail = {"ruling": ruling.pk, "campaign": ruling.campaign_id, "would_touch": ruling.would_touch}
            audit.append(cast(User, request.user), f"ruling.{step}", ruling.campaign.section, "", detail)
        return True

    def get_urls(self) -> list[URLPattern]:
        def view(step: str) -> Any:
            return require_POST(lambda request, object_id: self._step(request, object_id, step))

        steps = {step: view(step) if step == "stop" else reauthenticated(view(step)) for step in STEPS}
        confirm = require_POST(reauthenticated(self.confirm))
        return [*self.pages_of_objects(confirm=confirm, **steps), *super().get_urls()]


def _words(key: str) -> str | Promise:
    more = {"since": _("From (hour)"), "until": _("Before (hour)"), "source": _("Source"), "reason": _("Flag")}
    return {**LABELS, **more, "signatures": _("References")}.get(key, key)


def _as_text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _url(ruling: Ruling) -> str:
    return reverse("admin:signatures_ruling_change", args=[ruling.pk])
