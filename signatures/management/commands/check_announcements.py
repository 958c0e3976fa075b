from typing import Any

from django.core.management.base import BaseCommand, CommandError

from signatures.desk.announcements import differs
from signatures.models import Announcement


class Command(BaseCommand):
    role = "worker"
    help = "Compute the figures of every press release about a packet again, by the rule that is stored with it."

    def handle(self, *args: Any, **options: Any) -> None:
        wrong = []
        for announcement in Announcement.objects.select_related("update", "delivery__campaign"):
            said = (
                f"{announcement.update.slug}: {announcement.signatures} signatures, {announcement.countries} countries "
                f"({announcement.rule}, of {announcement.delivery.reference})"
            )
            self.stdout.write(said)
            if problem := differs(announcement):
                wrong.append(f"{said}: {problem}")
        if wrong:
            raise CommandError("Not what was announced:\n" + "\n".join(wrong))
