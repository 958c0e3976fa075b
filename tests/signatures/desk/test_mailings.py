"""Mailings: to how many, tried on oneself first, by two where many or at risk; and where they may lead (A8)."""

import datetime

import pytest
import time_machine
from django.conf import settings as django_settings
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from petitions.models import Update
from signatures.desk import mailings
from signatures.models import Mailing, NewsMail
from signatures.news_links import foreign_links, links_elsewhere
from signatures.register import admission, news
from staff import approvals
from staff.models import AuditEntry, Proposal, Role
from staff.refusals import NotAllowed
from tests.support.fixtures import acting_as

DESK = django_settings.DESK_ROLE


@pytest.fixture
def writer(staff):
    person = staff(Role.CAMPAIGNER, username="anna")
    person.email = "anna@example.net"
    person.save()
    return person


@pytest.fixture
def update(campaign):
    return Update.objects.create(
        campaign=campaign, slug="news", title="The council gave in", lead="From May on.", published_at=timezone.now()
    )


@pytest.fixture
def readers(campaign, sign):
    for n in range(3):
        sign(campaign, email=f"{n}@example.org", updates="updates-1")
    with acting_as(django_settings.WORKER_ROLE):
        admission.admit_all(campaign)


def work():
    NewsMail.objects.filter(due__lt=timezone.now()).update(due=timezone.now() - news.RETRY)
    with acting_as(django_settings.WORKER_ROLE):
        news.spread_news()
    NewsMail.objects.filter(due__lt=timezone.now()).update(due=timezone.now() - news.RETRY)
    with acting_as(django_settings.WORKER_ROLE):
        news.spread_news()


def prepared(update, by, *, tested=True):
    with acting_as(DESK):
        mailing = mailings.prepare(update, by)
    work()
    if tested:
        with acting_as(DESK):
            mailings.send_test(mailing, by)
        work()
    mailing.refresh_from_db()
    return mailing


def refused(statement, *values):
    raised = pytest.raises((IntegrityError, ProgrammingError))
    with raised, transaction.atomic(), acting_as(DESK), connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_it_is_counted_tried_and_then_sent(update, writer, readers, smtp):
    mailing = prepared(update, writer, tested=False)
    assert (mailing.recipients, mailing.begun_at) == (3, None)
    assert smtp.addresses() == []
    with acting_as(DESK), pytest.raises(NotAllowed, match="test e-mail to yourself first"):
        mailings.send(mailing, writer)
    with acting_as(DESK):
        mailings.send_test(mailing, writer)
    work()
    assert smtp.addresses() == ["anna@example.net"]
    ((_, mail),) = smtp.mails
    assert "The council gave in" in mail.get_content()
    with acting_as(DESK):
        mailings.send(mailing, writer)
    work()
    assert sorted(smtp.addresses()) == ["0@example.org", "1@example.org", "2@example.org", "anna@example.net"]
    mailing.refresh_from_db()
    assert (mailing.sent, mailing.begun_by) == (3, writer)
    assert mailing.done_at


def test_without_an_address_nothing_is_tried(update, writer, readers, smtp):
    mailing = prepared(update, writer, tested=False)
    writer.email = ""
    with acting_as(DESK), pytest.raises(NotAllowed, match="no e-mail address"):
        mailings.send_test(mailing, writer)


@pytest.mark.parametrize("at_risk", [False, True])
def test_to_many_or_at_risk_it_takes_two(make_campaign, sign, writer, staff, smtp, at_risk):
    campaign = make_campaign(at_risk=at_risk, disclosure="count")
    sign(campaign, email="0@example.org", updates="updates-1")
    with acting_as(django_settings.WORKER_ROLE):
        admission.admit_all(campaign)
    update = Update.objects.create(campaign=campaign, slug="n", title="T", lead="L", published_at=timezone.now())
    mailing = prepared(update, writer)
    if not at_risk:
        Mailing.objects.filter(pk=mailing.pk).update(recipients=1001)
        mailing.refresh_from_db()
    assert mailings.takes_two(mailing)
    other = staff(Role.MODERATOR)
    with acting_as(DESK):
        with pytest.raises(NotAllowed, match="Someone else"):
            mailings.send(mailing, writer)
        proposal = mailings.propose_mailing(mailing, writer, "They asked for it.")
        with pytest.raises(NotAllowed):
            approvals.approve(proposal, writer)
        approvals.approve(proposal, other)
    mailing.refresh_from_db()
    assert mailing.begun_at
    work()
    assert "0@example.org" in smtp.addresses()


