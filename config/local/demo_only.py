"""What makes the demo refuses a database that is not the demo's: it makes logins."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import CommandError

from petitions.demo.content import LOCAL_PETITION, PETITION
from petitions.models import Addressee, Campaign, Dossier
from signatures.models import Signature, Source


def refuse_elsewhere() -> None:
    """Raises CommandError where the settings or the database are those of a site that is meant."""
    if settings.HTTPS:
        raise CommandError("Nothing was done: SITE_URL uses https. This command is for the demo only.")
    if settings.MAIL_URL:
        raise CommandError("Nothing was done: MAIL_URL is set. This command is for the demo only.")
    if _has_content() and not _is_the_demo():
        raise CommandError("Nothing was done: the database has content that is not the demo's.")


def _has_content() -> bool:
    return any(model.objects.exists() for model in (User, Campaign, Addressee, Dossier))


def _is_the_demo() -> bool:
    """People may write and rename in a demo what they like; its signers stay."""
    made = Campaign.objects.filter(slug__in=[PETITION, LOCAL_PETITION])
    return made.exists() or Signature.objects.filter(source=Source.DEMO).exists()
