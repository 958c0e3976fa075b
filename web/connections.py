"""The database away, or taking nothing; afterwards, connections that are no good, and that a pool still hands out."""

import contextlib
import time
from collections.abc import Callable
from typing import Final

from django.db import Error, InterfaceError, OperationalError, connection
from psycopg.errors import ReadOnlySqlTransaction

#: Seconds between two renewals of a whole pool: while the database takes nothing, every request would ask for one.
RENEW_EVERY: Final = 1.0

#: Seconds for which what is remembered is not asked for again after the database was found to be away. Longer than
#: the 3 s that finding out takes, so that one request finds it out once for all that it remembers.
AWAY_FOR: Final = 5.0

_renewed = -RENEW_EVERY
_away_until = 0.0


def unless_away[T](read: Callable[[], T]) -> T:
    """What `read` gives, which is to be remembered. Raises what is_away() names: at once, where the database was away
    a moment ago.

    A page remembers five things. Were each asked for in turn, its reader would wait 3 s for each of them.
    """
    global _away_until
    if time.monotonic() < _away_until:
        raise OperationalError("the database was away a moment ago")
    try:
        return read()
    except (OperationalError, InterfaceError):
        _away_until = time.monotonic() + AWAY_FOR
        raise


def forget_away() -> None:
    """Ask the database again."""
    global _away_until
    _away_until = 0.0


def is_read_only(error: BaseException | None) -> bool:
    """Whether the database refused to write at all: it is a standby, or somebody put it into that state."""
    return isinstance(error, Error) and isinstance(error.__cause__, ReadOnlySqlTransaction)


def is_away(error: BaseException | None) -> bool:
    """Whether nothing can be stored just now, through nobody's fault: try again in a moment."""
    return isinstance(error, OperationalError | InterfaceError) or is_read_only(error)


def discard_broken() -> None:
    """Give this thread's connection back, and have the pool replace every one that no longer answers.

    Without it each would be noticed singly, by one request that fails.
    """
    connection.close()
    pool = getattr(connection, "pool", None)  # web has one, workers keep a single connection
    if pool is not None:
        pool.check()


def discard_read_only() -> None:
    """Close this thread's connection for good, and have the pool open all of its own anew.

    What a session may write is settled when it begins: it answers well, and goes on refusing when the database is
    writable again, or another server has taken its place.
    """
    global _renewed
    with contextlib.suppress(Error):
        if connection.connection is not None:
            connection.connection.close()
    connection.close()
    pool = getattr(connection, "pool", None)
    if pool is not None and time.monotonic() - _renewed >= RENEW_EVERY:
        _renewed = time.monotonic()
        pool.drain()


def discard_after(error: BaseException | None) -> None:
    """Whatever such an error (is_away()) shows to be no good any more. Not inside a transaction."""
    if connection.in_atomic_block:
        return
    if is_read_only(error):
        discard_read_only()
    else:
        discard_broken()
