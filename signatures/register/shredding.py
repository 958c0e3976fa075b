"""Shredding: a campaign's keys are destroyed, and with them what is sealed to them, in every backup.

It cannot be undone, so no row of the database is enough. Two people whose age keys are pinned in the keyring each open
a challenge that a worker encrypted to them; the worker checks what they answer against its keyring. Then it tells all
officers by mail, and waits 72 hours, in which any of them can stop it. How far that is stands in the keyring too: who
can write what they like into the database, as the desk's role can, has no key destroyed and no time shortened.

Tally, register numbers, ledger and manifests stay, and still verify: none of them needs a key. First the row that says
so, with the approval it spends, then the keys; a worker that is killed in between is followed by one that goes on.
"""

from __future__ import annotations

import datetime
import logging
import uuid
from collections.abc import Sequence
from typing import Final

import pyrage
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from petitions.models import Campaign
from signatures.models import Shredding, ShreddingNotice, ShreddingStop, Submission
from signatures.register import ledger
from signatures.register.admission import admit_all
from signatures.register.keyring import Announced, ForeignPublicKey, KeysMissing, keyring
from signatures.register.shredding_proofs import provers_of, settle_proofs
from signatures.register.shredding_warnings import warn_officers
from signatures.register.tombstones import bury_campaign
from staff import audit
from staff.access import may
from staff.models import APPROVAL_EXPIRES, Proposal
from web.redaction import describe

log = logging.getLogger(__name__)

#: From the first mail that went out until keys are destroyed.
WAITS: Final = datetime.timedelta(hours=72)
#: Mails go out at once and again after each of these.
WARN_EVERY: Final = datetime.timedelta(hours=24)

NOT_WANTED: Final = (
    "Nothing was destroyed: one of the two people no longer has the role or the key for it, or three days had "
    "passed. Send a new request."
)
NOT_PROVEN: Final = "Nothing is destroyed yet: both people still have to prove, with their own keys, that they want it."
NOBODY_TOLD: Final = (
    "Nothing is destroyed yet: no mail to officers went out. Officers need an e-mail address in their login, "
    "and the mail server has to be there."
)
STOPPED: Final = "An officer has stopped it. Nothing was destroyed."


class NotShredded(Exception):
    """Why nothing was destroyed, in one line."""


def shred_campaigns() -> int:
    """Take each request a step further, and destroy the keys of those whose time has come. Returns of how many."""
    settle_proofs()
    for proposal in Proposal.objects.to_carry_out(Proposal.Kind.SHREDDING):
        _announce_if_proven(proposal)
    return sum(_go_on(uid, note) for uid, note in keyring().shreddings().items())


def shred_now(campaign: Campaign, identities: Sequence[str]) -> list[str]:
    """Destroy a campaign's keys at once, where the keys are; returns who proved that they want it.

    `identities`: two age identities, of two people whose keys are pinned. The keys go first: the database can wait.
    Raises NotShredded, KeysDamaged.
    """
    people = _pinned(identities)
    bury_campaign(campaign)
    keyring().destroy(campaign.uid)
    log.warning("the keys of campaign %s were destroyed by hand", campaign.slug)
    with transaction.atomic():
        if not Shredding.objects.filter(campaign=campaign).exists():
            _close(campaign)
            Shredding.objects.create(campaign=campaign, by_hand=True)
            _forget_pending(campaign)
            audit.append(
                None, "shredding.by_hand", campaign.section, detail={"campaign": campaign.pk, "by": sorted(people)}
            )
    keyring().forget_shredding(campaign.uid)
    return sorted(people)


def shred_again(campaign: Campaign, at: datetime.datetime) -> bool:
    """After a restore: a campaign that was shredded at that time stays so. Says whether anything was left of it."""
    destroyed = keyring().destroy(campaign.uid)
    with transaction.atomic():
        known = Shredding.objects.filter(campaign=campaign).exists()
        if not known:
            _close(campaign)
            Shredding.objects.create(campaign=campaign, at=at, by_hand=True)
            _forget_pending(campaign)
            audit.append(None, "shredding.again", campaign.section, detail={"campaign": campaign.pk})
    keyring().forget_shredding(campaign.uid)
    return destroyed or not known


def stop(campaign: Campaign) -> bool:
    """Stop it where the keys are. Says if anything was under way."""
    note = keyring().shreddings().get(campaign.uid)
    if note is None:
        return False
    keyring().stop_shredding(campaign.uid)
    ShreddingStop.objects.get_or_create(proposal_id=note.proposal)
    _is_stopped(note.proposal)
    return True


# --- what is asked for on the desk ------------------------------------------------------------------------------


def _announce_if_proven(proposal: Proposal) -> None:
    campaign = Campaign.objects.get(pk=proposal.subject["campaign"])
    note = keyring().shreddings().get(campaign.uid)
    if (note and note.proposal == proposal.pk) or proposal.pk in keyring().stopped_shreddings():
        return
    if ShreddingStop.objects.filter(proposal=proposal).exists() or Shredding.objects.filter(campaign=campaign).exists():
        return
    assert proposal.decided_at is not None
    if not _may_still(proposal) or timezone.now() - proposal.decided_at >= APPROVAL_EXPIRES:
        _say(proposal, NOT_WANTED)
    elif not _is_proven(proposal, campaign):
        _say(proposal, NOT_PROVEN)
    else:
        by = sorted(provers_of(proposal, campaign))
        keyring().note_shredding(campaign.uid, Announced(proposal=proposal.pk, by=by))


