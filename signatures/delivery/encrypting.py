"""age encryption while it streams: what a packet says of persons is never in clear on a disk."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import pyrage


@contextmanager
def encrypted(target: IO[bytes], recipients: Sequence[str]) -> Iterator[IO[bytes]]:
    """A stream whose bytes go to `target` age-encrypted to the recipients ("age1…"), or plain where there are none.

    Raises what went wrong on the way (OSError: no space left, say). pyrage pulls from a reader and the
    packet's writer pushes, so a pipe and a thread stand between; 64 kB are in memory at any time.
    """
    if not recipients:
        yield target
        return
    keys = [pyrage.x25519.Recipient.from_str(recipient) for recipient in recipients]
    reading, writing = os.pipe()
    failures: list[Exception] = []

    def encrypt() -> None:
        with os.fdopen(reading, "rb") as source:
            try:
                pyrage.encrypt_io(source, target, keys)
            except Exception as error:
                failures.append(error)

    thread = threading.Thread(target=encrypt, name="age")
    thread.start()
    try:
        with os.fdopen(writing, "wb", buffering=1 << 16) as sink:
            yield sink
    except BrokenPipeError:
        thread.join()
        if failures:
            raise failures[0] from None
        raise
    finally:
        thread.join()
    if failures:
        raise failures[0]


def decrypted(source: IO[bytes], target: Any, identity: pyrage.x25519.Identity) -> None:
    """Copy what was encrypted to the identity into `target`, opened, in pieces. Raises pyrage.DecryptError."""
    pyrage.decrypt_io(source, target, [identity])
