"""Texts in the reader's language, the original where nobody has translated them, and never the one over the other."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from django.forms import modelform_factory
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from petitions.models import Addressee, Campaign, Coverage, Demand, DemandStep, Dossier, Picture, Update
from signatures.intake.campaigns import forget_campaigns
from web.i18n.translated import Foreign, originals
from web.models import Section
from web.templatetags.translated import lang

ENGLISH, POLISH = "Keep the library open", "Nie zamykajcie biblioteki"


@pytest.fixture
def translated(make_campaign: Callable[..., Campaign]) -> Campaign:
    campaign = make_campaign(title=ENGLISH)
    campaign.translate("pl", {"title": POLISH})
    campaign.save()
    return Campaign.objects.get(pk=campaign.pk)


def test_a_text_is_read_in_the_readers_language(translated: Campaign) -> None:
    with override("pl"):
        assert (translated.title, str(translated)) == (POLISH, POLISH)
    assert translated.title == ENGLISH
    with override("pl"), originals():
        assert translated.title == ENGLISH


def test_what_nobody_translated_is_the_original_and_marked(translated: Campaign) -> None:
    with override("be"):
        assert translated.title == ENGLISH
        assert isinstance(translated.title, Foreign)
        assert lang(translated.title) == ' lang="en"'
        assert translated.falls_back_to == "en"
    with override("pl"):
        assert lang(translated.title) == ""
        assert lang(translated.lead) == ' lang="en"'
    assert lang(translated.title) == ""
    assert translated.falls_back_to == ""


def test_an_original_in_another_language_is_marked_in_english_too(make_campaign: Callable[..., Campaign]) -> None:
    campaign = make_campaign(title=POLISH, language="pl")
    assert (campaign.title, lang(campaign.title)) == (POLISH, ' lang="pl"')
    campaign.translate("en", {"title": ENGLISH})
    assert (campaign.title, lang(campaign.title)) == (ENGLISH, "")


def test_saving_in_any_language_leaves_the_original(translated: Campaign) -> None:
    with override("pl"):
        translated.full_clean()
        translated.save()
        translated.refresh_from_db()
        translated.save()
        Campaign.objects.defer("title").get(pk=translated.pk).save()
        form = modelform_factory(Campaign, fields=["title", "lead"])(instance=translated)
        assert form.initial["title"] == ENGLISH
    assert Campaign.objects.values_list("title", flat=True).get(pk=translated.pk) == ENGLISH


def test_a_blank_translation_is_none(translated: Campaign) -> None:
    translated.translate("pl", {"title": "  ", "lead": " Zamykają o czwartej. "})
    assert translated.translations == {"pl": {"lead": "Zamykają o czwartej."}}
    assert translated.untranslated("pl") == ["title", "pledge", "responsible"]
    translated.translate("pl", {"lead": ""})
    assert translated.translations == {}


def test_a_marked_text_can_be_stored_and_asked_for(translated: Campaign) -> None:
    with override("ar"):
        assert isinstance(translated.title, Foreign)
        assert Campaign.objects.filter(title=translated.title).exists()
        assert Demand.objects.create(campaign=translated, position=1, text=translated.title).pk


def test_a_page_marks_what_falls_back_and_is_never_blank(client: Client, translated: Campaign) -> None:
    Addressee.objects.update(translations={"pl": {"name": "Burmistrz"}})
    Demand.objects.create(campaign=translated, position=1, text="Open until eight.")
    polish = client.get(f"/pl/c/{translated.slug}/").text
    assert f'<h1 dir="auto">{POLISH}</h1>' in polish
    assert "<bdi>Burmistrz</bdi>" in polish
    assert '<strong dir="auto" lang="en">Open until eight.</strong>' in polish
    assert "English" in polish.partition("<article")[2]
    assert f'<h1 dir="auto" lang="en">{ENGLISH}</h1>' in client.get(f"/ar/c/{translated.slug}/").text
    english = client.get(f"/c/{translated.slug}/").text
    assert f'<h1 dir="auto">{ENGLISH}</h1>' in english
    assert 'lang="en"' not in english.partition("<article")[2]


def test_filters_ask_for_the_original_and_show_the_translation(client: Client, translated: Campaign) -> None:
    Campaign.objects.update(topic="Public services", translations={"pl": {"topic": "Usługi publiczne"}})
    assert '<option value="Public services">Usługi publiczne</option>' in client.get("/pl/").text
    kept: Any = client.get("/pl/?topic=Public+services").text
    assert '<option value="Public services" selected>Usługi publiczne</option>' in kept
    assert translated.slug in kept


def test_lists_and_pages_call_the_language_of_what_is_not_translated_as_its_readers_do(
    client: Client, make_campaign: Callable[..., Campaign]
) -> None:
    past = timezone.now() - datetime.timedelta(days=2)
    over = make_campaign(title="Rettet den Kran", language="de", state="closed", closes_at=past)
    Update.objects.create(campaign=over, slug="news", title="Neues", lead="…", language="de", published_at=past)
    for page, often in (("/ar/", 1), (f"/ar/c/{over.slug}/", 2), (f"/ar/c/{over.slug}/updates/", 1)):
        assert client.get(page).text.count('<bdi lang="de">Deutsch</bdi>') == often, page
    assert 'الأصلية: <bdi lang="de">Deutsch</bdi>.' in client.get(f"/ar/c/{over.slug}/").text
    read_by_germans = client.get(f"/de/c/{over.slug}/updates/").text
    assert "Neues" in read_by_germans
    assert '<bdi lang="de">' not in read_by_germans


# --- on pages -----------------------------------------------------------------------------------------------------

#: Stands in all that staff wrote, and in nothing else.
MARK = "Qx"
VOID = {"br", "img", "input", "link", "meta", "source", "hr", "path", "circle", "rect", "line"}


class Marks(HTMLParser):
    """Collects what staff wrote in `language` where nothing says so, or where it could turn its sentence around."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self.language = language
        self.within: list[tuple[str, dict[str, str | None]]] = []
        self.unmarked: list[str] = []
        self.seen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if MARK in (said.get("alt") or "") and said.get("lang") != self.language:
            self.unmarked.append(str(said["alt"]))
        if tag not in VOID:
            self.within.append((tag, said))

    def handle_endtag(self, tag: str) -> None:
        while self.within and self.within.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if MARK not in data or any(tag in {"title", "script", "code"} for tag, _ in self.within):
            return  # what can hold no element
        self.seen += 1
        around = [(tag, said) for tag, said in self.within if said.get("lang") == self.language]
        if not any(tag in {"bdi", "option"} or said.get("dir") == "auto" for tag, said in around):
            self.unmarked.append(data.strip())


