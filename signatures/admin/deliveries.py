"""Deliveries: asked for, approved, downloaded."""

from __future__ import annotations

import datetime
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.files.storage import storages
from django.db.models import Max, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST
from unfold.decorators import display
from unfold.widgets import UnfoldBooleanWidget

from petitions.models import Addressee, Campaign
from signatures.admin.letter_form import LetterForm
from signatures.admin.refusals import ExplainsRefusals, RefusableForm
from signatures.admin.resuming import resumable
from signatures.desk import deliveries, reissues
from signatures.desk.announcements import draft_announcement
from signatures.desk.deliveries import allowed_profiles, possible_addressees
from signatures.models import Delivery, Handover
from staff.access import may, within
from staff.guarded_admin import GuardedAdmin
from staff.login.factors import reauthenticated
from staff.refusals import NotAllowed
from web.i18n.languages import BY_CODE


class DeliveryForm(RefusableForm):
    """Asks for a delivery. Its numbers are not asked for: they are what this addressee has not been given yet."""

    anew = forms.BooleanField(
        label=_("Start over: hand over all numbers from 1 once more"), required=False, widget=UnfoldBooleanWidget,
        help_text=_("Starts a new series at number 1 instead of only what is new since the last delivery."),
    )  # fmt: skip

    class Meta:
        model = Delivery
        fields = ["campaign", "addressee", "profile"]
        help_texts = {
            "campaign": _("Only campaigns with signatures are listed."),
            "addressee": _("The campaign’s addressee, or a trusted third party."),
            "profile": _("No more than the campaign’s disclosure allows. Totals only if signers are at risk."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "addressee" in self.fields:
            cast(forms.ModelChoiceField, self.fields["addressee"]).queryset = _addressees()
        if not self.is_bound:
            self._offer_what_can_apply(*(self.initial.get(field) for field in ("campaign", "addressee")))

    def _offer_what_can_apply(self, campaign: Campaign | None, addressee: Addressee | None) -> None:
        if campaign is not None and "addressee" in self.fields:
            cast(forms.ModelChoiceField, self.fields["addressee"]).queryset = possible_addressees(campaign)
        if campaign is not None and addressee is not None and "profile" in self.fields:
            profiles = allowed_profiles(campaign, addressee)
            cast(forms.ChoiceField, self.fields["profile"]).choices = [(p.value, p.label) for p in profiles]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        campaign, addressee, profile = (cleaned.get(field) for field in ("campaign", "addressee", "profile"))
        if campaign is None or addressee is None:
            return cleaned
        if not possible_addressees(campaign).filter(pk=addressee.pk).exists():
            self.add_error("addressee", _("This campaign is addressed to %s.") % campaign.addressee)
            self._offer_what_can_apply(campaign, None)
        elif profile and profile not in allowed_profiles(campaign, addressee):
            widest = allowed_profiles(campaign, addressee)[-1]
            self.add_error("profile", _("The most this campaign allows for them: %s.") % widest.label)
            self._offer_what_can_apply(campaign, addressee)
        return cleaned


def _named[T: Campaign | Addressee](possible: QuerySet[T], key: str) -> T | None:
    """That one of them, or the only one that there is."""
    if key.isascii() and key.isdecimal() and len(key) < 19:
        return possible.filter(pk=int(key)).first()
    first, *others = possible[:2] or [None]
    return None if others else first


def _addressees() -> QuerySet[Addressee]:
    return Addressee.objects.filter(Q(trusted_third_party=True) | Q(campaigns__register__last_number__gt=0)).distinct()


@admin.register(Delivery)
class DeliveryAdmin(ExplainsRefusals, GuardedAdmin):
    """Ask, look, approve. Once asked for, a delivery is changed by nobody: there is no form and no delete."""

    rights = {"view": "delivery.view", "add": "delivery.request"}
    pages = {
        "approve": "delivery.approve",
        "withdraw": "delivery.request",
        "retry": "delivery.request",
        "download": "delivery.download",
        "announce": "delivery.handover",
        "discard": "delivery.discard",
        "letter": "delivery.request",
        "preview": "delivery.view",
    }
    section_lookup = "campaign__section"
    form = DeliveryForm
    fields = ["campaign", "addressee", "profile", "anew"]
    list_display = [
        "reference", "campaign", "addressee", "profile", "numbers", "state_label", "requested_by", "approved_by",
        "built_at", "handed_over_on",
    ]  # fmt: skip
    list_select_related = ["campaign", "addressee", "proposal__requested_by", "proposal__decided_by"]
    list_filter = ["state", ("campaign", admin.RelatedOnlyFieldListFilter)]
    add_form_template = "signatures/admin/request_delivery.html"

    @display(description=_("numbers"), ordering="first_number")
    def numbers(self, delivery: Delivery) -> str:
        return f"{delivery.first_number:,}–{delivery.last_number:,}"

    @display(
        description=_("status"),
        ordering="state",
        label={"requested": "warning", "approved": "info", "ready": "success", "failed": "danger"},
    )
    def state_label(self, delivery: Delivery) -> tuple[str, str]:
        return delivery.state, delivery.get_state_display()

    @display(description=_("requested by"), ordering="proposal__requested_by")
    def requested_by(self, delivery: Delivery) -> User:
        return delivery.requested_by

    @display(description=_("approved by"), ordering="proposal__decided_by", empty_value="–")
    def approved_by(self, delivery: Delivery) -> User | None:
        return delivery.approved_by

    @display(description=_("handed over"), ordering="handed_over", empty_value="–")
    def handed_over_on(self, delivery: Delivery) -> datetime.date | None:
        return getattr(delivery, "handed_over", None)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        handed = Q(handovers__kind=Handover.Kind.HANDED_OVER, handovers__corrected_by__isnull=True)
        return super().get_queryset(request).annotate(handed_over=Max("handovers__on", filter=handed))

    def section_of(self, obj: Delivery) -> Campaign:
        return obj.campaign

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if hasattr(field.widget, "can_add_related"):  # nothing of what is chosen from is written here
            field.widget.can_add_related = field.widget.can_change_related = field.widget.can_view_related = False
        return field

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "campaign":
            own = within(Campaign.objects.all(), request.user, "delivery.request")
            kwargs["queryset"] = own.filter(register__last_number__gt=0)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    # One question after another, so that only what can apply is offered: which campaign, to whom, how much of it.

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if request.method == "POST" and "profile" not in request.POST:
            chosen = {field: request.POST[field] for field in ("campaign", "addressee") if field in request.POST}
            return HttpResponseRedirect(reverse("admin:signatures_delivery_add", query=chosen))
        goes_on = request.method == "GET" and "profile" not in self.get_fields(request)
        return super().add_view(request, form_url, {**(extra_context or {}), "goes_on": goes_on})

    def get_fields(self, request: HttpRequest, obj: Delivery | None = None) -> Any:
        asked = 4 if request.method == "POST" else (1, 2, 4)[len(self.get_changeform_initial_data(request))]
        return self.fields[:asked] if self.fields else []

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What a link or the answer before named, or what alone is possible."""
        own = within(Campaign.objects.all(), request.user, "delivery.request").filter(register__last_number__gt=0)
        campaign = _named(own, request.GET.get("campaign", ""))
        if campaign is None:
            return {}
        addressee = _named(possible_addressees(campaign), request.GET.get("addressee", ""))
        return {"campaign": campaign} if addressee is None else {"campaign": campaign, "addressee": addressee}

    def save_model(self, request: HttpRequest, obj: Delivery, form: forms.ModelForm, change: bool) -> None:
        officer = cast(User, request.user)
        anew = form.cleaned_data["anew"]
        made = deliveries.request_delivery(obj.campaign, obj.addressee, obj.profile, officer, anew=anew)
        obj.__dict__.update(made.__dict__)

    def response_add(self, request: HttpRequest, obj: Delivery, post_url_continue: str | None = None) -> HttpResponse:
        self.message_user(
            request, _("Delivery requested. Someone else has to approve it within three days."), messages.SUCCESS
        )
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
            "parts": _progress(delivery),
            "handovers": delivery.handovers.select_related("corrected_by"),
            "announcements": delivery.announcements.select_related("update"),
            "building": _is_being_built(delivery) or _is_being_set(delivery),
            "record_url": reverse("admin:signatures_handover_add", query={"delivery": delivery.pk}),
            "waits_for": delivery.waits_for() if delivery.state == Delivery.State.APPROVED else None,
            "keys": _keys(delivery, cast(User, request.user)),
            "previews": _previews(delivery),
            "reissue": reissues.waiting_for(delivery),
        }
        return TemplateResponse(request, "signatures/admin/delivery.html", context)

    def _delivery_or_404(self, request: HttpRequest, object_id: str) -> Delivery:
        if not self.has_view_permission(request):
            raise Http404
        found = self.get_queryset(request).select_related(*self.list_select_related)
        return self.object_or_404(request, object_id, found)

    def _possible_steps(self, request: HttpRequest, delivery: Delivery) -> dict[str, bool]:
        state, where = Delivery.State, delivery.campaign
        waiting = delivery.state == state.REQUESTED and not deliveries.is_expired(delivery)
        own = delivery.proposal.requested_by_id == request.user.pk
        asks, approves, takes = (
            may(request.user, f"delivery.{verb}", where) for verb in ("request", "approve", "download")
        )
        return {
            "approve": waiting and approves and not own,
            "only_wait": waiting and own,
            "expired": delivery.state == state.REQUESTED and not waiting,
            "withdraw": delivery.state in (state.REQUESTED, state.FAILED) and asks,
            "refuse": waiting and not own,
            "letter": waiting and own and asks,
            "retry": delivery.state == state.FAILED and asks,
            "download": delivery.state == state.READY and takes,
            "hand_over": delivery.state == state.READY and may(request.user, "delivery.handover", where),
            "reissue": reissues.may_be_reissued(delivery) and may(request.user, "delivery.reissue", where),
            "discard": may(request.user, "delivery.discard", where) and deliveries.may_be_discarded(delivery),
        }

    # Not unfold's detail actions: those are links, and a link must not change anything.

    def _step(self, request: HttpRequest, object_id: str, action: str, verb: Any, done: str | Promise) -> HttpResponse:
        delivery = self._delivery_or_404(request, object_id)
        if not may(request.user, action, delivery.campaign):
            self.message_user(request, _("Your role does not allow this."), messages.ERROR)
            return HttpResponseRedirect(_detail_url(delivery))
        try:
            verb(delivery, request.user)
        except NotAllowed as error:
            self.message_user(request, str(error), messages.WARNING)
        else:
            self.message_user(request, done, messages.SUCCESS)
        return HttpResponseRedirect(_detail_url(delivery))

    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        done = _("Approved. It is being built now.")
        seen = request.POST.get("proposal", "")

        def as_seen(delivery: Delivery, officer: User) -> None:
            if seen and seen != str(delivery.proposal_id):
                raise NotAllowed(_("The letter was changed meanwhile. Look at it again, then approve."))
            deliveries.approve_delivery(delivery, officer)

        return self._step(request, object_id, "delivery.approve", as_seen, done)

    def letter(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The words between the letter's fixed parts, to write or change while it waits."""
        delivery = self._delivery_or_404(request, object_id)
        if not self._possible_steps(request, delivery)["letter"]:
            words = _("The letter is written by whoever requested the delivery, while it waits.")
            self.message_user(request, words, messages.WARNING)
            return HttpResponseRedirect(_detail_url(delivery))
        form = LetterForm(delivery, request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                deliveries.change_letter(delivery, form.written(), cast(User, request.user))
            except NotAllowed as error:
                self.message_user(request, str(error), messages.WARNING)
            else:
                self.message_user(request, _("Saved. Look at the letter before it is approved."), messages.SUCCESS)
            return HttpResponseRedirect(_detail_url(delivery))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Letter of %s") % delivery.reference,
            "delivery": delivery,
            "form": form,
        }
        return TemplateResponse(request, "signatures/admin/letter.html", context)

    def preview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The letter as it will print, in the language that is asked for."""
        delivery = self._delivery_or_404(request, object_id)
        found = delivery.previews.filter(
            language=request.GET.get("language", ""), letter_sha256=delivery.letter_sha256
        ).first()
        if found is None:
            self.message_user(request, _("This letter is not set, or its delivery is decided on."), messages.WARNING)
            return HttpResponseRedirect(_detail_url(delivery))
        name = f"preview-{delivery.reference}-{found.language}.pdf"
        return HttpResponse(
            bytes(found.pdf),
            content_type="application/pdf",
            headers={"Content-Disposition": f'inline; filename="{name}"'},
        )

    def withdraw(self, request: HttpRequest, object_id: str) -> HttpResponse:
        done = _("Withdrawn. Its signatures can be requested again.")
        return self._step(request, object_id, "delivery.request", deliveries.withdraw_delivery, done)

    def discard(self, request: HttpRequest, object_id: str) -> HttpResponse:
        done = _("Discarded. Its signatures can be requested again; its file is deleted within the hour.")
        return self._step(request, object_id, "delivery.discard", deliveries.discard_delivery, done)

    def retry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._step(
            request, object_id, "delivery.request", deliveries.retry_delivery, _("The delivery is being rebuilt.")
        )

    def announce(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Draft a press release with the packet's frozen figures, for an editor."""
        done = _("Press release drafted. It is among the campaign’s updates, not yet published.")
        return self._step(
            request, object_id, "delivery.handover", lambda delivery, officer: draft_announcement(delivery), done
        )

    def download(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The packet, as it was sealed; what holds persons in it is encrypted. Who took it is written down first."""
        delivery = self._delivery_or_404(request, object_id)
        if delivery.state != Delivery.State.READY or not may(request.user, "delivery.download", delivery.campaign):
            raise Http404
        try:
            archive, sha256 = delivery.file
            packet = storages["packets"].open(archive)
        except FileNotFoundError:
            raise Http404 from None
        deliveries.note_download(delivery, cast(User, request.user), sha256)
        # admin_view() says no-store.
        return resumable(request, packet, archive.rpartition("/")[2], sha256)

    def get_urls(self) -> list[URLPattern]:
        steps = self.pages_of_objects(
            approve=require_POST(reauthenticated(self.approve)),  # a session left open approves nothing
            withdraw=require_POST(self.withdraw),
            letter=self.letter,
            preview=require_GET(self.preview),
            retry=require_POST(self.retry),
            discard=require_POST(reauthenticated(self.discard)),
            announce=require_POST(self.announce),
            download=require_GET(
                reauthenticated(self.download, is_file=True)
            ),  # no HEAD: each entry in the log is one export
        )
        return [*steps, *super().get_urls()]


def _progress(delivery: Delivery) -> dict[str, int]:
    """How many of its parts are built, of how many; empty where none are laid out."""
    if delivery.state not in (Delivery.State.APPROVED, Delivery.State.FAILED):
        return {}
    seconds = list(delivery.parts.order_by("pk").values_list("seconds", flat=True))
    return {"built": sum(1 for took in seconds if took is not None), "all": len(seconds)} if seconds else {}


def _keys(delivery: Delivery, reader: User) -> dict[str, Any]:
    """Who can open the packet, or could if it were built now: {"holders", "without": usernames, "own": bool}."""
    if not delivery.holds_persons or delivery.state in Delivery.DEAD:
        return {}
    second = reader if delivery.state == Delivery.State.REQUESTED else delivery.approved_by
    officers = list(dict.fromkeys(filter(None, (delivery.requested_by, second))))
    holders = deliveries.key_holders(delivery, officers)
    theirs = deliveries.addressee_key_of(delivery)
    if copy := delivery.latest_copy:
        holders = list(User.objects.filter(username__in=copy.officers).order_by("username"))
        theirs = theirs if copy.addressee_can else None
    return {
        "holders": [officer.username for officer in holders],
        "without": [officer.username for officer in officers if officer not in holders] if not copy else [],
        "own": reader in holders,
        "shown": [f"{officer} ({key.short})" for officer in holders if (key := deliveries.key_of(officer))],
        "theirs": theirs,
    }


def _previews(delivery: Delivery) -> dict[str, Any]:
    """What waits to be decided on, as of the last look: {"letters": [(code, name)], "figures", "made_at"}; empty where
    there is nothing to decide, or a worker has not set the letter yet."""
    if delivery.state != Delivery.State.REQUESTED:
        return {}
    made = list(delivery.previews.filter(letter_sha256=delivery.letter_sha256).defer("pdf").order_by("pk"))
    if not made:
        return {"waits": True}
    letters = [(preview.language, BY_CODE[preview.language].name) for preview in made]
    return {
        "letters": letters,
        "figures": made[0].figures,
        "made_at": made[0].made_at,
        "third_party": delivery.addressee_id != delivery.campaign.addressee_id,
    }


def _is_being_built(delivery: Delivery) -> bool:
    """Whether its page reloads itself: approved a moment ago. Not for ever, for that would keep a login alive."""
    approved_at = delivery.approved_at
    return (
        delivery.state == Delivery.State.APPROVED
        and approved_at is not None
        and timezone.now() - approved_at < datetime.timedelta(minutes=10)
    )


def _is_being_set(delivery: Delivery) -> bool:
    """Whether its letter is about to be there. Not for ever, either."""
    return bool(_previews(delivery).get("waits")) and timezone.now() - delivery.requested_at < datetime.timedelta(
        minutes=2
    )


def _detail_url(delivery: Delivery) -> str:
    return reverse("admin:signatures_delivery_change", args=[delivery.pk])
