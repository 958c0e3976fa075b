from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from signatures.register.pruning import prune
from signatures.register.retention import due


class Command(BaseCommand):
    role = "worker"
    help = "Delete what is past its time, as workers do every ten minutes; with --dry-run, only say what would go."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="change nothing; say what would go, and when next")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        if not dry_run:
            for name, count in prune().items():
                self.stdout.write(f"{name}: {count} deleted")
            return
        for each in due():
            following = f"next {each.next:%Y-%m-%d %H:%M} UTC" if each.next else "nothing is there"
            kept = str(each.rule.kept).removesuffix(", 0:00:00")
            self.stdout.write(
                f"{each.rule.name} ({each.rule.what}), kept {kept}: {each.now} of {each.there}; {following}"
            )
