"""/my-signatures/: a mailbox is typed, a link comes, a person does with their signatures what they want."""

import datetime
import json
import re
from email import message_from_bytes, policy

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from petitions.models import Campaign
from signatures.delivery.forgetting import forget_in_packets
from signatures.identity import canonical_mailbox, fingerprint, new_token
from signatures.models import (
    LINK_LIVES,
    LeftAlone,
    MailboxPage,
    MailboxRequest,
    MailboxWish,
    Signature,
    Submission,
    Unsubscription,
)
from signatures.register import admission, mailbox_requests, mailbox_wishes, rejections
from signatures.register.keyring import keys_of
from signatures.register.tally import check_tally
from tests.support.fixtures import acting_as

ADA = "ada@example.org"


@pytest.fixture(autouse=True)
def _published(keyring, db):
    with acting_as(django_settings.WORKER_ROLE):
        mailbox_requests.publish_request_key()


def typed(client, email, path="/my-signatures/", **extra):
    return client.post(path, {"email": email}, **extra)


def worker():
    """What the workers do until nothing is left. A test is one transaction: what it inserts is due later."""
    MailboxRequest.objects.update(mail_due=timezone.now() - datetime.timedelta(minutes=1))
    with acting_as(django_settings.WORKER_ROLE):
        mailbox_requests.answer_requests()
        mailbox_wishes.grant_wishes(forget_in_packets)


def link_for(client, email, **given):
    """The path of the page whose link was mailed."""
    mail.outbox.clear()
    assert typed(client, email, **given).status_code == 303
    worker()
    (sent,) = mail.outbox
    assert [to.lower() for to in sent.to] == [email.lower()]
    return re.search(r"(?:/\w\w)?/mine/[\w-]{43}/", sent.body)[0]


def admit(*campaigns):
    with acting_as(django_settings.WORKER_ROLE):
        for campaign in campaigns:
            admission.admit_all(campaign)


def signature_of(campaign, email=ADA):
    mark = fingerprint(keys_of(campaign).mac, canonical_mailbox(email))
    return Signature.objects.filter(campaign=campaign, fingerprint=mark).first()


def person_of(campaign, email=ADA):
    signature = signature_of(campaign, email)
    return keys_of(campaign).register_box.open(bytes(signature.sealed), bytes(signature.fingerprint))


@pytest.fixture
def three(make_campaign, sign):
    """Ada signed an open petition, a closed one and one at risk."""
    campaigns = [make_campaign(title="Open library"), make_campaign(title="Closed harbour")]
    campaigns.append(make_campaign(title="Dangerous demand", at_risk=True, disclosure="count"))
    for campaign in campaigns:
        sign(campaign, email=ADA, name="Ada Exampel", place="Minsk", updates="1")
        sign(campaign, email="bob@example.org")
    admit(*campaigns)
    Campaign.objects.filter(pk=campaigns[1].pk).update(state="closed", closes_at=timezone.now())
    return campaigns


def press(client, path, wish, campaign=None, **more):
    place = {"of": f"{campaign.uid}:0"} if campaign else {}
    response = client.post(path, {"wish": wish} | place | more)
    assert response.status_code == 303, response.content.decode()
    assert response["Location"] == path
    worker()


def test_a_signer_sees_what_is_held_of_petitions_not_at_risk(client, three):
    page = client.get(link_for(client, "Ada@Example.org")).content.decode()
    assert "Open library" in page
    assert "Closed harbour" in page
    assert "Ada Exampel" in page
    assert "Minsk" in page
    assert "Dangerous demand" not in page
    assert "bob@" not in page


def test_looking_changes_nothing(client, three):
    path = link_for(client, ADA)
    for _ in range(3):
        assert client.get(path).status_code == 200
    assert client.head(path).status_code == 200
    assert not MailboxWish.objects.exists()
    assert all(signature_of(campaign).state == "counted" for campaign in three)


def test_one_signature_is_withdrawn_and_the_others_stay(client, three):
    path = link_for(client, ADA)
    press(client, path, "withdraw", three[1])
    assert [signature_of(campaign) is None for campaign in three] == [False, True, False]
    page = client.get(path).content.decode()
    assert "Closed harbour" not in page
    assert "Open library" in page
    assert "We have done what you asked for." in page
    assert all(check_tally(campaign) == [] for campaign in three)