@pytest.fixture
def untranslated(make_campaign: Callable[..., Campaign], section: Section) -> Campaign:
    """A campaign, and all around it, that nobody has translated. Each text ends in what would turn a line around."""

    def texts(*names: str) -> dict[str, str]:
        return {name: f"{MARK} {name} (1)!" for name in names}

    addressee = Addressee.objects.create(**texts("name", "institution"), country="GB")
    shapes = {shape: [640] for shape in ("wide", "wide.jpg", "square", "square.jpg", "whole")}
    picture = Picture.objects.create(
        section=section, made_on=datetime.date(2026, 1, 2), key="0" * 24, width=640, height=360, widths=shapes,
        **texts("alt", "caption", "credit"),
    )  # fmt: skip
    about = texts("title", "lead", "background", "pledge", "topic", "region", "responsible")
    campaign = make_campaign(**about, addressee=addressee, picture=picture, donate_url="https://example.org/give")
    demand = Demand.objects.create(campaign=campaign, position=1, **texts("text", "explanation"))
    DemandStep.objects.create(demand=demand, state="unmet", on=datetime.date(2026, 1, 2), **texts("evidence"))
    Update.objects.create(
        campaign=campaign, slug="news", kind="press", picture=picture, published_at=timezone.now(),
        **texts("title", "lead", "body", "quote", "quote_by", "media_contact"),
    )  # fmt: skip
    dossier = Dossier.objects.create(slug="d", picture=picture, **texts("title", "lead"))
    dossier.campaigns.add(campaign)
    Coverage.objects.create(
        dossier=dossier, published_on=datetime.date(2026, 1, 2), url="https://example.org/", picture=picture,
        **texts("title", "summary", "source", "credit"),
    )  # fmt: skip
    return campaign


