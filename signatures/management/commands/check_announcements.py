from typing import Any

from django.core.management.base import BaseCommand, CommandError

from signatures.desk.announcements import differs
from signatures.models import Announcement


class Command(BaseCommand):
    role = "worker"
    help = "Recompute the figures of every press release about a packet, by the rule stored with it."

    def handle(self, *args: Any, **options: Any) -> None:
        wrong = []
        for announcement in Announcement.objects.select_related("update", "delivery__campaign"):
            said = (
                f"{announcement.update.slug}: signatures {announcement.signatures}, countries {announcement.countries} "
                f"({announcement.rule}, of {announcement.delivery.reference})"
            )
            self.stdout.write(said)
            if problem := differs(announcement):
                wrong.append(f"{said}: {problem}")
        if wrong:
            raise CommandError("These differ from what was announced:\n" + "\n".join(wrong))