def test_what_was_pressed_is_done_however_long_workers_were_away(client, three):
    path = link_for(client, ADA)
    assert client.post(path, {"wish": "withdraw"}).status_code == 303
    MailboxPage.objects.update(created_at=timezone.now() - 5 * LINK_LIVES)
    worker()  # which begins with forgetting the pages that are over
    assert [signature_of(campaign) for campaign in three] == [None] * 3
    worker()
    assert not MailboxPage.objects.exists()


def test_a_wish_that_has_to_wait_stands_before_no_other(client, three, monkeypatch):
    first, second = link_for(client, ADA), link_for(client, "bob@example.org")
    for path in (first, second):
        assert client.post(path, {"wish": "withdraw"}).status_code == 303
    at_once = mailbox_wishes._carry_out
    never = mailbox_wishes.Mailbox.of(ADA, mailbox_wishes.searchable()).canonical
    monkeypatch.setattr(mailbox_wishes, "_carry_out", lambda m, *of: m.canonical != never and at_once(m, *of))
    with acting_as(django_settings.WORKER_ROLE):
        assert mailbox_wishes.grant_wishes(forget_in_packets, limit=1) == 1
    assert [signature_of(campaign, "bob@example.org") for campaign in three] == [None] * 3
    assert all(signature_of(campaign) for campaign in three)


def test_all_are_withdrawn_at_once_also_where_nothing_is_listed(client, three):
    path = link_for(client, ADA)
    press(client, path, "withdraw")
    assert [signature_of(campaign) for campaign in three] == [None] * 3
    assert all(signature_of(campaign, "bob@example.org") for campaign in three)


def test_a_correction_changes_name_and_place_and_nothing_else(client, three):
    path = link_for(client, ADA)
    press(client, path, "correct", three[0], name="Ada Example", place="")
    assert (person_of(three[0]).name, person_of(three[0]).place) == ("Ada Example", "")
    assert person_of(three[0]).updates == "1"
    assert person_of(three[1]).name == "Ada Exampel"
    assert "Ada Example<" in client.get(path).content.decode()


def test_a_name_that_is_none_is_refused_with_what_was_typed(client, three):
    path = link_for(client, ADA)
    response = client.post(path, {"wish": "correct", "of": f"{three[0].uid}:0", "name": "12345", "place": "x"})
    assert response.status_code == 422
    assert 'value="12345"' in response.content.decode()
    assert not MailboxWish.objects.exists()


def test_updates_end_for_one_petition(client, three):
    path = link_for(client, ADA)
    press(client, path, "end-updates", three[0])
    assert [person_of(campaign).updates for campaign in three] == ["", "1", "1"]
    assert Unsubscription.objects.count() == 1
    assert signature_of(three[0]).state == "counted"


def test_everything_is_downloaded_as_text_and_as_data(client, three):
    path = link_for(client, ADA)
    data = json.loads(client.get(f"{path}signatures.json").content)
    assert [entry["title"] for entry in data["signatures"]] == ["Open library", "Closed harbour"]
    assert data["signatures"][0]["name"] == "Ada Exampel"
    text = client.get(f"{path}signatures.txt")
    assert "Ada Exampel" in text.content.decode()
    assert "attachment" in text["Content-Disposition"]
    assert text["Cache-Control"] == "no-store"


def bytes_of(email):
    (raw,) = [sent.message().as_bytes() for sent in mail.outbox if sent.to == [email]]
    return raw


def test_signer_and_stranger_get_the_same_mail_but_for_the_token(client, three):
    strangers = "Eve@example.org"
    for email in (ADA, strangers):
        typed(client, email)
    worker()
    ours, theirs = bytes_of(ADA), bytes_of(strangers)
    hidden = [
        re.sub(rb"/mine/[\w-]{43}/", b"/mine/?/", re.sub(rb"(?m)^(?:Message-ID|Date|To): .*$", b"?", raw))
        for raw in (ours, theirs)
    ]
    assert hidden[0] == hidden[1]
    assert b"/mine/?/" in hidden[0]
    parsed = message_from_bytes(ours, policy=policy.default)
    assert parsed["From"] == django_settings.NEUTRAL_FROM_EMAIL
    assert "petition" not in parsed.get_body().get_content().lower()


