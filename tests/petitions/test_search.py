"""Full-text search: by beginnings of words, without accents, in every language, and never an error."""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Callable
from html import unescape

import hypothesis
import psycopg
import pytest
from django.db import connection
from django.db.models.signals import post_init
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from config.database import make_search
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


#: What a text says, and questions that have to find it.
WRITTEN = {
    "l’école «Свабода» “Clean” „Freiheit“ ‘Deliver’": [
        "école", "l'école", "l’ecole", "l`École", "lecole", "свабода", "clean", "“Clean”",
        "freiheit", "„Freiheit“", "deliver",
    ],
    "¿Quién decide? Парк—наш, ¡ya!": ["quién", "¿quien", "парк", "наш", "Парк—наш", "ya!"],
    "Zürich, Łódź, Ђорђе, Straße, MÜNCHEN, ΟΔΌΣ, Ærø": [
        "Zu\u0308rich", "zurich", "lodz", "łódź", "ђорђе", "strasse", "STRASSE", "straße", "STRAẞE", "münchen", "οδος",
        "ΟΔΟΣ",
        "aerø", "ærø",
    ],
    "العَدالة لِمُحَمَّد وآخرين": ["العدالة", "ألعدالة", "لمحمد", "لمحمّـد", "وأخرين", "العداله"],
    "محمـد يسأل المسؤول عن ١٢٣ يوما": ["محمد", "مُحَمَّد", "يسال", "المسوول", "123", "۱۲۳"],
    "O’Brien, п'ять, Дар’я, rock’n’roll": [
        "O'Brien", "OBrien", "OʼBrien", "o`brien", "brien", "п’ять", "пʼять", "пять", "дарʼя", "даря", "rock'n'roll",
        "rocknroll",
    ],
    "Шчасце ў ґанку Йосипа Ёлкина": ["шчасце", "ЙОСИП", "елкина", "ёлкина", "ганку"],
    "می\u200cخواهم ک\u200cی co\u00adoperate": ["می\u200cخواهم", "میخواهم", "مي\u200cخواهم", "cooperate"],
    "हिन्दी ภาษา\u200bไทย ａｂｃ ﬁne": ["हिन्दी", "हिन्", "ไทย", "abc", "ａｂｃ", "fine"],
}  # fmt: skip


@pytest.mark.parametrize("text", WRITTEN)
def test_a_word_is_found_however_it_is_written(make_campaign: Callable[..., Campaign], text: str) -> None:
    campaign = make_campaign(title="A", lead="B", background=text)
    assert [question for question in WRITTEN[text] if campaign not in Campaign.objects.about(question)] == []
    named = make_campaign(addressee=Addressee.objects.create(name=text))
    assert [question for question in WRITTEN[text] if named not in Campaign.objects.about(question)] == []
    Campaign.objects.filter(pk=campaign.pk).update(background="", translations={"ru": {"lead": text}})
    assert [question for question in WRITTEN[text] if campaign not in Campaign.objects.about(question)] == []


@pytest.mark.parametrize("question", ["cole", "l'eau", "reich", "123456", "свабодны", "obriens", "дарьян"])
def test_another_word_is_not(make_campaign: Callable[..., Campaign], question: str) -> None:
    make_campaign(background=" ".join(WRITTEN))
    assert not Campaign.objects.about(question).exists()


@pytest.mark.parametrize("question", ["–", "“ ”", "'", "’’", "ـ", "\u0301", "a ' b", "\ud800", "a\0b", "\u200b", "_"])
def test_signs_without_a_word_ask_nothing_or_find_nothing(texts: Campaign, question: str) -> None:
    list(Campaign.objects.about(question))


# Not U+0149, which Unicode gave up: taken apart, it begins with an apostrophe, and that parts words.
words = st.text(st.characters(categories=["L", "N", "M"], exclude_characters="\u0149"), min_size=1, max_size=12)
between = st.sampled_from([" ", ", ", "—", "«", "»", "“", "”", " ’", "’ ", "\n", "…", "\u00a0", "\u200b", "/"])


