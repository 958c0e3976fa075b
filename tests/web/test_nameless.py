"""Where a name is set, nothing that anybody reads says the software's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from allauth.core.context import request_context
from allauth.mfa.adapter import get_adapter
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import timezone

from petitions.models import Campaign, Dossier, Update
from signatures.delivery.share_images import _words
from signatures.identity import new_token
from signatures.public_figures.figures import public_figures
from signatures.register.mailing import confirmation_mail
from signatures.register.unsealing import Opener
from tests.support.fixtures import SiteClient, a_person
from web.i18n.languages import LANGUAGES, path_in
from web.models import Identity, Section

NAME = "Aldermere Rights Watch"


@pytest.fixture
def named(section: Section) -> Identity:
    return Identity.objects.create(section=section, name=NAME, sender_name="Aldermere, Rights", reply_to="we@a.example")


def told(text: str) -> bool:
    return "undersigned" in text.casefold()


@pytest.fixture
def petition(make_campaign: Callable[..., Campaign], named: Identity) -> Campaign:
    petition = make_campaign(slug="library")
    Update.objects.create(
        campaign=petition, slug="news", title="News", lead="There is some.", kind="press", published_at=timezone.now()
    )
    Dossier.objects.create(slug="books", title="Books", lead="On them.").campaigns.add(petition)
    return petition


PATHS = (
    "/", "/?q=library", "/?q=nothing", "/c/library/", "/c/library/sign/", "/c/library/thanks/", "/c/library/numbers/",
    "/c/library/numbers.json", "/c/library/numbers.csv", "/c/library/press/", "/c/library/embed/",
    "/c/library/share/", "/c/library/qr.svg",
    "/c/library/feed.atom", "/c/library/updates/", "/c/library/updates/news/", "/d/books/", "/sitemap.xml",
    "/robots.txt", "/signing-key/", "/no/such/page/", "/?page=x", "/unsubscribe/nonsense/", "/withdraw/nonsense/",
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_no_page_says_the_softwares_name(client: SiteClient, petition: Campaign, path: str) -> None:
    for language in (LANGUAGES[0].code, "uk", "ar"):
        answer = client.get(path if path == "/robots.txt" else path_in(language, path))
        assert not told(answer.content.decode())


def test_no_page_of_a_link_does(client: SiteClient, petition: Campaign) -> None:
    for kind in ("withdraw", "unsubscribe", "confirm"):
        assert not told(client.get(f"/{kind}/{new_token()}/").content.decode())


@pytest.mark.parametrize("name", ["400", "403", "404", "410", "429", "500", "503", "readonly"])
def test_no_error_does_even_without_a_request(named: Identity, name: str) -> None:
    words = render_to_string(f"{name}.html", {"identity": named})
    assert NAME in words
    assert not told(words)


@pytest.mark.parametrize("at_risk", [False, True])
def test_no_mail_does_and_who_is_at_risk_gets_no_name_at_all(
    petition: Campaign, named: Identity, at_risk: bool, settings: Any
) -> None:
    if at_risk:
        Campaign.objects.update(at_risk=True, disclosure="count")
        petition.refresh_from_db()
    mail = confirmation_mail(petition, a_person(language="uk", token=new_token()), Opener(petition)).message()
    whole = mail.as_bytes().decode()
    assert not told(whole)
    head = whole.partition("\r\n\r\n")[0]
    named_there = ('From: "Aldermere, Rights" <' in head, "Reply-To: we@a.example" in head)
    assert named_there == ((False, False) if at_risk else (True, True))


def test_no_share_picture_and_no_authenticator_does(petition: Campaign) -> None:
    assert not told(str(_words(petition, public_figures(petition))))
    with request_context(RequestFactory().get("/admin/")):
        adapter = get_adapter()
        assert not told(unquote(adapter.build_totp_url(User(username="anna"), "ABC")))
        assert adapter.get_public_key_credential_rp_entity()["name"] == NAME


def test_no_page_of_the_desk_does(client: SiteClient, petition: Campaign, staff: Any, staff_client: Any) -> None:
    from staff.models import Role

    assert not told(client.get("/admin/login/").content.decode())
    for role in Role:
        page = staff_client(staff(role)).get("/admin/").content.decode()
        assert NAME in page
        assert not told(page)
