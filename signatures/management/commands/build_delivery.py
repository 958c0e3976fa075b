from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from signatures.delivery.build import build_delivery
from signatures.models import Delivery


class Command(BaseCommand):
    help = "Build one approved delivery now, as the workers do."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("delivery", type=int, help="its number, the last part of its reference")

    def handle(self, *args: Any, delivery: int, **options: Any) -> None:
        if not Delivery.objects.filter(pk=delivery).exists():
            raise CommandError(f"There is no delivery {delivery}.")
        build_delivery(delivery)
        found = Delivery.objects.get(pk=delivery)
        if found.state != Delivery.State.READY:
            raise CommandError(f"{found.reference} is not ready: {found.problem or found.get_state_display()}")
        self.stdout.write(f"{found.archive}  SHA-256 {found.archive_sha256}")