@given(st.lists(st.tuples(words, between), min_size=1, max_size=4), st.sampled_from(["NFC", "NFD", "NFKC"]))
@hypothesis.settings(max_examples=60, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_every_word_of_a_text_finds_it_in_any_normal_form(db: None, said: list[tuple[str, str]], form: str) -> None:
    text = "".join(word + sign for word, sign in said)
    with connection.cursor() as cursor:
        for word, _ in said:
            question = unicodedata.normalize(form, word)
            cursor.execute("SELECT coalesce(search_vector(%s) @@ search_query(%s), true)", [text, question])
            assert cursor.fetchone() == (True,), (text, question)


LOCALES = {
    "C": "LOCALE 'C' LOCALE_PROVIDER libc",
    "C.UTF-8, built in": "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'",
    "C, built in": "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C' LOCALE 'C'",
}


def test_the_normal_form_is_the_same_on_any_servers_locale(transactional_db: None) -> None:
    """The functions as they are made, in databases of other locales."""
    functions = make_search.functions()
    there_is = {**connection.get_connection_params(), "autocommit": True}
    for unwanted in ("cursor_factory", "context", "prepare_threshold"):
        there_is.pop(unwanted, None)
    vectors = set()
    with psycopg.connect(**there_is) as owner:
        for name, locale in LOCALES.items():
            owner.execute("DROP DATABASE IF EXISTS of_another_locale")
            owner.execute(f"CREATE DATABASE of_another_locale TEMPLATE template0 ENCODING 'UTF8' {locale}")
            with psycopg.connect(**(there_is | {"dbname": "of_another_locale"})) as there:
                there.execute(functions)
                found = there.execute("SELECT search_vector(%s)::text", [" ".join(WRITTEN)]).fetchone()
                vectors.add((found or ("",))[0])
            assert len(vectors) == 1, name
        owner.execute("DROP DATABASE of_another_locale")
    assert "freiheit" in vectors.pop()


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


def test_a_search_says_what_fits_in_other_states_and_leads_there(client, make_campaign) -> None:
    now, day = timezone.now(), datetime.timedelta(days=1)
    make_campaign(title="Keep the ferry", topic="Boats")
    make_campaign(title="Keep the port", topic="Boats", opens_at=now + day)
    for number, over in enumerate(({"state": "closed"}, {"state": "archived"}, {"state": "open"})):  # by the clock
        make_campaign(title=f"Dredge port {number}", topic="Boats", closes_at=now - day, **over)
    make_campaign(title="The port in a draft", topic="Boats", state="draft")
    make_campaign(
        title="The port that was taken down", topic="Boats", state="removed", state_reason="A court ordered it."
    )

    def told(query: str) -> tuple[str, list[tuple[str, str]]]:
        """Its heading, and what it says is elsewhere, with the address."""
        page = client.get(f"/?{query}").text
        links = re.findall(r'<a class="go" href="\?([^"]*)">([^<]*: [^<]*)</a>', page)
        return re.search(r"<h1>\s*(.*?)\s*</h1>", page)[1], [(words, unescape(query)) for query, words in links]

    soon, over = "Opening soon: 1 petition found", "Closed: 3 petitions found"
    heading, elsewhere = told("q=port")
    assert heading == "No open petitions found"
    assert elsewhere == [(soon, "q=port&show=announced"), (over, "q=port&show=over")]
    for words, query in elsewhere:
        assert told(query)[0] == words.partition(": ")[2]
    assert told("q=port&show=over")[1] == [(soon, "q=port&show=announced")]
    assert told("q=ferry&show=over") == ("No closed petitions found", [("Open: 1 petition found", "q=ferry")])
    assert told("q=ferry&show=announced")[0] == "No upcoming petitions found"
    assert told("topic=Boats")[1] == [(soon, "topic=Boats&show=announced"), (over, "topic=Boats&show=over")]
    assert told("topic=Boats&page=1")[1] == told("topic=Boats")[1]
    assert told("q=bookshop") == ("No petitions found", [])
    assert told("show=over") == ("3 petitions found", []), "nothing was searched for"


def test_words_are_looked_up_once_for_all_states(client, make_campaign) -> None:
    for number in range(3):
        make_campaign(title=f"Library {number}", state="closed" if number else "open", closes_at=timezone.now())
    with CaptureQueriesContext(connection) as asked:
        client.get("/?q=librar")
    searches = [query for query in asked if "@@" in query["sql"]]
    assert len(searches) == 1
    assert len(asked) <= 12, [query["sql"][:90] for query in asked]
