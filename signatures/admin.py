"""Campaigns with their exact counts, and deliveries. Nobody's signature: web has no right to read one."""

from __future__ import annotations

from typing import Any, Final, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.files.storage import storages
from django.db import IntegrityError
from django.db.models import Q, QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from petitions.admin import CampaignContentAdmin, CampaignContentForm
from petitions.models import Addressee, Campaign
from signatures.collect import deliveries
from signatures.collect.deliveries import NotAllowed, allowed_profiles, possible_addressees, violated_constraint
from signatures.doorbell import ring
from signatures.models import Delivery, Register
from signatures.tallies import exact_tally

KEYS_ARE_BEING_MADE: Final = _("Keys are being made; try again in a moment.")
ONLY_NARROWER: Final = _("People have signed under this promise: it can only be narrowed now.")

#: What the database's guards refuse (migrations/0002), in words. Forms say it earlier where web can know.
GUARDS: Final[dict[str, str | Promise]] = {
    "campaign_opens_with_keys": KEYS_ARE_BEING_MADE,
    "campaign_disclosure_only_narrows": ONLY_NARROWER,
}


class RefusableForm(forms.ModelForm):
    """Shows, above the fields and with what was typed, why the database refused the last try."""

    refusal = ""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.refusal:
            self.add_error(None, self.refusal)
        return cleaned


class ExplainsRefusals(ModelAdmin):
    """Forms look before they save; where somebody was faster, the database refuses. Say that in words too."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except NotAllowed as error:
            refusal = str(error)
        except IntegrityError as error:
            if (guard := violated_constraint(error)) not in GUARDS:
                raise
            refusal = str(GUARDS[guard])
        # All was rolled back. The form once more, with what was typed; it fails with this reason.
        request.refusal = refusal  # type: ignore[attr-defined]
        return super().changeform_view(request, *args, **kwargs)

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> type[forms.ModelForm]:
        form: type[forms.ModelForm] = super().get_form(request, *args, **kwargs)  # a class for this request alone
        form.refusal = getattr(request, "refusal", "")  # type: ignore[attr-defined]
        return form


# --- campaigns --------------------------------------------------------------------------------------------


class CampaignForm(RefusableForm, CampaignContentForm):
    """Explains what the campaign's guard would refuse."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        self._keys_before_opening(cleaned)
        if self.instance.pk and Register.objects.filter(campaign=self.instance, last_number__gt=0).exists():
            self._promise_only_narrows(cleaned)
        return cleaned

    def _keys_before_opening(self, cleaned: dict[str, Any]) -> None:
        if cleaned.get("state") != Campaign.State.OPEN or hasattr(self.instance, "key"):
            return
        if self.instance.pk:
            self.add_error("state", KEYS_ARE_BEING_MADE)
        else:
            self.add_error("state", _("Save it as a draft first: its keys are made then, in a moment. Then open it."))

    def _promise_only_narrows(self, cleaned: dict[str, Any]) -> None:
        before = self.instance  # not yet touched: the form copies its values into it after clean()
        allowed = [profile.value for profile in allowed_profiles(before, before.addressee)]
        if "disclosure" in cleaned and cleaned["disclosure"] not in allowed:
            self.add_error("disclosure", ONLY_NARROWER)
        if before.at_risk and not cleaned.get("at_risk", True):
            self.add_error("at_risk", ONLY_NARROWER)
        if "addressee" in cleaned and cleaned["addressee"] != before.addressee:
            self.add_error("addressee", _("People have signed a petition to somebody else: make a new campaign."))


