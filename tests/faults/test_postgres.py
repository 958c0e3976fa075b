"""PostgreSQL goes and comes back: what was acknowledged is in it, and nobody is thanked for nothing (I1)."""

from __future__ import annotations

import signal

import pytest

from config.local.children import Child
from tests.faults.crowd import NAME, Crowd, an_address, mails_per_address
from tests.support.stack import LOCAL, RECOVERY, Answer, Stack, kill, wait_until


def end(postgres: Child, how: signal.Signals) -> None:
    if how == signal.SIGKILL:
        kill(postgres)
    else:
        postgres.stop()  # SIGINT: breaks off what runs


def is_honest(address: str, answer: Answer) -> bool:
    """Whether it says "again in a moment", and keeps what was typed."""
    kept = address in answer.text and NAME in answer.text and '<option value="GB" selected' in answer.text
    return answer.status == 503 and int(answer.headers["retry-after"]) > 0 and kept


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_database_restarted_while_people_sign_keeps_every_acknowledged_signature(
    stack: Stack, how: signal.Signals
) -> None:
    postgres = stack.servers.postgres
    assert postgres is not None
    with Crowd(stack, LOCAL) as crowd:
        wait_until(lambda: len(crowd.acknowledged) >= 30, RECOVERY, "signing goes on")
        end(postgres, how)
        wait_until(lambda: len(crowd.refused) >= 4, RECOVERY, "people are told to wait")
        stack.restart_server(postgres)
        again = len(crowd.acknowledged) + 30
        wait_until(lambda: len(crowd.acknowledged) >= again, RECOVERY, "the site recovers by itself")

    assert crowd.unanswered == []
    assert [
        (answer.status, answer.headers) for address, answer in crowd.refused if not is_honest(address, answer)
    ] == []
    # A worker that could not write down what it sent holds its claim until the lease ends.
    stack.let_mail_wait_pass(45)
    stack.ring("send_mails")
    wait_until(
        lambda: crowd.acknowledged <= mails_per_address(stack).keys(), RECOVERY, "each acknowledged one is mailed"
    )


def test_pages_and_confirmations_while_the_database_is_away(stack: Stack) -> None:
    before = stack.counts(LOCAL).counted
    address = an_address()
    stack.sign(LOCAL, address)
    links = stack.links_for(address)
    stack.request("GET", f"/c/{LOCAL}/")
    postgres = stack.servers.postgres
    assert postgres is not None
    postgres.stop()

    confirmation = stack.request("POST", links["confirm"], {})
    assert confirmation.status == 503
    assert int(confirmation.headers["retry-after"]) > 0
    assert stack.request("GET", "/readyz").status == 503
    assert stack.request("GET", "/healthz").status == 200

    stack.restart_server(postgres)
    wait_until(lambda: stack.request("POST", links["confirm"], {}).status == 303, RECOVERY, "it recovers by itself")
    wait_until(lambda: stack.counts(LOCAL).counted == before + 1, RECOVERY, "it is counted")
