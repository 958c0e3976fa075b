from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from petitions.models import ClaimSnapshot
from signatures.register.saved_figures import verify_snapshot


class Command(BaseCommand):
    role = "worker"
    help = "Reproduce the figures of a claim snapshot, and say what has changed since (status 1: not reproduced)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign", help="the address of the campaign")
        parser.add_argument("name", help="what texts call the snapshot")

    def handle(self, *args: Any, campaign: str, name: str, **options: Any) -> None:
        claim = ClaimSnapshot.objects.select_related("campaign").filter(campaign__slug=campaign, name=name).first()
        if claim is None:
            raise CommandError(f"Campaign {campaign!r} has no snapshot {name!r}.")
        verdict = verify_snapshot(claim)
        for problem in verdict.problems:
            self.stderr.write(problem)
        if verdict.problems:
            raise CommandError(f"{campaign} {name} cannot be reproduced: {len(verdict.problems)} contradictions.")
        self.stdout.write(
            f"{campaign} {name} of {claim.taken_at:%Y-%m-%d %H:%M} UTC: {claim.total} signatures from"
            f" {len(claim.countries)} shown countries, by {claim.software}. Reproduced.\n"
            f"Since then: {verdict.added} more numbered, {verdict.taken_back} of those taken back;"
            f" {verdict.total_now} are counted now."
        )
