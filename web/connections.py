"""After PostgreSQL was away: connections that it cut, and that a pool still hands out."""

from django.db import connection


def discard_broken() -> None:
    """Give this thread's connection back, and have the pool replace every one that no longer answers.

    Without it each would be noticed singly, by one request that fails.
    """
    connection.close()
    pool = getattr(connection, "pool", None)  # web has one, workers keep a single connection
    if pool is not None:
        pool.check()
