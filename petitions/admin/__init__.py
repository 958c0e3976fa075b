"""The admin of what is asked, and of who asks. What knows of signatures too is registered in signatures/admin/."""

from petitions.admin import identities, letterheads, standing_pages

__all__ = ["identities", "letterheads", "standing_pages"]
