"""What takes two people: one proposes it, another approves or refuses it within three days.

Each step is one conditional UPDATE, so a second click, or a colleague who was faster, finds nothing to
change and is told so. That nobody decides on their own proposal, and that nothing follows without an
approved one, is held by the database (config/database/two_people.sql); this module says it in words.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from staff import audit
from staff.access import may, sections_of
from staff.models import AuditEntry, Proposal
from staff.refusals import NotAllowed, refusals_in_words, words_of_constraints
from web.models import Section

log = logging.getLogger(__name__)

REFUSALS: Final[dict[str, str | Promise]] = {
    **words_of_constraints(Proposal),
    **words_of_constraints(AuditEntry),
    "proposal_needs_active_people": gettext_lazy("One of the two people is no longer active staff."),
    "proposal_expires": gettext_lazy("Nobody decided within three days, so the request has expired. Send a new one."),
}


def _nothing(proposal: Proposal) -> None:
    """What follows, follows elsewhere."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How one kind of proposal is asked for, decided on and carried out."""

    #: The actions (staff/access.py) that whoever asks, and whoever decides, has to be allowed.
    request: str
    approve: str
    #: Exactly what will happen, for whoever decides.
    words: Callable[[Proposal], str]
    #: What happens in the transaction that approves, and in the one that refuses or withdraws. May raise NotAllowed;
    #: where keys are needed, it rings a worker.
    #: The action that lets others see it too, to stop it in time.
    stop: str = ""
    carry_out: Callable[[Proposal], None] = _nothing
    give_up: Callable[[Proposal], None] = _nothing


#: kind → its rules. Each is written beside what it does, as APPROVAL; AppConfig.ready() registers it.
RULES: Final[dict[str, Rules]] = {}


def register(kind: Proposal.Kind, rules: Rules) -> None:
    RULES[kind] = rules


def propose(
    kind: Proposal.Kind, by: User, section: Section | None, subject: dict[str, Any], reason: str = ""
) -> Proposal:
    """Ask for something that takes a second person. `subject`: ids and figures, never a signer. Raises NotAllowed."""
    if not may(by, RULES[kind].request, section):
        raise NotAllowed(_("Your role does not allow this."))
    with refusals_in_words(REFUSALS), transaction.atomic():
        made = Proposal.objects.create(kind=kind, section=section, subject=subject, reason=reason, requested_by=by)
        _note(by, RULES[kind].request, made, reason)
    log.info("approval request %s (%s) by user %s", made.pk, kind, by.pk)
    return made


def approve(proposal: Proposal, by: User) -> None:
    """The second person says yes: what was asked for happens now, or a worker does it. Raises NotAllowed."""
    rules = RULES[proposal.kind]
    _refuse_decision(proposal, by)
    _refuse_departed(proposal)
    with refusals_in_words(REFUSALS), transaction.atomic():
        _decide(proposal, Proposal.State.APPROVED, by)
        rules.carry_out(proposal)
        _note(by, rules.approve, proposal)


def refuse(proposal: Proposal, by: User, reason: str = "") -> None:
    """The second person says no, and why. Raises NotAllowed."""
    _refuse_decision(proposal, by)
    with refusals_in_words(REFUSALS), transaction.atomic():
        _decide(proposal, Proposal.State.REFUSED, by, reason)
        RULES[proposal.kind].give_up(proposal)
        _note(by, f"{proposal.kind}.refuse", proposal, reason)


def withdraw(proposal: Proposal, by: User) -> None:
    """Whoever asked takes it back. Raises NotAllowed."""
    if proposal.requested_by_id != by.pk:
        raise NotAllowed(_("Only the requester can withdraw the request. You can reject it."))
    with refusals_in_words(REFUSALS), transaction.atomic():
        _decide(proposal, Proposal.State.WITHDRAWN, None)
        RULES[proposal.kind].give_up(proposal)
        _note(by, f"{proposal.kind}.withdraw", proposal)


def may_decide(proposal: Proposal, by: User) -> bool:
    """Whether this person may approve or refuse it, if it still waits."""
    return proposal.requested_by_id != by.pk and may(by, RULES[proposal.kind].approve, proposal.section)


def may_see(proposal: Proposal, by: User) -> bool:
    """Whether this person may look at it: whoever asked, and whoever may ask for such a thing, decide or stop it."""
    rules = RULES[proposal.kind]
    return proposal.requested_by_id == by.pk or any(may(by, action, proposal.section) for action in _concerned(rules))


def _concerned(rules: Rules) -> list[str]:
    return [action for action in (rules.request, rules.approve, rules.stop) if action]


def visible_to(user: User) -> QuerySet[Proposal]:
    """The proposals that this person may look at. The same rule as may_see()."""
    visible = Q(requested_by=user)
    for kind, rules in RULES.items():
        for action in _concerned(rules):
            everywhere = Q(section=None) if may(user, action) else Q(pk__in=[])
            visible |= Q(kind=kind) & (Q(section__in=sections_of(user, action)) | everywhere)
    return Proposal.objects.filter(visible)


def what_happens(proposal: Proposal) -> str:
    """Exactly what an approval makes happen, as a sentence."""
    return RULES[proposal.kind].words(proposal)


def _note(by: User, action: str, proposal: Proposal, why: str = "") -> None:
    audit.append(by, action, proposal.section, why, {"proposal": proposal.pk} | proposal.subject)


def _decide(proposal: Proposal, state: Proposal.State, by: User | None, answer: str = "") -> None:
    now = timezone.now()
    # Two decide at once: the second UPDATE waits for the first, and then finds nothing that waits.
    waiting = Proposal.objects.waiting(now).filter(pk=proposal.pk)
    if not waiting.update(state=state, decided_by=by, decided_at=now, answer=answer):
        raise NotAllowed(why_not(proposal, by))
    proposal.refresh_from_db()
    log.info(
        "approval request %s (%s) %s by user %s", proposal.pk, proposal.kind, state, by.pk if by else "who requested it"
    )


def _refuse_decision(proposal: Proposal, by: User) -> None:
    if proposal.requested_by_id == by.pk:
        raise NotAllowed(str(REFUSALS["proposal_needs_two_people"]))
    if not may_decide(proposal, by):
        raise NotAllowed(_("Your role does not allow this."))


def _refuse_departed(proposal: Proposal) -> None:
    """Whoever asked has to be somebody who may still ask: a dismissed officer's wishes are nobody's."""
    asked = User.objects.get(pk=proposal.requested_by_id)
    if not may(asked, RULES[proposal.kind].request, proposal.section):
        raise NotAllowed(
            _("%s sent this request but no longer has the role for it. Reject it; someone else can send a new request.")
            % asked
        )


def why_not(proposal: Proposal, by: User | None) -> str:
    """Why it cannot be decided on any more, for whoever came too late."""
    current = Proposal.objects.select_related("decided_by").get(pk=proposal.pk)
    if current.is_overdue() or current.state == Proposal.State.EXPIRED:
        return str(REFUSALS["proposal_expires"])
    if current.decided_by is None:
        return _("Nothing was changed. Current status: %s.") % current.get_state_display()
    if by is not None and current.decided_by_id == by.pk:
        return _("You have already decided: %s.") % current.get_state_display()
    return _("%(who)s decided first. Status: %(state)s.") % {
        "who": current.decided_by,
        "state": current.get_state_display(),
    }
