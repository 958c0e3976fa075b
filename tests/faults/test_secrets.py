"""What supporters typed, and the tokens of their links, stand nowhere in clear (I10)."""

from __future__ import annotations

import base64
import subprocess
import threading
import urllib.parse
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import redis

from config.local.embedded import postgres_binary
from tests.faults.crowd import MARK, an_address
from tests.faults.inside import run
from tests.faults.searching import in_clear
from tests.support.stack import AT_RISK, LOCAL, RECOVERY, STAGES, Stack, command_lines, wait_until

#: A second mark, in letters that a careless program would escape or transcribe.
FOREIGN = "Ўршуля-Ґанна"


def spellings(secret: str) -> Iterator[bytes]:
    """How these letters look in files and dumps: as they are, in other encodings, in escapes."""
    for text in {secret, secret.lower(), secret.upper()}:
        raw = text.encode()
        yield raw
        yield raw.hex().encode()
        yield text.encode("utf-16-le")
        yield urllib.parse.quote(text).encode()
        yield text.encode("ascii", "backslashreplace")
        for shift in range(3):  # base64 of any surrounding text, whatever the position
            yield base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 :].rstrip(b"=")[:-1]


def needles(secrets: Iterable[str]) -> list[bytes]:
    return sorted({spelling for secret in secrets for spelling in spellings(secret)})


@contextmanager
def overheard(stack: Stack) -> Iterator[list[str]]:
    """Every command that Redis is given meanwhile: counters, rings, cached values."""
    heard: list[str] = []
    client = stack.redis()
    with client.monitor() as monitor:

        def listen() -> None:
            try:
                heard.extend(str(command["command"]) for command in monitor.listen())
            except (redis.RedisError, OSError, ValueError, AttributeError):
                return  # hung up

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield heard
        with stack.redis() as other:
            other.client_kill_filter(_type="normal", skipme=True)
        thread.join(10)
    client.close()


def test_nothing_typed_and_no_token_stands_anywhere_in_clear(stack: Stack) -> None:
    with overheard(stack) as heard:
        links = [live(stack, slug) for slug in (LOCAL, AT_RISK)]
        refuse(stack)
        pending = an_address()
        assert stack.sign(LOCAL, pending, name=f"{FOREIGN} {MARK}", comment=MARK).status == 303
        links.append(stack.links_for(pending))
        delivery = run(stack, "approved_delivery", LOCAL, "named")
        ready = "SELECT state FROM signatures_delivery WHERE id = %s"
        wait_until(lambda: stack.sql(ready, delivery) == [("ready",)], RECOVERY, "the delivery is ready")
        stack.ring(*STAGES)
        running = list(command_lines())
    assert any("signatures.admit" in command for command in heard), "nothing was overheard"

    tokens = [path.strip("/").rpartition("/")[2] for found in links for path in found.values()]
    assert len(tokens) == 6
    everywhere = {
        "the database": dump(stack),
        "Redis": "\n".join(heard).encode() + b"".join(all_of_redis(stack)),
        "a command line": b"\n".join(running),
    }
    planted = needles([MARK, FOREIGN])
    for place, text in everywhere.items():
        assert [needle for needle in (*planted, *needles(tokens)) if needle in text] == [], f"in {place}"
    raw = [MARK, MARK.upper(), FOREIGN, FOREIGN.lower(), *tokens]
    assert in_clear(stack.home, [secret.encode() for secret in raw]) == []
    assert in_clear(stack.home, [b"Aldermere"]), "what is no secret is not found either: the search is broken"


def live(stack: Stack, slug: str) -> dict[str, str]:
    """Sign, confirm, be counted: with the marks in all that can be typed."""
    before = stack.counts(slug).counted
    address = an_address()
    typed = {"name": f"{FOREIGN} {MARK}", "place": f"{MARK} {FOREIGN}"}
    assert stack.sign(slug, address, **typed).status == 303
    added = {"comment": f"{FOREIGN}\n{MARK}", "share_name": "on", "updates": "on"}
    links = stack.links_for(address)
    assert stack.request("GET", links["confirm"]).status == 200
    assert stack.request("POST", links["confirm"], added).status == 303
    assert stack.request("POST", links["confirm"], added).status == 303
    wait_until(lambda: stack.counts(slug).counted == before + 1, RECOVERY, "it is counted")
    assert stack.request("GET", links["confirm"]).status == 200
    assert stack.request("GET", links["withdraw"]).status == 200
    return links


def refuse(stack: Stack) -> None:
    """What is refused must not be told to a log either."""
    assert stack.sign(LOCAL, f"{MARK} at example.org", name=f"<b>{MARK}</b>").status == 422
    assert stack.request("POST", f"/c/{LOCAL}/sign/", {MARK: FOREIGN}).status == 400
    assert stack.request("GET", f"/confirm/{MARK}/").status == 404


def dump(stack: Stack) -> bytes:
    """The whole database, as a backup has it."""
    command = [postgres_binary("pg_dump"), "--dbname", stack.servers.database_url("postgres")]
    done = subprocess.run(command, capture_output=True, check=True, env={"LC_ALL": "C"})
    assert b"COPY public.signatures_signature" in done.stdout
    return done.stdout


def all_of_redis(stack: Stack) -> Iterator[bytes]:
    """Every key and its value."""
    with stack.redis() as client:
        for key in client.scan_iter():
            yield key + b"\n" + (client.dump(key) or b"") + b"\n"
