from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from petitions.models import Campaign
from signatures.register.tally import check_tally


class Command(BaseCommand):
    role = "worker"
    help = "Recount every register and repair the tallies. With --check, only report differences (exit status 1)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="change nothing")
        parser.add_argument("--campaign", help="identifier of one campaign, as in /c/…/")

    def handle(self, *args: Any, check: bool, campaign: str | None, **options: Any) -> None:
        campaigns = Campaign.objects.filter(register__isnull=False)
        if campaign:
            campaigns = campaigns.filter(slug=campaign)
            if not campaigns:
                raise CommandError(f"No such campaign, or nobody has signed it: {campaign!r}.")
        differences = 0
        for found in tqdm(campaigns, unit=" campaigns", disable=None):
            for difference in check_tally(found, repair=not check):
                differences += 1
                self.stderr.write(f"{found.slug}: {difference}")
        if differences and check:
            raise CommandError(f"Cells that differ from a recount: {differences}.")
        self.stdout.write(f"Cells repaired: {differences}." if differences else "Every tally matches a recount.")
