"""Notices of mail servers in the shapes that the world sends: each reaches the row it is about, and none is kept."""

from __future__ import annotations

import base64
import datetime
import email
import email.policy
import quopri
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from petitions.models import Campaign
from signatures.models import NewsMail, NoticeCount, Submission, Suppression
from signatures.register import admission, bounces
from tests.signatures.register.test_mailing import due, send
from tests.signatures.register.test_news import YES, admitted, ask, publish, spread
from tests.support.fixtures import acting_as

__all__ = ["admitted"]


def rewritten(mail: Any, *, message_id: bool = True, header: bool = False) -> bytes:
    """The mail as a relay passes it on: with a Message-ID of its own, or without headers that it does not know."""
    copy = email.message_from_bytes(mail.as_bytes(), policy=email.policy.SMTP)
    if message_id:
        copy.replace_header("Message-ID", "<0100018c-aaaa-bbbb-0000@eu-west-1.relay.example>")
    if header:
        del copy[bounces.HEADER]
    return copy.as_bytes()


def returned(original: bytes, how: str, encoding: str) -> bytes:
    """The part of a notice in which the mail comes back."""
    content = original if how == "message/rfc822" else original.partition(b"\r\n\r\n")[0] + b"\r\n"
    if encoding == "base64":
        content = base64.encodebytes(content)
    elif encoding == "quoted-printable":
        content = quopri.encodestring(content)
    return f"Content-Type: {how}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + content


def report(kind: str, fields: str, original: bytes, how: str = "message/rfc822", encoding: str = "7bit") -> bytes:
    head = f"""From: MAILER-DAEMON@mx.example.org
To: petitions@example.org
Subject: Undelivered
MIME-Version: 1.0
Content-Type: multipart/report; report-type={kind}; boundary="b1"

--b1
Content-Type: text/plain

For ada@example.org.
--b1
Content-Type: message/{kind}

{fields}

--b1
""".replace("\n", "\r\n").encode()
    return head + returned(original, how, encoding) + b"\r\n--b1--\r\n"


def bounced(original: bytes, *given: str, status: str = "5.1.1", action: str = "failed") -> bytes:
    fields = f"Reporting-MTA: dns; mx.example.org\n\nFinal-Recipient: rfc822; ada@example.org\nAction: {action}\n"
    return report("delivery-status", f"{fields}Status: {status}", original, *given)


def complained(original: bytes, *given: str, kind: str = "abuse") -> bytes:
    fields = f"Feedback-Type: {kind}\nUser-Agent: SomeProvider/1.0\nVersion: 1\nOriginal-Rcpt-To: ada@example.org"
    return report("feedback-report", fields, original, *given)


SHAPES = [(how, encoding) for how in ("message/rfc822", "text/rfc822-headers")
          for encoding in ("7bit", "quoted-printable", "base64")]  # fmt: skip


@pytest.fixture
def updated(campaign: Campaign, admitted: Any, smtp: Any) -> Callable[[], Any]:
    """Somebody who wants updates, and what they were sent; called, the next one goes out: its mail, or None."""
    admitted(campaign, {"email": "ada@example.org", **YES})

    def next_update() -> Any:
        smtp.mails.clear()
        ask(publish(campaign, slug=f"update-{timezone.now().timestamp():.6f}".replace(".", "-")))
        spread()
        return smtp.mails[0][1] if smtp.mails else None

    return next_update


def read(keyring: Any, raw: bytes) -> str:
    with acting_as(django_settings.WORKER_ROLE):
        return bounces.read_notice(keyring.site_key(), raw)


@pytest.mark.parametrize(("how", "encoding"), SHAPES)
@pytest.mark.parametrize("carriers", [{"message_id": False}, {}, {"message_id": False, "header": True}])
@pytest.mark.parametrize(("made", "verdict"), [(bounced, "bounced"), (complained, "complained")])
def test_no_update_follows_a_notice_in_whatever_shape(
    updated: Any, keyring: Any, how: str, encoding: str, carriers: Any, made: Any, verdict: str
) -> None:
    original = rewritten(updated(), **carriers)
    assert read(keyring, made(original, how, encoding)) == verdict
    assert updated() is None
    assert not NewsMail.objects.exists()


