import time
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import CommandError
from tqdm import tqdm

from signatures.delivery.build import build_delivery
from signatures.delivery.parts import progress_of
from signatures.management.keyed import KeyedCommand
from signatures.models import Delivery

#: Seconds between two looks at what other workers have built.
LOOK: Final = 1.0


class Command(KeyedCommand):
    role = "worker"
    help = "Build one approved delivery now, together with any workers already building it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("delivery", type=int, help="delivery number (the last part of its reference)")

    def handle(self, *args: Any, delivery: int, **options: Any) -> None:
        found = Delivery.objects.select_related("campaign").filter(pk=delivery).first()
        if found is None:
            raise CommandError(f"No such delivery: {delivery}.")
        with tqdm(desc=found.reference, unit=" parts", disable=None) as bar:
            self._build(found, bar)
        found.refresh_from_db()
        if found.state != Delivery.State.READY:
            raise CommandError(f"{found.reference} is not ready: {found.problem or found.get_state_display()}")
        self.stdout.write(f"{found.archive}  SHA-256 {found.archive_sha256}")

    def _build(self, delivery: Delivery, bar: "tqdm[Any]") -> None:
        """Build what nobody else builds; then wait for the others, who may die and leave something to do."""

        def look() -> None:
            bar.n, bar.total = progress_of(delivery)
            bar.refresh()

        while not build_delivery(delivery.pk, look):
            delivery.refresh_from_db(fields=["state"])
            if delivery.state != Delivery.State.APPROVED:
                break
            if before := delivery.waits_for():
                raise CommandError(
                    f"{delivery.reference} is waiting for {before.reference}: {before.get_state_display()}."
                )
            look()
            time.sleep(LOOK)
        look()
