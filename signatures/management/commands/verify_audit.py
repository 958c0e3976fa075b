from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from signatures.register.audit_anchors import verify_trail
from signatures.register.audit_notes import Anchor, NotAnAnchor


class Command(BaseCommand):
    role = "worker"
    help = (
        "Verify that no entry of the audit trail was altered, deleted or moved. Lists each one that was "
        "(exit status 1)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--anchor", action="append", default=[], metavar="N:HASH",
            help="anchor from the daily e-mail, kept out of reach of whoever runs the database; may be repeated",
        )  # fmt: skip

    def handle(self, *args: Any, anchor: list[str], **options: Any) -> None:
        try:
            pasted = [Anchor.parse(text) for text in anchor]
        except NotAnAnchor as error:
            raise CommandError(f"{str(error)!r} is not an anchor. Anchors look like 17:9f86d0… (64 digits).") from None
        count, problems = verify_trail(pasted)
        if problems:
            raise CommandError("The audit trail does not verify.\n" + "\n".join(problems))
        against = "" if pasted else " To check it against an e-mailed anchor, use --anchor."
        self.stdout.write(f"The audit trail verifies. Entries: {count}.{against}")
