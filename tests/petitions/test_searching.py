"""Full-text search: by beginnings of words, without accents, in every language, and never an error."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.db.models.signals import post_init
from django.utils.translation import override

from petitions.models import Addressee, Campaign
from signatures.models import Register
from signatures.views import pages


@pytest.fixture
def texts(make_campaign: Callable[..., Campaign]) -> Campaign:
    mayor = Addressee.objects.create(name="The Mayor of Zürich", translations={"pl": {"name": "Burmistrz"}})
    campaign = make_campaign(
        title="Keep the libraries open",
        background="Людзі чытаюць.",
        pledge="Je demande la réouverture.",
        addressee=mayor,
    )
    Campaign.objects.filter(pk=campaign.pk).update(translations={"pl": {"title": "Biblioteki otwarte dłużej"}})
    return campaign


@pytest.mark.parametrize(
    "question",
    [
        "libraries", "LIBRARIES", "librar", "keep open", "open, keep!", "людзі", "чыта", "reouverture", "réouv",
        "biblioteki", "dłużej", "dluzej", "zürich", "mayor libraries", "", "  ",
    ],
)  # fmt: skip
def test_it_finds(texts: Campaign, question: str) -> None:
    assert list(Campaign.objects.about(question)) == [texts]


@pytest.mark.parametrize("question", ["bookshop", "libraries bookshop", "ibraries", "ouvrir"])
def test_it_does_not_find(texts: Campaign, question: str) -> None:
    assert not Campaign.objects.about(question).exists()


def test_the_addressee_is_found_in_the_readers_language(texts: Campaign) -> None:
    assert not Campaign.objects.about("burmistrz").exists()
    with override("pl"):
        assert Campaign.objects.about("burmistrz").exists()


@pytest.mark.parametrize("question", ["'", "a' | 'b", ":*", "!&|()<->", "\\", "' OR 1=1 --", "🙂", "%_", "a" * 5000])
def test_whatever_is_typed_is_a_question(texts: Campaign, question: str) -> None:
    list(Campaign.objects.about(question))


def test_the_list_begins_with_the_most_signed_and_reads_no_more_than_its_page(
    client, make_campaign, monkeypatch
) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    for number in range(5):
        made = make_campaign(title=f"Library {number}", topic=f"Topic {number % 2}")
        Register.objects.filter(pk=made.pk).update(counted=number, last_number=number, added=number)
    read: list[int] = []
    post_init.connect(lambda instance, **_: read.append(instance.pk), Campaign, weak=False, dispatch_uid="read")
    try:
        found = client.get("/?q=librar").text
    finally:
        post_init.disconnect(sender=Campaign, dispatch_uid="read")
    assert re.findall(r"Library \d(?=</a></h2>)", found) == ["Library 4", "Library 3"]
    assert len(read) == 4, "two of the page, and one for each topic"


def test_filters_offer_what_was_written_once_and_say_it_in_the_readers_language(client, make_campaign) -> None:
    for _ in range(2):
        made = make_campaign(topic="Libraries", region="")
        Campaign.objects.filter(pk=made.pk).update(translations={"pl": {"topic": "Biblioteki"}})
    make_campaign(topic="Hidden", state="draft")
    page = client.get("/pl/").text
    assert page.count('<option value="Libraries">Biblioteki</option>') == 1
    assert "Hidden" not in page


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("page=0", 400), ("page=two", 400), ("page=1%00", 400), ("page=١", 400), ("page=9999999999999", 400),
        ("show=everything", 400), ("q=%00", 400), ("page=7", 404), ("q=%FF", 200), ("via=who&utm_source=them", 200),
        ("page=1&show=over", 200), ("topic=there-is-none", 200),
    ],
)  # fmt: skip
def test_a_bad_question_is_answered_with_a_page_that_says_so(client, texts, query, status):
    for path in ("/", "/ar/"):
        response = client.get(f"{path}?{query}")
        assert response.status_code == status
        assert "<h1" in response.content.decode()
