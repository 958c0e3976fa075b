from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from signatures.management.chosen import add_campaign, chosen_campaign
from signatures.register.stuck_mails import requeue


class Command(BaseCommand):
    role = "worker"
    help = "Send mails after all that were given up, and those that were put off at once. list_mails shows them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_campaign(parser)
        parser.add_argument("--problem", default="", help='only those with this reason of list_mails: "554 5.7.1"')

    def handle(self, *args: Any, campaign: str | None, problem: str, **options: Any) -> None:
        self.stdout.write(f"{requeue(chosen_campaign(campaign), problem):,} mails are to be sent now")
