"""A campaign's life: draft → review → open → closed → delivered → archived; paused meanwhile, or taken down.

Which step follows which, who may take it, what is missing for it, and what it writes: all of it is here. The admin
shows what `why_not()` says, and `take()` asks it again. What must hold whoever writes is in the model's constraints.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from petitions.models import Campaign, TakeDown
from staff.access import may
from web.facts import TITLES
from web.i18n.characters import TOO_LONG
from web.i18n.text import check_text
from web.identities import forget_identities, identity_of, pages_of
from web.models import Maintenance, Section, StandingPage

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

State = Campaign.State
_PUBLIC: Final = frozenset(Campaign.PUBLIC_STATES)
#: Without these no campaign opens.
REQUIRED: Final = (StandingPage.Kind.PRIVACY, StandingPage.Kind.IMPRINT)
#: Characters of the reason of a step.
LONGEST_REASON: Final = 600


class NotNow(Exception):
    """Why a step is not taken, in words for whoever wanted to."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `after` is None where the state stays as it is."""

    name: str
    label: _StrPromise
    before: frozenset[State]
    after: State | None
    #: What staff/access.py has to allow.
    action: str
    #: Whether whoever takes it has to say why.
    needs_reason: bool = False
    #: Whether it is asked for a second time: what one click does to everybody who wants to sign.
    asks: bool = False


def _step(
    name: str, label: _StrPromise, before: set[State] | frozenset[State], after: State | None, action: str, **more: bool
) -> Step:
    return Step(name, label, frozenset(before), after, action, **more)


STEPS: Final = {
    step.name: step
    for step in (
        _step("submit", gettext_lazy("Submit for review"), {State.DRAFT}, State.REVIEW, "campaign.change"),
        _step(
            "send_back", gettext_lazy("Send back"), {State.REVIEW}, State.DRAFT, "campaign.open", needs_reason=True
        ),
        _step("open", gettext_lazy("Open"), {State.REVIEW}, State.OPEN, "campaign.open"),
        _step("pause", gettext_lazy("Pause"), {State.OPEN}, None, "campaign.close", needs_reason=True),
        _step("resume", gettext_lazy("Resume"), {State.OPEN}, None, "campaign.open"),
        _step("close", gettext_lazy("Close"), {State.OPEN}, State.CLOSED, "campaign.close", asks=True),
        _step("reopen", gettext_lazy("Reopen"), {State.CLOSED}, State.OPEN, "campaign.open"),
        _step(
            "deliver", gettext_lazy("Mark as delivered"), {State.CLOSED}, State.DELIVERED, "campaign.close", asks=True
        ),
        _step(
            "archive", gettext_lazy("Archive"), {State.CLOSED, State.DELIVERED}, State.ARCHIVED, "campaign.close",
            asks=True,
        ),
        _step("take_down", gettext_lazy("Take down"), _PUBLIC, State.REMOVED, "campaign.close", needs_reason=True),
    )
}  # fmt: skip


def possible_steps(campaign: Campaign) -> list[Step]:
    """The steps that lead on from where the campaign is, whoever asks."""
    return [step for step in STEPS.values() if campaign.state in step.before and not _is_idle(campaign, step)]


def _is_idle(campaign: Campaign, step: Step) -> bool:
    return {"pause": campaign.is_paused, "resume": not campaign.is_paused}.get(step.name, False)


def why_not(campaign: Campaign, step: Step, user: User | AnonymousUser, at: datetime.datetime | None = None) -> str:
    """Why this person cannot take this step now; "" where nothing is in the way."""
    if campaign.state not in step.before or _is_idle(campaign, step):
        return _("This step is not possible in the campaign’s current state.")
    if not may(user, step.action, campaign):
        if step.action == "campaign.change":
            return _("Only campaigners of its section can do this.")
        return _("Only moderators of its section can do this.")
    if step.name == "open" and campaign.review_requested_by_id == user.pk:
        return _("You submitted it for review, so someone else has to open it.")
    missing = _MISSING.get(step.name)
    return missing(campaign, at or timezone.now()) if missing else ""


