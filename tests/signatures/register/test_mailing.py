"""Confirmation mails, through a real SMTP server on this machine that answers as it is told."""

import asyncio
import datetime
import email
import email.policy
import re
import socket
import threading
from collections import Counter

import pytest
from aiosmtpd.controller import Controller
from django.conf import settings as django_settings
from django.db import connection, connections, transaction
from django.utils import timezone

from petitions.models import Addressee
from signatures.identity import parse_token, token_hash
from signatures.intake import confirmation, submissions
from signatures.models import Submission
from signatures.register import admission, mailing
from signatures.sealing import Consents
from tests.support.fixtures import a_person, acting_as


class Sink:
    """Keeps what it was given; refuses as `answers` say: {address: [reply, reply, …]}, used up one by one."""

    def __init__(self):
        self.mails = []
        self.at_rcpt = {}
        self.at_data = {}
        self.silent_after_data = False

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.at_rcpt.get(address):
            return self.at_rcpt[address].pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        (address,) = envelope.rcpt_tos
        if self.silent_after_data:
            await asyncio.Event().wait()
        if self.at_data.get(address):
            return self.at_data[address].pop(0)
        self.mails.append((address, email.message_from_bytes(envelope.content, policy=email.policy.default)))
        return "250 OK"

    def addresses(self):
        return sorted(address for address, _ in self.mails)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def use_server(settings, port):
    options = {"host": "127.0.0.1", "port": port, "timeout": 5}
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": options}}


@pytest.fixture
def smtp(settings):
    sink = Sink()
    controller = Controller(sink, hostname="127.0.0.1", port=free_port(), enable_SMTPUTF8=True)
    controller.start()
    use_server(settings, controller.port)
    yield sink
    controller.stop()


def make_due():
    """As if the time had come. A test is one transaction, and begins before what it inserts is due."""
    waiting = Submission.objects.exclude(mail_due=None)
    waiting.update(mail_due=timezone.now() - datetime.timedelta(minutes=1))


def send(**kwargs):
    make_due()
    with acting_as(django_settings.WORKER_ROLE):
        return mailing.send_batch(**kwargs)


def due(hashed):
    return Submission.objects.get(pk=hashed).mail_due


def links(text):
    return dict(re.findall(r"http://testserver/(confirm|withdraw)/([\w-]+)/", text))


# --- the mail -------------------------------------------------------------------------------------------------


def test_the_links_of_a_mail_confirm_and_withdraw_its_signature(campaign, sign, smtp):
    hashed = sign(campaign, confirmed=False, email="ada@example.org")
    assert send().mailed == [hashed]
    ((_, mail),) = smtp.mails
    text = mail.get_body(("plain",)).get_content()
    html = mail.get_body(("html",)).get_content()
    assert links(text).keys() == {"confirm", "withdraw"}
    assert links(html) == links(text)
    assert token_hash(links(text)["confirm"]) == hashed
    with acting_as(django_settings.PUBLIC_ROLE):
        assert confirmation.confirm(confirmation.look(token_hash(links(text)["confirm"])), Consents())
    with acting_as(django_settings.WORKER_ROLE):
        admission.admit_all(campaign)
    assert bytes(campaign.signatures.get().withdrawal_hash) == token_hash(links(text)["withdraw"])
    assert parse_token(links(text)["withdraw"])


def test_a_mail_has_a_text_and_an_html_part_and_names_the_petition(campaign, sign, smtp):
    sign(campaign, confirmed=False)
    send()
    ((_, mail),) = smtp.mails
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert campaign.title in mail["Subject"]
    assert all(campaign.title in part.get_content() for part in mail.iter_parts())
    assert mail["Auto-Submitted"] == "auto-generated"


def test_the_same_mailbox_gets_another_confirmation_and_the_same_withdrawal(campaign, sign, smtp):
    for spelling in ("ada@example.org", "ADA@example.org"):
        sign(campaign, confirmed=False, email=spelling)
    send()
    one, other = (links(mail.get_body(("plain",)).get_content()) for _, mail in smtp.mails)
    assert one["confirm"] != other["confirm"]
    assert one["withdraw"] == other["withdraw"]


