from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand

from signatures.management.chosen import add_campaign, chosen_campaign
from signatures.models import NoticeCount
from signatures.register.stuck_mails import stuck_mails, troubles

#: Days of notices that are shown.
DAYS: Final = 7


class Command(BaseCommand):
    role = "worker"
    help = "List the mails that wait, and those that are given up, by petition and reason. Names nobody."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_campaign(parser)

    def handle(self, *args: Any, campaign: str | None, **options: Any) -> None:
        stuck = list(stuck_mails(chosen_campaign(campaign)))
        for of in troubles():
            since = f"{of.since:%Y-%m-%d %H:%M} UTC"
            self.stdout.write(f"The mail server refuses {of.pk} since {since} ({of.reply}): all of them wait.")
        for mails in stuck:
            what = f"{mails.count:7,}  {mails.state:8}  {mails.kind:13}  {mails.slug}"
            why = f"  ({mails.problem})" if mails.problem else ""
            self.stdout.write(f"{what}  since {mails.since:%Y-%m-%d %H:%M} UTC{why}")
        if not stuck:
            self.stdout.write("No mail waits, and none is given up.")
        for day in NoticeCount.objects.order_by("-on")[:DAYS]:
            came = f"{day.bounced:,} bounced, {day.complained:,} complaints, {day.passed_over:,} passed over"
            self.stdout.write(f"notices of {day.on}: {came}")
