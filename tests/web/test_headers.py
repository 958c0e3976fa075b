"""What browsers are told of every page, and who may lead them where: headers, Host, redirects."""

import re
from urllib.parse import urljoin, urlsplit
from urllib.robotparser import RobotFileParser

import pytest
from django.utils import timezone

from petitions.models import Update
from web.i18n.languages import DEFAULT, LANGUAGES
from web.middleware import PermissionsPolicyMiddleware
from web.page_cache import clear_page_cache

PAGES = ["/", "/be/", "/c/{}/", "/c/{}/sign/", "/c/{}/thanks/", "/c/{}/numbers/", "/c/{}/press/", "/c/{}/nothing/",
         "/admin/login/", "/c/{}/tally.json"]  # fmt: skip
CACHED = PAGES[:7]


def source_list(response, directive):
    rules = dict(rule.strip().partition(" ")[::2] for rule in response["Content-Security-Policy"].split(";"))
    return rules[directive].split()


@pytest.mark.parametrize("page", PAGES)
def test_no_page_may_be_framed_or_asks_for_a_camera_a_place_or_a_payment(client, campaign, page):
    response = client.get(page.format(campaign.slug))
    assert response["Permissions-Policy"] == PermissionsPolicyMiddleware.POLICY
    assert {"camera=()", "geolocation=()", "payment=()"} <= set(response["Permissions-Policy"].split(", "))
    assert source_list(response, "frame-ancestors") == ["'none'"]
    assert response["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("page", CACHED)
def test_a_cached_page_runs_its_own_files_only(client, campaign, page):
    """A nonce would be another at each request, and a cached one is known to everybody."""
    response = client.get(page.format(campaign.slug))
    text = response.content.decode()
    assert "nonce" not in response["Content-Security-Policy"]
    assert "nonce" not in text
    for directive in ("script-src", "style-src"):
        assert source_list(response, directive) == ["'self'"]
    # So nothing may stand in the page that only a hash would let run.
    assert not re.search(r'<script(?![^>]*\bsrc=)(?! type="application/ld\+json")', text)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "testserver.evil.example", "testserver@evil.example", "evil.example:80", "[::1]", "a b", ""],
)
def test_a_foreign_host_gets_no_page(client, campaign, host):
    assert client.get(f"/c/{campaign.slug}/", headers={"Host": host}).status_code == 400


def test_no_header_makes_our_links_lead_elsewhere(client, campaign):
    """Pages are kept by caches: what one request says in a header must not be in what another gets."""
    headers = dict.fromkeys(("X-Forwarded-Host", "Forwarded", "X-Host", "X-Original-URL"), "evil.example")
    for page in ("/", f"/c/{campaign.slug}/", "/sitemap.xml", f"/c/{campaign.slug}/embed/"):
        response = client.get(page, headers=headers)
        assert response.status_code == 200
        assert b"evil" not in response.content


def test_crawlers_are_told_what_to_leave_alone_and_where_the_map_is(client, campaign, settings):
    token = "A" * 43
    update = Update.objects.create(campaign=campaign, slug="news", title="T", lead="L", published_at=timezone.now())
    mine = [f"confirm/{token}/", f"withdraw/{token}/", f"unsubscribe/{token}/", f"n/{update.pk}/", "inbox/", "inbox/7/"]
    theirs = ["", "sitemap.xml", "c/", "verify.py", *(campaign.get_absolute_url()[1:] + more for more in (
        "", "numbers/", "numbers.json", "updates/news/", "press/", "feed.atom", "share.png", "sign/", "embed/",
        "thanks/",
    ))]  # fmt: skip
    for site in ("http://testserver", "https://petitions.example.net"):
        clear_page_cache()
        settings.SITE_URL = site
        response = client.get("/robots.txt", headers={"X-Forwarded-Host": "evil.example"})
        assert response.status_code == 200
        assert response["Content-Type"] == "text/plain; charset=utf-8"
        assert response["Cache-Control"].startswith("public, ")
        assert response["X-Content-Type-Options"] == "nosniff"
        assert not response.cookies
        rules = RobotFileParser()
        rules.parse(response.text.splitlines())
        assert rules.site_maps() == [f"{site}/sitemap.xml"]
        for prefix in ["/", *(f"/{language.code}/" for language in LANGUAGES if language.code != DEFAULT)]:
            assert not [path for path in mine if rules.can_fetch("Anybot", f"{site}{prefix}{path}")]
            assert not [path for path in theirs if not rules.can_fetch("Anybot", f"{site}{prefix}{path}")]
            assert f"Disallow: {prefix}c/*/work/\n" in response.text
        assert not rules.can_fetch("Anybot", f"{site}/admin/login/")
        for told in (token, campaign.slug, campaign.title, str(campaign.uid), "@"):
            assert told not in response.text
    assert client.get("/be/robots.txt").status_code == 404
    assert client.post("/robots.txt").status_code == 405


AWAY = ["//evil.example/", "///evil.example", "/\\evil.example", "https:evil.example", "https://evil.example/admin/",
        "javascript:alert(1)", "%2F%2Fevil.example", "\t//evil.example"]  # fmt: skip


def leads_away(location):
    """Where a browser would go from the login: it reads a backslash as a slash, and leaves out tabs."""
    seen = urljoin("http://testserver/admin/login/", location.replace("\\", "/").replace("\t", "").strip())
    return urlsplit(seen)[:2] != ("http", "testserver")


@pytest.mark.parametrize(
    "path", ["//evil.example", "//evil.example/sign", "/be//evil.example", "/c//evil.example", "/\\evil"]
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_no_address_of_ours_leads_away(client, campaign, path, method):
    response = getattr(client, method)("/", PATH_INFO=path)
    assert response.status_code in {301, 302, 303, 404, 405}
    assert not leads_away(response.get("Location", "/"))


@pytest.mark.parametrize("next_page", AWAY)
def test_after_login_nobody_is_led_away(client, staff, next_page):
    from staff.models import Role
    from tests.support.fixtures import PASSWORD

    user = staff(Role.MODERATOR)
    for page in ("/admin/login/", "/admin/"):
        response = client.get(page, {"next": next_page})
        assert not leads_away(response.get("Location", "/"))
    response = client.post("/admin/login/", {"login": user.username, "password": PASSWORD, "next": next_page})
    assert response.status_code == 302
    assert not leads_away(response["Location"])


def test_signing_leads_to_our_own_thanks(client, campaign):
    from tests.signatures.views.test_signing import TYPED, sign_url

    response = client.post(f"{sign_url(campaign)}?next=//evil.example", TYPED | {"next": "//evil.example"})
    assert (response.status_code, response["Location"]) == (303, f"/c/{campaign.slug}/thanks/")
