"""What needs doing, for whoever looks: the admin's first page. Everything in it is asked of the access table."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.db.models import Exists, F, Max, OuterRef, Q, Sum
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from petitions.desk.lifecycle import REQUIRED
from petitions.models import Campaign, TakeDown
from signatures.desk.shredding import progress
from signatures.models import Case, Delivery, MailTrouble, Monitor, Recipient, Ruling, Tally
from staff import approvals
from staff.access import may, within
from staff.models import Membership, Proposal, Role
from web.i18n.cldr import number
from web.identities import pages_of, section_of_site
from web.models import Identity, Section, StandingPage

#: A campaign whose supporters heard nothing for so long is named.
QUIET_FOR: Final = datetime.timedelta(days=30)
#: A closing so near is named.
CLOSES_SOON: Final = datetime.timedelta(days=7)
#: An alarm so long ago is news no more.
ALARMED_FOR: Final = datetime.timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Task:
    """Something that waits: what it is, about what, and the page on which it is done."""

    what: str
    about: str
    url: str
    #: Somebody else waits for it.
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class CampaignLine:
    """One of one's campaigns and its exact figures; None for those who may not see them."""

    campaign: Campaign
    total: int | None
    today: int | None


def roles_of(user: User) -> list[tuple[str, str]]:
    """(role, where), in the order of the roles: "Moderator", "Aldermere, International"."""
    held: dict[str, list[str]] = {}
    for membership in user.memberships.select_related("section"):
        held.setdefault(membership.role, []).append(str(membership.section or _("all sections")))
    return [(str(role.label), ", ".join(sorted(held[role]))) for role in Role if role in held]


def tasks_of(user: User) -> list[Task]:
    """What waits for this person; what others wait for comes first."""
    sources = (
        _to_decide, _shreddings, _mail_trouble, _alarms, _keyless, _to_open, _sent_back, _rulings, _to_confirm,
        _taken_down, _closing, _failed, _to_deliver, _quiet, _people, _cases, _setting_up,
    )  # fmt: skip
    return sorted((task for source in sources for task in source(user)), key=lambda task: not task.urgent)


def campaigns_of(user: User) -> list[CampaignLine]:
    """The campaigns of one's sections that are not put away, the largest first."""
    shown = within(Campaign.objects.all(), user, "campaign.view").exclude(state=Campaign.State.ARCHIVED)
    today = dict(
        Tally.objects.filter(campaign__in=shown, signed_on=timezone.now().date())
        .values_list("campaign")
        .annotate(n=Sum("n"))
    )
    lines = []
    for campaign in shown.select_related("section").annotate(total=Coalesce(F("register__counted"), 0)):
        exact = may(user, "tally.view", campaign)
        lines.append(
            CampaignLine(campaign, campaign.total if exact else None, today.get(campaign.pk, 0) if exact else None)
        )
    return sorted(lines, key=lambda line: -(line.total or 0))


# --- what waits, role by role -------------------------------------------------------------------------------------


def _to_decide(user: User) -> Iterator[Task]:
    for proposal in Proposal.objects.waiting().select_related("requested_by", "section").order_by("requested_at"):
        if approvals.may_decide(proposal, user) and not _is_revoked(proposal):
            what = _("%(kind)s, requested by %(who)s") % {
                "kind": proposal.get_kind_display(),
                "who": proposal.requested_by,
            }
            yield Task(what, approvals.what_happens(proposal), _page_of(proposal), urgent=True)


def _shreddings(user: User) -> Iterator[Task]:
    """What cannot be undone: to prove it, for the two who want it; to stop it in time, for everybody else."""
    for proposal in Proposal.objects.to_carry_out(Proposal.Kind.SHREDDING):
        current = progress(proposal, user)
        if current is None or not (current.may_prove or (current.may_stop and current.due_at)):
            continue
        what = _("Prove that you want keys destroyed") if current.may_prove else _("Keys will be destroyed")
        when = f"{current.due_at:%Y-%m-%d %H:%M} UTC. " if current.due_at else ""
        yield Task(what, f"{when}{approvals.what_happens(proposal)}", _page_of(proposal), urgent=True)


def _mail_trouble(user: User) -> Iterator[Task]:
    """For who can talk to whoever runs the mail server."""
    if not may(user, "site.halt"):
        return
    for trouble in MailTrouble.objects.exclude(since=None).order_by("pk"):
        about = _("%(kind)s, since %(since)s UTC, with the words %(reply)s. All of them wait; none is lost.") % {
            "kind": trouble.pk,
            "since": f"{trouble.since:%Y-%m-%d %H:%M}",
            "reply": trouble.reply,
        }
        yield Task(_("The mail server refuses our mails"), about, reverse("admin:index"), urgent=True)


