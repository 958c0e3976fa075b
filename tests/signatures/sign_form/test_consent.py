"""What was agreed to can be looked up: a version of the words, in one language, never means other words."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.utils.html import strip_tags
from django.utils.translation import override

from petitions.models import Campaign, Disclosure
from signatures.sign_form.consent import consents, wording
from web.i18n.languages import LANGUAGES

CODES = [language.code for language in LANGUAGES]
#: SHA-256, begun, of the words of each version. Whoever changes words gives them another version, and adds a line.
WORDS: dict[str, str] = {
    "named-1.en": "53ca4638dae6c7c0",
    "named-1.be": "606654c7951c937d",
    "named-1.ru": "e6da7285339c32fb",
    "named-1.uk": "5a0a846c22ef0aa0",
    "named-1.pl": "13786f1a8f534fb6",
    "named-1.de": "409f00f667a7c11a",
    "named-1.fr": "0e60aaf7f8583eb9",
    "named-1.es": "bc5964c50c497a70",
    "named-1.ar": "52c5b18f0bce63f4",
    "initials-1.en": "652afec258ebf29f",
    "initials-1.be": "d9fc097b9b61644d",
    "initials-1.ru": "2a4061a884233e44",
    "initials-1.uk": "5f13c610ab3b7eec",
    "initials-1.pl": "b8d724223b3deebf",
    "initials-1.de": "1fcce0c04c9ca2d3",
    "initials-1.fr": "f36cf53a96547be3",
    "initials-1.es": "62445628106c2bdc",
    "initials-1.ar": "5d037360b66ee1bf",
    "comment-1.en": "622b47790c5f5628",
    "comment-1.be": "ef47317617a1ffab",
    "comment-1.ru": "6fd60648c100425e",
    "comment-1.uk": "bf4f2c5f54ac7817",
    "comment-1.pl": "0fdd1803da6efc88",
    "comment-1.de": "13352f409f8e5602",
    "comment-1.fr": "66abc0e1e43508cc",
    "comment-1.es": "98a5ef11e2175ea0",
    "comment-1.ar": "933a6c19e01eb5f8",
    "updates-1.en": "c4ea576cd28821ac",
    "updates-1.be": "cc698a2f95a3df2a",
    "updates-1.ru": "f771e32c936fedc3",
    "updates-1.uk": "f8f36ea3dd5791c6",
    "updates-1.pl": "cf047924e17ccfc5",
    "updates-1.de": "6a86bfdc81af89ff",
    "updates-1.fr": "18ceee733e90a3e7",
    "updates-1.es": "64fd88b4b8384492",
    "updates-1.ar": "ad21dac2d7d0463b",
    "comment-2.en": "cb04d9df862c9972",
    "comment-2.be": "ef47317617a1ffab",
    "comment-2.ru": "6fd60648c100425e",
    "comment-2.uk": "bf4f2c5f54ac7817",
    "comment-2.pl": "0fdd1803da6efc88",
    "comment-2.de": "13352f409f8e5602",
    "comment-2.fr": "66abc0e1e43508cc",
    "comment-2.es": "98a5ef11e2175ea0",
    "comment-2.ar": "933a6c19e01eb5f8",
    "updates-2.en": "3754127bd5de1b3d",
    "updates-2.be": "32e3e55fb1209222",
    "updates-2.ru": "858ea00af59d195e",
    "updates-2.uk": "fd3c94bca09f7ee3",
    "updates-2.pl": "65680454d8fa6079",
    "updates-2.de": "474f944bb33b3f23",
    "updates-2.fr": "c0d2948e26439da0",
    "updates-2.es": "de635bc727cb1f41",
    "updates-2.ar": "9de11051a49b7c44",
    "named-2.en": "53ca4638dae6c7c0",
    "named-2.be": "606654c7951c937d",
    "named-2.ru": "e6da7285339c32fb",
    "named-2.uk": "5a0a846c22ef0aa0",
    "named-2.pl": "13786f1a8f534fb6",
    "named-2.de": "409f00f667a7c11a",
    "named-2.fr": "0e60aaf7f8583eb9",
    "named-2.es": "bc5964c50c497a70",
    "named-2.ar": "52c5b18f0bce63f4",
    "initials-2.en": "652afec258ebf29f",
    "initials-2.be": "d9fc097b9b61644d",
    "initials-2.ru": "2a4061a884233e44",
    "initials-2.uk": "5f13c610ab3b7eec",
    "initials-2.pl": "b8d724223b3deebf",
    "initials-2.de": "1fcce0c04c9ca2d3",
    "initials-2.fr": "f36cf53a96547be3",
    "initials-2.es": "62445628106c2bdc",
    "initials-2.ar": "5d037360b66ee1bf",
    "comment-3.en": "cb04d9df862c9972",
    "comment-3.be": "ef47317617a1ffab",
    "comment-3.ru": "6fd60648c100425e",
    "comment-3.uk": "bf4f2c5f54ac7817",
    "comment-3.pl": "0fdd1803da6efc88",
    "comment-3.de": "13352f409f8e5602",
    "comment-3.fr": "66abc0e1e43508cc",
    "comment-3.es": "98a5ef11e2175ea0",
    "comment-3.ar": "933a6c19e01eb5f8",
    "updates-3.en": "3754127bd5de1b3d",
    "updates-3.be": "32e3e55fb1209222",
    "updates-3.ru": "858ea00af59d195e",
    "updates-3.uk": "fd3c94bca09f7ee3",
    "updates-3.pl": "65680454d8fa6079",
    "updates-3.de": "474f944bb33b3f23",
    "updates-3.fr": "c0d2948e26439da0",
    "updates-3.es": "de635bc727cb1f41",
    "updates-3.ar": "9de11051a49b7c44",
    "neutral-updates-1.en": "c5bc64a3d8193316",
    "neutral-updates-1.be": "46a189ccd8cb63f4",
    "neutral-updates-1.ru": "c52d3d96c680c987",
    "neutral-updates-1.uk": "9da6df9800d45b62",
    "neutral-updates-1.pl": "3090cbee59abdf0f",
    "neutral-updates-1.de": "04a5cb38d443b653",
    "neutral-updates-1.fr": "b35d86c42ae59960",
    "neutral-updates-1.es": "188410d803c37b6f",
    "neutral-updates-1.ar": "f7fdae6edc2586ae",
}


def words_of(campaign: Campaign) -> dict[str, str]:
    """{version: what stands beside its box} in the active language, with the addressee's place marked."""
    campaign.addressee.name = "…"
    said, agreed = wording(campaign), consents(campaign, True, True, True)
    return {agreed[box]: unescape(strip_tags(getattr(said, box))) for box in agreed if getattr(said, box)}