@pytest.mark.parametrize("address", ["Ada.Lovelace+petition@googlemail.com", "a'b@example.org", '"a b"@example.org'])
def test_mail_goes_to_the_address_as_it_was_typed(campaign, sign, smtp, address):
    sign(campaign, confirmed=False, email=address)
    send()
    assert smtp.addresses() == [address]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ada Lovelace", "A… L…"),
        ("Ганна Марыя Каваленка", "Г… К…"),
        ("S E N D M O N E Y", "S… Y…"),
        ("  (Ada) 77 O'Neil", "A… O…"),
        ("李小龙", "李…"),
        ("محمد علي", "م… ع…"),
        ("Cher", "C…"),
    ],
)
def test_a_mail_shows_the_initials_and_nothing_else_that_was_typed(campaign, sign, smtp, name, shown):
    typed = {"place": "Kryptonville", "comment": "Zounds.", "country": "LS"}
    sign(campaign, confirmed=False, name=name, **typed)
    send()
    ((_, mail),) = smtp.mails
    for part in mail.iter_parts():
        text = part.get_content()
        assert shown in text
        for said in (name.strip(), *name.split()[1:-1], *typed.values(), "Lesotho"):
            assert not re.search(rf"\b{re.escape(said)}\b", text)


def test_initials_are_no_markup(campaign, sign, smtp):
    sign(campaign, confirmed=False, name="<b>x & \x00confirm\x00 <i>y")
    send()
    ((_, mail),) = smtp.mails
    text, html = (part.get_content() for part in mail.iter_parts())
    assert "b… i…" in text
    assert "b… i…" in html
    assert links(html) == links(text)


def test_an_international_domain_is_written_in_ascii(campaign, sign, smtp):
    sign(campaign, confirmed=False, email="ada@пошта.example")
    send()
    assert smtp.addresses() == ["ada@xn--80a1acn3a.example"]


def test_a_mail_about_people_at_risk_tells_nothing_of_the_petition(make_campaign, sign, smtp):
    minister = Addressee.objects.create(name="The Minister of Prisons", institution="Ministry of Silence")
    campaign = make_campaign(
        at_risk=True, disclosure="count", title="Free the librarians", lead="Unjustly jailed.", addressee=minister,
        pledge="I demand their liberty.", responsible="Friends of Books", slug="free-the-librarians",
    )  # fmt: skip
    sign(campaign, confirmed=False, name="Zebediah Quux", country="BY", place="Hrodna")
    send()
    ((_, mail),) = smtp.mails
    whole = "\n".join([*map(str, mail.values()), *(part.get_content() for part in mail.iter_parts())]).casefold()
    words = [
        "librarian",
        "jailed",
        "minister",
        "prison",
        "silence",
        "liberty",
        "demand",
        "friends",
        "books",
        "zebediah",
    ]
    words += ["quux", "hrodna", "petition", "signature", "signed", "sign ", "campaign", "number"]
    # Our own sender address is not of this campaign.
    whole = whole.replace(django_settings.DEFAULT_FROM_EMAIL, "")
    assert [word for word in words if word in whole] == []
    assert links(whole.replace("HTTP", "http")).keys() == {"confirm", "withdraw"}


def test_the_message_id_tells_no_host_name(campaign, sign, smtp):
    sign(campaign, confirmed=False)
    sign(campaign, confirmed=False)
    send()
    ids = [mail["Message-ID"] for _, mail in smtp.mails]
    assert all(identifier.endswith("@testserver>") for identifier in ids)
    assert len(set(ids)) == 2
    assert socket.gethostname() not in "".join(identifier.rpartition("@")[2] for identifier in ids)


def test_what_was_typed_cannot_write_headers(campaign, sign, smtp):
    sign(campaign, confirmed=False, email="ada@example.org\r\nBcc: eve@example.org")
    result = send()
    assert smtp.mails == []
    assert len(result.refused) == 1


# --- the queue ------------------------------------------------------------------------------------------------


def test_a_sent_mail_is_not_sent_again(campaign, sign, smtp):
    hashed = sign(campaign, confirmed=False)
    send()
    submission = Submission.objects.get(pk=hashed)
    assert submission.mail_due is None
    assert submission.mailed_at is not None
    assert send() == mailing.Sent(over=True)
    assert len(smtp.mails) == 1