@admin.register(Campaign)
class CampaignAdmin(ExplainsRefusals, CampaignContentAdmin):
    form = CampaignForm
    list_display = ["title", "state_label", "total", "last_update_on", "tally_link"]
    list_select_related = ["register"]
    actions_detail = ["tally"]

    @display(description=_("state"), ordering="state", label={"open": "success", "closed": "warning", "draft": "info"})
    def state_label(self, campaign: Campaign) -> tuple[str, str]:
        return campaign.state, campaign.get_state_display()

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
        if not hasattr(obj, "key"):
            ring("provision")
            self.message_user(request, _("Its keys are being made. It can be opened in a moment."), messages.INFO)

    def has_tally_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("signatures.view_tally") and self.has_view_permission(request)

    @action(description=_("Tally"), url_path="tally", permissions=["tally"], icon="bar_chart")
    def tally(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A page of its own under unfold's button. It only reads, so that a link may lead to it."""
        campaign = self.get_object(request, object_id)
        if campaign is None:
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Tally"),
            "original": campaign,
            "campaign": campaign,
            "tally": exact_tally(campaign),
        }
        return TemplateResponse(request, "signatures/admin/tally.html", context)

    def get_urls(self) -> list[URLPattern]:
        """unfold names an action's address after the method and a hash; ours is linked to by name."""
        view = self.admin_site.admin_view(self.tally)
        return [path("<path:object_id>/tally/", view, name="petitions_campaign_tally"), *super().get_urls()]


# --- deliveries -------------------------------------------------------------------------------------------


