"""Commands that open or write what is sealed: as a worker, only with the database's own keyring."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from signatures.register.own_keys import WrongKeyring, require_own_keyring


class KeyedCommand(BaseCommand):
    #: Kinds of keys that the keyring may lack: the command is what to do about it.
    may_lack: ClassVar[Collection[str]] = ()

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            require_own_keyring(but=self.may_lack)
        except (WrongKeyring, ImproperlyConfigured) as error:
            raise CommandError(f"Nothing was done. {error}") from None
        return super().execute(*args, **options)