def test_nothing_is_lost_while_the_mail_server_is_away(campaign, sign, smtp, settings):
    there = settings.MAILERS
    hashes = {sign(campaign, confirmed=False, email=f"p{n}@example.org") for n in range(3)}
    use_server(settings, free_port())
    result = send()
    assert result == mailing.Sent(over=True)
    assert {hashed for hashed in hashes if due(hashed) <= timezone.now()} == hashes  # nothing was claimed
    settings.MAILERS = there
    assert set(send().mailed) == hashes
    assert smtp.addresses() == [f"p{n}@example.org" for n in range(3)]


def test_a_server_that_hangs_up_midway_gets_the_rest_later_and_nothing_twice(campaign, sign, smtp):
    hashes = {sign(campaign, confirmed=False, email=f"p{n}@example.org") for n in range(4)}
    for n in range(4):
        smtp.at_rcpt[f"p{n}@example.org"] = []
    smtp.at_rcpt["p2@example.org"] = ["421 Going down"]
    first = send()
    assert due_and_sent(hashes) == (4 - len(first.mailed), len(first.mailed))
    while Submission.objects.exclude(mail_due=None).exists():
        send()
    assert smtp.addresses() == [f"p{n}@example.org" for n in range(4)]


def due_and_sent(hashes):
    rows = Submission.objects.filter(pk__in=hashes)
    return rows.exclude(mail_due=None).count(), rows.exclude(mailed_at=None).count()


@pytest.mark.parametrize("when", ["at_rcpt", "at_data"])
@pytest.mark.parametrize("reply", ["550 No such user here", "550 5.1.1 <nobody@example.org> unknown", "553 5.1.10 x"])
def test_a_mail_refused_for_good_is_not_tried_again_and_the_others_go(campaign, sign, smtp, when, reply):
    refused = sign(campaign, confirmed=False, email="nobody@example.org")
    fine = sign(campaign, confirmed=False, email="ada@example.org")
    getattr(smtp, when)["nobody@example.org"] = [reply]
    result = send()
    assert (result.refused, result.mailed, result.put_off) == ([refused], [fine], [])
    assert due(refused) is None
    assert Submission.objects.get(pk=refused).mailed_at is None
    assert Submission.objects.get(pk=refused).sealed is not None
    assert send() == mailing.Sent(over=True)


@pytest.mark.parametrize("when", ["at_rcpt", "at_data"])
@pytest.mark.parametrize("reply", ["450 Greylisted, try again", "452 Mailbox full", "451 Local error"])
def test_a_mail_put_off_is_sent_later_and_the_others_now(campaign, sign, smtp, when, reply):
    grey = sign(campaign, confirmed=False, email="grey@example.org")
    fine = sign(campaign, confirmed=False, email="ada@example.org")
    getattr(smtp, when)["grey@example.org"] = [reply, reply]
    for _ in range(2):
        result = send()
        assert result.put_off == [grey]
        assert timezone.now() < due(grey) <= timezone.now() + mailing.RETRY
    assert send().mailed == [grey]
    assert smtp.addresses() == ["ada@example.org", "grey@example.org"]
    assert due(fine) is None


def test_an_address_put_off_for_long_is_tried_ever_more_rarely(campaign, sign, smtp):
    grey = sign(campaign, confirmed=False, email="grey@example.org")
    smtp.at_rcpt["grey@example.org"] = ["450 Greylisted"]
    day = datetime.timedelta(days=1)
    Submission.objects.filter(pk=grey).update(created_at=timezone.now() - day)
    send()
    assert timezone.now() + day * 0.24 < due(grey) < timezone.now() + day * 0.26


def test_thousands_put_off_do_not_stop_a_run(campaign, sign, smtp, monkeypatch):
    for n in range(4):
        sign(campaign, confirmed=False, email=f"grey{n}@example.org")
        smtp.at_rcpt[f"grey{n}@example.org"] = ["450 Greylisted"]
    sign(campaign, confirmed=False, email="ada@example.org")
    Submission.objects.filter(mail_due__isnull=False).update(mail_due=timezone.now() - mailing.RETRY)
    batch = mailing.send_batch
    monkeypatch.setattr(mailing, "send_batch", lambda: batch(limit=2))
    with acting_as(django_settings.WORKER_ROLE):
        assert mailing.send_mails() == 1
    assert smtp.addresses() == ["ada@example.org"]


