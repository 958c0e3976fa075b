"""`send_test_mail`: one mail by the way of all others; what the mail server said is said."""

import io

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

from signatures.register import relay
from signatures.register.relay import Answer, Away, Reply


def send(*arguments):
    out = io.StringIO()
    call_command("send_test_mail", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize(("arguments", "setting"), [([], "DEFAULT_FROM_EMAIL"), (["--neutral"], "NEUTRAL_FROM_EMAIL")])
def test_it_is_sent_by_the_sender_that_was_asked_for(settings, arguments, setting):
    said = send("me@example.org", *arguments)
    (sent,) = mail.outbox
    assert sent.from_email == getattr(settings, setting)
    assert sent.to == ["me@example.org"]
    assert getattr(settings, setting) in said


@pytest.mark.parametrize(
    "address", ["", "no address", "a@b.example\nBcc: c@d.example", "@example.org", "a@", "Ada <a@b.example>, c@d"]
)
def test_what_is_no_address_is_refused_in_a_line(address):
    with pytest.raises(CommandError, match="no address"):
        send(address)
    assert mail.outbox == []


def test_a_refusal_and_a_server_that_is_away_are_told(monkeypatch):
    monkeypatch.setattr(relay.Relay, "send", lambda *_: Answer(Reply.REFUSED, "554 5.7.1"))
    with pytest.raises(CommandError, match=r"refused .554 5\.7\.1."):
        send("me@example.org")

    def away(*_):
        raise Away("ConnectionRefusedError")

    monkeypatch.setattr(relay.Relay, "send", away)
    with pytest.raises(CommandError, match="unavailable"):
        send("me@example.org")
