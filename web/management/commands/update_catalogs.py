"""Brings the catalogs up to date with the sources, and compiles them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from web.i18n import catalogs


class Command(BaseCommand):
    help = (
        "Update web/i18n/locale/*/LC_MESSAGES/django.po with the texts of the public pages, e-mails and "
        "letters, compile them, and list missing translations."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        wanted, left = catalogs.template(), 0
        for code in catalogs.CODES:
            catalog = catalogs.merged(code, wanted)
            catalogs.source_of(code).parent.mkdir(parents=True, exist_ok=True)
            catalogs.source_of(code).write_bytes(catalogs.as_po(catalog))
            catalogs.compiled(code).write_bytes(catalogs.as_mo(catalogs.read(code)))
            lacking = catalogs.missing(catalog)
            left += len(lacking)
            self.stdout.write(f"{code}: {len(catalog) - len(lacking)} of {len(catalog)} translated")
            for words in lacking:
                self.stdout.write(f"  {words}")
        if left:
            raise CommandError(f"Missing translations: {left}.")
