"""Whose site a host is, and what of it may be kept by whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from petitions.models import Campaign
from tests.support.fixtures import SiteClient
from web import identities, page_cache
from web.models import Identity, Section
from web.models.contrast import LIGHT, passes


@pytest.fixture
def own_host(settings: Any) -> str:
    settings.SECTION_HOSTS = ["aldermere.example"]
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "aldermere.example"]
    return "aldermere.example"


@pytest.fixture
def branded(section: Section) -> Identity:
    return Identity.objects.create(section=section, name="Aldermere Rights Watch")


@pytest.fixture
def elsewhere(other_section: Section, own_host: str) -> Identity:
    return Identity.objects.create(section=other_section, name="Aldermere Branch", host=own_host, headline="Act here")


def page_of(client: SiteClient, path: str, host: str = "testserver") -> str:
    answer = client.get(path, headers={"host": host})
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_without_an_identity_the_site_is_called_as_the_software(client: SiteClient, section: Section) -> None:
    assert "Undersigned" in page_of(client, "/")


def test_one_identity_without_an_address_of_its_own_is_the_installations(client: SiteClient, branded: Identity) -> None:
    page = page_of(client, "/")
    assert "<span>Aldermere Rights Watch</span>" in page
    assert "Undersigned" not in page
    assert identities.main().name == "Aldermere Rights Watch"


def test_of_several_at_one_address_none_is_the_installations(
    client: SiteClient, branded: Identity, other_section: Section, campaign: Campaign
) -> None:
    Identity.objects.create(section=other_section, name="Somebody Else")
    assert identities.main().name == "Undersigned"
    assert "Aldermere Rights Watch" in page_of(client, campaign.get_absolute_url())


def test_the_identity_at_the_sites_own_address_is_the_installations(
    settings: Any, branded: Identity, elsewhere: Identity, other_section: Section
) -> None:
    settings.SITE_URL = "https://aldermere.example"
    assert identities.main() == elsewhere


def test_each_host_shows_its_own_page_from_the_shelf(
    client: SiteClient, branded: Identity, elsewhere: Identity, own_host: str
) -> None:
    for _ in range(2):
        assert "Aldermere Rights Watch" in page_of(client, "/")
        assert '<h1 dir="auto">Act here</h1>' in page_of(client, "/", own_host)
    assert len(page_cache._shelf) == 2


def test_hosts_that_are_nobodys_own_share_a_page(client: SiteClient, branded: Identity, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    for host in ("one.example", "two.example", "three.example:8080"):
        page_of(client, "/", host)
    assert len(page_cache._shelf) == 1


def test_a_sections_own_site_lists_its_petitions_and_no_other(
    client: SiteClient,
    elsewhere: Identity,
    own_host: str,
    make_campaign: Callable[..., Campaign],
    other_section: Section,
) -> None:
    make_campaign(title="Of the whole house")
    theirs = make_campaign(title="Of the branch", section=other_section)
    here, there = page_of(client, "/"), page_of(client, "/", own_host)
    assert ("Of the whole house" in here, "Of the branch" in here) == (True, False)
    assert ("Of the whole house" in there, "Of the branch" in there) == (False, True)
    assert theirs.get_absolute_url() not in page_of(client, "/sitemap.xml")
    assert f"{elsewhere.origin}{theirs.get_absolute_url()}" in page_of(client, "/sitemap.xml", own_host)


@pytest.mark.parametrize("end", ["", "sign/", "numbers/", "thanks/", "feed.atom", "updates/", "?via=link"])
def test_a_petition_at_the_wrong_address_leads_to_its_own(
    client: SiteClient, elsewhere: Identity, make_campaign: Callable[..., Campaign], other_section: Section, end: str
) -> None:
    path = f"/de{make_campaign(section=other_section).get_absolute_url()}{end}"
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer["Location"] == f"{elsewhere.origin}{path}"


def test_links_of_a_page_are_of_its_own_site(
    client: SiteClient,
    elsewhere: Identity,
    own_host: str,
    make_campaign: Callable[..., Campaign],
    other_section: Section,
) -> None:
    theirs = make_campaign(section=other_section)
    page = page_of(client, theirs.get_absolute_url(), own_host)
    assert f'<link rel="canonical" href="{elsewhere.origin}{theirs.get_absolute_url()}">' in page
    assert f'"url": "{elsewhere.origin}{theirs.get_absolute_url()}"' in page


def test_a_form_from_another_of_our_sites_is_a_foreign_one(
    client: SiteClient, elsewhere: Identity, own_host: str, make_campaign: Callable[..., Campaign], settings: Any,
    other_section: Section,
) -> None:  # fmt: skip
    theirs = make_campaign(section=other_section)
    answers = [
        client.post(f"{theirs.get_absolute_url()}sign/", {}, headers={"host": own_host, "origin": origin}).status_code
        for origin in (settings.SITE_URL, elsewhere.origin)
    ]
    assert answers == [403, 422]


def test_where_the_database_is_away_names_are_as_last_seen(branded: Identity, as_public: Any) -> None:
    assert identities.main() == branded
    identities.forget_identities()
    from django.db import connection

    with connection.execute_wrapper(_away):
        assert identities.main() == branded


def _away(*args: Any) -> None:
    from django.db import OperationalError

    raise OperationalError


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("colour", "#ffcc00"), ("colour", "red"), ("theme_colour", "#12345"), ("time_zone", "Moon/Base"),
        ("footer_links", "no address"), ("footer_links", "Click javascript:alert(1)"),
        ("footer_links", "Ours //evil.example/x"), ("social_accounts", "http://x.com/us"),
        ("social_accounts", "https://me@x.com/us"), ("contact_phone", "call me"),
        ("footer_links", "\n".join(f"Link https://e.example/{n}" for n in range(9))),
    ],
)  # fmt: skip
def test_what_readers_could_not_use_is_refused_by_field(section: Section, field: str, wrong: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Identity(section=section, name="A", **{field: wrong}).full_clean()
    assert list(refused.value.message_dict) == [field]


def test_a_pale_colour_is_refused_with_the_nearest_that_can_be_read(section: Section) -> None:
    with pytest.raises(ValidationError) as refused:
        Identity(section=section, name="A", colour="#ffcc00").full_clean()
    shade = refused.value.message_dict["colour"][0][-7:]
    assert passes(shade, LIGHT)
    Identity(section=section, name="A", colour=shade).full_clean()


@pytest.mark.parametrize("colour", ["red;}", "#A81E17", "#a81e1"])
def test_the_table_takes_no_colour_that_is_none(section: Section, colour: str) -> None:
    with pytest.raises(IntegrityError):
        Identity.objects.create(section=section, name="A", colour=colour)


def test_links_are_called_as_people_call_the_place(section: Section) -> None:
    identity = Identity(
        section=section, name="A", footer_links="Our work https://a.example/w\nAbout us /about/",
        social_accounts="https://www.facebook.com/a\nhttps://mastodon.example/@a",
    )  # fmt: skip
    identity.full_clean()
    assert [(link.words, link.is_ours) for link in identity.links] == [("Our work", False), ("About us", True)]
    assert [link.words for link in identity.accounts] == ["Facebook", "mastodon.example"]


def test_pages_name_a_sheet_in_the_sections_colour_that_may_be_kept_for_ever(
    client: SiteClient, branded: Identity
) -> None:
    Identity.objects.update(colour="#0b5fa5")
    identities.forget_identities()
    page = page_of(client, "/")
    (address,) = [part.split('"')[0] for part in page.split('href="')[1:] if part.startswith("/brand/")]
    assert address in page_of(client, "/de/")
    sheet = client.get(address)
    assert "--seal:#0b5fa5" in sheet.content.decode()
    assert "immutable" in sheet["Cache-Control"]
    Identity.objects.update(colour="#005500")
    identities.forget_identities()
    late = client.get(address)
    assert late.status_code == 302
    assert late["Location"].startswith("/static/css/site")


def test_a_notice_stands_on_every_page_and_halts_nothing(
    client: SiteClient, campaign: Campaign, branded: Identity
) -> None:
    Identity.objects.update(notice="We move house on Friday.")
    for path in ("/", campaign.get_absolute_url(), f"{campaign.get_absolute_url()}sign/"):
        assert "We move house on Friday." in page_of(client, path)
