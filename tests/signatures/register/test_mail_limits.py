"""One mailbox's mails are few, whoever types its address; one reminder; bounces."""

import datetime
import uuid
from base64 import urlsafe_b64decode

import pytest
import time_machine
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from signatures.identity import Mac
from signatures.intake import submissions
from signatures.models import MailCount, NoticeCount, SigningRules, Submission
from signatures.register import admission, bounces, mail_limits, mailing
from signatures.register.keyring import keys_of
from signatures.register.pruning import prune
from tests.signatures.register.test_mailing import due, free_port, links, send, smtp, use_server  # noqa: F401
from tests.support.fixtures import a_person, acting_as
from web import page_cache

VICTIM = "victim@example.org"


def from_anywhere():
    """What web seals of a sender, each time of another network."""
    return {"network": uuid.uuid4().hex}


def send_all():
    # Long ago: a travelling clock moves our time, not the database's.
    Submission.objects.exclude(mail_due=None).update(mail_due=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
    with acting_as(django_settings.WORKER_ROLE):
        mailing.send_mails(seconds=120)


# --- how many -------------------------------------------------------------------------------------------------


def test_a_thousand_posts_naming_one_victim_make_three_mails(campaign, smtp):  # noqa: F811
    with acting_as(django_settings.PUBLIC_ROLE):
        for n in range(1_000):
            # Every spelling that reaches the same mailbox.
            submissions.take(campaign, a_person(email=f"V.ictim+{n}@GoogleMail.com" if n % 2 else "victim@gmail.com"))
    send_all()
    assert len(smtp.mails) == mail_limits.PER_NETWORK
    assert not Submission.objects.exclude(mail_due=None).exists()


def test_others_get_their_mail_while_one_mailbox_is_flooded(campaign, sign, smtp):  # noqa: F811
    for _ in range(5):
        sign(campaign, confirmed=False, email=VICTIM)
    sign(campaign, confirmed=False, email="ada@example.org")
    send_all()
    assert smtp.addresses() == ["ada@example.org", *[VICTIM] * 3]


def test_all_campaigns_together_send_ten_a_day_and_the_first_of_each(make_campaign, sign, smtp):  # noqa: F811
    for campaign in (campaigns := [make_campaign() for _ in range(4)]):
        for _ in range(5):
            sign(campaign, confirmed=False, email=VICTIM, signals=from_anywhere())
    send_all()
    assert len(smtp.mails) == mail_limits.PER_SITE + 2
    mailed = Submission.objects.exclude(mailed_at=None)
    assert {row.campaign_id for row in mailed} == {campaign.pk for campaign in campaigns}


@pytest.mark.parametrize("domain", ["posteo.de", "mailbox.org", "mail.ru", "example.org"])
def test_forty_tags_of_one_mailbox_from_forty_networks_get_ten_mails(campaign, sign, smtp, domain):  # noqa: F811
    for n in range(40):
        sign(campaign, confirmed=False, email=f"victim+{n}@{domain}", signals=from_anywhere())
    send_all()
    assert len(smtp.mails) == mail_limits.PER_CAMPAIGN


def test_a_stranger_uses_up_nothing_of_who_asks_from_another_network(campaign, sign, smtp):  # noqa: F811
    stranger, owner = from_anywhere(), from_anywhere()
    for _ in range(9):
        sign(campaign, confirmed=False, email=VICTIM, signals=stranger)
    hers = [sign(campaign, confirmed=False, email=VICTIM, signals=owner) for _ in range(3)]
    send_all()
    mailed = {bytes(row.pk) for row in Submission.objects.exclude(mailed_at=None)}
    assert mailed >= set(hers)
    assert len(mailed) == 2 * mail_limits.PER_NETWORK


def test_whoever_is_at_the_limit_confirms_with_an_earlier_mail_and_her_own_details(
    client, campaign, sign, smtp  # noqa: F811
):  # fmt: skip
    for _ in range(12):
        sign(campaign, confirmed=False, email=VICTIM, name="Mallory Marsh", signals=from_anywhere())
    send_all()
    hers = sign(campaign, confirmed=False, email=VICTIM, name="Ada Lovelace", signals=from_anywhere())
    send_all()
    assert Submission.objects.get(pk=hers).mailed_at is None
    token = links(smtp.mails[0][1].get_body(("plain",)).get_content())["confirm"]
    assert client.post(f"/confirm/{token}/", {"name": "Ada Lovelace", "country": "GB"}).status_code == 303
    with acting_as(django_settings.WORKER_ROLE):
        admission.admit_all(campaign)
    signature = campaign.signatures.get()
    kept = keys_of(campaign).register_box.open(bytes(signature.sealed), bytes(signature.fingerprint))
    assert (kept.name, kept.email, signature.state) == ("Ada Lovelace", VICTIM, "counted")


#: What of a petition is public and could count anything.
COUNTING = ("", "numbers/", "numbers.json", "numbers.csv", "tally.json", "feed.atom", "embed/")


@pytest.mark.parametrize("elsewhere", [False, True])
def test_nothing_public_tells_a_mailbox_that_was_used_from_a_new_one(client, make_campaign, sign, smtp, elsewhere):  # noqa: F811
    campaign, other = make_campaign(), make_campaign()

    def seen():
        page_cache.clear_page_cache()
        return [(r.status_code, r.content) for r in (client.get(f"/c/{campaign.slug}/{path}") for path in COUNTING)]

    with time_machine.travel(timezone.now(), tick=False):
        for _ in range(12):
            sign(other if elsewhere else campaign, confirmed=False, email=VICTIM, signals=from_anywhere())
        send_all()
        before = seen()
        for email in (VICTIM, "nobody@example.org"):
            for _ in range(3):
                sign(campaign, confirmed=False, email=email, signals=from_anywhere())
            send_all()
            assert seen() == before, email
    assert [status for status, _ in before] == [200] * len(COUNTING)
    assert smtp.addresses().count("nobody@example.org") == 3
    assert Submission.objects.filter(mailed_at=None).count() >= 2


def test_the_next_hour_a_network_may_ask_again(campaign, sign, smtp):  # noqa: F811
    with time_machine.travel(timezone.now().replace(hour=9), tick=False) as clock:
        for expected in (3, 6):
            for _ in range(4):
                sign(campaign, confirmed=False, email=VICTIM)
            send_all()
            assert len(smtp.mails) == expected
            clock.shift(datetime.timedelta(hours=1))


def test_the_next_day_is_another_day_and_the_withheld_stay_withheld(campaign, sign, smtp):  # noqa: F811
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(4):
            sign(campaign, confirmed=False, email=VICTIM)
        send_all()
        clock.shift(datetime.timedelta(days=1))
        send_all()
        assert len(smtp.mails) == 3
        sign(campaign, confirmed=False, email=VICTIM)
        send_all()
        assert len(smtp.mails) == 4


def test_a_server_that_is_away_uses_up_no_mail(campaign, sign, smtp, settings):  # noqa: F811
    there = settings.MAILERS
    hashes = [sign(campaign, confirmed=False, email=VICTIM) for _ in range(3)]
    smtp.at_rcpt[VICTIM] = ["450 Greylisted"] * 9
    for _ in range(3):
        assert set(send().put_off) == set(hashes)
    use_server(settings, free_port())
    send()
    settings.MAILERS = there
    assert set(send().mailed) == set(hashes)


def test_a_worker_killed_after_counting_uses_up_no_mail(campaign, sign, smtp, monkeypatch):  # noqa: F811
    hashes = {sign(campaign, confirmed=False, email=VICTIM) for _ in range(3)}
    for _ in range(3):
        with monkeypatch.context() as patch:
            patch.setattr(mailing, "_send_one", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                send()
    assert set(send().mailed) == hashes


def test_claims_grant_three_together(campaign):
    now = timezone.now()
    today = now.date()
    one = mail_limits.labels(Mac(b"p" * 32), Mac(b"s" * 32), VICTIM, "n", now)
    with connection.cursor() as cursor:
        assert mail_limits.grant(cursor, [one, one], today) == [True, True]
        assert mail_limits.grant(cursor, [one, one], today) == [True, False]
        assert mail_limits.grant(cursor, [one], today) == [False]
    assert sorted(MailCount.objects.values_list("n", flat=True)) == [3, 3, 3]


def test_a_label_links_neither_days_nor_campaigns_nor_the_register(campaign, sign, smtp):  # noqa: F811
    at = datetime.datetime(2031, 5, 5, 12, tzinfo=datetime.UTC)
    mac, site_mac = Mac(b"p" * 32), Mac(b"s" * 32)
    one = mail_limits.labels(mac, site_mac, VICTIM, "n", at)
    other_day = mail_limits.labels(mac, site_mac, VICTIM, "n", at + datetime.timedelta(days=1))
    other_campaign = mail_limits.labels(Mac(b"q" * 32), site_mac, VICTIM, "n", at)
    assert one.campaign not in (other_day.campaign, other_campaign.campaign, one.site)
    assert one.site == other_campaign.site != other_day.site
    others = [mail_limits.labels(mac, site_mac, VICTIM, "m", at), other_day]
    others.append(mail_limits.labels(mac, site_mac, VICTIM, "n", at + datetime.timedelta(hours=1)))
    assert one.network not in {other.network for other in others}
    sign(campaign, email=VICTIM)
    send_all()
    with acting_as(django_settings.WORKER_ROLE):
        admission.admit_all(campaign)
    signature = campaign.signatures.get()
    labels = {bytes(count.label) for count in MailCount.objects.all()}
    assert len(labels) == 3
    assert bytes(signature.fingerprint) not in labels


def test_yesterdays_counts_are_pruned(campaign, sign, smtp):  # noqa: F811
    sign(campaign, confirmed=False)
    send_all()
    with acting_as(django_settings.WORKER_ROLE):
        assert prune()["mail counts"] == 0
        assert prune(timezone.now() + datetime.timedelta(days=1))["mail counts"] == 3


# --- one reminder ---------------------------------------------------------------------------------------------


def reminding(campaign, days=7):
    SigningRules.objects.create(campaign=campaign, remind_after_days=days)


def test_a_pending_submission_is_reminded_of_once(campaign, sign, smtp):  # noqa: F811
    reminding(campaign)
    hashed = sign(campaign, confirmed=False, email="ada@example.org")
    send()
    created = Submission.objects.get(pk=hashed).created_at
    assert due(hashed) == created + datetime.timedelta(days=7)
    for _ in range(3):
        send()
    first, reminder = (mail for _, mail in smtp.mails)
    assert due(hashed) is None
    texts = [mail.get_body(("plain",)).get_content() for mail in (first, reminder)]
    assert [("only reminder" in text) for text in texts] == [False, True]
    assert links(texts[0]) == links(texts[1])
    assert first["Message-ID"] != reminder["Message-ID"]  # or its reader's server takes it for the same mail


def test_nobody_is_reminded_who_has_signed_meanwhile(campaign, sign, smtp):  # noqa: F811
    reminding(campaign)
    for _ in range(2):
        sign(campaign, confirmed=False, email="ada@example.org")
    send()
    confirmed = Submission.objects.first()
    Submission.objects.filter(pk=confirmed.pk).update(confirmed_at=timezone.now())
    with acting_as(django_settings.WORKER_ROLE):
        admission.admit_all(campaign)
    send()
    assert len(smtp.mails) == 2
    assert not Submission.objects.exclude(mail_due=None).exists()


def test_without_the_setting_nobody_is_reminded(campaign, sign, smtp):  # noqa: F811
    hashed = sign(campaign, confirmed=False)
    send()
    assert due(hashed) is None


def test_a_reminder_counts_as_a_mail_of_its_day(campaign, sign, smtp):  # noqa: F811
    reminding(campaign)
    sign(campaign, confirmed=False, email=VICTIM)
    send()
    tomorrow = timezone.now() + datetime.timedelta(days=1)
    with time_machine.travel(tomorrow, tick=False):
        for _ in range(3):
            sign(campaign, confirmed=False, email=VICTIM)
        send_all()
    assert len(smtp.mails) == 1 + mail_limits.PER_NETWORK


# --- bounces --------------------------------------------------------------------------------------------------


def notice(mail, *, action="failed", status="5.1.1"):
    """As RFC 3464 has it, and as Postfix and Exim write it."""
    return f"""From: MAILER-DAEMON@mx.example.org
To: petitions@example.org
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.example.org.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; ada@example.org
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} no such user

--b
Content-Type: text/rfc822-headers

From: petitions@example.org
To: ada@example.org
Message-ID: {mail["Message-ID"]}

--b--
""".encode()


@pytest.fixture
def mailed(campaign, sign, smtp):  # noqa: F811
    reminding(campaign)
    hashed = sign(campaign, confirmed=False, email="ada@example.org")
    send()
    return hashed, smtp.mails[0][1]


def test_no_reminder_follows_a_mail_that_reached_nobody(mailed, keyring, smtp, tmp_path):  # noqa: F811
    hashed, mail = mailed
    for folder in ("new", "cur"):
        (tmp_path / "bounces" / folder).mkdir(parents=True)
    (tmp_path / "bounces/new/1").write_bytes(notice(mail))
    (tmp_path / "bounces/new/2").write_bytes(b"Subject: I am on holiday\n\nSee you.")
    with acting_as(django_settings.WORKER_ROLE):
        result = bounces.read_bounces(tmp_path / "bounces", keyring.site_key())
    assert (result.bounced, result.passed_over) == (1, 1)
    assert not [path for path in (tmp_path / "bounces").rglob("*") if path.is_file()]  # they hold addresses in clear
    counted = NoticeCount.objects.get()
    assert (counted.bounced, counted.complained, counted.passed_over) == (1, 0, 1)
    submission = Submission.objects.get(pk=hashed)
    assert submission.bounced_on == timezone.now().date()
    assert submission.mail_due is None
    send()
    assert len(smtp.mails) == 1


@pytest.mark.parametrize(("action", "status"), [("delayed", "4.4.7"), ("failed", "4.2.2"), ("delivered", "2.0.0")])
def test_only_a_failure_for_good_is_a_bounce(mailed, keyring, action, status):
    hashed, mail = mailed
    assert not bounces.read_notice(keyring.site_key(), notice(mail, action=action, status=status))
    assert due(hashed) is not None


def test_a_forged_notice_stops_nobodys_mail(mailed, keyring):
    hashed, _mail = mailed
    for local in ("A" * 44, "AAAA" * 10, hashed.hex()[:44]):
        forged = f"<{local}@testserver>"
        assert not bounces.read_notice(keyring.site_key(), notice({"Message-ID": forged}))
    assert not bounces.read_notice(keyring.site_key(), b"\xff\x00 nonsense")
    assert due(hashed) is not None


def test_a_message_id_tells_nothing_of_the_row_it_is_about(mailed):
    hashed, mail = mailed
    assert hashed.hex()[:16] not in str(mail["Message-ID"])
    sealed = urlsafe_b64decode(str(mail["Message-ID"])[1:].partition("@")[0] + "====")
    assert hashed[:8] not in sealed


def test_the_command_reads_one_file_and_says_what_came_of_it(mailed, keyring, tmp_path, capsys):
    path = tmp_path / "bounce.eml"
    path.write_bytes(notice(mailed[1]))
    call_command("read_bounces", path)
    assert capsys.readouterr().out == "1 bounced, 0 ignored\n"
    with pytest.raises(CommandError, match="Nothing was read"):
        call_command("read_bounces", tmp_path / "none")
