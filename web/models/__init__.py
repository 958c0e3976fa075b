"""What every page of the site depends on, whatever it shows: whose it is, and whether the site is paused."""

from web.models.identity import Identity
from web.models.maintenance import Maintenance
from web.models.section import Section
from web.models.standing_page import StandingPage

__all__ = ["Identity", "Maintenance", "Section", "StandingPage"]
