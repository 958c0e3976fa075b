from argparse import ArgumentParser
from threading import Event
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from prometheus_client import start_http_server

from config.metrics import registry

PORT: Final = 9108


class Command(BaseCommand):
    role = "worker"
    help = "Answer Prometheus on loopback: what workers and mails do, by sums and ages (docs/operations.md)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
        parser.add_argument("--port", type=int, default=PORT, help=f"port to listen on (default: {PORT})")

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        try:
            server, _thread = start_http_server(port, host, registry())
        except OSError as error:
            raise CommandError(f"cannot listen on {host}:{port}: {error.strerror}") from None
        self.stdout.write(f"metrics http://{host}:{server.server_port}/metrics")
        self.stdout.flush()
        Event().wait()