def test_a_server_that_falls_silent_after_the_text_gets_that_mail_again_only_after_long(campaign, sign, smtp, settings):
    """It may have taken it: sending it every few seconds would bury the mailbox."""
    default = settings.MAILERS["default"]
    settings.MAILERS = {"default": {**default, "OPTIONS": {**default["OPTIONS"], "timeout": 0.3}}}
    hashed = sign(campaign, confirmed=False, email="ada@example.org")
    smtp.silent_after_data = True
    result = send()
    assert (result.unclear, result.mailed, result.over) == ([hashed], [], True)
    assert due(hashed) > timezone.now() + mailing.UNCLEAR * 0.9


def test_a_mail_that_was_admitted_meanwhile_leaves_no_fine_time(campaign, sign):
    hashed = sign(campaign)
    with acting_as(django_settings.WORKER_ROLE):
        admission.admit_all(campaign)
        row = mailing.Row(hashed, campaign.pk, None, b"", timezone.now(), None, None, None)
        mailing._record(mailing.Sent(mailed=[hashed]), {hashed: row})
    assert Submission.objects.get(pk=hashed).mailed_at is None


@pytest.mark.parametrize("address", ["иван@example.org", "用户@例え.example", "ada\u0301@example.org"])
def test_an_address_that_no_mail_can_be_written_to_does_not_hold_up_the_others(campaign, sign, smtp, address):
    """Django's SMTP backend does not speak SMTPUTF8: it refuses such an address with a ValueError."""
    before, bad, after = (
        sign(campaign, confirmed=False, email=given) for given in ("a@example.org", address, "b@example.org")
    )
    result = send()
    assert set(result.mailed) == {before, after}
    assert result.refused == [bad]
    assert due(bad) is None


def test_what_cannot_be_opened_is_not_tried_again_and_the_others_go(campaign, sign, smtp):
    bad, fine = (sign(campaign, confirmed=False) for _ in range(2))
    Submission.objects.filter(pk=bad).update(sealed=b"x" * 300)
    result = send()
    assert (result.refused, result.mailed) == ([bad], [fine])


def test_what_is_admitted_already_gets_no_mail(campaign, sign, smtp):
    sign(campaign)
    with acting_as(django_settings.WORKER_ROLE):
        admission.admit_all(campaign)
    assert send() == mailing.Sent(over=True)


# --- claims ---------------------------------------------------------------------------------------------------


def claim(limit=100):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(mailing.CLAIM, [mailing.LEASE.total_seconds(), limit])
        return {row[0] for row in cursor.fetchall()}


def test_a_claim_is_not_claimed_again_until_its_lease_ends(campaign, sign, smtp):
    hashes = {sign(campaign, confirmed=False) for _ in range(3)}
    make_due()
    assert claim() == hashes
    assert claim() == set()
    assert mailing.send_batch() == mailing.Sent(over=True)
    # The worker died: when its lease ends, somebody else sends.
    assert set(send().mailed) == hashes


def test_a_lease_outlasts_the_sending_and_one_hanging_mail():
    four_steps = datetime.timedelta(seconds=4 * 10)
    assert datetime.timedelta(seconds=mailing.SEND_FOR) + four_steps < mailing.LEASE


def test_the_rest_of_a_claim_is_left_when_the_time_is_up(campaign, sign, smtp, monkeypatch):
    hashes = {sign(campaign, confirmed=False) for _ in range(3)}
    monkeypatch.setattr(mailing, "SEND_FOR", -1.0)
    result = send()
    assert result.mailed == []
    assert smtp.mails == []
    assert all(timezone.now() < due(hashed) <= timezone.now() + mailing.RETRY for hashed in hashes)


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_send_each_mail_once(make_campaign, smtp):
    campaign = make_campaign()
    for n in range(40):
        submissions.take(campaign, a_person(email=f"p{n:02}@example.org"))
    errors = []

    def work():
        try:
            while not mailing.send_batch(limit=5).over:
                pass
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert Counter(smtp.addresses()) == {f"p{n:02}@example.org": 1 for n in range(40)}
    assert not Submission.objects.exclude(mail_due=None).exists()


@pytest.mark.django_db(transaction=True)
def test_what_web_took_is_due_at_once(make_campaign, smtp):
    submissions.take(make_campaign(), a_person(email="ada@example.org"))
    assert mailing.send_mails() == 1
    assert smtp.addresses() == ["ada@example.org"]