def _go_on(uid: uuid.UUID, note: Announced) -> bool:
    """One step of what is announced: warn, stop or destroy. Says if keys were destroyed."""
    campaign = Campaign.objects.get(uid=uid)
    proposal = Proposal.objects.get(pk=note.proposal)
    if Shredding.objects.filter(campaign=campaign).exists():  # whoever wrote that was killed before the keys went
        return _destroy(campaign)
    if ShreddingStop.objects.filter(proposal=proposal).exists():
        keyring().stop_shredding(campaign.uid)
        _is_stopped(proposal.pk)
        return False
    if not (_may_still(proposal) and _is_proven(proposal, campaign)):
        keyring().forget_shredding(campaign.uid)
        _say(proposal, NOT_WANTED)
        return False
    note = _warn(campaign, proposal, note)
    if note.told_at is None or timezone.now() < _moment(note.told_at) + WAITS:
        return False
    _note(campaign, proposal)
    return _destroy(campaign)


def _warn(campaign: Campaign, proposal: Proposal, note: Announced) -> Announced:
    """Mail whom there is to mail, when it is time; the 72 hours begin with the first that went out."""
    now = timezone.now()
    if note.told_at is not None and now < _moment(note.told_at) + note.told * WARN_EVERY:
        return note
    due = (_moment(note.told_at) if note.told_at else now) + WAITS
    if now >= due:
        return note
    if not warn_officers(campaign, proposal, due):
        _say(proposal, NOBODY_TOLD)
        return note
    told_at = note.told_at or now.timestamp()
    note = Announced(proposal=note.proposal, by=note.by, told=note.told + 1, told_at=told_at)
    keyring().note_shredding(campaign.uid, note)
    ShreddingNotice.objects.update_or_create(
        proposal=proposal, defaults={"told_at": _moment(told_at), "due_at": _moment(told_at) + WAITS}
    )
    _say(proposal, "")
    return note


def _is_stopped(pk: int) -> None:
    proposal = Proposal.objects.get(pk=pk)
    _say(proposal, STOPPED)
    audit.append(None, "shredding.stop", proposal.section, detail={"proposal": pk} | proposal.subject)


def _is_proven(proposal: Proposal, campaign: Campaign) -> bool:
    """Two people with two keys, and they are the ones who asked and approved."""
    provers = provers_of(proposal, campaign)
    wanted = {proposal.requested_by_id, proposal.decided_by_id}
    people = set(User.objects.filter(username__in=provers).values_list("pk", flat=True))
    return len(set(provers.values())) == 2 and people == wanted


def _may_still(proposal: Proposal) -> bool:
    people = User.objects.only("id", "username", "is_active")  # a worker may read no others (database/grants.py)
    asked, agreed = people.get(pk=proposal.requested_by_id), people.get(pk=proposal.decided_by_id or 0)
    return may(asked, "shred.request", proposal.section) and may(agreed, "shred.approve", proposal.section)


def _say(proposal: Proposal, problem: str) -> None:
    if proposal.problem != problem:
        Proposal.objects.filter(pk=proposal.pk).update(problem=problem)
        proposal.problem = problem
        if problem:
            log.warning("shredding request %s: %s", proposal.pk, problem)


def _note(campaign: Campaign, proposal: Proposal) -> None:
    try:
        admit_all(campaign)  # what was confirmed in time counts
    except (KeysMissing, ForeignPublicKey) as error:
        log.error(
            "campaign %s was shredded before all its signatures were admitted: %s", campaign.slug, describe(error)
        )
    with transaction.atomic():
        # Two workers at once: the second waits here, and then finds that the approval is spent.
        if not Proposal.objects.select_for_update().filter(pk=proposal.pk, done_at=None).exists():
            return
        Shredding.objects.create(campaign=campaign)
        _forget_pending(campaign)
        detail = {"campaign": campaign.pk, "proposal": proposal.pk}
        audit.append(None, "shredding.carry_out", campaign.section, detail=detail)


def _forget_pending(campaign: Campaign) -> None:
    """What nobody confirmed cannot be read any more, so nobody can be asked."""
    pending = Submission.objects.filter(campaign=campaign, outcome__isnull=True)
    unmailed = pending.filter(mailed_at__isnull=True).count()
    ledger.note(campaign.pk, received=unmailed, expired=pending.delete()[0])


def _destroy(campaign: Campaign) -> bool:
    # Once the row is there for good, not beside it: after a restore, a tombstone alone has keys destroyed.
    bury_campaign(campaign)
    destroyed = keyring().destroy(campaign.uid)
    keyring().forget_shredding(campaign.uid)
    if destroyed:
        log.warning("the keys of campaign %s were destroyed", campaign.slug)
    return destroyed


def _moment(at: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(at, datetime.UTC)


# --- by hand ----------------------------------------------------------------------------------------------------


def _pinned(identities: Sequence[str]) -> set[str]:
    """The two people whose pinned keys these identities open. Raises NotShredded, KeysDamaged."""
    try:
        keys = {str(pyrage.x25519.Identity.from_str(text).to_public()) for text in identities}
    except pyrage.IdentityError:
        raise NotShredded("Nothing was destroyed: an identity file contains no age identity.") from None
    people = {username for username, key in keyring().recipients().items() if key in keys}
    if len(keys) != 2 or len(people) != 2:
        raise NotShredded("Nothing was destroyed: it takes the identities of two people whose keys are pinned here.")
    return people


def _close(campaign: Campaign) -> None:
    """Nothing more is taken for it: nobody could read it."""
    if campaign.state == Campaign.State.OPEN:
        Campaign.objects.filter(pk=campaign.pk).update(
            state=Campaign.State.CLOSED, closes_at=timezone.now(), paused_at=None, paused_with_site=False
        )
