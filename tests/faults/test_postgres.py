"""PostgreSQL goes and comes back: what was acknowledged is in it, and nobody is thanked for nothing (I1)."""

from __future__ import annotations

import signal
from collections.abc import Callable

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


@pytest.mark.parametrize("how", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.acceptance)])
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


def taken(stack: Stack) -> int:
    """How many a worker has looked at: after a flood, as an earlier test makes one, some of them are held."""
    return int(stack.counts(LOCAL).ledger["taken"])


def test_pages_and_confirmations_while_the_database_is_away(stack: Stack) -> None:
    before = taken(stack)
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
    wait_until(lambda: taken(stack) == before + 1, RECOVERY, "it is admitted")


def let_sessions_follow(stack: Stack, read_only: bool) -> None:
    """For every session, old or new: as a disk that is nearly full is dealt with."""
    stack.sql(f"ALTER SYSTEM SET default_transaction_read_only = {'on' if read_only else 'off'}")
    stack.sql("SELECT pg_reload_conf()")


def only_new_sessions(stack: Stack, read_only: bool) -> None:
    """What sessions may do stays as it was when they began: as after a server has become a standby and back."""
    ((name,),) = stack.sql("SELECT current_database()")
    stack.sql(f"ALTER DATABASE {name} {'SET default_transaction_read_only = on' if read_only else 'RESET ALL'}")
    if read_only:
        stack.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.mark.parametrize("make", [let_sessions_follow, only_new_sessions])
def test_a_database_that_only_reads_for_a_while(stack: Stack, make: Callable[[Stack, bool], None]) -> None:
    address = an_address()
    stack.sign(LOCAL, address)
    links = stack.links_for(address)
    before = taken(stack)
    make(stack, True)
    try:
        with Crowd(stack, LOCAL) as crowd:
            wait_until(lambda: len(crowd.refused) >= 30, RECOVERY, "people are told to wait")
            assert stack.request("GET", "/readyz").text == "database: read-only\n"
            assert stack.request("GET", "/readyz").status == 503
            for path in (links["confirm"], links["withdraw"]):
                answer = stack.request("POST", path, {})
                assert (answer.status, int(answer.headers["retry-after"]) > 0) == (503, True)
                assert stack.request("GET", path).status == 200
            assert stack.request("GET", f"/c/{LOCAL}/").status == 200
            make(stack, False)
            told_to_wait = len(crowd.refused)
            wait_until(lambda: len(crowd.acknowledged) >= 40, RECOVERY, "the site recovers by itself")
            assert len(crowd.refused) - told_to_wait <= 40, "what was opened meanwhile is not kept"
            again = len(crowd.refused)
            more = len(crowd.acknowledged) + 100
            wait_until(lambda: len(crowd.acknowledged) >= more, RECOVERY, "signing goes on")
            assert len(crowd.refused) == again
    finally:
        make(stack, False)
    assert [(answer.status, answer.headers) for who, answer in crowd.refused if not is_honest(who, answer)] == []
    assert crowd.unanswered == []
    wait_until(lambda: stack.request("GET", "/readyz").status == 200, RECOVERY, "it says that it is ready")
    wait_until(lambda: stack.request("POST", links["confirm"], {}).status == 303, RECOVERY, "confirming goes on")
    wait_until(lambda: taken(stack) == before + 1, RECOVERY, "a worker writes again")
    stack.let_mail_wait_pass(60)
    stack.ring("send_mails")
    wait_until(lambda: crowd.acknowledged <= mails_per_address(stack).keys(), RECOVERY, "each one is mailed")
