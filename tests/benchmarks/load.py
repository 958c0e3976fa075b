"""A small HTTP load generator: prebuilt requests over kept-open loopback connections, one at a time on each.

Our own, because client, server and database share two cores: this one costs about 15 µs a request.
"""

from __future__ import annotations

import itertools
import selectors
import socket
import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

HOST: Final = "127.0.0.1"
#: Seconds without any answer after which the server is taken for dead.
PATIENCE: Final = 15.0


class WrongAnswer(RuntimeError):
    """The server said something else than it should: the figure would be of another thing."""


@dataclass(slots=True)
class Load:
    """What came of one round of load; latencies in seconds."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    #: Of paced load, which takes any answer: how often each status came, and when the first request was due and the
    #: last was answered (perf_counter).
    statuses: Counter[str] = field(default_factory=Counter)
    began: float = 0.0
    ended: float = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """The latency that this share of the answers (0 to 1) kept below, in seconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    sent: float = 0.0
    received: bytes = b""


def get(port: int, path: str, *headers: str) -> bytes:
    """A GET request, as bytes."""
    return _request("GET", port, path, headers, b"")


def post(port: int, path: str, body: bytes) -> bytes:
    """A form, as a browser posts it from our own page."""
    headers = ("Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}")
    return _request("POST", port, path, (*headers, "Sec-Fetch-Site: same-origin"), body)


def post_with_token(port: int, path: str, body: bytes) -> bytes:
    """The same with Django's CSRF cookie and its token."""
    token = "t0" * 16  # a secret as it is in the cookie: the form may send it as it is, too
    body += f"&csrfmiddlewaretoken={token}".encode()
    headers = ("Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}")
    return _request("POST", port, path, (*headers, f"Cookie: csrftoken={token}"), body)


def _request(method: str, port: int, path: str, headers: Sequence[str], body: bytes) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}:{port}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def drive(port: int, requests: Sequence[bytes], *, status: int, seconds: float, connections: int) -> Load:
    """Send the requests round and round for so long. Raises WrongAnswer where one is not answered by `status`."""
    endless = itertools.cycle(requests)
    wanted = str(status).encode()
    load = Load()
    with selectors.DefaultSelector() as selector:
        open_connections = [_connect(port, selector) for _ in range(connections)]
        started = time.perf_counter()
        for connection in open_connections:
            _send(connection, next(endless))
        end, busy = started + seconds, connections
        try:
            while busy:
                ready = selector.select(PATIENCE)
                if not ready:
                    raise WrongAnswer(f"no answer for {PATIENCE:.0f} s")
                for key, _ in ready:
                    connection = key.data
                    if not _answered(connection, wanted):
                        continue
                    now = time.perf_counter()
                    if now < end:
                        load.latencies.append(now - connection.sent)
                        _renew_where_closed(connection, port, selector)
                        _send(connection, next(endless))
                    else:
                        busy -= 1
        finally:
            for connection in open_connections:
                connection.socket.close()
    load.seconds = seconds
    return load


def pace(
    port: int, requests: Iterable[bytes], *, rate: float, seconds: float, connections: int, into: Load | None = None
) -> Load:
    """Send so many requests a second, for so long, whether or not the server keeps up. Any answer will do.

    A latency counts from when the request was due, so a server that stalls cannot hide it by holding senders up.
    `into`: what is filled meanwhile, for whoever watches.
    """
    source, load = iter(requests), into or Load()
    load.seconds = seconds
    with selectors.DefaultSelector() as selector:
        # Taken in turn: a server closes a connection that says nothing for half a minute.
        idle = deque(_connect(port, selector) for _ in range(connections))
        everybody = list(idle)
        load.began = started = time.perf_counter()
        sent, total = 0, round(rate * seconds)
        try:
            while sent < total or len(idle) < connections:
                now = time.perf_counter()
                while idle and sent < total and (due := started + sent / rate) <= now:
                    connection = idle.popleft()
                    _send(connection, next(source))
                    connection.sent = due
                    sent += 1
                wait = started + sent / rate - now if idle and sent < total else PATIENCE
                ready = selector.select(max(0.0, wait))
                if not ready and wait == PATIENCE:
                    raise WrongAnswer(f"no answer for {PATIENCE:.0f} s")
                for key, _ in ready:
                    if _answered(key.data, None):
                        load.ended = time.perf_counter()
                        load.latencies.append(load.ended - key.data.sent)
                        load.statuses[key.data.received[9:12].decode()] += 1
                        _renew_where_closed(key.data, port, selector)
                        idle.append(key.data)
        finally:
            for connection in everybody:
                connection.socket.close()
    return load


def _connect(port: int, selector: selectors.BaseSelector) -> _Connection:
    connection = _Connection(_open(port))
    selector.register(connection.socket, selectors.EVENT_READ, connection)
    return connection


def _open(port: int) -> socket.socket:
    opened = socket.create_connection((HOST, port), PATIENCE)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return opened


def _renew_where_closed(connection: _Connection, port: int, selector: selectors.BaseSelector) -> None:
    """Another where the server ends this one with its answer, as nginx does after a thousand."""
    head = connection.received.partition(b"\r\n\r\n")[0].lower()
    if b"connection: close" in head:
        selector.unregister(connection.socket)
        connection.socket.close()
        connection.socket = _open(port)
        selector.register(connection.socket, selectors.EVENT_READ, connection)


def _send(connection: _Connection, request: bytes) -> None:
    connection.received = b""
    connection.sent = time.perf_counter()
    connection.socket.sendall(request)


def _answered(connection: _Connection, wanted: bytes | None) -> bool:
    """Read what is there; say whether the answer is whole. Raises WrongAnswer for another status than is wanted."""
    data = connection.socket.recv(1 << 16)
    if not data:
        raise WrongAnswer("the server closed the connection")
    connection.received = received = connection.received + data
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return False
    if wanted is not None and received[9:12] != wanted:
        raise WrongAnswer(received[:2000].decode(errors="replace"))
    return len(received) >= end + 4 + _content_length(received[:end])


def _content_length(head: bytes) -> int:
    start = head.lower().find(b"content-length:")
    if start < 0:
        raise WrongAnswer(f"an answer without a length: {head.decode(errors='replace')}")
    return int(head[start + 15 :].split(b"\r\n", 1)[0])


def fetch(port: int, path: str, *headers: str) -> tuple[bytes, bytes]:
    """One GET; returns head and body as they came over the wire. Raises WrongAnswer unless it is a 200."""
    connection = _Connection(socket.create_connection((HOST, port), PATIENCE))
    with connection.socket:
        _send(connection, get(port, path, *headers))
        while not _answered(connection, b"200"):
            pass
        head, _, body = connection.received.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n", body