@pytest.mark.parametrize("language", ["ar", "pl"])
def test_what_nobody_translated_turns_no_sentence_around_and_says_its_language(
    client: Client, untranslated: Campaign, make_campaign: Callable[..., Campaign], language: str
) -> None:
    next_to = make_campaign(language=language, title="–", lead="–", pledge="–", responsible="–")
    within, texts = f"/{language}/c/{untranslated.slug}", 0
    places = ("", "sign/", "thanks/", "numbers/", "updates/", "updates/news/", "press/", "embed/")
    pages = [f"{within}/{place}" for place in places]
    for page in (*pages, f"/{language}/", f"/{language}/d/d/", f"/{language}/c/{next_to.slug}/thanks/"):
        answer = client.get(page)
        assert answer.status_code == 200
        found = Marks("en")
        found.feed(answer.text)
        assert not found.unmarked, page
        assert found.seen, page
        texts += found.seen
    Campaign.objects.filter(pk=untranslated.pk).update(state="closed", closes_at=timezone.now())
    forget_campaigns()
    found = Marks("en")
    found.feed(client.get(f"{within}/sign/").text)
    assert found.seen
    assert not found.unmarked
    assert texts > 60


def test_a_name_in_a_sentence_stays_text(
    client: Client, make_campaign: Callable[..., Campaign], sign: Callable[..., bytes],
    mail_of: Callable[..., dict[str, str]],
) -> None:  # fmt: skip
    name = '<i>The "Mayor"</i> & all'
    campaign = make_campaign(addressee=Addressee.objects.create(name=name))
    shown = "&lt;i&gt;The &quot;Mayor&quot;&lt;/i&gt; &amp; all"
    for language, marked in (("", shown), ("/ar", f'<bdi lang="en">{shown}</bdi>')):
        assert marked in client.get(f"{language}/c/{campaign.slug}/thanks/").text.partition("<ol")[2]
        form = client.get(f"{language}/c/{campaign.slug}/").text.partition('class="sign"')[2]
        link = mail_of(campaign, sign(campaign, confirmed=False))["confirm"]
        consents = client.get(f"{language}{link}").text.partition('class="consents"')[2]
        assert (form.count(marked), consents.count(marked)) == (1, 2)
        assert "<i>The" not in form + consents


def test_a_mail_isolates_what_runs_the_other_way(translated: Campaign) -> None:
    update = Update(campaign=translated, title="News", lead="They said no.")

    def mail(language: str, campaign: Campaign = translated) -> str:
        with override(language):
            return render_to_string("mail/news.txt", {"campaign": campaign, "update": update, "url": "x"})

    assert f"\u2068{ENGLISH}\u2069" in mail("ar")
    assert not {"\u2068", "\u2069"} & set(mail("be") + mail("pl") + mail("en"))
    arabic = Campaign(title="\u0627\u0644\u0645\u0643\u062a\u0628\u0629", language="ar")
    assert f"\u2068{arabic.title}\u2069" in mail("de", arabic)
    with override("ar"):
        signed = {"campaign": Campaign(title=ENGLISH, responsible="Friends"), "days": 30}
        html = render_to_string("mail/confirm.html", signed)
    assert '<p dir="auto" lang="en" style="margin:20px 0;padding:0 0 12px' in html
    assert '<bdi lang="en">Friends</bdi>' in html
