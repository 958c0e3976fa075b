"""What the admin's templates know, for the pages in front of it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest


def admin_site(request: HttpRequest) -> dict[str, Any]:
    """The admin site's own context, for the login's pages (middleware.py marks them)."""
    return admin.site.each_context(request) if getattr(request, "is_login_page", False) else {}