def test_an_approval_is_of_these_words(update, writer, readers, staff, smtp):
    mailing = prepared(update, writer)
    Mailing.objects.filter(pk=mailing.pk).update(recipients=1001)
    mailing.refresh_from_db()
    other = staff(Role.MODERATOR)
    with acting_as(DESK):
        proposal = mailings.propose_mailing(mailing, writer, "")
        Update.objects.filter(pk=update.pk).update(lead="Your signature was lost.")
        with pytest.raises(NotAllowed, match="words have changed"):
            approvals.approve(proposal, other)
    assert Proposal.objects.get(pk=proposal.pk).state == Proposal.State.WAITING


def test_what_is_being_mailed_says_the_same_to_the_last(update, writer, readers, smtp):
    mailing = prepared(update, writer)
    with acting_as(DESK):
        mailings.send(mailing, writer)
    refused("UPDATE petitions_update SET title = 'Sign again at evil.example'")
    refused("""UPDATE petitions_update SET translations = '{"de": {"lead": "evil.example"}}'""")
    with connection.cursor() as cursor:  # whoever owns the database may drop the guard; a worker compares
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE petitions_update DISABLE TRIGGER update_is_mailed")
        cursor.execute("UPDATE petitions_update SET title = 'Sign again at evil.example'")
        cursor.execute("ALTER TABLE petitions_update ENABLE TRIGGER update_is_mailed")
    work()
    assert smtp.addresses() == ["anna@example.net"]
    mailing.refresh_from_db()
    assert mailing.problem == Mailing.Problem.TEXT


def test_the_desks_role_goes_no_way_round(update, writer, readers, smtp):
    refused("INSERT INTO signatures_mailing (update_id, correction_id) VALUES (%s, 1)", update.pk)
    with acting_as(DESK):
        Mailing.objects.create(update=update, begun_at=timezone.now(), recipients=1, tested_at=timezone.now())
    mailing = Mailing.objects.get()
    assert (mailing.begun_at, mailing.recipients, mailing.tested_at) == (None, None, None)
    begin = "UPDATE signatures_mailing SET begun_by_id = %s"
    refused(begin, writer.pk)
    work()
    refused(begin, writer.pk)
    for column in ("begun_at = now()", "recipients = 1", "tested_at = now()", "text_sha256 = ''", "problem = ''"):
        refused(f"UPDATE signatures_mailing SET {column}")
    work()
    assert smtp.addresses() == []


def test_a_worker_begins_nothing(update, writer, readers, smtp):
    prepared(update, writer)
    with pytest.raises(ProgrammingError), transaction.atomic(), acting_as(django_settings.WORKER_ROLE):
        Mailing.objects.update(begun_at=timezone.now())


def test_what_was_prepared_and_not_sent_is_forgotten(update, writer, readers, smtp):
    mailing = prepared(update, writer)
    Mailing.objects.filter(pk=mailing.pk).update(listed_at=timezone.now() - news.PREPARED_FOR)
    work()
    assert not NewsMail.objects.exists()
    again = prepared(update, writer)
    assert (again.pk, again.problem, again.recipients) == (mailing.pk, "", 3)


# --- where it may lead ------------------------------------------------------------------------------------------

OWN = frozenset({"testserver", "example.org", "xn--strae-oqa.example"})


