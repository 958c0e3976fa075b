"""A campaign's keys destroyed as two people and 72 hours do it."""

from __future__ import annotations

import base64
import datetime
import json
from typing import Any

import pyrage
import time_machine
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from petitions.models import Campaign
from signatures.desk import shredding
from signatures.register.recipients import pin_by_hand
from signatures.register.shredding import WAITS, shred_campaigns
from staff.models import Proposal, Role
from tests.support.fixtures import a_proposal, acting_as

type Officer = tuple[User, Any]


def an_officer(staff: Any, role: Role = Role.PRIVACY_OFFICER) -> Officer:
    """Somebody whose key is pinned and who can be mailed, with their identity."""
    user, identity = staff(role), pyrage.x25519.Identity.generate()
    User.objects.filter(pk=user.pk).update(email=f"{user.username}@example.org")
    pin_by_hand(user, str(identity.to_public()))
    return user, identity


def work(later: datetime.timedelta = datetime.timedelta()) -> int:
    """One look of a worker, now or later; returns of how many campaigns keys were destroyed."""
    with time_machine.travel(timezone.now() + later), acting_as(settings.WORKER_ROLE):
        return shred_campaigns()


def code_for(proposal: Proposal, officer: Officer) -> bytes:
    """What the officer's browser finds in a worker's challenge."""
    user, identity = officer
    with acting_as(settings.DESK_ROLE):
        shredding.ask_challenge(proposal, user)
    work()
    with acting_as(settings.DESK_ROLE):
        sealed, problem = shredding.challenge_for(proposal, user)
    assert sealed, problem
    told = json.loads(pyrage.decrypt(sealed, [identity]))
    code = base64.b64decode(told.pop("code"))
    assert told == shredding.expected_in_challenge(proposal)
    return code


def prove(proposal: Proposal, officer: Officer) -> None:
    code = code_for(proposal, officer)
    with acting_as(settings.DESK_ROLE):
        shredding.prove(proposal, officer[0], code)


def proven(campaign: Campaign, staff: Any) -> tuple[Proposal, Officer, Officer]:
    """A request that two have proven, and of which officers were told just now."""
    asked, agreed = an_officer(staff, Role.DELIVERY_OFFICER), an_officer(staff)
    proposal = a_proposal("shredding", {"campaign": campaign.pk}, asked[0], agreed[0])
    for officer in (asked, agreed):
        prove(proposal, officer)
    work()
    proposal.refresh_from_db()
    return proposal, asked, agreed


def shred(campaign: Campaign, staff: Any) -> int:
    proven(campaign, staff)
    return work(WAITS)
