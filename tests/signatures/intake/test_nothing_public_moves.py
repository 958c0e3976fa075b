"""Nothing public moves by what was typed: whoever posts a mailbox again and again and reads everything learns nothing.

Two worlds that differ in one thing: the mailbox that a stranger posts to has signed, or nobody has heard of it. The
stranger posts to it in three campaigns, workers do what they do, and then all that is public is read: every address,
and every row and column that the public tier's database role may read. All of it has to be the same.
"""

from __future__ import annotations

import datetime
import re

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone

from config.database.grants import PUBLIC as RIGHTS
from petitions.models import Update
from signatures.models import PublishedFigures
from signatures.public_figures.figures import public_figures
from signatures.register import admission, mailing, publishing, withdrawal
from tests.signatures.views.test_signing import TYPED, sign_url
from tests.support.fixtures import acting_as
from tests.support.public_pages import addresses, answer, differences, undone
from web.page_cache import clear_page_cache

SIGNER, STRANGER = "signer@example.org", "nobody@example.org"
#: More than the mails that a mailbox gets.
TIMES = 5
#: Each process makes a key of its own for each campaign: that there is one says nothing.
NOT_READ = {"signatures_sealingkey", "django_migrations"}


def work(campaigns):
    with acting_as(django_settings.WORKER_ROLE):
        mailing.send_mails()
        for campaign in campaigns:
            admission.admit_all(campaign)
        withdrawal.apply_withdrawals()
        publishing.publish_everything()


def sign_all(campaign, sign, mailboxes):
    for mailbox in mailboxes:
        sign(campaign, email=mailbox, country="PL")
    work([campaign])


def readable():
    """{table: rows}: all that the public tier's role may read, of every table."""
    rows = {}
    for table, rights in RIGHTS.items():
        found = re.search(r"SELECT(?: \(([^)]*)\))?", rights)
        if found and table not in NOT_READ:
            with acting_as(django_settings.PUBLIC_ROLE), connection.cursor() as cursor:
                cursor.execute(f"SELECT {found[1] or '*'} FROM {table}")
                rows[table] = sorted(map(repr, cursor.fetchall()))
    return rows


def seen(client, campaigns):
    """All that is public: {address: (status, headers, body)}, {table: rows}."""
    clear_page_cache()
    pages = {path: answer(client, path) for campaign in campaigns for path in addresses(campaign).values()}
    return pages | readable()


@pytest.fixture
def clock(monkeypatch):
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    return now


@pytest.fixture
def crowd():
    return [f"p{n}@example.org" for n in range(23)]


@pytest.mark.parametrize("at_risk", [False, True], ids=["ordinary", "at risk"])
def test_posting_a_mailbox_moves_nothing_public_whether_or_not_it_signed(
    client, make_campaign, sign, clock, crowd, at_risk
):
    campaigns = [make_campaign(at_risk=at_risk, disclosure="count") for _ in range(3)]
    Update.objects.create(campaign=campaigns[0], slug="news", title="News", lead="Much.", published_at=clock)
    for campaign in campaigns[:2]:
        sign_all(campaign, sign, [*crowd, SIGNER])

    def posted(mailbox):
        with undone():
            for campaign in campaigns:
                for n in range(TIMES):
                    typed = TYPED | {"email": mailbox, "name": f"Name {n}", "country": "FR"}
                    assert client.post(sign_url(campaign), typed).status_code == 303
            work(campaigns)
            return seen(client, campaigns)

    with undone():
        before = seen(client, campaigns)
    signer, stranger = posted(SIGNER), posted(STRANGER)
    assert len(signer) > 40
    assert f'"total":{20 if at_risk else 24},'.encode() in before[f"/c/{campaigns[0].slug}/numbers.json"][2]
    assert dict(differences(signer, stranger)) == {}
    assert dict(differences(before, signer)) == {}


