"""What waits for a second person, and what was written down."""

from __future__ import annotations

import base64
import binascii
import datetime
import json
from collections.abc import Callable
from typing import Any, Final, cast

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST
from unfold.decorators import display

from signatures.admin.approval_forms import ASKING, askable_by
from signatures.admin.isolated_page import isolated
from signatures.desk import recipients, shredding
from signatures.desk.corrections import changes_of, correction_of
from signatures.models import Delivery
from staff import approvals
from staff.access import Who, sections_of, works_here
from staff.guarded_admin import GuardedAdmin
from staff.login.factors import reauthenticated
from staff.models import AuditAnchor, AuditEntry, Proposal
from staff.refusals import NotAllowed
from web.models import Section

#: Decided proposals shown on the page.
LATELY: Final = 50


@admin.register(Proposal)
class ProposalAdmin(GuardedAdmin):
    """What waits for me, what I wait for, what was decided. A proposal is made where what it is about is changed."""

    #: Each proposal says for whom it is (four_eyes.may_see, may_decide).
    pages = dict.fromkeys(
        ("changelist", "change", "approve", "refuse", "withdraw", "ask", "prove", "challenge", "proof", "stop"),
        Who.WORKS_HERE,
    )

    def has_view_permission(self, request: HttpRequest, obj: Proposal | None = None) -> bool:
        return works_here(request.user) and (obj is None or approvals.may_see(obj, cast(User, request.user)))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Proposal]:
        seen = approvals.visible_to(cast(User, request.user))
        return seen.select_related("section", "requested_by", "decided_by")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        user, seen = cast(User, request.user), self.get_queryset(request)
        waiting = list(seen.waiting().order_by("requested_at"))  # type: ignore[attr-defined]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Approvals"),
            "for_me": [proposal for proposal in waiting if approvals.may_decide(proposal, user)],
            "for_others": [proposal for proposal in waiting if not approvals.may_decide(proposal, user)],
            "asks": askable_by(user),
            "decided": seen.exclude(state=Proposal.State.WAITING).order_by("-decided_at", "-pk")[:LATELY],
        }
        return TemplateResponse(request, "staff/admin/proposals.html", context)

    def ask(self, request: HttpRequest, kind: str) -> HttpResponse:
        """Ask for one of these; a delivery and a key are asked for where they are."""
        user = cast(User, request.user)
        asking = ASKING.get(kind)
        if asking is None or asking not in askable_by(user):
            raise Http404
        form = asking.form(user, request.POST if request.method == "POST" else None, initial=request.GET.dict())
        if request.method == "POST" and form.is_valid() and (made := form.ask()):
            self.message_user(
                request, _("Request sent. Someone else has to decide within three days."), messages.SUCCESS
            )
            return HttpResponseRedirect(reverse("admin:staff_proposal_change", args=[made.pk]))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": asking.label,
            "asking": asking,
            "form": form,
        }
        return TemplateResponse(request, "signatures/admin/ask.html", context)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """What exactly happens, who asked and why, and what this person may do about it."""
        proposal, user = self._proposal_or_404(request, object_id), cast(User, request.user)
        waiting = proposal.is_waiting()
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": proposal,
            "proposal": proposal,
            "what_happens": approvals.what_happens(proposal),
            "more": _more_about(proposal),
            "detail": _detail_of(proposal),
            "decides": waiting and approvals.may_decide(proposal, user),
            "takes_back": waiting and proposal.requested_by_id == user.pk,
            "overdue": proposal.is_overdue(),
            "shredding": shredding.progress(proposal, user),
        }
        return TemplateResponse(request, "staff/admin/proposal.html", context)

    def _proposal_or_404(self, request: HttpRequest, object_id: str) -> Proposal:
        return self.object_or_404(request, object_id)

    # Buttons, not unfold's actions: those are links, and a link must not change anything.

    def _step(self, request: HttpRequest, object_id: str, verb: Callable[..., None], done: Promise) -> HttpResponse:
        proposal = self._proposal_or_404(request, object_id)
        try:
            verb(proposal, request.user)
        except NotAllowed as error:
            self.message_user(request, str(error), messages.WARNING)
        else:
            self.message_user(request, str(done), messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:staff_proposal_change", args=[proposal.pk]))

    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._step(request, object_id, approvals.approve, _("Approved. It takes effect shortly."))

    def refuse(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def because(proposal: Proposal, by: User) -> None:
            approvals.refuse(proposal, by, request.POST.get("reason", "").strip())

        return self._step(request, object_id, because, _("Rejected."))

    def withdraw(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._step(request, object_id, approvals.withdraw, _("Request withdrawn."))

    # --- what cannot be undone: both prove that they want it, and anybody stops it ------------------------------

    def prove(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The page on which the browser opens a worker's challenge with one's own identity."""
        proposal, user = self._proposal_or_404(request, object_id), cast(User, request.user)
        current = shredding.progress(proposal, user)
        if current is None or not current.may_prove:
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Prove that you want it"),
            "proposal": proposal,
            "what_happens": approvals.what_happens(proposal),
            "my_key": recipients.key_in_use(user),
            "told": json.dumps(shredding.expected_in_challenge(proposal)),
        }
        return TemplateResponse(request, "signatures/desk/prove.html", context)

    def challenge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """POST: have a worker make a challenge. GET: the challenge, once it is there."""
        proposal, user = self._proposal_or_404(request, object_id), cast(User, request.user)
        try:
            if request.method == "POST":
                shredding.ask_challenge(proposal, user)
            sealed, problem = shredding.challenge_for(proposal, user)
        except NotAllowed as error:
            sealed, problem = None, str(error)
        box = base64.b64encode(sealed).decode() if sealed else ""
        return JsonResponse(
            {"state": "refused" if problem else "answered" if box else "asked", "answer": box, "words": problem}
        )

    def proof(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def proven(proposal: Proposal, by: User) -> None:
            try:
                proof = base64.b64decode(request.POST.get("proof", ""), validate=True)
            except binascii.Error:
                proof = b""
            shredding.prove(proposal, by, proof)

        return self._step(request, object_id, proven, _("Sent. A worker checks it in a moment."))

    def stop(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._step(request, object_id, shredding.stop, _("Stopped. The keys stay."))

    def get_urls(self) -> list[URLPattern]:
        steps = self.pages_of_objects(
            challenge=self.challenge,
            proof=require_POST(reauthenticated(self.proof)),
            stop=require_POST(self.stop),
            approve=require_POST(reauthenticated(self.approve)),  # a session left open approves nothing
            refuse=require_POST(self.refuse),
            withdraw=require_POST(self.withdraw),
        )
        ask = path("ask/<str:kind>/", self.admin_site.admin_view(self.ask), name="staff_proposal_ask")
        prove = path(
            "<path:object_id>/prove/",
            isolated(self.admin_site.admin_view(require_GET(reauthenticated(self.prove)))),
            name="staff_proposal_prove",
        )
        return [ask, prove, *steps, *super().get_urls()]


def _detail_of(proposal: Proposal) -> str:
    """What the page shows of it beside the words, as HTML; "" where they say all."""
    if proposal.kind != Proposal.Kind.CORRECTION:
        return ""
    return render_to_string("petitions/admin/changes.html", {"changes": changes_of(correction_of(proposal))})


def _more_about(proposal: Proposal) -> str:
    """The page that tells more of what it is about; "" where there is none."""
    if proposal.kind == Proposal.Kind.DELIVERY:
        delivery = Delivery.objects.filter(proposal=proposal).only("pk").first()
        return reverse("admin:signatures_delivery_change", args=[delivery.pk]) if delivery else ""
    if proposal.kind == Proposal.Kind.RECIPIENT:
        return reverse("admin:signatures_recipient_change", args=[proposal.recipient.pk])
    if proposal.kind == Proposal.Kind.THEIR_KEY:
        return reverse("admin:signatures_addresseekey_change", args=[proposal.addressee_key.pk])
    if proposal.kind == Proposal.Kind.REISSUE:
        return reverse("admin:signatures_delivery_change", args=[proposal.subject["delivery"]])
    if campaign := proposal.subject.get("campaign"):
        return reverse("admin:petitions_campaign_change", args=[campaign])
    return ""


@admin.register(AuditEntry)
class AuditAdmin(GuardedAdmin):
    """The trail of one's own sections, to read. What concerns every section is for those who work in all."""

    rights = {"view": "audit.view"}
    section_lookup = "section"
    list_display = ["seq", "when", "who", "action", "section", "purpose", "of_what"]
    list_display_links = ["seq"]
    list_select_related = ["actor", "section"]
    list_filter = ["action", ("at", admin.DateFieldListFilter), ("section", admin.RelatedOnlyFieldListFilter)]
    search_fields = ["actor__username", "action", "purpose"]
    list_per_page = 50
    show_full_result_count = False
    fields = ["seq", "when", "who", "tier", "action", "section", "purpose", "of_what", "chained_to", "digest"]
    readonly_fields = fields
    list_before_template = "signatures/admin/audit_anchor.html"

    def section_of(self, obj: AuditEntry) -> Section | None:
        return obj.section

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        entries = super(GuardedAdmin, self).get_queryset(request)
        own = Q(section__in=sections_of(request.user, "audit.view"))
        if cast(User, request.user).memberships.filter(section=None).exists():
            own |= Q(section=None)
        return cast(QuerySet[AuditEntry], entries.filter(own))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        anchor = {"anchor": AuditAnchor.objects.last()}
        return super().changelist_view(request, anchor | (extra_context or {}))

    @display(description=_("time (UTC)"), ordering="at")
    def when(self, entry: AuditEntry) -> str:
        return f"{entry.at.astimezone(datetime.UTC):%Y-%m-%d %H:%M:%S}"

    @display(description=_("user"), ordering="actor__username")
    def who(self, entry: AuditEntry) -> str:
        return entry.actor.username if entry.actor else str(_("system"))

    @display(description=_("details"))
    def of_what(self, entry: AuditEntry) -> str:
        return ", ".join(f"{name} {_short(value)}" for name, value in entry.detail.items()) or "–"

    @display(description=_("hash of the previous entry"))
    def chained_to(self, entry: AuditEntry) -> str:
        return bytes(entry.previous).hex()

    @display(description=_("hash"))
    def digest(self, entry: AuditEntry) -> str:
        return bytes(entry.hash).hex()


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return f"{text[:12]}…" if len(text) > 24 else text
