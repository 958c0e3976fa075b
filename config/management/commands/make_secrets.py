from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.secret_files import Servers, make_secrets
from web.redaction import describe


class Command(BaseCommand):
    help = (
        "Make the secrets of an installation, a file each, and from them roles.sql for PostgreSQL and redis.acl for "
        "Redis. What is there is kept: to change a secret, remove its file and run this again."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="for example /etc/undersigned")
        parser.add_argument("--postgresql", default="127.0.0.1", metavar="HOST[:PORT]", help="where PostgreSQL listens")
        parser.add_argument("--redis", default="127.0.0.1:6379", metavar="HOST[:PORT]", help="where Redis listens")

    def handle(self, *args: Any, folder: Path, postgresql: str, redis: str, **options: Any) -> None:
        try:
            made = make_secrets(folder, Servers(postgresql, redis))
        except OSError as error:
            raise CommandError(f"{folder} cannot be written: {describe(error)}.") from None
        for file in made:
            self.stdout.write(f"made {file}")
        self.stdout.write(f"Written: {folder / 'roles.sql'} for psql, {folder / 'redis.acl'} for Redis (aclfile).")
