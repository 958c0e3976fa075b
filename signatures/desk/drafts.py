"""Deleting a petition that nobody but staff has ever seen: written by mistake, or never to come.

The database does it whole, or refuses (config/database/drafts.sql). What was public once is taken down instead
(petitions/desk/lifecycle.py), so that whoever signed it, or links to it, is told.
"""

from __future__ import annotations

from typing import Final

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from petitions.models import Campaign
from staff import audit
from staff.access import may
from staff.refusals import NotAllowed, refusals_in_words

REFUSALS: Final = {
    "draft_was_never_public": gettext_lazy("Only a draft that was never public can be deleted."),
    "draft_has_traces": gettext_lazy(
        "It cannot be deleted: somebody has signed it, or there is a lookup, ruling, mailing or saved figure of it."
    ),
}


def can_go(campaign: Campaign) -> bool:
    """Whether it is such a draft, as far as the desk can see; the database knows more, and has the last word."""
    return campaign.state == Campaign.State.DRAFT and not campaign.text_versions.exists()


def delete_draft(campaign: Campaign, by: User) -> None:
    """Delete it with all that is its own, and say so in the trail. Raises NotAllowed with the reason why not."""
    if not may(by, "campaign.delete", campaign):
        raise NotAllowed(_("Only campaigners of its section can do this."))
    key, section = campaign.pk, campaign.section
    with refusals_in_words(REFUSALS), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT delete_draft(%s)", [key])
        audit.append(by, "campaign.delete", section, detail={"campaign": key, "slug": campaign.slug})
