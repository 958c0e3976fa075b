from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from petitions.models import ClaimSnapshot
from signatures.register.saved_figures import verify_snapshot


class Command(BaseCommand):
    role = "worker"
    help = "Reproduce saved figures and report what has changed since (exit status 1: not reproduced)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign", help="identifier of the campaign, as in /c/…/")
        parser.add_argument("name", help="the name of the saved figures")

    def handle(self, *args: Any, campaign: str, name: str, **options: Any) -> None:
        claim = ClaimSnapshot.objects.select_related("campaign").filter(campaign__slug=campaign, name=name).first()
        if claim is None:
            raise CommandError(f"Campaign {campaign!r} has no saved figures named {name!r}.")
        verdict = verify_snapshot(claim)
        for problem in verdict.problems:
            self.stderr.write(problem)
        if verdict.problems:
            raise CommandError(f"{campaign} {name} cannot be reproduced. Contradictions: {len(verdict.problems)}.")
        self.stdout.write(
            f"{campaign} {name} of {claim.taken_at:%Y-%m-%d %H:%M} UTC, by {claim.software}: reproduced. "
            f"Signatures: {claim.total}. Countries shown: {len(claim.countries)}.\n"
            f"Since then: {verdict.added} added, {verdict.taken_back} of the saved ones no longer count. "
            f"Counted now: {verdict.total_now}."
        )
