"""That the schedule still reaches workers: one row a queue, written anew at each of its notices."""

from __future__ import annotations

from typing import Final

from django.db import connection

#: In PostgreSQL's time: the hosts' clocks may be apart.
NOTE: Final = """
INSERT INTO signatures_heartbeat (queue, at) VALUES (%s, now())
ON CONFLICT (queue) DO UPDATE SET at = greatest(signatures_heartbeat.at, excluded.at)
"""


def note(queue: str) -> None:
    """A notice of this queue ("default", "mail", "slow") was taken just now."""
    with connection.cursor() as cursor:
        cursor.execute(NOTE, [queue])
