"""What every page of the site depends on, whatever it shows: whose section it is, and whether the site is paused."""

from web.models.maintenance import Maintenance
from web.models.section import Section

__all__ = ["Maintenance", "Section"]
