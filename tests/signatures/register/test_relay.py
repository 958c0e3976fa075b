"""Mail servers as they are: refusals of us and of one mail, connections that end, and what an operator sees of it."""

from __future__ import annotations

import datetime
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from petitions.models import Campaign
from signatures.models import Mailing, MailTrouble, NewsMail, Submission, Suppression
from signatures.register import mailing, news, refusals
from signatures.register.relay import Reply, _HungUp, _meaning
from staff.models import Role
from tests.signatures.register.test_mailing import Sink, due, free_port, make_due, send, use_server
from tests.signatures.register.test_news import YES, admitted, ask, let_it_be_due, publish, spread
from tests.support.fixtures import acting_as

__all__ = ["admitted"]

ABOUT_US = [
    "554 5.7.1 Relay access denied",
    "550 5.4.5 Daily sending quota exceeded",
    "550 5.7.0 Mail sending was suspended",
    "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
    "552 5.3.4 Message size exceeds fixed limit",
    "554 Message rejected: Email address is not verified",
    "530 5.7.0 Authentication required",
    "535 Authentication credentials invalid",
    "553 5.1.8 Sender address rejected: domain not found",
    "550 Sender verify failed",
    "554 Rejected",
    "521 host does not accept mail",
]
NOBODY = [
    "550 5.1.1 <a@example.org>: Recipient address rejected: User unknown in local recipient table",
    "550 5.1.1 The email account that you tried to reach does not exist.",
    "550 No such user here",
    "550 5.5.0 Requested action not taken: mailbox unavailable",
    "553 sorry, that domain isn't in my list; no mailbox here by that name",
    "550 5.2.1 The email account that you tried to reach is disabled",
    "550 5.1.10 RESOLVER.ADR.RecipientNotFound",
    "550 unknown user",
    "556 5.1.10 Domain does not accept mail (nullMX)",
]


@pytest.mark.parametrize(
    ("said", "meant"), [*((said, Reply.REFUSED) for said in ABOUT_US), *((said, Reply.NOBODY) for said in NOBODY)]
)
def test_what_a_server_says_of_us_is_not_said_of_a_recipient(said: str, meant: Reply) -> None:
    code, _, text = said.partition(" ")
    assert _meaning(int(code), text.encode()).reply is meant


@given(st.integers(-1, 599).filter(lambda code: code != 421), st.binary(max_size=80))
def test_any_answer_means_something_and_is_repeated_in_numbers_alone(code: int, text: bytes) -> None:
    answer = _meaning(code, text)
    assert (answer.reply is Reply.LATER) == (code < 500)
    assert len(answer.words) <= 40
    assert set(answer.words) <= set("-.0123456789 ")


def test_421_ends_a_connection() -> None:
    with pytest.raises(_HungUp):
        _meaning(421, b"4.7.0 too many messages")


# --- a server that refuses us -------------------------------------------------------------------------------------


