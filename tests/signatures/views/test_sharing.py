"""Passing a petition on: plain links, a code for posters, a warning first where it is dangerous."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from petitions.models import Campaign
from tests.support.fixtures import SiteClient
from web.models import Identity, Section


def page_of(client: SiteClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_sharing_is_plain_links_that_say_how_readers_came(client: SiteClient, campaign: Campaign) -> None:
    path = campaign.get_absolute_url()
    page = page_of(client, f"{path}share/")
    assert f'href="{path}share/"' in page_of(client, path)
    for channel in ("whatsapp", "telegram", "x", "bluesky", "facebook", "linkedin"):
        assert f"%3Fvia%3D{channel}" in page
    assert not re.findall(r'src="https?://', page)
    assert "Keep%20the%20library%20open" in page


def test_the_campaigns_own_words_are_shared_in_the_readers_language(
    client: SiteClient, make_campaign: Callable[..., Campaign]
) -> None:
    found = make_campaign(share_text="Read this", translations={"de": {"share_text": "Lies das"}})
    path = found.get_absolute_url()
    assert "Read%20this" in page_of(client, f"{path}share/")
    german = page_of(client, f"/de{path}share/")
    assert "Lies%20das" in german
    assert "%2Fde%2Fc%2F" in german


@pytest.mark.parametrize("at_risk", [False, True])
def test_where_signers_are_at_risk_a_warning_comes_before_any_link(
    client: SiteClient, make_campaign: Callable[..., Campaign], at_risk: bool
) -> None:
    found = make_campaign(at_risk=at_risk, disclosure="count")
    page = page_of(client, f"{found.get_absolute_url()}share/")
    assert ("Where that is dangerous" in page) is at_risk
    assert not at_risk or page.index("Where that is dangerous") < page.index("wa.me")


def test_the_code_leads_to_the_petitions_own_site_and_may_be_kept(
    client: SiteClient, campaign: Campaign, section: Section, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    import qrcode

    make = qrcode.make
    monkeypatch.setattr(qrcode, "make", lambda address, **more: told.append(address) or make(address, **more))
    Identity.objects.create(section=section, name="A")
    for _ in range(2):
        answer = client.get(f"{campaign.get_absolute_url()}qr.svg")
    assert answer["Content-Type"] == "image/svg+xml"
    assert b"<path" in answer.content
    assert told == [f"{settings.SITE_URL}{campaign.get_absolute_url()}?via=qr"]


def test_whoever_confirmed_is_thanked_in_the_campaigns_words_and_sees_what_comes_next(
    client: SiteClient, make_campaign: Callable[..., Campaign], sign: Callable[..., bytes], mail_of: Callable[..., Any]
) -> None:
    found = make_campaign(thanks_text="The library thanks you.")
    links = mail_of(found, sign(found, confirmed=False))
    page = client.post(links["confirm"], follow=True).content.decode()
    assert "The library thanks you." in page
    assert "Help it reach 100" in page
    assert "wa.me" in page


def test_thanks_names_sender_and_subject_of_the_mail(
    client: SiteClient, make_campaign: Callable[..., Campaign], settings: Any
) -> None:
    settings.DEFAULT_FROM_EMAIL, settings.NEUTRAL_FROM_EMAIL = "Us <us@a.example>", "post@a.example"
    page = page_of(client, f"{make_campaign().get_absolute_url()}thanks/")
    assert "It comes from us@a.example." in page
    assert "Please confirm: Keep the library open" in page
    at_risk = page_of(client, f"{make_campaign(at_risk=True, disclosure='count').get_absolute_url()}thanks/")
    assert "It comes from post@a.example." in at_risk
    assert "Keep the library open" not in at_risk.partition("<h2>")[0].partition("<h1>")[2]
