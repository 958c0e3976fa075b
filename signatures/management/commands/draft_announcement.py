from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from signatures.desk.announcements import draft_announcement
from signatures.models import Delivery
from staff.refusals import NotAllowed


class Command(BaseCommand):
    role = "worker"
    help = "Draft a press release with a packet's fixed figures, for an editor to complete and publish."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("delivery", type=int, help="delivery number (the last part of its reference)")

    def handle(self, *args: Any, delivery: int, **options: Any) -> None:
        found = Delivery.objects.select_related("campaign", "addressee").filter(pk=delivery).first()
        if found is None:
            raise CommandError(f"No such delivery: {delivery}.")
        try:
            update = draft_announcement(found)
        except NotAllowed as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{update.slug}: {update.title}")