class Refusing(Sink):
    """Answers every mail alike, at one of the three steps, while `reply` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.step, self.reply = "RCPT", ""
        self.asked = 0

    def _refuses(self, step: str) -> str:
        if not self.reply or step != self.step:
            return ""
        self.asked += 1
        return self.reply

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        envelope.mail_from = address
        return self._refuses("MAIL") or "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        return self._refuses("RCPT") or await super().handle_RCPT(server, session, envelope, address, options)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        return self._refuses("DATA") or await super().handle_DATA(server, session, envelope)


@pytest.fixture
def refusing(settings: Any) -> Iterator[Refusing]:
    from aiosmtpd.controller import Controller

    sink = Refusing()
    controller = Controller(sink, hostname="127.0.0.1", port=free_port())
    controller.start()
    use_server(settings, controller.port)
    settings.ALERTS_TO = ["on-call@undersigned.test"]
    yield sink
    controller.stop()


def lines(caplog: pytest.LogCaptureFixture, words: str) -> list[str]:
    ours = (record.getMessage() for record in caplog.records if record.name.startswith("signatures."))
    return [line for line in ours if words in line]


def let_pause_pass() -> None:
    MailTrouble.objects.update(next_try=None)


@pytest.mark.parametrize("said", ABOUT_US)
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
def test_nothing_is_lost_while_a_server_refuses_us(
    campaign: Campaign, sign: Any, refusing: Refusing, caplog: Any, step: str, said: str
) -> None:
    hashes = {sign(campaign, confirmed=False, email=f"p{n}@d{n % 7}.example") for n in range(20)}
    refusing.step, refusing.reply = step, said
    for _ in range(3):
        assert send().mailed == []
        let_pause_pass()
    assert len(lines(caplog, "the mail server refuses us")) == 1
    assert all(due(hashed) <= timezone.now() + mailing.RETRY for hashed in hashes)
    assert refusing.asked <= 3 * refusals.MOST + 1  # an alarm more
    refusing.reply = ""
    with acting_as(django_settings.WORKER_ROLE):
        make_due()
        mailing.send_mails()
    sent = refusing.addresses()
    assert sent == sorted([*(f"p{n}@d{n % 7}.example" for n in range(20)), "on-call@undersigned.test"])
    assert len(lines(caplog, "takes confirmations again")) == 1
    assert MailTrouble.objects.get().refused == 0


def test_everything_waits_for_half_a_minute_while_a_server_refuses_us(
    campaign: Campaign, sign: Any, refusing: Refusing
) -> None:
    for n in range(6):
        sign(campaign, confirmed=False, email=f"p{n}@d{n}.example")
    refusing.reply = ABOUT_US[0]
    send()
    asked = refusing.asked
    for _ in range(5):
        assert send() == mailing.Sent(over=True)
    assert refusing.asked == asked
    pause = MailTrouble.objects.get().next_try - timezone.now()
    assert datetime.timedelta(0) < pause <= datetime.timedelta(seconds=60)


def test_it_is_seen_too_where_one_mail_comes_at_a_time(
    campaign: Campaign, sign: Any, refusing: Refusing, caplog: Any
) -> None:
    hashed = sign(campaign, confirmed=False)
    Submission.objects.filter(pk=hashed).update(created_at=timezone.now() - datetime.timedelta(days=9))
    refusing.reply = ABOUT_US[0]
    for _ in range(4):
        send()
    assert due(hashed) is not None
    assert len(lines(caplog, "the mail server refuses us")) == 1


@pytest.mark.parametrize("domains", [1, 5])
def test_a_server_that_refuses_us_again_loses_nothing_either(
    campaign: Campaign, sign: Any, refusing: Refusing, caplog: Any, domains: int
) -> None:
    """People are told by mail once an hour; what is old, as a reminder is, waits like the rest."""
    sign(campaign, confirmed=False, email="p@fine.example")
    for n in range(6):
        sign(campaign, confirmed=False, email=f"p{n}@d{n % domains}.example")
    Submission.objects.update(created_at=timezone.now() - datetime.timedelta(days=7))
    for _ in range(3):
        refusing.reply = ABOUT_US[0]
        for _ in range(3):
            send()
            let_pause_pass()
        assert not Submission.objects.filter(mail_due=None, mailed_at=None).exists()
        refusing.reply = ""
        sent = send().mailed
        assert sent
        Submission.objects.update(mail_due=timezone.now(), mailed_at=None, mail_counted_on=timezone.now().date())
    assert len(lines(caplog, "the mail server refuses us")) >= (1 if domains == 1 else 3)
    assert refusing.addresses().count("on-call@undersigned.test") == 1


def test_one_mail_that_a_server_does_not_want_stops_no_other_and_is_given_up_after_days(
    campaign: Campaign, sign: Any, smtp: Any, caplog: Any
) -> None:
    unwanted = sign(campaign, confirmed=False, email="unwanted@example.com")
    smtp.at_data["unwanted@example.com"] = ["554 5.7.1 Content rejected"] * 60

    def until_another_was_taken_after_it(said: str) -> None:
        """A claim has no order; refused at its end, nobody can tell yet whether it is this mail or all."""
        for n in range(30):
            sign(campaign, confirmed=False, email=f"{said}{n}@example.org")
            result = send()
            assert len(result.mailed) == 1
            if getattr(result, said) == [unwanted]:
                return
        raise AssertionError(f"never {said}")

    until_another_was_taken_after_it("put_off")
    Submission.objects.filter(pk=unwanted).update(created_at=timezone.now() - datetime.timedelta(days=3))
    until_another_was_taken_after_it("refused")
    row = Submission.objects.get(pk=unwanted)
    assert (row.mail_due, row.mail_problem) == (None, "554 5.7.1")
    assert lines(caplog, "given up") == ["1 mails are given up (554 5.7.1); list_mails shows them"]
    assert not lines(caplog, "example.com")


def test_a_flood_at_one_refused_domain_stops_nobody_elses_mail(campaign: Campaign, sign: Any, smtp: Any) -> None:
    for n in range(30):
        sign(campaign, confirmed=False, email=f"p{n}@blocked.example")
        smtp.at_rcpt[f"p{n}@blocked.example"] = ["550 5.7.1 blocked"] * 9
    fine = [sign(campaign, confirmed=False, email=f"p{n}@fine.example") for n in range(5)]
    make_due()
    Submission.objects.filter(pk__in=fine).update(mail_due=timezone.now() - datetime.timedelta(seconds=30))
    with acting_as(django_settings.WORKER_ROLE):
        assert set(mailing.send_batch().mailed) == set(fine)


def test_where_one_of_our_senders_is_refused_the_others_mails_go(
    make_campaign: Any, sign: Any, refusing: Refusing
) -> None:
    quiet = make_campaign(at_risk=True, disclosure="count")
    for n in range(6):
        sign(quiet, confirmed=False, email=f"q{n}@d{n}.example")
    refusing.reply = "553 5.1.8 Sender address rejected"
    refusing.step = "MAIL"
    send()
    refusing.reply = ""
    sign(make_campaign(), confirmed=False, email="ada@example.org")
    assert len(send().mailed) == 1
    assert "ada@example.org" in refusing.addresses()
    assert Submission.objects.filter(campaign=quiet, mail_due=None).count() == 0


@pytest.mark.parametrize("said", ["554 5.7.1 Relay access denied", "550 5.4.5 quota"])
def test_no_update_is_lost_while_a_server_refuses_us(
    campaign: Campaign, admitted: Any, refusing: Refusing, caplog: Any, said: str
) -> None:
    admitted(campaign, *({"email": f"p{n}@d{n % 5}.example", **YES} for n in range(20)))
    ask(publish(campaign))
    refusing.reply = said
    for _ in range(3):
        assert spread() == 0
        let_pause_pass()
    assert NewsMail.objects.exclude(due=None).count() == 20
    assert Mailing.objects.get().done_at is None
    assert len(lines(caplog, "the mail server refuses us")) == 1
    refusing.reply = ""
    let_it_be_due()
    assert spread() == 20
    assert not NewsMail.objects.exists()
    assert Mailing.objects.get().done_at


# --- connections that end -----------------------------------------------------------------------------------------


class Relay(threading.Thread):
    """A server of few words that takes `each` mails a connection, then `ends` it. Aiosmtpd cannot hang up so."""

    def __init__(self, each: int, ends: str, step: str) -> None:
        super().__init__(daemon=True)
        self.each, self.ends, self.step = each, ends, step
        self.taken: list[str] = []
        self.connections = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            with connection, connection.makefile("rwb") as wire:
                self._serve(wire)

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.join(5)

    def _serve(self, wire: Any) -> None:
        taken, address = 0, ""

        def say(line: str) -> None:
            wire.write(f"{line}\r\n".encode())
            wire.flush()

        say("220 ready")
        for line in wire:
            verb = line[:4].upper().decode()
            if taken >= self.each and verb == self.step:
                if self.ends:
                    say(self.ends)
                if self.ends.startswith("421") or not self.ends:
                    return
                continue
            if verb == "RCPT":
                address = line.decode().partition("<")[2].partition(">")[0]
            if verb == "DATA":
                say("354 go on")
                while wire.readline() != b".\r\n":
                    pass
                self.taken.append(address)
                taken += 1
            say("250 OK")
            if verb == "QUIT":
                return


@pytest.fixture
def relay(settings: Any) -> Iterator[Callable[..., Relay]]:
    made: list[Relay] = []

    def make(each: int, ends: str, step: str) -> Relay:
        made.append(Relay(each, ends, step))
        made[-1].start()
        use_server(settings, made[-1].port)
        return made[-1]

    yield make
    for one in made:
        one.close()


ENDINGS = ["421 4.7.0 Too many messages", "421 bye", ""]


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("ends", ENDINGS)
def test_a_connection_that_takes_five_mails_is_renewed_at_once(
    campaign: Campaign, sign: Any, relay: Any, ends: str, step: str
) -> None:
    server = relay(5, ends, step)
    for n in range(33):
        sign(campaign, confirmed=False, email=f"p{n:02}@example.org")
    assert len(send().mailed) == 33
    assert sorted(server.taken) == [f"p{n:02}@example.org" for n in range(33)]
    assert server.connections == 7


def test_a_server_that_says_later_to_the_sixth_mail_of_a_connection_gets_it_on_another(
    campaign: Campaign, sign: Any, relay: Any
) -> None:
    server = relay(5, "452 4.5.3 too many mails in this session", "MAIL")
    for n in range(30):
        sign(campaign, confirmed=False, email=f"p{n:02}@example.org")
    assert len(send().mailed) >= 20
    assert len(send().mailed) >= 4
    assert len(server.taken) == len(set(server.taken))


@pytest.mark.parametrize("ends", ENDINGS)
def test_updates_go_on_too_when_a_connection_ends(campaign: Campaign, admitted: Any, relay: Any, ends: str) -> None:
    server = relay(5, ends, "MAIL")
    admitted(campaign, *({"email": f"p{n:02}@example.org", **YES} for n in range(22)))
    ask(publish(campaign))
    assert spread() == 22
    assert len(set(server.taken)) == 22


@pytest.mark.parametrize("ends", ENDINGS)
def test_a_server_that_ends_every_connection_is_away(
    campaign: Campaign, sign: Any, relay: Any, ends: str, caplog: Any
) -> None:
    server = relay(0, ends, "MAIL")
    hashes = [sign(campaign, confirmed=False) for _ in range(9)]
    assert send().mailed == []
    assert server.connections == 2
    assert all(due(hashed) for hashed in hashes)
    assert lines(caplog, "the mail server is unavailable")


# --- what an operator sees ------------------------------------------------------------------------------------------


def listed(capsys: Any, *given: str) -> str:
    call_command("list_mails", *given)
    return str(capsys.readouterr().out)


def test_given_up_mails_are_listed_and_sent_after_all(campaign: Campaign, sign: Any, smtp: Any, capsys: Any) -> None:
    gone = sign(campaign, confirmed=False, email="gone@example.org")
    smtp.at_rcpt["gone@example.org"] = ["550 5.1.1 no such user"]
    send()
    shown = listed(capsys)
    assert f"1  given up  confirmations  {campaign.slug}" in shown
    assert "(550 5.1.1)" in shown
    assert "gone" not in shown
    call_command("requeue_mails", "--problem", "554 5.7.1")
    assert capsys.readouterr().out.startswith("0 mails")
    call_command("requeue_mails", "--campaign", campaign.slug)
    assert capsys.readouterr().out.startswith("1 mails")
    assert send().mailed == [gone]
    assert "No mail waits, and none is given up." in listed(capsys)
    with pytest.raises(CommandError, match="There is no campaign 'none'"):
        call_command("requeue_mails", "--campaign", "none")


def test_mails_put_off_for_long_are_listed_and_sent_at_once(
    campaign: Campaign, sign: Any, smtp: Any, capsys: Any
) -> None:
    grey = sign(campaign, confirmed=False, email="grey@example.org")
    Submission.objects.filter(pk=grey).update(created_at=timezone.now() - datetime.timedelta(days=2))
    smtp.at_rcpt["grey@example.org"] = ["451 4.7.1 come back"]
    send()
    assert due(grey) > timezone.now() + datetime.timedelta(hours=11)
    assert "waits     confirmations" in (shown := listed(capsys))
    assert "(451 4.7.1)" in shown
    call_command("requeue_mails", "--problem", "451 4.7.1")
    assert due(grey) <= timezone.now()
    assert send().mailed == [grey]
    assert Submission.objects.get(pk=grey).mail_problem == ""


def test_rows_of_before_without_a_reason_are_listed_and_sent_after_all(
    campaign: Campaign, sign: Any, smtp: Any, capsys: Any
) -> None:
    lost = sign(campaign, confirmed=False)
    Submission.objects.filter(pk=lost).update(mail_due=None)
    assert "given up" in listed(capsys)
    call_command("requeue_mails")
    assert send().mailed == [lost]


def test_what_is_withheld_or_unreadable_is_listed_too(
    campaign: Campaign, sign: Any, smtp: Any, capsys: Any, caplog: Any
) -> None:
    caplog.set_level(logging.WARNING)
    for _ in range(4):
        sign(campaign, confirmed=False, email="ada@example.org")
    bad = sign(campaign, confirmed=False)
    Submission.objects.filter(pk=bad).update(sealed=b"x" * 300)
    send()
    shown = listed(capsys, "--campaign", campaign.slug)
    assert "(no mails left today)" in shown
    assert "(unreadable)" in shown
    assert lines(caplog, "given up (unreadable)")


def test_given_up_updates_are_listed_and_sent_after_all(
    campaign: Campaign, admitted: Any, smtp: Any, capsys: Any, caplog: Any
) -> None:
    admitted(campaign, *({"email": f"{name}@example.org", **YES} for name in ("gone", "fine")))
    smtp.at_rcpt["gone@example.org"] = ["550 5.1.1 no such user"]
    ask(publish(campaign))
    assert spread() == 1
    sent = Mailing.objects.get()
    assert (sent.sent, sent.given_up, bool(sent.done_at)) == (1, 1, True)
    assert "1  given up  updates" in listed(capsys)
    assert len(lines(caplog, "a mail is given up (550 5.1.1)")) == 1
    assert not lines(caplog, "gone@")
    ask(publish(campaign, slug="second"))
    assert spread() == 1  # who is not there is not asked again
    call_command("requeue_mails")
    let_it_be_due()
    assert spread() == 1
    assert not Suppression.objects.exists()
    assert smtp.addresses() == ["fine@example.org", "fine@example.org", "gone@example.org"]
    assert Mailing.objects.filter(given_up=0, done_at__isnull=False).count() == 2


def test_a_link_that_cannot_stand_in_a_mail_costs_nobody_theirs(
    campaign: Campaign, sign: Any, smtp: Any, settings: Any
) -> None:
    hashed = sign(campaign, confirmed=False)
    settings.SITE_URL = "https://петиция.example"
    with pytest.raises(ValueError, match="header"):
        send()
    assert due(hashed) is not None
    settings.SITE_URL = "http://testserver"
    assert send().mailed == [hashed]


def test_an_update_that_a_silent_server_may_have_taken_is_not_sent_again_at_once(
    campaign: Campaign, admitted: Any, smtp: Any, settings: Any
) -> None:
    default = settings.MAILERS["default"]
    settings.MAILERS = {"default": {**default, "OPTIONS": {**default["OPTIONS"], "timeout": 0.3}}}
    admitted(campaign, {"email": "ada@example.org", **YES})
    ask(publish(campaign))
    smtp.silent_after_data = True
    assert spread() == 0
    assert NewsMail.objects.get().due > timezone.now() + news.PUT_OFF * 0.9


def test_staff_see_that_a_server_refuses_us_and_what_was_given_up(
    campaign: Campaign, staff: Any, staff_client: Any, admitted: Any, smtp: Any
) -> None:
    MailTrouble.objects.create(kind="confirmations", refused=9, reply="554 5.7.1", since=timezone.now())
    words = "The mail server refuses our mails"
    assert words in staff_client(staff(Role.ADMINISTRATOR)).get("/admin/").text
    campaigner = staff_client(staff(Role.CAMPAIGNER))
    assert words not in campaigner.get("/admin/").text
    admitted(campaign, {"email": "gone@example.org", **YES})
    smtp.at_rcpt["gone@example.org"] = ["550 5.1.1 no such user"]
    update = publish(campaign)
    ask(update)
    spread()
    assert "Given up" in campaigner.get(reverse("admin:petitions_update_mail", args=[update.pk])).text
