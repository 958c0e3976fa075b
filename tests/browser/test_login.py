"""Staff's login in a browser: a newcomer's enrolment with an app and with a passkey, and being thrown out."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.browser.browsing import DESKTOP, PHONE, log_in
from tests.browser.conftest import Visit
from tests.support.stack import Stack, totp_code

pytestmark = pytest.mark.browser

PASSWORD = "a longer staple of horses"


@contextmanager
def newcomer(site: Stack, visit: Visit, **options: Any) -> Iterator[tuple[Page, str]]:
    """A new administrator's browser, at the page that their one-time link opens; and their username."""
    username = f"new-{uuid.uuid4().hex[:8]}"
    said = site.manage("create_administrator", "--username", username, "--email", "")
    link = re.search(r"http://\S+(/admin/begin/\S+)", said)
    assert link, said
    # WebAuthn knows no addresses, only names.
    with visit(host="localhost", **options) as page:
        page.goto(link[1])
        page.get_by_label("New password", exact=True).fill(PASSWORD)
        page.get_by_label("New password confirmation").fill(PASSWORD)
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Second factor")
        yield page, username


def with_virtual_passkey(page: Page) -> CDPSession:
    """A device that makes passkeys, and says yes whenever it is asked."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session


def keep_codes(page: Page) -> list[str]:
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    codes = page.locator(".us-login-codes li").all_inner_texts()
    assert len(codes) == 10
    page.get_by_role("link", name="I have saved them").click()
    expect(page.get_by_role("heading", name="Your desk")).to_be_visible()
    return codes


def log_out(page: Page) -> None:
    page.context.clear_cookies()


def test_newcomer_enrols_with_an_app_and_comes_back_with_a_recovery_code(site: Stack, visit: Visit) -> None:
    with newcomer(site, visit, viewport=PHONE) as (page, username):
        page.goto("/admin/web/section/")
        expect(page.get_by_role("heading", level=1)).to_have_text("Second factor")
        page.get_by_role("link", name="Set up an app").click()
        key = page.locator(".us-login-key").inner_text()
        expect(page.locator(".us-login-qr svg")).to_be_visible()
        page.get_by_label("Authenticator code").fill("000000")
        page.get_by_role("button", name="Turn on").click()
        expect(page.get_by_role("alert")).to_be_visible()
        page.get_by_label("Authenticator code").fill(totp_code(page.locator(".us-login-key").inner_text()))
        assert page.locator(".us-login-key").inner_text() == key
        page.get_by_role("button", name="Turn on").click()
        codes = keep_codes(page)

        log_out(page)
        page.goto("/admin/")
        page.get_by_label("Username").fill(username)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in", exact=True).click()
        page.get_by_label("Code").fill(codes[0])
        page.get_by_role("button", name="Log in", exact=True).click()
        expect(page.get_by_role("heading", name="Your desk")).to_be_visible()


def test_newcomer_enrols_with_a_passkey_and_logs_in_with_nothing_else(site: Stack, visit: Visit) -> None:
    with newcomer(site, visit, viewport=DESKTOP) as (page, _username):
        with_virtual_passkey(page)
        page.get_by_role("link", name="Add a passkey").click()
        page.get_by_label("Name").fill("My phone")
        page.get_by_label("Passwordless").check()
        page.get_by_role("button", name="Add a passkey").click()
        keep_codes(page)
        page.goto("/admin/second-factor/")
        expect(page.get_by_text("My phone")).to_be_visible()

        log_out(page)
        page.goto("/admin/login/")
        page.get_by_role("button", name="Log in with a passkey").click()
        expect(page.get_by_role("heading", name="Your desk")).to_be_visible()


def test_without_a_passkey_the_page_says_so_in_words(site: Stack, visit: Visit) -> None:
    with visit(host="localhost") as page:
        session = with_virtual_passkey(page)
        page.goto("/admin/login/")
        page.get_by_role("button", name="Log in with a passkey").click()
        expect(page.get_by_text("No passkey was used")).to_be_visible()
        session.detach()


def test_a_session_is_ended_from_elsewhere_and_a_closed_login_at_once(site: Stack, visit: Visit) -> None:
    with visit(viewport=DESKTOP) as left_open, visit(viewport=PHONE) as page:
        log_in(left_open, site, "privacy")
        log_in(page, site, "privacy")
        page.goto("/admin/sessions/")
        page.get_by_role("button", name="End all other sessions").click()
        expect(page.get_by_text("this session", exact=True)).to_be_visible()
        left_open.goto("/admin/petitions/campaign/")
        expect(left_open).to_have_url(re.compile("/admin/login/"))
        try:
            site.sql("UPDATE auth_user SET is_active = false WHERE username = 'privacy'")
            page.goto("/admin/petitions/campaign/")
            expect(page).to_have_url(re.compile("/admin/login/"))
        finally:
            site.sql("UPDATE auth_user SET is_active = true WHERE username = 'privacy'")


def test_a_packet_is_handed_out_only_after_the_second_factor_once_more(site: Stack, visit: Visit) -> None:
    with visit(viewport=DESKTOP) as page:
        page.watch.expected = ("status of 404",)  # type: ignore[attr-defined]
        log_in(page, site, "officer-1")
        let_an_hour_pass(site)
        page.goto("/admin/signatures/delivery/0/download/")
        expect(page.get_by_role("heading", level=1)).to_have_text("Confirm it’s you")
        page.get_by_label("Code").fill(site.code_of("officer-1"))
        page.get_by_role("button", name="Continue").click()
        # A file is no page to go on to: one is led back to where one came from, here from nowhere.
        expect(page).to_have_url(re.compile("/admin/$"))


def let_an_hour_pass(site: Stack) -> None:
    """As if whoever is logged in had shown their second factor an hour ago."""
    code = (
        "from django.contrib.sessions.models import Session;"
        "from django.contrib.sessions.backends.db import SessionStore;"
        "key = 'account_authentication_methods';"
        "stores = [SessionStore(s.session_key) for s in Session.objects.all()];"
        "[(s.update({key: [r | {'at': r['at'] - 3600} for r in s.get(key, [])]}), s.save()) for s in stores]"
    )
    site.manage("shell", "--no-imports", "-c", code)
    site.logins.clear()  # for whom it has passed as well
