"""The address says the language, and nothing else does."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client
from django.utils.translation import gettext, override

from petitions.models import Campaign
from signatures.sealing import Person
from web.i18n.languages import LANGUAGES, Language, address_in, language_of, path_in

CODES = [language.code for language in LANGUAGES]
OTHERS = CODES[1:]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/", "en"), ("/be/", "be"), ("/be", "be"), ("/ar/c/x/", "ar"), ("/c/be/", "en"), ("/bee/", "en"),
        ("/en/", "en"), ("/xx/c/x/", "en"), ("/de-at/", "en"), ("//be/", "en"), ("", "en"),
    ],
)  # fmt: skip
def test_the_first_part_of_the_path_is_the_language(path: str, code: str) -> None:
    assert language_of(path) == code


@pytest.mark.parametrize("path", ["/", "/c/x/", "/confirm/abc/", "/c/x/sign/"])
def test_a_page_is_found_in_every_language_from_every_language(path: str) -> None:
    for here in CODES:
        assert [path_in(there, path_in(here, path)) for there in CODES] == [path_in(there, path) for there in CODES]
    assert path_in("be", path) == f"/be{path}"


def test_an_address_keeps_its_host_and_an_unknown_language_means_english() -> None:
    assert address_in("uk", "https://example.org/confirm/a/") == "https://example.org/uk/confirm/a/"
    assert address_in("xx", "https://example.org/confirm/a/") == "https://example.org/confirm/a/"


@pytest.mark.parametrize("code", CODES)
def test_every_page_says_its_language_and_direction(client: Client, campaign: Campaign, code: str) -> None:
    for path in ("/", f"/c/{campaign.slug}/", f"/c/{campaign.slug}/sign/", f"/c/{campaign.slug}/numbers/"):
        response = client.get(path_in(code, path), headers={"Accept-Language": "fr", "Cookie": "django_language=pl"})
        direction = "rtl" if code == "ar" else "ltr"
        assert response.status_code == 200
        assert f'<html lang="{code}" dir="{direction}">' in response.text
        assert response["Content-Language"] == code
        assert "language" not in response.get("Vary", "").lower()
        assert "cookie" not in response.get("Vary", "").lower()


@pytest.mark.parametrize("page", ["", "sign/", "share/", "thanks/", "numbers/", "versions/", "updates/", "press/"])
def test_a_page_names_itself_in_every_language_in_its_menu(client: Client, campaign: Campaign, page: str) -> None:
    path = f"/c/{campaign.slug}/{page}"
    for code in CODES:
        links = re.findall(r'<a href="([^"]*)" lang="([\w-]*)" hreflang="\2"', client.get(path_in(code, path)).text)
        assert links == [(path_in(there, path), there) for there in CODES]


@pytest.mark.parametrize("page", ["", "numbers/", "versions/"])
def test_a_page_names_itself_in_every_language_to_crawlers(client: Client, campaign: Campaign, page: str) -> None:
    path = f"/c/{campaign.slug}/{page}"
    for code in CODES:
        head = client.get(path_in(code, path)).text.partition("</head>")[0]
        found = dict(re.findall(r'<link rel="alternate" hreflang="([\w-]*)" href="([^"]+)">', head))
        here = {there: f"http://testserver{path_in(there, path)}" for there in CODES}
        assert found == {**here, "x-default": here["en"]}
        assert re.findall(r'<link rel="canonical" href="([^"]+)">', head) == [here[code]]


@pytest.mark.parametrize("path", ["/xx/", "/en/", "/de-at/", "/be/nowhere/", "/ar/c/none/"])
def test_what_is_not_there_is_a_page_of_ours_in_the_addresss_language(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert f'<html lang="{language_of(path)}"' in response.text


def test_the_admin_is_in_english(client: Client) -> None:
    assert client.get("/be/admin/").status_code == 404
    assert client.get("/admin/", follow=True)["Content-Language"] == "en"


@pytest.mark.parametrize("code", ["be", "ar"])
def test_every_link_and_form_of_a_page_keeps_its_language(client: Client, campaign: Campaign, code: str) -> None:
    for path in ("/", f"/c/{campaign.slug}/", f"/c/{campaign.slug}/numbers/", f"/c/{campaign.slug}/thanks/"):
        page = client.get(path_in(code, path)).text
        without_switcher = re.sub(r'<details class="languages">.*?</details>', "", page, flags=re.DOTALL)
        leading = re.findall(r'(?:href|action|data-tally-url)="(/[^"]*)"', without_switcher)
        assert [link for link in leading if not link.startswith((f"/{code}/", "/static/"))] == []


def test_signing_and_confirming_stay_in_the_language(
    client: Client, campaign: Campaign, mail_of: Callable[..., dict[str, str]]
) -> None:
    from signatures.models import Submission

    typed = {"name": "Ада Прыклад", "email": "ada@example.org", "country": "BY"}
    response = client.post(f"/be/c/{campaign.slug}/sign/", typed)
    assert (response.status_code, response["Location"]) == (303, f"/be/c/{campaign.slug}/thanks/")
    links = mail_of(campaign, bytes(Submission.objects.get().pk))
    assert {link[:4] for link in links.values()} == {"/be/"}
    response = client.post(links["confirm"])
    assert (response.status_code, response["Location"]) == (303, links["confirm"])
    assert client.post(links["withdraw"])["Location"].partition("?")[0] == links["withdraw"]


def test_a_language_that_the_site_has_no_more_gets_english_mail(
    campaign: Campaign, sign: Callable[..., bytes], mail_of: Callable[..., dict[str, str]]
) -> None:
    hashed = sign(campaign, language="xx")
    assert mail_of(campaign, hashed)["confirm"].startswith("/confirm/")
    assert Person(name="x", email="x@example.org", country="GB").language == "en"


def test_the_documents_say_of_each_language_whether_it_was_read_through() -> None:
    table = (settings.BASE_DIR / "docs" / "translating.md").read_text(encoding="utf-8").partition("## Languages")[2]
    for language in LANGUAGES:
        ((_, said),) = re.findall(rf"^\| ({language.name}) \| `{language.code}` \| (.+) \|$", table, re.MULTILINE)
        assert said.startswith("yes") is language.reviewed


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
def test_a_page_says_where_no_native_reader_has_read_the_translation(client: Client, language: Language) -> None:
    with override(language.code):
        note = gettext("No native speaker has checked this translation yet.")
    assert (note in client.get(path_in(language.code, "/")).text) is not language.reviewed
