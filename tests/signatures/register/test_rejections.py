""" "That was not me": dropped, left alone, counted; and nobody is told who."""

import datetime

import pytest
from django.conf import settings
from django.core import mail
from django.utils import timezone

from signatures.models import LedgerEntry, LeftAlone, RejectionCount, Submission
from signatures.register import mailing, rejections
from signatures.register.keyring import KeysMissing
from signatures.register.tally import check_tally
from tests.support.fixtures import acting_as


@pytest.fixture
def link(campaign, sign, mail_of):
    """The path of the link in the mail of a signature that a stranger typed."""
    hashed = sign(campaign, email="Ada+petition@example.org", confirmed=False)
    return hashed, mail_of(campaign, hashed)["confirm"].replace("/confirm/", "/not-me/")


def work():
    with acting_as(settings.WORKER_ROLE):
        return rejections.apply_rejections()


def send():
    Submission.objects.exclude(mail_due=None).update(mail_due=timezone.now() - datetime.timedelta(minutes=1))
    mail.outbox.clear()
    with acting_as(settings.WORKER_ROLE):
        mailing.send_batch()
    return [sent.to[0] for sent in mail.outbox]


def test_looking_changes_nothing_and_pressing_drops_it(client, campaign, link):
    hashed, path = link
    assert b"<form" in client.get(path).content
    assert work() == 0
    assert client.post(path).status_code == 303
    assert work() == 1
    assert not Submission.objects.filter(pk=hashed).exists()
    assert RejectionCount.objects.get(campaign=campaign).n == 1
    assert LedgerEntry.totals(campaign)["expired"] == 1
    assert check_tally(campaign) == []
    assert "Thank you for telling us" in client.get(path).content.decode()
    client.post(path)
    assert work() == 0
    assert RejectionCount.objects.get(campaign=campaign).n == 1


def test_a_campaign_whose_keys_are_away_stands_before_no_other(client, make_campaign, sign, mail_of, monkeypatch):
    monkeypatch.setattr(rejections, "BATCH", 1)
    away, at_hand = make_campaign(), make_campaign()
    for campaign in (away, away, away, at_hand):
        hashed = sign(campaign, email="ada@example.org", confirmed=False)
        client.post(mail_of(campaign, hashed)["confirm"].replace("/confirm/", "/not-me/"))
    opener = rejections.Opener

    def open_of(campaign):
        if campaign == away:
            raise KeysMissing("away")
        return opener(campaign)

    monkeypatch.setattr(rejections, "Opener", open_of)
    assert work() == 1
    monkeypatch.setattr(rejections, "Opener", opener)
    assert work() == 3


def test_that_mailbox_gets_no_mail_of_that_campaign_and_others_do(client, campaign, make_campaign, sign, link):
    client.post(link[1])
    work()
    sign(campaign, email="ada@example.org", confirmed=False)
    sign(campaign, email="ADA+again@example.org", confirmed=False)
    sign(campaign, email="bob@example.org", confirmed=False)
    sign(make_campaign(), email="ada@example.org", confirmed=False)
    assert sorted(send()) == ["ada@example.org", "bob@example.org"]


def test_a_confirmed_one_is_not_touched(client, campaign, link):
    hashed, path = link
    Submission.objects.filter(pk=hashed).update(confirmed_at=timezone.now())
    client.post(path)
    assert work() == 0
    assert Submission.objects.filter(pk=hashed).exists()
    assert "use the link for withdrawing" in client.get(path).content.decode()


def test_a_made_up_link_leads_nowhere_and_leaves_nothing(client, campaign):
    path = f"/not-me/{'A' * 43}/"
    assert client.get(path).status_code == 404
    client.post(path)
    assert work() == 0
    assert not LeftAlone.objects.exists()


def test_another_site_cannot_press_it(client, link):
    assert client.post(link[1], headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert work() == 0


def test_both_mails_have_the_link_and_the_neutral_one_names_no_petition(client, make_campaign, sign):
    for at_risk in (False, True):
        sign(make_campaign(at_risk=at_risk, disclosure="count"), email=f"{at_risk}@example.org", confirmed=False)
    send()
    for sent in mail.outbox:
        path = sent.body[sent.body.index("/not-me/") :].split()[0]
        page = client.get(path).content.decode()
        assert "Keep the library open" not in page