def _missing_for_review(campaign: Campaign, at: datetime.datetime) -> str:
    if not campaign.demands.exists():
        return _("Add at least one demand first.")
    if not campaign.responsible:
        return _("Enter the responsible organisation first.")
    return "" if campaign.background else _("Write the background first.")


def _missing_for_opening(campaign: Campaign, at: datetime.datetime) -> str:
    if not hasattr(campaign, "key"):
        return _("Encryption keys are still being created. Try again in a moment.")
    if campaign.closes_at and campaign.closes_at <= at:
        return _("Its closing time has passed. Set a later one first.")
    if missing := missing_pages(campaign.section):
        pages = ", ".join(str(TITLES[kind]) for kind in missing)
        return _("Publish these pages first, under Standing pages: %s.") % pages
    if not (campaign.contact_email or identity_of(campaign.section_id).contact_email):
        return _("Enter a contact e-mail first: the campaign’s, or its section’s under Identities.")
    return _missing_for_review(campaign, at)


def missing_pages(section: Section) -> list[str]:
    """The kinds of pages that whoever takes signatures must have, and that nobody has written for this section."""
    forget_identities()  # written a moment ago, perhaps
    there = pages_of(section.pk)
    return [kind for kind in REQUIRED if kind not in there]


def _missing_for_opening_again(campaign: Campaign, at: datetime.datetime) -> str:
    return "" if hasattr(campaign, "key") else _("Its encryption keys have been destroyed, so it cannot reopen.")


def _missing_for_going_on(campaign: Campaign, at: datetime.datetime) -> str:
    return _("The whole site is in maintenance mode. End that first.") if Maintenance.objects.exists() else ""


_MISSING: Final[dict[str, Callable[[Campaign, datetime.datetime], str]]] = {
    "submit": _missing_for_review,
    "open": _missing_for_opening,
    "reopen": _missing_for_opening_again,
    "resume": _missing_for_going_on,
}


@transaction.atomic
def take(campaign: Campaign, step: Step, user: User | AnonymousUser, reason: str = "") -> None:
    """Take the step, and refresh the campaign. Raises NotNow with the reason why not."""
    now, reason = timezone.now(), reason.strip()
    if refusal := why_not(campaign, step, user, now):
        raise NotNow(refusal)
    if step.needs_reason:
        _refuse_unfit(reason)
    if step.name == "take_down":
        _take_down(campaign, user, reason)
        return
    # Conditional: of two people who press different buttons at once, one is told.
    here = Campaign.objects.filter(pk=campaign.pk, state=campaign.state, paused_at=campaign.paused_at)
    handed_in = {"review_requested_by": user} if step.name == "submit" else {}
    if not here.update(**handed_in, **_written_by(campaign, step, now, reason)):
        raise NotNow(_("Someone else changed it in the meantime. Check its current state."))
    campaign.refresh_from_db()


def _take_down(campaign: Campaign, user: User | AnonymousUser, reason: str) -> None:
    """The database moves the campaign, and keeps what it was before (config/database/takedowns.sql)."""
    TakeDown.objects.create(campaign=campaign, reason=reason, made_by_id=user.pk)
    campaign.refresh_from_db()


def _refuse_unfit(reason: str) -> None:
    """Readers may see it."""
    if not reason:
        raise NotNow(_("Enter a reason."))
    if len(reason) > LONGEST_REASON:
        raise NotNow(TOO_LONG % {"length": len(reason), "limit": LONGEST_REASON})
    try:
        check_text(reason)
    except ValidationError as refusal:
        raise NotNow(refusal.messages[0]) from refusal