def _is_revoked(proposal: Proposal) -> bool:
    """A key that an administrator took away while it waited: nobody has to decide on it any more."""
    return proposal.kind == Proposal.Kind.RECIPIENT and proposal.recipient.state == Recipient.State.REVOKED


def _page_of(proposal: Proposal) -> str:
    if proposal.kind == Proposal.Kind.DELIVERY:
        return reverse("admin:signatures_delivery_change", args=[proposal.delivery.pk])
    if proposal.kind == Proposal.Kind.RECIPIENT:
        return reverse("admin:signatures_recipient_change", args=[proposal.recipient.pk])
    if proposal.kind == Proposal.Kind.THEIR_KEY:
        return reverse("admin:signatures_addresseekey_change", args=[proposal.addressee_key.pk])
    return reverse("admin:staff_proposal_change", args=[proposal.pk])


def _keyless(user: User) -> Iterator[Task]:
    live = Recipient.objects.filter(officer=user).exclude(state=Recipient.State.REVOKED)
    if may(user, "recipient.register") and not live.exists():
        about = _("Personal data is encrypted to your key. Without one you cannot open anything.")
        yield Task(_("Create your key"), about, reverse("admin:signatures_recipient_add"))


def _to_open(user: User) -> Iterator[Task]:
    for campaign in within(Campaign.objects.all(), user, "campaign.open").filter(state=Campaign.State.REVIEW):
        url = reverse("admin:petitions_campaign_life", args=[campaign.pk])
        yield Task(_("Submitted for review"), campaign.title, url, urgent=True)


def _sent_back(user: User) -> Iterator[Task]:
    drafts = within(Campaign.objects.all(), user, "campaign.change").filter(state=Campaign.State.DRAFT)
    for campaign in drafts.exclude(state_reason=""):
        yield Task(_("Sent back by a moderator"), f"{campaign.title}: {campaign.state_reason}", _change(campaign))


def _rulings(user: User) -> Iterator[Task]:
    own = within(Campaign.objects.all(), user, "ruling.make")
    for ruling in Ruling.objects.filter(campaign__in=own, state=Ruling.State.READY).select_related("campaign"):
        n = ruling.would_touch or 0
        what = ngettext("Confirm a ruling on %s signature", "Confirm a ruling on %s signatures", n) % number(n)
        yield Task(what, ruling.campaign.title, reverse("admin:signatures_ruling_change", args=[ruling.pk]))


def _to_confirm(user: User) -> Iterator[Task]:
    """What a colleague ruled, and what ends by itself."""
    own = within(Campaign.objects.all(), user, "ruling.approve")
    for ruling in (
        Ruling.objects.unconfirmed().filter(campaign__in=own).exclude(made_by=user).select_related("campaign")
    ):
        if ruling.state in (Ruling.State.RUNNING, Ruling.State.DONE) and ruling.ends_at:
            what = _("Confirm a colleague’s ruling, or it ends on %s UTC") % f"{ruling.ends_at:%Y-%m-%d %H:%M}"
            yield Task(what, ruling.campaign.title, reverse("admin:signatures_ruling_change", args=[ruling.pk]))


def _taken_down(user: User) -> Iterator[Task]:
    """What a colleague took down, and what comes back by itself."""
    own = within(Campaign.objects.all(), user, "takedown.confirm")
    unconfirmed = TakeDown.objects.unconfirmed().filter(campaign__in=own).exclude(made_by=user)
    for takedown in unconfirmed.select_related("campaign"):
        what = _("Confirm that it stays down, or it is public again on %s UTC") % f"{takedown.ends_at:%Y-%m-%d %H:%M}"
        url = reverse("admin:petitions_campaign_life", args=[takedown.campaign_id])
        yield Task(what, f"{takedown.campaign.title}: {takedown.reason}", url, urgent=True)


def _alarms(user: User) -> Iterator[Task]:
    own = within(Campaign.objects.all(), user, "ruling.view")
    lately = timezone.now() - ALARMED_FOR
    for watch in Monitor.objects.filter(campaign__in=own, alarmed_at__gt=lately).select_related("campaign"):
        yield Task(
            _("Under attack"),
            watch.campaign.title,
            reverse("admin:signatures_monitor_changelist"),
            urgent=True,
        )