def test_the_site_cannot_tell_a_signers_page_from_a_strangers(client, three):
    link_for(client, ADA)
    link_for(client, "eve@example.org")
    assert len({len(bytes(page.sealed)) for page in MailboxPage.objects.all()}) == 1
    with acting_as(django_settings.PUBLIC_ROLE):
        assert not MailboxPage.objects.only("token_hash").exists()  # no link, no row


def test_the_answer_to_what_is_typed_is_one_and_asks_the_database_the_same(client, three):
    answers = []
    for email in (ADA, "eve@example.org", "not.yet.anybody@example.com"):
        with CaptureQueriesContext(connection) as asked:
            response = typed(client, email)
        said = [re.sub(r"'[^']*'", "?", query["sql"]) for query in asked]
        answers.append((response.status_code, sorted(response.items()), response.content, said))
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize("wish", ["withdraw", "erase"])
def test_buttons_for_everything_answer_a_stranger_alike(client, three, sign, wish):
    """One signed at risk only, the other nothing."""
    pages, risky = [], three[2]
    sign(risky, email="carol@example.org")
    admit(risky)
    for email in ("carol@example.org", "eve00@example.org"):
        path = link_for(client, email)
        before = client.get(path).content
        press(client, path, wish)
        pages.append(
            [
                re.sub(rb"\d\d:\d\d|carol|eve00|/mine/[\w-]{43}/", b"?", page)
                for page in (before, client.get(path).content)
            ]
        )
        assert signature_of(risky, email) is None
    assert pages[0] == pages[1]


def test_who_signed_at_risk_only_withdraws_without_a_trace_on_the_page(client, make_campaign, sign):
    risky = make_campaign(at_risk=True, disclosure="count", title="Dangerous demand")
    sign(risky, email=ADA)
    admit(risky)
    path = link_for(client, ADA)
    before = client.get(path).content
    press(client, path, "withdraw")
    after = client.get(path).content
    assert signature_of(risky) is None
    assert b"Dangerous" not in before + after


def test_a_link_is_over_after_an_hour(client, three):
    path = link_for(client, ADA)
    MailboxPage.objects.update(created_at=timezone.now() - datetime.timedelta(minutes=61))
    response = client.get(path)
    assert response.status_code == 404
    assert "/my-signatures/" in response.content.decode()
    assert client.post(path, {"wish": "withdraw"}).status_code == 404
    worker()
    assert not MailboxPage.objects.exists()


def test_altered_and_made_up_links_lead_nowhere(client, three):
    path = link_for(client, ADA)
    token = path.split("/")[-2]
    altered = token[:10] + ("A" if token[10] != "A" else "B") + token[11:]
    for other in (altered, token[:-1], new_token(), "x"):
        assert client.get(f"/mine/{other}/").status_code == 404
        assert client.post(f"/mine/{other}/", {"wish": "erase"}).status_code == 404
    assert not MailboxWish.objects.exists()


def test_a_page_takes_no_wish_for_what_it_does_not_list(client, three):
    path = link_for(client, ADA)
    for data in (
        {"wish": "withdraw", "of": f"{three[2].uid}:0"}, {"wish": "withdraw", "of": "x"}, {"wish": "correct"},
        {"wish": "end-updates"}, {"wish": "shred"}, {},
    ):  # fmt: skip
        assert client.post(path, data).status_code == 400
    assert not MailboxWish.objects.exists()