@pytest.mark.parametrize(
    ("disclosure", "at_risk"), [(Disclosure.NAMED, False), (Disclosure.INITIALS, False), (Disclosure.COUNT, True)]
)
def test_a_version_never_means_other_words(
    make_campaign: Callable[..., Campaign], disclosure: str, at_risk: bool
) -> None:
    campaign = make_campaign(disclosure=disclosure, at_risk=at_risk)
    found: dict[str, str] = {}
    for code in CODES:
        with override(code):
            for version, text in words_of(campaign).items():
                found[version] = hashlib.sha256(text.encode()).hexdigest()[:16]
    assert {version: WORDS.get(version) for version in found} == found


def test_what_is_sealed_names_the_language_that_was_read(make_campaign: Callable[..., Campaign]) -> None:
    campaign = make_campaign()
    with override("be"):
        assert consents(campaign, True, True, True) == {
            "share_name": "named-2.be",
            "share_comment": "comment-3.be",
            "updates": "updates-3.be",
        }
    with override("xx"):
        assert consents(campaign, False, False, True) == {
            "share_name": "",
            "share_comment": "",
            "updates": "updates-3.en",
        }


def test_nobody_agrees_to_what_is_not_offered(make_campaign: Callable[..., Campaign]) -> None:
    campaign: Any = make_campaign(disclosure=Disclosure.COUNT)
    assert consents(campaign, True, False, False) == {"share_name": "", "share_comment": "", "updates": ""}


def test_a_comment_is_shown_by_a_consent_of_its_own_and_at_risk_never(make_campaign: Callable[..., Campaign]) -> None:
    open_one: Any = make_campaign()
    assert wording(open_one).share_comment
    assert consents(open_one, True, False, True)["share_comment"] == ""
    at_risk: Any = make_campaign(slug="at-risk", at_risk=True, disclosure=Disclosure.COUNT)
    assert wording(at_risk).share_comment == ""
    assert consents(at_risk, False, True, False)["share_comment"] == ""


@pytest.mark.parametrize(
    ("code", "days", "words"),
    [
        ("en", 1, "after 1 day."),
        ("en", 30, "after 30 days."),
        ("ru", 21, "21 дня"),
        ("pl", 1, "1 dnia"),
        ("de", 1, "1 Tag "),
    ],
)
def test_days_are_counted_by_each_languages_rules(
    make_campaign: Callable[..., Campaign], settings: Any, code: str, days: int, words: str
) -> None:
    settings.PENDING_DAYS = days
    with override(code):
        assert words in wording(make_campaign()).kept
