"""Writes docs/access.md, the role matrix as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand

from staff.access_matrix import access_table

PLACE: Final = Path(settings.BASE_DIR) / "docs" / "access.md"


class Command(BaseCommand):
    help = "Write who may do what, page by page, into docs/access.md."

    def handle(self, *args: Any, **options: Any) -> None:
        PLACE.write_text(access_table(), encoding="utf-8")
        self.stdout.write(f"Written: {PLACE}")
