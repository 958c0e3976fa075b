"""Full-text search: by beginnings of words, without accents, in every language, and never an error."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils.translation import override

from petitions.models import Addressee, Campaign


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
