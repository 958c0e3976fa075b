"""Second factors that were sealed under an earlier key, sealed anew under the desk's own."""

from __future__ import annotations

from typing import Any, Final

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from staff.login.adapters import SealedUnderAnotherKey, reseal

#: Where each kind keeps what is sealed.
SEALED_IN: Final = {Authenticator.Type.TOTP: "secret", Authenticator.Type.RECOVERY_CODES: "seed"}


class Command(BaseCommand):
    role = "desk"
    help = "Seal second factors under FACTORS_KEY that were sealed under an earlier key. May be run again."

    def handle(self, *args: Any, **options: Any) -> None:
        done, lost = 0, []
        for key, kind in Authenticator.objects.filter(type__in=SEALED_IN).values_list("pk", "type"):
            try:
                done += _reseal(key, SEALED_IN[Authenticator.Type(kind)])
            except SealedUnderAnotherKey:
                lost.append(key)
        if lost:
            raise CommandError(f"Sealed anew: {done}. No key opens: {', '.join(map(str, lost))}.")
        self.stdout.write(f"Sealed anew: {done}.")


@transaction.atomic
def _reseal(key: int, name: str) -> bool:
    """Says if it was under another key. Somebody may be using it: the row is locked."""
    factor = Authenticator.objects.select_for_update().filter(pk=key).first()
    if factor is None or name not in factor.data or (sealed := reseal(factor.data[name])) is None:
        return False
    Authenticator.objects.filter(pk=key).update(data=factor.data | {name: sealed})
    return True
