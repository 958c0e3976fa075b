"""Campaigns with their exact counts."""

from __future__ import annotations

import datetime
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.decorators import action, display

from petitions.admin.content import CampaignContentAdmin, CampaignContentForm, was_signed
from petitions.admin.previews import preview
from petitions.desk.lifecycle import STEPS, NotNow, possible_steps, why_not
from petitions.models import Campaign, CampaignQuerySet, ClaimSnapshot
from signatures.admin.corrections import CorrectionForm
from signatures.admin.refusals import NARROWED_BY_TWO, ONLY_NARROWER, ExplainsRefusals, RefusableForm
from signatures.desk.deliveries import allowed_profiles
from signatures.desk.drafts import can_go, delete_draft
from signatures.desk.lifecycle import TIMES, note_times, take_step
from signatures.desk.statistics import exact_tally, tally_rows
from signatures.desk.takedowns import confirm_takedown, may_confirm, propose_restoration, standing_takedown
from signatures.models import Register, SigningRules
from signatures.notify_worker import notify_worker
from signatures.public_figures.saved_figures import take_snapshot
from signatures.views.campaign_page import campaign_page
from staff.access import may
from staff.guarded_admin import GuardedInline
from staff.login.factors import reauthenticated, recently_authenticated
from staff.refusals import NotAllowed
from web.spreadsheets import csv_text