def test_another_sites_page_presses_nothing(client, three):
    path = link_for(client, ADA)
    assert client.post(path, {"wish": "erase"}, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert typed(client, ADA, headers={"sec-fetch-site": "cross-site"}).status_code == 403


def test_a_mailbox_typed_ten_thousand_times_gets_few_mails_and_its_owner_still_one(client, three, settings):
    settings.MY_SIGNATURES_RATE = "100000/h"
    mail.outbox.clear()
    for attempt in range(40):
        typed(client, f"Ada+{attempt}@example.org", REMOTE_ADDR=f"198.51.100.{attempt}")
        if attempt % 10 == 9:
            worker()
    worker()
    assert len(mail.outbox) == mailbox_requests.PER_DAY
    assert not MailboxRequest.objects.exists()
    later = timezone.now() + datetime.timedelta(hours=1)
    typed(client, ADA, REMOTE_ADDR="203.0.113.9")
    MailboxRequest.objects.update(mail_due=timezone.now() - datetime.timedelta(minutes=1))
    mail.outbox.clear()
    with pytest.MonkeyPatch.context() as patch, acting_as(django_settings.WORKER_ROLE):
        patch.setattr(mailbox_requests.timezone, "now", lambda: later)
        mailbox_requests.answer_requests()
    assert len(mail.outbox) == 1


def test_a_network_that_types_many_mailboxes_is_told_to_wait(client, settings):
    settings.MY_SIGNATURES_RATE = "3/h"
    answers = [typed(client, f"a{n}@example.org", REMOTE_ADDR="198.51.100.7").status_code for n in range(5)]
    assert answers == [303, 303, 303, 429, 429]


@pytest.mark.parametrize("email", ["", "nobody", "a@b", "a b@example.org", "ada@example.org, eve@example.org"])
def test_what_is_no_mailbox_is_sent_back_with_words(client, email):
    response = typed(client, email)
    assert response.status_code == 422
    assert "There is a problem" in response.content.decode()
    assert not MailboxRequest.objects.exists()


def test_nothing_typed_is_in_the_database_in_clear(client, three):
    typed(client, ADA)
    (request,) = MailboxRequest.objects.all()
    assert b"ada" not in bytes(request.sealed).lower()
    worker()
    (page,) = MailboxPage.objects.all()
    assert b"ada@" not in bytes(page.sealed) + bytes(page.owner)


def test_a_request_that_nobody_sealed_holds_up_no_other(client, three):
    MailboxRequest.objects.create(sealed=b"rubbish")
    assert link_for(client, ADA)


def test_the_way_is_found_in_every_language(client, three):
    path = link_for(client, ADA, path="/pl/my-signatures/")
    assert path.startswith("/pl/mine/")
    assert client.get(path).status_code == 200
    assert 'href="/pl/my-signatures/"' in client.get("/pl/").content.decode()


def test_a_wish_pressed_twice_comes_to_the_same_as_once(client, three):
    path = link_for(client, ADA)
    for _ in range(2):
        client.post(path, {"wish": "withdraw", "of": f"{three[0].uid}:0"})
    worker()
    assert signature_of(three[0]) is None
    assert check_tally(three[0]) == []


def test_erasing_reaches_what_is_pending_and_who_gets_news(client, three, sign):
    sign(three[0], email="ADA@example.org", name="Made up", confirmed=False)
    sign(three[2], email=ADA, name="Confirmed a moment ago")
    waiting_of_bob = sign(three[0], email="bob@example.org", confirmed=False)
    path = link_for(client, ADA)
    press(client, path, "end-updates", three[0])
    press(client, path, "erase")
    assert [signature_of(campaign) for campaign in three] == [None] * 3
    admit(*three)
    assert [signature_of(campaign) for campaign in three] == [None] * 3
    assert not Unsubscription.objects.exists()
    left = Submission.objects.filter(sealed__isnull=False)
    assert {bytes(one.token_hash) for one in left} == {waiting_of_bob}
    assert all(check_tally(campaign) == [] for campaign in three)


def test_a_worker_killed_in_the_middle_of_an_erasure_begins_again(client, three, monkeypatch):
    path = link_for(client, ADA)
    client.post(path, {"wish": "erase"})

    def killed(*_):
        raise SystemExit

    with pytest.raises(SystemExit), acting_as(django_settings.WORKER_ROLE), transaction.atomic():
        mailbox_wishes.grant_wishes(killed)
    assert signature_of(three[0]) is not None
    worker()
    assert [signature_of(campaign) for campaign in three] == [None] * 3
    assert all(check_tally(campaign) == [] for campaign in three)


def test_mails_are_allowed_again_by_the_same_button_for_everybody(client, three, sign, mail_of):
    pending = sign(three[0], email="carol@example.org", confirmed=False)
    client.post(mail_of(three[0], pending)["confirm"].replace("/confirm/", "/not-me/"))
    with acting_as(django_settings.WORKER_ROLE):
        rejections.apply_rejections()
    assert LeftAlone.objects.count() == 1
    press(client, link_for(client, "eve@example.org"), "allow")
    assert LeftAlone.objects.count() == 1
    press(client, link_for(client, "carol@example.org"), "allow")
    assert not LeftAlone.objects.exists()