@pytest.mark.parametrize(
    "text",
    [
        "Give it again at https://evil.example/c/library/",
        "Give it again at evil.example",
        "at www.evil.example.",
        "at HTTPS://EVIL.EXAMPLE",
        "at https://testserver@evil.example/",
        "at https://testserver.evil.example/",
        "at https:\\\\evil.example\\testserver",
        "at evil。example",
        "at evil．example",
        "at ｅｖｉｌ.example",
        "at http://192.0.2.7/",
        "at http://[2001:db8::1]/",
        "at http://2130706433/",
        "at http://localhost:9/",
        "write to help@evil.example",
        "at evil-testserver.example",
        "(evil.example)",
        "at https://testserver/ and evil.example/x",
        "at пример.рф",
    ],
)
def test_a_link_elsewhere_is_seen(text):
    assert list(links_elsewhere(text, OWN))


@pytest.mark.parametrize(
    "text",
    [
        "See http://testserver/c/library/.",
        "See https://testserver/c/library/report.pdf?next=evil.example",
        "See www.example.org, or sub.example.org/x!",
        "See https://straße.example/",
        "From 3.5 to 4.7 percent, z. B. on 1.5.2026, i.e. in May.",
        "The council gave in … at last. From May on.",
        "",
    ],
)
def test_our_own_addresses_and_plain_words_are_none(text):
    assert list(links_elsewhere(text, OWN)) == []


def test_every_language_and_the_campaigns_own_words_count(campaign, update, settings):
    assert foreign_links(update) == []
    update.translate("de", {"title": "Unter evil.example", "lead": "Ab Mai."})
    update.save()
    assert foreign_links(update) == ["evil.example"]
    settings.NEWS_LINK_HOSTS = ["evil.example"]
    assert foreign_links(update) == []
    campaign.responsible = "Sign at other.example"
    campaign.save()
    assert foreign_links(Update.objects.get(pk=update.pk)) == ["other.example"]


def test_desk_and_worker_refuse_a_link_elsewhere(update, writer, readers, smtp):
    Update.objects.filter(pk=update.pk).update(lead="Give it again at evil.example.")
    update.refresh_from_db()
    with acting_as(DESK), pytest.raises(NotAllowed, match=r"Remove: evil\.example\."):
        mailings.prepare(update, writer)
    with acting_as(DESK):
        Mailing.objects.create(update=update)  # round the page
    work()
    mailing = Mailing.objects.get()
    assert (mailing.problem, mailing.recipients) == (Mailing.Problem.LINKS, None)
    assert not NewsMail.objects.exists()
    refused("UPDATE signatures_mailing SET begun_by_id = %s", writer.pk)


# --- its page -----------------------------------------------------------------------------------------------------


def test_a_campaigner_has_an_update_sent_once(update, campaign, writer, staff, staff_client, readers, smtp):
    browser = staff_client(writer)
    draft = Update.objects.create(campaign=campaign, slug="draft", title="Not yet", lead="…")
    browser.post(reverse("admin:petitions_update_mail", args=[draft.pk]), {"do": "prepare"})
    assert not Mailing.objects.exists()
    page = reverse("admin:petitions_update_mail", args=[update.pk])
    browser.post(page, {"do": "prepare"})
    assert "being counted" in browser.get(page).content.decode()
    work()
    shown = browser.get(page).content.decode()
    assert "Send a test e-mail to me" in shown
    assert "e-mails now" not in shown
    browser.post(page, {"do": "test"})
    work()
    assert "Send 3 e-mails now" in browser.get(page).content.decode()
    assert staff_client(staff(Role.DELIVERY_OFFICER)).post(page, {"do": "send"}).status_code in (302, 403, 404)
    for _ in range(2):
        browser.post(page, {"do": "send"})
    assert Mailing.objects.get().begun_by == writer
    work()
    assert len(smtp.addresses()) == 4
    assert "Finished" in browser.get(page).content.decode()
    assert AuditEntry.objects.filter(action="mailing.changed", actor=writer).exists()


def test_a_session_left_open_mails_nobody(update, writer, staff_client):
    browser = staff_client(writer)
    page = reverse("admin:petitions_update_mail", args=[update.pk])
    with time_machine.travel(timezone.now() + datetime.timedelta(minutes=11), tick=False):
        assert browser.post(page, {"do": "prepare"})["Location"].startswith("/admin/again/")
    assert not Mailing.objects.exists()
