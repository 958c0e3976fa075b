"""What the catalogs hold is whole, fits its original, and is what Django reads."""

from __future__ import annotations

import re

import pytest
from babel.messages.catalog import Message
from django.template.loader import render_to_string
from django.utils.translation import ngettext, override

from web.i18n import catalogs
from web.i18n.languages import LANGUAGES

#: Forms that stand for one number each may say it as a word: "from two countries" is one word in Arabic.
FORMS_OF_ONE_NUMBER = {"ar": (0, 1, 2)}
#: How many forms a counted noun takes.
FORMS = {"be": 3, "ru": 3, "uk": 3, "pl": 3, "de": 2, "fr": 2, "es": 2, "ar": 6}

_PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%%|%[sd]")
_TAG = re.compile(r"</?\w+[^>]*>")


def strings_of(message: Message) -> list[str]:
    return list(message.string) if isinstance(message.string, tuple | list) else [str(message.string)]


@pytest.mark.parametrize("code", catalogs.CODES)
def test_every_entry_is_translated_in_every_plural_form(code: str) -> None:
    catalog = catalogs.read(code)
    assert len(catalog) > 200
    assert catalogs.missing(catalog) == []
    assert catalog.num_plurals == FORMS[code]
    wrong = [m.id for m in catalog if m.id and m.pluralizable and len(strings_of(m)) != FORMS[code]]
    assert wrong == []


@pytest.mark.parametrize("code", catalogs.CODES)
def test_placeholders_and_tags_are_those_of_the_original(code: str) -> None:
    wrong = []
    for message in catalogs.read(code):
        if not message.id:
            continue
        original = message.id[-1] if isinstance(message.id, tuple | list) else message.id
        for form, text in enumerate(strings_of(message)):
            wanted, found = sorted(_PLACEHOLDER.findall(original)), sorted(_PLACEHOLDER.findall(text))
            as_a_word = message.pluralizable and form in FORMS_OF_ONE_NUMBER.get(code, ()) and len(wanted) == 1
            if found != wanted and not (as_a_word and not found):
                wrong.append((original, text))
            if sorted(_TAG.findall(original)) != sorted(_TAG.findall(text)):
                wrong.append((original, text))
    assert wrong == []


@pytest.mark.parametrize("code", catalogs.CODES)
def test_what_django_reads_is_what_is_written(code: str) -> None:
    """`manage.py update_catalogs` compiles them."""
    assert catalogs.compiled(code).read_bytes() == catalogs.as_mo(catalogs.read(code))


@pytest.mark.parametrize(
    ("code", "forms"),
    [
        ("be", {1: "чалавек падпісаў", 3: "чалавекі падпісалі", 5: "чалавек падпісалі", 21: "чалавек падпісаў"}),
        ("ru", {1: "человек подписал", 12: "человек подписали", 22: "человека подписали"}),
        ("uk", {1: "людина підписала", 4: "людини підписали", 11: "людей підписали", 191000: "людей підписали"}),
        ("pl", {1: "osoba podpisała", 2: "osoby podpisały", 5: "osób podpisało", 21: "osób podpisało"}),
        ("fr", {0: "personne a signé", 1: "personne a signé", 2: "personnes ont signé"}),
        ("ar", {2: "شخصان وقّعا", 3: "أشخاص وقّعوا", 11: "شخصاً وقّعوا", 100: "شخص وقّعوا"}),
    ],
)
def test_people_are_counted_by_each_languages_rules(code: str, forms: dict[int, str]) -> None:
    with override(code):
        found = {n: ngettext("person has signed", "people have signed", n) for n in forms}
    assert found == forms


#: What would give a signer away to whoever reads over their shoulder, by language.
TELLING = {
    "en": ("petition", "sign", "demand"), "be": ("петыцы", "подпіс", "падпіс", "патраб"),
    "ru": ("петици", "подпис", "требова"), "uk": ("петиц", "підпис", "вимог"), "pl": ("petycj", "podpis", "żąda"),
    "de": ("petition", "unterschr", "forder"), "fr": ("pétition", "sign", "revendi"), "es": ("petici", "firma", "exig"),
    "ar": ("عريض", "توقيع", "وقّع", "مطالب"),
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
@pytest.mark.parametrize("reminder", [False, True])
def test_a_mail_for_a_campaign_at_risk_is_neutral_in_every_language(language: object, reminder: bool) -> None:
    code = language.code  # type: ignore[attr-defined]
    context = {
        "confirm_url": "https://example.org/a", "withdraw_url": "https://example.org/b", "days": 30,
        "site_url": "https://example.org/", "reminder": reminder, "campaign": {"title": "Keep the library open"},
    }  # fmt: skip
    news = {
        "url": "https://example.org/n/1/",
        "unsubscribe_url": "https://example.org/c",
        "update": context["campaign"],
    }
    with override(code):
        parts = [render_to_string(f"mail/confirm_neutral{end}", context) for end in ("_subject.txt", ".txt", ".html")]
        parts += [render_to_string(f"mail/news_neutral{end}", context | news) for end in ("_subject.txt", ".txt")]
    said = re.sub(r"<style.*?</style>|<[^>]+>", "", "\n".join(parts), flags=re.DOTALL).lower()
    assert [word for word in TELLING[code] if re.search(rf"\b{word}", said)] == []
    assert "library" not in said


@pytest.mark.parametrize("code", catalogs.CODES)
def test_everything_that_the_public_is_told_is_in_the_catalog(code: str) -> None:
    """`manage.py update_catalogs` brings it up to date, and names what then lacks a translation."""
    catalog = catalogs.read(code)
    said = [message for message in catalogs.template() if message.id]
    assert len(said) > 300
    assert [message.id for message in said if message.id not in catalog] == []


def test_no_template_says_what_the_catalogs_do_not_know_of() -> None:
    """Looked for in another way than the extractor does, for what that one passes over nobody would miss."""
    known = {message.id for message in catalogs.template()}
    said = {
        text
        for path in catalogs.sources()
        if path.suffix != ".py"
        for text in re.findall(r'{% translate "([^"]+)"', path.read_text())
    }
    assert len(said) > 100
    assert said - known == set()