class DeliveryForm(RefusableForm):
    """Asks for a delivery. Its numbers are not asked for: they are what this addressee has not been given yet."""

    class Meta:
        model = Delivery
        fields = ["campaign", "addressee", "profile"]
        help_texts = {
            "campaign": _("Only campaigns that somebody has signed."),
            "addressee": _("The campaign’s own addressee, or a trusted third party."),
            "profile": _("No more than the campaign’s disclosure allows. At risk: totals only."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._offer("campaign", Campaign.objects.filter(register__last_number__gt=0))
        self._offer("addressee", _addressees())

    def _offer(self, field: str, choices: QuerySet[Any]) -> None:
        cast(forms.ModelChoiceField, self.fields[field]).queryset = choices

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        campaign, addressee, profile = (cleaned.get(field) for field in ("campaign", "addressee", "profile"))
        if campaign is None or addressee is None:
            return cleaned
        if not possible_addressees(campaign).filter(pk=addressee.pk).exists():
            self.add_error("addressee", _("This campaign addresses %s.") % campaign.addressee)
        elif profile and profile not in allowed_profiles(campaign, addressee):
            widest = allowed_profiles(campaign, addressee)[-1]
            self.add_error("profile", _("The most this campaign allows for them is: %s.") % widest.label)
        return cleaned


def _addressees() -> QuerySet[Addressee]:
    return Addressee.objects.filter(Q(trusted_third_party=True) | Q(campaigns__register__last_number__gt=0)).distinct()


@admin.register(Delivery)
class DeliveryAdmin(ExplainsRefusals, ModelAdmin):
    """Ask, look, approve. Once asked for, a delivery is changed by nobody: there is no form and no delete."""

    form = DeliveryForm
    fields = ["campaign", "addressee", "profile"]
    list_display = [
        "reference", "campaign", "addressee", "profile", "numbers", "state_label", "requested_by", "approved_by",
        "built_at",
    ]  # fmt: skip
    list_select_related = ["campaign", "addressee", "requested_by", "approved_by"]
    list_filter = ["state", "campaign"]
    add_form_template = "signatures/admin/request_delivery.html"

    @display(description=_("numbers"), ordering="first_number")
    def numbers(self, delivery: Delivery) -> str:
        return f"{delivery.first_number:,}–{delivery.last_number:,}"

    @display(
        description=_("state"),
        ordering="state",
        label={"requested": "warning", "approved": "info", "ready": "success", "failed": "danger"},
    )
    def state_label(self, delivery: Delivery) -> tuple[str, str]:
        return delivery.state, delivery.get_state_display()

    def has_change_permission(self, request: HttpRequest, obj: Delivery | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Delivery | None = None) -> bool:
        return False

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if hasattr(field.widget, "can_add_related"):  # nothing of what is chosen from is written here
            field.widget.can_add_related = field.widget.can_change_related = field.widget.can_view_related = False
        return field

    def save_model(self, request: HttpRequest, obj: Delivery, form: forms.ModelForm, change: bool) -> None:
        officer = cast(User, request.user)
        made = deliveries.request_delivery(obj.campaign, obj.addressee, obj.profile, officer)
        obj.__dict__.update(made.__dict__)

    def response_add(self, request: HttpRequest, obj: Delivery, post_url_continue: str | None = None) -> HttpResponse:
        self.message_user(request, _("Requested. Somebody else has to approve it within three days."), messages.SUCCESS)
        return HttpResponseRedirect(_detail_url(obj))

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """Everything about one delivery, and what this officer may do with it."""
        delivery = self._delivery_or_404(request, object_id)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": delivery.reference,
            "original": delivery,
            "delivery": delivery,
            "manifest": delivery.manifest or {},
            "may": self._possible_steps(request, delivery),
        }
        return TemplateResponse(request, "signatures/admin/delivery.html", context)

    def _delivery_or_404(self, request: HttpRequest, object_id: str) -> Delivery:
        if not self.has_view_permission(request):
            raise Http404
        found = self.get_queryset(request).select_related(*self.list_select_related)
        return get_object_or_404(found, pk=int(object_id) if object_id.isdecimal() else 0)

    def _possible_steps(self, request: HttpRequest, delivery: Delivery) -> dict[str, bool]:
        officer, state = request.user, Delivery.State
        waiting = delivery.state == state.REQUESTED and not deliveries.is_expired(delivery)
        own = delivery.requested_by_id == officer.pk
        asks, approves = officer.has_perm("signatures.add_delivery"), officer.has_perm("signatures.approve_delivery")
        return {
            "approve": waiting and approves and not own,
            "only_wait": waiting and own,
            "expired": delivery.state == state.REQUESTED and not waiting,
            "withdraw": delivery.state in (state.REQUESTED, state.FAILED) and asks,
            "retry": delivery.state == state.FAILED and asks,
            "download": delivery.state == state.READY,
        }

    # Not unfold's detail actions: those are links, and a link must not change anything.

    def _step(self, request: HttpRequest, object_id: str, right: str, verb: Any, done: str | Promise) -> HttpResponse:
        delivery = self._delivery_or_404(request, object_id)
        if not request.user.has_perm(f"signatures.{right}"):
            self.message_user(request, _("Your role does not allow this."), messages.ERROR)
            return HttpResponseRedirect(_detail_url(delivery))
        try:
            verb(delivery, request.user)
        except NotAllowed as error:
            self.message_user(request, str(error), messages.WARNING)
        else:
            self.log_change(request, delivery, str(done))
            self.message_user(request, done, messages.SUCCESS)
        return HttpResponseRedirect(_detail_url(delivery))

    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        done = _("Approved. It is being built now.")
        return self._step(request, object_id, "approve_delivery", deliveries.approve_delivery, done)

    def withdraw(self, request: HttpRequest, object_id: str) -> HttpResponse:
        done = _("Withdrawn. Its signatures can be requested again.")
        return self._step(request, object_id, "add_delivery", deliveries.withdraw_delivery, done)

    def retry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._step(request, object_id, "add_delivery", deliveries.retry_delivery, _("It is being built again."))

    def download(self, request: HttpRequest, object_id: str) -> FileResponse:
        """The packet, as it was sealed; what holds persons in it is encrypted. Who took it is written down first."""
        delivery = self._delivery_or_404(request, object_id)
        if delivery.state != Delivery.State.READY:
            raise Http404
        try:
            packet = storages["packets"].open(delivery.archive)
        except FileNotFoundError:
            raise Http404 from None
        self.log_change(request, delivery, _("Downloaded: %s") % delivery.archive)
        # admin_view() says no-store.
        return FileResponse(packet, as_attachment=True, filename=delivery.archive.rpartition("/")[2])

    def get_urls(self) -> list[URLPattern]:
        steps = [
            path(
                f"<path:object_id>/{verb.__name__}/",
                self.admin_site.admin_view(guard(verb)),
                name=f"signatures_delivery_{verb.__name__}",
            )
            for verb, guard in (
                (self.approve, require_POST), (self.withdraw, require_POST), (self.retry, require_POST),
                (self.download, require_GET),  # no HEAD: each entry in the log is one export
            )
        ]  # fmt: skip
        return [*steps, *super().get_urls()]


def _detail_url(delivery: Delivery) -> str:
    return reverse("admin:signatures_delivery_change", args=[delivery.pk])