def _written_by(campaign: Campaign, step: Step, now: datetime.datetime, reason: str) -> dict[str, Any]:
    """The columns that the step writes."""
    written: dict[str, Any] = {"state": step.after} if step.after else {}
    if step.needs_reason:
        written["state_reason"] = reason
    elif step.name in ("submit", "open", "reopen", "resume"):
        written["state_reason"] = ""
    return written | _TIMES.get(step.name, _no_times)(campaign, now)


def _no_times(campaign: Campaign, now: datetime.datetime) -> dict[str, Any]:
    return {}


def _times_of_opening(campaign: Campaign, now: datetime.datetime) -> dict[str, Any]:
    first = {} if campaign.launched_on else {"launched_on": (campaign.opens_at or now).date()}
    return first | ({"paused_at": now, "paused_with_site": True} if Maintenance.objects.exists() else {})


def _times_of_closing(campaign: Campaign, now: datetime.datetime) -> dict[str, Any]:
    """Late confirmations are counted from the closing, so closing ahead of the plan moves the time."""
    ended = campaign.on_its_clock(now)
    early = campaign.closes_at is None or campaign.closes_at > ended
    return {"paused_at": None, "paused_with_site": False, **({"closes_at": now} if early else {})}


def _times_of_opening_again(campaign: Campaign, now: datetime.datetime) -> dict[str, Any]:
    over = campaign.closes_at is not None and campaign.closes_at <= now
    return {"closes_at": None} if over else {}


def _times_of_pausing(campaign: Campaign, now: datetime.datetime) -> dict[str, Any]:
    return {"paused_at": now}


def _times_of_going_on(campaign: Campaign, now: datetime.datetime) -> dict[str, Any]:
    return {"paused_at": None, "closes_at": _moved_on(now)}


_TIMES: Final[dict[str, Callable[[Campaign, datetime.datetime], dict[str, Any]]]] = {
    "open": _times_of_opening,
    "close": _times_of_closing,
    "reopen": _times_of_opening_again,
    "pause": _times_of_pausing,
    "resume": _times_of_going_on,
}


def _moved_on(now: datetime.datetime) -> ExpressionWrapper:
    """The deadline later by as long as the pause was. What had closed before the pause stays closed."""
    return ExpressionWrapper(F("closes_at") + (now - F("paused_at")), output_field=DateTimeField())


def close_what_is_over(at: datetime.datetime | None = None) -> int:
    """Write down what time has decided: campaigns whose planned closing has come are closed. Returns how many.

    Readers see them closed already (Campaign.has_closed); this is for whatever looks at the state, such as the next
    step. A paused campaign's clock stands still, so it waits.
    """
    at = at or timezone.now()
    return Campaign.objects.filter(state=State.OPEN, paused_at=None, closes_at__lte=at).update(state=State.CLOSED)


# --- the whole site -------------------------------------------------------------------------------------------


@transaction.atomic
def pause_site(user: User | AnonymousUser, mode: str, note: str) -> None:
    """Pause every campaign, or let the site only be read, with the note as a banner. Raises NotNow."""
    _refuse_unless_administrator(user)
    if not note.strip():
        raise NotNow(_("Enter a message: visitors see it in the banner."))
    now = timezone.now()
    Maintenance.objects.update_or_create(pk=1, defaults={"mode": mode, "note": note.strip(), "since": now})
    running = Campaign.objects.filter(Q(closes_at=None) | Q(closes_at__gt=now), state=State.OPEN, paused_at=None)
    running.update(paused_at=now, paused_with_site=True)


@transaction.atomic
def resume_site(user: User | AnonymousUser) -> None:
    """Go on; deadlines move by as long as it lasted. What was paused by itself stays paused. Raises NotNow."""
    _refuse_unless_administrator(user)
    now = timezone.now()
    paused = Campaign.objects.filter(paused_with_site=True)
    paused.update(closes_at=_moved_on(now), paused_at=None, paused_with_site=False)
    Maintenance.objects.all().delete()


def _refuse_unless_administrator(user: User | AnonymousUser) -> None:
    if not may(user, "site.halt"):
        raise NotNow(_("Only administrators can do this."))