@pytest.mark.parametrize("kind", ["abuse", "opt-out", "opt-out-list", "Fraud", "other", "virus"])
def test_every_complaint_ends_the_updates(updated: Any, keyring: Any, kind: str) -> None:
    assert read(keyring, complained(rewritten(updated()), kind=kind)) == "complained"
    assert updated() is None


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "dkim", ""])
def test_what_is_no_complaint_ends_nothing(updated: Any, keyring: Any, kind: str) -> None:
    assert read(keyring, complained(rewritten(updated()), kind=kind)) == ""
    assert updated() is not None


@pytest.mark.parametrize(("status", "action"), [("5.7.1", "failed"), ("4.4.7", "delayed"), ("2.0.0", "delivered")])
def test_a_mailbox_that_is_there_goes_on_being_told(updated: Any, keyring: Any, status: str, action: str) -> None:
    read(keyring, bounced(rewritten(updated()), status=status, action=action))
    assert updated() is not None


def test_a_complaint_while_the_next_update_waits_stops_it(
    updated: Any, keyring: Any, campaign: Campaign, smtp: Any
) -> None:
    from signatures.register import news

    first = updated()
    ask(publish(campaign, slug="waiting"))
    with acting_as(django_settings.WORKER_ROLE):
        news.list_batch()
    read(keyring, complained(rewritten(first)))
    smtp.mails.clear()
    assert spread() == 0
    assert smtp.mails == []


def test_who_signs_again_is_told_again(updated: Any, keyring: Any, campaign: Campaign, admitted: Any) -> None:
    from signatures.models import Signature, Withdrawal
    from signatures.register import withdrawal

    read(keyring, complained(rewritten(updated())))
    assert updated() is None
    Withdrawal.objects.create(token_hash=Signature.objects.get(state="counted").withdrawal_hash)
    with acting_as(django_settings.WORKER_ROLE):
        withdrawal.apply_withdrawals()
    admitted(campaign, {"email": "ada@example.org", **YES})
    assert updated() is not None


def test_a_complaint_about_the_first_mail_ends_the_updates_too(
    campaign: Campaign, sign: Any, smtp: Any, keyring: Any
) -> None:
    hashed = sign(campaign, confirmed=False, email="ada@example.org", **YES)
    send()
    original = rewritten(smtp.mails[0][1])
    Submission.objects.filter(pk=hashed).update(confirmed_at=timezone.now())
    with acting_as(django_settings.WORKER_ROLE):
        admission.admit_all(campaign)
    assert read(keyring, complained(original)) == "complained"
    ask(publish(campaign))
    assert spread() == 0


def test_no_reminder_follows_a_complaint_and_it_is_listed(
    campaign: Campaign, sign: Any, smtp: Any, keyring: Any, capsys: Any
) -> None:
    from signatures.models import SigningRules

    SigningRules.objects.update_or_create(campaign=campaign, defaults={"remind_after_days": 7})
    hashed = sign(campaign, confirmed=False)
    send()
    assert due(hashed)
    read(keyring, complained(rewritten(smtp.mails[0][1])))
    assert due(hashed) is None
    call_command("list_mails")
    assert "(complained)" in capsys.readouterr().out
    call_command("requeue_mails")  # a complaint stays one
    assert due(hashed) is None