def _closing(user: User) -> Iterator[Task]:
    soon = Q(closes_at__lte=timezone.now() + CLOSES_SOON)
    for campaign in within(Campaign.objects.all(), user, "campaign.close").open().filter(soon):
        assert campaign.closes_at is not None
        when = timezone.localtime(campaign.closes_at)
        yield Task(_("Closes on %s") % f"{when:%d.%m. %H:%M}", campaign.title, _change(campaign))


def _failed(user: User) -> Iterator[Task]:
    own = within(Campaign.objects.all(), user, "delivery.request")
    for delivery in Delivery.objects.filter(campaign__in=own, state=Delivery.State.FAILED).select_related("campaign"):
        url = reverse("admin:signatures_delivery_change", args=[delivery.pk])
        yield Task(_("Delivery failed"), delivery.campaign.title, url, urgent=True)


def _to_deliver(user: User) -> Iterator[Task]:
    dead = Q(deliveries__state__in=Delivery.DEAD)
    own = within(Campaign.objects.all(), user, "delivery.request").filter(register__last_number__gt=0)
    for campaign in own.annotate(
        to=Coalesce(Max("deliveries__last_number", filter=~dead & Q(deliveries__addressee=F("addressee"))), 0),
        last=F("register__last_number"),
    ):
        if new := max(0, campaign.last - campaign.to):
            what = ngettext("%s signature not delivered yet", "%s signatures not delivered yet", new) % number(new)
            yield Task(what, campaign.title, _request_of(campaign))


def _request_of(campaign: Campaign) -> str:
    """The form with which its signatures are requested for its own addressee."""
    query = {"campaign": campaign.pk, "addressee": campaign.addressee_id}
    return reverse("admin:signatures_delivery_add", query=query)


def _quiet(user: User) -> Iterator[Task]:
    since = timezone.now().date() - QUIET_FOR
    for campaign in within(Campaign.objects.all(), user, "content.change").open().with_updated_on():
        heard = campaign.updated_on or campaign.launched_on
        if heard is None or heard < since:
            yield Task(_("No update for a month"), campaign.title, reverse("admin:petitions_update_add"))


def _cases(user: User) -> Iterator[Task]:
    """Requests of people about their data, ten days before the law wants an answer; and those past that."""
    today = timezone.now().date()
    for case in within(Case.objects.pressing(today), user, "case.act"):
        late = case.due_on < today
        what = _("Overdue since %s") % case.due_on if late else _("Answer by %s") % case.due_on
        url = reverse("admin:signatures_case_change", args=[case.pk])
        yield Task(what, f"{case.reference}: {case.get_kind_display()}", url, urgent=True)


def _people(user: User) -> Iterator[Task]:
    if not may(user, "people.manage"):
        return
    people, shown = User.objects.filter(is_active=True), reverse("admin:auth_user_changelist")
    without_role = people.exclude(Exists(Membership.objects.filter(user=OuterRef("pk")))).count()
    if without_role:
        what = ngettext("%d user without a role", "%d users without a role", without_role) % without_role
        yield Task(what, _("They cannot see anything until they have one."), shown)
    alone = people.exclude(Exists(Authenticator.objects.filter(user=OuterRef("pk")))).count()
    if alone:
        what = ngettext("%d user without a second factor", "%d users without a second factor", alone) % alone
        yield Task(what, _("They have not completed their first login."), shown)
    administrators = people.filter(memberships__role=Role.ADMINISTRATOR).distinct().count()
    if administrators < 2:
        yield Task(
            _("You are the only administrator"),
            _(
                "Assigning roles and restoring access takes two administrators. Add one with: manage.py "
                "create_administrator"
            ),
            shown,
        )


def _setting_up(user: User) -> Iterator[Task]:
    """What an installation begins with, until each of it is done."""
    if not may(user, "identity.change"):
        return
    if not Identity.objects.exists():
        about = _("Its name, headline, colour, the sender of its e-mails, and how to reach you.")
        yield Task(_("Set up how the site meets its readers"), about, reverse("admin:web_identity_add"))
    begun = Q(pk=section_of_site()) | Exists(Campaign.objects.filter(section=OuterRef("pk")))
    for section in Section.objects.filter(begun):
        there = pages_of(section.pk)
        for kind in (kind for kind in StandingPage.Kind if kind not in there):
            url = reverse("admin:web_standingpage_add", query={"section": section.pk, "kind": kind})
            opens_nothing = _("No petition opens without it. A text to begin with is there.")
            about = opens_nothing if kind in REQUIRED else _("A text to begin with is there.")
            yield Task(f"{kind.label}: {section}", about, url, urgent=kind in REQUIRED)


def _change(campaign: Campaign) -> str:
    return reverse("admin:petitions_campaign_change", args=[campaign.pk])