class CampaignForm(RefusableForm, CampaignContentForm):
    """Explains what the campaign's guard would refuse."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self.instance.pk and Register.objects.filter(campaign=self.instance, last_number__gt=0).exists():
            self._promise_only_narrows(cleaned)
        return cleaned

    def _promise_only_narrows(self, cleaned: dict[str, Any]) -> None:
        before = self.instance  # not yet touched: the form copies its values into it after clean()
        allowed = [profile.value for profile in allowed_profiles(before, before.addressee)]
        for field, fits in (
            ("disclosure", cleaned.get("disclosure") in allowed),
            ("at_risk", bool(cleaned.get("at_risk")) or not before.at_risk),
        ):
            if field in cleaned and cleaned[field] != getattr(before, field):
                self.add_error(field, NARROWED_BY_TWO if fits else ONLY_NARROWER)
        if "addressee" in cleaned and cleaned["addressee"] != before.addressee:
            self.add_error(
                "addressee",
                _("People have already signed it with a different addressee. Create a new campaign instead."),
            )


class SigningRulesInline(GuardedInline):
    """Proof of work and the reminder."""

    model = SigningRules
    fields = ["proof_of_work", "remind_after_days"]


@admin.register(Campaign)
class CampaignAdmin(ExplainsRefusals, CampaignContentAdmin):
    form = CampaignForm
    pages = {
        "tally": "tally.view",
        "export": "tally.view",
        "claim": "content.change",
        "life": "campaign.view",
        "preview": "campaign.view",
        "correct": "correction.request",
        "confirm_takedown": "takedown.confirm",
        "bring_back": "restoration.request",
    }
    inlines = [*CampaignContentAdmin.inlines, SigningRulesInline]
    list_display = ["title", "state_label", "total", "updated_on", "tally_link"]
    list_select_related = ["register"]
    actions_detail = ["preview", "life", "translations", "correct", "tally"]

    @display(
        description=_("status"),
        ordering="state",
        label={
            "open": "success",
            "closed": "warning",
            "paused": "warning",
            "announced": "info",
            "draft": "info",
            "review": "info",
        },
    )
    def state_label(self, campaign: Campaign) -> tuple[str, str]:
        """As it is by the clock: what was to close by now has closed, and what is to open later is announced."""
        if campaign.is_paused:
            return "paused", str(_("Paused"))
        if campaign.opens_later():
            return "announced", str(_("Announced"))
        if campaign.state == Campaign.State.OPEN and campaign.has_closed():
            return "closed", str(_("Closed"))
        return campaign.state, campaign.get_state_display()

    def get_queryset(self, request: HttpRequest) -> CampaignQuerySet:
        return cast(CampaignQuerySet, super().get_queryset(request)).with_updated_on()

    @display(description=_("last update"), ordering="updated_on")
    def updated_on(self, campaign: Campaign) -> datetime.date | None:
        return campaign.updated_on

    @display(description=_("signatures"), ordering="register__counted")
    def total(self, campaign: Campaign) -> str:
        return f"{campaign.register.counted:,}" if hasattr(campaign, "register") else "–"

    @display(description=_("tally"))
    def tally_link(self, campaign: Campaign) -> str:
        url = reverse("admin:petitions_campaign_tally", args=[campaign.pk])
        return format_html('<a class="text-link" href="{}">{}</a>', url, _("Tally"))

    def get_list_display(self, request: HttpRequest) -> list[str]:
        columns = list(super().get_list_display(request))
        return columns if self.has_tally_permission(request) else [c for c in columns if c != "tally_link"]

    def save_model(self, request: HttpRequest, obj: Campaign, form: forms.ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not set(TIMES).isdisjoint(form.changed_data):
            note_times(obj, cast(User, request.user))
        if not hasattr(obj, "key"):
            notify_worker("provision")
            self.message_user(request, _("Encryption keys are being created; it can be opened shortly."), messages.INFO)

    def has_delete_permission(self, request: HttpRequest, obj: Campaign | None = None) -> bool:
        """Of drafts that were never public, one by one."""
        return obj is not None and super().has_delete_permission(request, obj) and can_go(obj)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What is asked about before: the draft. What of it protects it, the database says (desk/drafts.py)."""
        return [str(campaign) for campaign in objs], {}, set(), []

    def delete_model(self, request: HttpRequest, obj: Campaign) -> None:
        delete_draft(obj, cast(User, request.user))

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except NotAllowed as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return HttpResponseRedirect(reverse("admin:petitions_campaign_change", args=[object_id]))

    def has_tally_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return may(request.user, "tally.view")

    @action(description=_("Tally"), url_path="tally", permissions=["tally"], icon="bar_chart")
    def tally(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A page of its own under unfold's button. It only reads, so that a link may lead to it."""
        campaign = self._for_tally(request, object_id)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Tally"),
            "original": campaign,
            "campaign": campaign,
            "tally": exact_tally(campaign),
            "claims": campaign.claims.all(),
            "may_claim": may(request.user, "content.change", campaign),
        }
        return TemplateResponse(request, "signatures/admin/tally.html", context)

    def export(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The aggregates of the tally page as CSV: sums only, for there is nothing else to be had here."""
        campaign = self._for_tally(request, object_id)
        table = csv_text(("dimension", "key", "signatures"), tally_rows(campaign))
        response = HttpResponse(table, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{campaign.slug}-tally.csv"'
        response["Cache-Control"] = "no-store"
        return response

    def claim(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """POST: store the public figures of this moment under a name, for texts to refer to."""
        campaign = self._for_tally(request, object_id)
        if not may(request.user, "content.change", campaign):
            raise PermissionDenied
        name = request.POST.get("name", "")
        form = forms.modelform_factory(ClaimSnapshot, fields=["name"])({"name": name})
        if not form.is_valid():
            self.message_user(
                request, _("Use only lower-case letters, digits and hyphens in the name."), messages.ERROR
            )
        elif campaign.claims.filter(name=name).exists():
            self.message_user(request, _("There are already saved figures with this name."), messages.ERROR)
        else:
            take_snapshot(campaign, name)
            self.message_user(request, _("Figures saved. Texts can now refer to them."), messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:petitions_campaign_tally", args=[campaign.pk]))

    def _for_tally(self, request: HttpRequest, object_id: str) -> Campaign:
        return self._for(request, object_id, "tally.view")

    def _for(self, request: HttpRequest, object_id: str, action: str) -> Campaign:
        """The campaign of an address, for whoever may do this there."""
        campaign: Campaign | None = self.get_object(request, object_id)
        if campaign is None:
            raise Http404
        if not may(request.user, action, campaign):
            raise PermissionDenied
        return campaign

    def has_life_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return may(request.user, "campaign.view")

    @action(description=_("Status and next steps"), url_path="life", permissions=["life"], icon="signpost")
    def life(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Where the campaign is, where it can go from there, and who may not and why. POST takes one step; a reason
        that was refused is still there to be mended."""
        campaign = self.get_object(request, object_id)
        if campaign is None:
            raise Http404
        if request.method == "POST":
            if request.POST.get("step") == "take_down" and not recently_authenticated(request):
                # What takes a page away from everybody is not for a session that somebody left open.
                return cast(HttpResponse, reauthenticated(self.life)(request, object_id))
            if self._take_step(request, campaign):
                return _life_of(campaign)
        takedown = standing_takedown(campaign)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Status and next steps"),
            "original": campaign,
            "campaign": campaign,
            "typed": request.POST,
            "steps": [
                {"step": step, "why_not": why_not(campaign, step, request.user)} for step in possible_steps(campaign)
            ],
            "takedown": takedown,
            "may_confirm": takedown is not None and may_confirm(takedown, cast(User, request.user)),
            "may_bring_back": takedown is not None and may(request.user, "restoration.request", campaign),
        }
        return TemplateResponse(request, "petitions/admin/lifecycle.html", context)

    def confirm_takedown(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """POST: the second person, so that it stays down."""
        campaign = self._for(request, object_id, "takedown.confirm")
        takedown = standing_takedown(campaign)
        try:
            if takedown is None:
                raise NotAllowed(_("Its status has changed in the meantime. Check it and try again."))
            confirm_takedown(takedown, cast(User, request.user))
        except NotAllowed as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
        else:
            self.message_user(request, _("Confirmed: it stays down."), messages.SUCCESS)
        return _life_of(campaign)

    def bring_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """POST: ask that it is public again; somebody else decides."""
        campaign = self._for(request, object_id, "restoration.request")
        try:
            made = propose_restoration(campaign, cast(User, request.user), request.POST.get("reason", "").strip())
        except NotAllowed as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return _life_of(campaign)
        self.message_user(request, _("Request sent. Someone else has to decide within three days."), messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:staff_proposal_change", args=[made.pk]))

    @action(description=_("Preview"), url_path="preview", permissions=["life"], icon="visibility")
    def preview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The page as it will be, its form at rest, for who writes it and who reviews it."""
        campaign = self.get_object(request, object_id)
        if campaign is None:
            raise Http404
        back = reverse("admin:petitions_campaign_change", args=[campaign.pk])

        def shown() -> dict[str, Any]:
            return {**campaign_page(campaign), "open": not campaign.has_closed(), "back": back}

        return preview(request, "signatures/admin/preview_campaign.html", shown)

    def has_correct_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return may(request.user, "correction.request")

    @action(description=_("Correct the text"), url_path="correct", permissions=["correct"], icon="edit_note")
    def correct(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What people signed, to be corrected. POST asks for it; somebody else approves."""
        campaign = self.get_object(request, object_id)
        if campaign is None:
            raise Http404
        if not may(request.user, "correction.request", campaign):
            raise PermissionDenied
        form = CorrectionForm(campaign, cast(User, request.user), request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid() and (made := form.ask()):
            self.message_user(
                request, _("Request sent. Someone else has to decide within three days."), messages.SUCCESS
            )
            return HttpResponseRedirect(reverse("admin:staff_proposal_change", args=[made.pk]))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Correct the text"),
            "original": campaign,
            "campaign": campaign,
            "form": form,
            "signed": was_signed(campaign),
        }
        return TemplateResponse(request, "signatures/admin/correct.html", context)

    def _take_step(self, request: HttpRequest, campaign: Campaign) -> bool:
        step = STEPS.get(request.POST.get("step", ""))
        if step is None:
            raise Http404
        if step.asks and "sure" not in request.POST:
            self.message_user(request, _("Tick the box to say that you are sure."), messages.ERROR)
            return False
        try:
            take_step(campaign, step, cast(User, request.user), request.POST.get("reason", ""))
        except (NotNow, NotAllowed) as refusal:
            campaign.refresh_from_db()  # what the trail refused was undone
            self.message_user(request, str(refusal), messages.ERROR)
            return False
        notify_worker("draw_share_images")  # a petition that has just become public is shared at once
        self.message_user(request, _("Status: %s.") % self.state_label(campaign)[1], messages.SUCCESS)
        return True

    def get_urls(self) -> list[URLPattern]:
        pages = self.pages_of_objects(
            tally=self.tally,
            life=self.life,
            preview=self.preview,
            export=self.export,
            claim=require_POST(self.claim),
            correct=self.correct,
            confirm_takedown=require_POST(reauthenticated(self.confirm_takedown)),
            bring_back=require_POST(self.bring_back),
        )
        return [*pages, *super().get_urls()]


def _life_of(campaign: Campaign) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:petitions_campaign_life", args=[campaign.pk]))