def test_who_withdraws_and_confirms_again_shows_in_the_total_and_nowhere_else(
    client, make_campaign, sign, clock, crowd
):
    campaign = make_campaign()
    sign_all(campaign, sign, crowd)
    Update.objects.create(campaign=campaign, slug="news", title="News", lead="Much.", published_at=clock)
    before = client.get(f"/c/{campaign.slug}/numbers.json").json()
    for _ in range(3):
        sign(campaign, email=crowd[0])  # a duplicate each time
    sign(campaign, email="one-more@example.org")
    work([campaign])
    clear_page_cache()
    after = client.get(f"/c/{campaign.slug}/numbers.json").json()
    moved = {key for key in after if after[key] != before[key]}
    assert moved == {"total", "other", "other_versions"}
    assert after["total"] == before["total"] + 1


def test_where_signers_are_at_risk_the_total_moves_in_tens_with_editions_only(client, make_campaign, sign, clock):
    campaign = make_campaign(at_risk=True, disclosure="count")
    totals, editions = [], []
    for n in range(24):
        sign_all(campaign, sign, [f"p{n}@example.org"])
        clear_page_cache()
        told = client.get(f"/c/{campaign.slug}/tally.json").json()
        assert told["exact"] is False
        totals.append(told["total"])
        editions.append(PublishedFigures.objects.filter(campaign=campaign).count())
    assert totals == [*[0] * 9, *[10] * 10, *[20] * 5]
    assert editions == [total // 10 for total in totals]
    everything = client.get(f"/c/{campaign.slug}/numbers.json").json()
    assert all(count % 10 == 0 for count in everything["ledger"].values())
    assert everything["ledger"]["confirmed"] == everything["ledger"]["counted"] == 20
    pages = [client.get(path).content.decode() for path in addresses_of(campaign)]
    assert not [page for page in pages if re.search(r"\b24\b", re.sub(r"<[^>]*>", " ", page))]


def test_below_ten_at_risk_pages_say_so_and_claim_no_figure(client, make_campaign, sign, clock):
    campaign = make_campaign(at_risk=True, disclosure="count")
    none = [client.get(path).content for path in addresses_of(campaign)]
    sign_all(campaign, sign, [f"p{n}@example.org" for n in range(9)])
    clear_page_cache()
    nine = [client.get(path).content for path in addresses_of(campaign)]
    assert nine == none
    assert "&lt;\u00a010" in nine[0].decode()
    assert "userInteractionCount" not in nine[0].decode()


def addresses_of(campaign):
    base = f"/c/{campaign.slug}/"
    return [f"{base}{end}" for end in ("", "numbers/", "numbers.csv", "embed/", "feed.atom", "press/")]


def test_lists_are_in_the_order_of_what_is_public(client, make_campaign, sign, clock):
    """The order of petitions would tell which of two has more than its tens say."""
    quiet, ordinary = make_campaign(at_risk=True, disclosure="count"), make_campaign()
    sign_all(ordinary, sign, [f"o{n}@example.org" for n in range(11)])
    sign_all(quiet, sign, [f"q{n}@example.org" for n in range(19)])
    clear_page_cache()
    page = client.get("/").content.decode()
    assert page.index(f"/c/{ordinary.slug}/") < page.index(f"/c/{quiet.slug}/")
    assert public_figures(quiet).total == 10


def test_an_edition_tells_the_day_it_was_published_on_and_nothing_finer(client, make_campaign, sign, clock, crowd):
    campaign = make_campaign()
    sign_all(campaign, sign, crowd)
    edition = PublishedFigures.objects.get(campaign=campaign)
    assert edition.published_on == timezone.now().date()
    times = [
        f.name for f in PublishedFigures._meta.get_fields() if f.get_internal_type() in ("DateTimeField", "TimeField")
    ]
    assert times == []
    told = client.get(f"/c/{campaign.slug}/numbers.json").json()
    assert datetime.date.fromisoformat(told["published_on"]) == edition.published_on
