"""What is asked, and of whom. Nothing here knows who signed: see signatures/models/.

Sections are in web/models/, who works in them in staff/models/.
"""

from petitions.models.addressee import Addressee
from petitions.models.campaign import CONFIRMATION_GRACE, Campaign, CampaignQuerySet, Disclosure, Standing
from petitions.models.claim import ClaimSnapshot, unknown_claims, with_claims
from petitions.models.demand import Demand, DemandStep, won
from petitions.models.dossier import Coverage, Dossier
from petitions.models.letterhead import LOGO_BYTES, Letterhead
from petitions.models.picture import Picture
from petitions.models.takedown import TAKEDOWN_LASTS, TakeDown
from petitions.models.update import BREAKING_FOR, Update, UpdateQuerySet
from petitions.models.version import Correction, TextVersion, is_signed

__all__ = [
    "BREAKING_FOR",
    "CONFIRMATION_GRACE",
    "LOGO_BYTES",
    "TAKEDOWN_LASTS",
    "Addressee",
    "Campaign",
    "CampaignQuerySet",
    "ClaimSnapshot",
    "Correction",
    "Coverage",
    "Demand",
    "DemandStep",
    "Disclosure",
    "Dossier",
    "Letterhead",
    "Picture",
    "Standing",
    "TakeDown",
    "TextVersion",
    "Update",
    "UpdateQuerySet",
    "is_signed",
    "unknown_claims",
    "with_claims",
    "won",
]
