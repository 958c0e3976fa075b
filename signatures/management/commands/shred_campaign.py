from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from petitions.models import Campaign
from signatures.management.keyed import KeyedCommand
from signatures.models import Shredding
from signatures.register.own_keys import CAMPAIGN
from signatures.register.shredding import NOT_WANTED, shred_campaigns
from staff.models import Proposal


class Command(KeyedCommand):
    role = "worker"
    may_lack = (CAMPAIGN,)
    help = "Destroy a campaign's keys now, once two people have agreed to it in the admin under Approvals."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign", help="identifier of the campaign, as in /c/…/")

    def handle(self, *args: Any, campaign: str, **options: Any) -> None:
        found = Campaign.objects.filter(slug=campaign).first()
        if found is None:
            raise CommandError(f"No such campaign: {campaign!r}.")
        approved = Proposal.objects.to_carry_out(Proposal.Kind.SHREDDING).filter(subject={"campaign": found.pk})
        if not approved.exists() and not Shredding.objects.filter(campaign=found).exists():
            raise CommandError("Nothing was destroyed: two people have to agree first, in the admin under Approvals.")
        shred_campaigns()
        if not Shredding.objects.filter(campaign=found).exists():
            raise CommandError(NOT_WANTED)
        self.stdout.write(
            f"{found.slug}: its keys have been destroyed. Destroy exported copies of the keyring by hand."
        )
