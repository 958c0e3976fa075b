from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from petitions.models import Campaign
from signatures.management.keyed import KeyedCommand
from signatures.models import Shredding, ShreddingNotice
from signatures.register.keyring import KeysDamaged
from signatures.register.own_keys import CAMPAIGN
from signatures.register.shredding import NotShredded, shred_campaigns, shred_now, stop
from staff.models import Proposal


class Command(KeyedCommand):
    role = "worker"
    may_lack = (CAMPAIGN,)
    help = (
        "Say how far the shredding of a campaign is, and carry it out when its time has come. With --now and two "
        "identity files: destroy its keys at once. With --stop: keep them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign", help="identifier of the campaign, as in /c/…/, or its number")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--now", action="store_true", help="at once, without requests and 72 hours: a raid")
        what.add_argument("--stop", action="store_true", help="stop what two people have asked for on the desk")
        parser.add_argument(
            "--identity", action="append", default=[], metavar="FILE",
            help="age identity of an officer whose key is pinned here; for --now, of two of them",
        )  # fmt: skip

    def handle(self, *args: Any, campaign: str, now: bool, identity: list[str], **options: Any) -> None:
        found = Campaign.objects.filter(slug=campaign).first()
        if found is None and campaign.isdecimal():
            found = Campaign.objects.filter(pk=int(campaign)).first()
        if found is None:
            raise CommandError(f"No such campaign: {campaign!r}.")
        if options["stop"]:
            self._stop(found)
        elif now:
            self._now(found, identity)
        else:
            self._go_on(found)

    def _stop(self, campaign: Campaign) -> None:
        if not stop(campaign):
            raise CommandError("Nothing was stopped: no shredding of this campaign is under way.")
        self.stdout.write(f"{campaign.slug}: stopped. Its keys stay.")

    def _now(self, campaign: Campaign, files: list[str]) -> None:
        try:
            by = shred_now(campaign, [_identity_in(name) for name in files])
        except (NotShredded, KeysDamaged) as error:
            raise CommandError(str(error)) from None
        self._destroyed(campaign, f" by {' and '.join(by)}")

    def _go_on(self, campaign: Campaign) -> None:
        shred_campaigns()
        if Shredding.objects.filter(campaign=campaign).exists():
            self._destroyed(campaign)
            return
        asked = Proposal.objects.to_carry_out(Proposal.Kind.SHREDDING).filter(subject={"campaign": campaign.pk})
        proposal = asked.last()
        if proposal is None:
            raise CommandError("Nothing was destroyed: two people have to agree first, in the admin under Approvals.")
        if proposal.problem:
            raise CommandError(proposal.problem)
        due = ShreddingNotice.objects.get(proposal=proposal).due_at
        self.stdout.write(
            f"{campaign.slug}: its keys will be destroyed on {due:%Y-%m-%d %H:%M} UTC. --stop keeps them."
        )

    def _destroyed(self, campaign: Campaign, by: str = "") -> None:
        self.stdout.write(
            f"{campaign.slug}: its keys have been destroyed{by}. Destroy exported copies of the keyring by hand."
        )


def _identity_in(name: str) -> str:
    """The identity in a file, as age-keygen and our pages write it. Raises CommandError."""
    try:
        lines = [line.strip() for line in Path(name).read_text().splitlines()]
    except (OSError, UnicodeDecodeError):
        raise CommandError(f"Nothing was destroyed: {name} cannot be read.") from None
    return next((line for line in lines if line and not line.startswith("#")), "")