@pytest.mark.parametrize("boundary", [b"\n", b"\r\n"])
def test_old_and_odd_notices(updated: Any, keyring: Any, boundary: bytes) -> None:
    mail = updated()
    exim = b"X-Failed-Recipients: ada@example.org\nSubject: Mail delivery failed\n\nReturned:\n\n" + mail.as_bytes()
    assert read(keyring, exim.replace(b"\n", boundary)) == "bounced"
    entities = bounced(b"Subject: x\r\n\r\n") + f"&lt;{str(mail['Message-ID'])[1:-1]}&gt;".encode()
    assert read(keyring, entities.replace(b"\r\n", boundary)) == "bounced"
    whole = b"MIME-Version: 1.0\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
    forwarded = whole + base64.encodebytes(complained(rewritten(mail), "message/rfc822", "base64"))
    assert read(keyring, forwarded) == "complained"
    in_one_line = base64.b64encode(rewritten(mail))
    cut = bounced(b"", "message/rfc822", "base64").replace(
        b"base64\r\n\r\n", b"base64\r\n\r\n" + in_one_line[: len(in_one_line) // 2 + 1]
    )
    assert read(keyring, cut) == "bounced"


def test_a_status_in_base64_is_read(updated: Any, keyring: Any) -> None:
    raw = bounced(rewritten(updated()))
    begin = raw.index(b"Reporting-MTA")
    end = raw.index(b"\r\n--b1", begin)
    coded = base64.encodebytes(raw[begin:end]).replace(b"\n", b"\r\n")
    raw = raw[:begin] + coded + raw[end:]
    raw = raw.replace(
        b"message/delivery-status\r\n", b"message/delivery-status\r\nContent-Transfer-Encoding: base64\r\n"
    )
    assert read(keyring, raw) == "bounced"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.binary(max_size=400), st.sampled_from([bounced, complained]), st.sampled_from(SHAPES))
def test_no_notice_stops_reading_and_a_forged_one_does_nothing(
    keyring: Any, db: None, garbage: bytes, made: Any, shape: tuple[str, str]
) -> None:
    key = keyring.site_key()
    assert bounces.read_notice(key, garbage) == ""
    forged = (
        b"Message-ID: <" + base64.urlsafe_b64encode(garbage[:36].ljust(36, b"x")) + b"@testserver>\r\n\r\n" + garbage
    )
    assert bounces.read_notice(key, made(forged, *shape)) == ""
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("maildir", [True, False])
def test_nothing_that_was_read_is_left_lying(
    updated: Any, keyring: Any, tmp_path: Path, maildir: bool, capsys: Any, caplog: Any
) -> None:
    mail = updated()
    home = tmp_path / "bounces"
    for name in ("new", "cur", "tmp") if maildir else ():
        (home / name).mkdir(parents=True)
    home.mkdir(exist_ok=True)
    where = home / "new" if maildir else home
    for name, raw in {
        "1": bounced(rewritten(mail)),
        "2": complained(rewritten(mail)),
        "3": b"From: ada@example.org\n\nI am on holiday.",
        "4": bounced(b"Subject: not ours\r\n\r\n"),
        "5": b"",
    }.items():
        (where / name).write_bytes(raw)
    if maildir:
        (home / "cur" / "6:2,S").write_bytes(b"To: ada@example.org\n\nleft by an earlier version")
    call_command("read_bounces", home)
    passed_over = 4 if maildir else 3
    assert capsys.readouterr().out == f"1 bounced, 1 complaints, {passed_over} ignored\n"
    assert not [path for path in home.rglob("*") if path.is_file()]
    assert NoticeCount.objects.get(on=datetime.datetime.now(datetime.UTC).date()).passed_over == passed_over
    said = [record.getMessage() for record in caplog.records if "notices read" in record.getMessage()]
    assert said == [f"notices read: 1 mails reached nobody, 1 complaints, {passed_over} passed over"]
    call_command("list_mails")
    assert f"1 bounced, 1 complaints, {passed_over} passed over" in capsys.readouterr().out


def test_message_ids_of_updates_differ_and_tell_nothing(updated: Any) -> None:
    first, second = updated(), updated()
    assert first["Message-ID"] != second["Message-ID"]
    for mail in (first, second):
        local = str(mail["Message-ID"])[1:].partition("@")[0]
        assert len(local) <= 64
        assert str(mail["Message-ID"]) in str(mail[bounces.HEADER])
