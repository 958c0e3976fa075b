from argparse import ArgumentParser
from typing import Any

from signatures.management.keyed import KeyedCommand
from signatures.register.admission import admit_everything


class Command(KeyedCommand):
    role = "worker"
    help = "Admit every confirmed submission now, as the workers do."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seconds", type=float, default=3600, help="stop after this many seconds")

    def handle(self, *args: Any, seconds: float, **options: Any) -> None:
        self.stdout.write(f"Submissions admitted: {admit_everything(seconds=seconds)}.")
