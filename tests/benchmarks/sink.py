"""A real SMTP server that takes every mail and forgets it. Runs as a process of its own, on loopback."""

from __future__ import annotations

import sys
import time
from typing import Any

from aiosmtpd.controller import Controller


class Sink:
    """Says yes."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        return "250 taken"


if __name__ == "__main__":
    Controller(Sink(), hostname="127.0.0.1", port=int(sys.argv[1])).start()
    while True:
        time.sleep(60)
