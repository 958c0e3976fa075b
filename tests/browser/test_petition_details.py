"""What a supporter meets at the edges of a petition's page: on paper, without script, and after a mistake."""

from __future__ import annotations

import uuid

import pytest
from playwright.sync_api import expect

from tests.browser.browsing import DESKTOP, PHONE
from tests.browser.conftest import Visit
from tests.support.stack import LOCAL, Stack

pytestmark = pytest.mark.browser


def test_paper_shows_the_pledge_and_the_address_and_no_form(visit: Visit, site: Stack) -> None:
    with visit(viewport=DESKTOP) as page:
        page.goto(f"/c/{LOCAL}/")
        address = page.locator(".paper")
        expect(address).to_be_hidden()
        page.emulate_media(media="print")
        expect(address).to_have_text(f"{site.url}/c/{LOCAL}/")
        expect(address).to_be_visible()
        expect(page.locator(".pledge")).to_be_visible()
        for form in (".sign form", ".beside", ".thumb"):
            expect(page.locator(form)).to_be_hidden()


@pytest.mark.parametrize("path", [f"/c/{LOCAL}/", f"/c/{LOCAL}/share/"])
@pytest.mark.parametrize("script", [False, True])
def test_a_button_that_copies_shows_only_where_it_can(visit: Visit, path: str, script: bool) -> None:
    with visit(java_script_enabled=script) as page:
        page.goto(path)
        expect(page.locator("[data-copy]")).to_be_visible(visible=script)


@pytest.mark.parametrize("script", [False, True])
def test_the_petition_is_passed_on_after_confirming_and_not_before(site: Stack, visit: Visit, script: bool) -> None:
    address = f"{uuid.uuid4().hex}@example.org"
    site.sign(LOCAL, address)
    with visit(java_script_enabled=script) as page:
        page.goto(f"/c/{LOCAL}/thanks/")
        expect(page.locator("[data-copy], .ways")).to_have_count(0)
        page.goto(site.links_for(address)["confirm"])
        expect(page.locator("[data-copy], .ways")).to_have_count(0)
        page.get_by_role("button", name="Confirm my signature").click()
        expect(page.locator(".ways")).to_be_visible()
        expect(page.locator("[data-copy]")).to_be_visible(visible=script)


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP])
def test_the_link_of_an_error_leaves_the_label_of_its_field_in_sight(visit: Visit, viewport: dict[str, int]) -> None:
    with visit(viewport=viewport) as page:
        page.watch.expected = ("status of 422",)  # type: ignore[attr-defined]
        page.goto(f"/c/{LOCAL}/sign/")
        page.locator("form[data-script]").evaluate("form => form.noValidate = true")
        page.get_by_role("button", name="Sign", exact=True).click()
        for link in page.get_by_role("alert").get_by_role("link").all():
            link.click()
            name = link.get_attribute("href") or ""
            expect(page.locator(f"label[for={name[1:]}]")).to_be_in_viewport(ratio=1)
            page.evaluate("scrollTo(0, 0)")


def test_the_likely_address_is_asked_for_without_a_sign_left_behind(visit: Visit) -> None:
    with visit(viewport=PHONE) as page:
        page.goto(f"/c/{LOCAL}/sign/")
        page.get_by_label("Your e-mail address").fill("ada@gmial.com")
        page.get_by_label("Your name").focus()
        hint = page.get_by_role("status").filter(has_text="Did you mean this address?")
        expect(hint).to_have_text("Did you mean this address?ada@gmail.com")
        expect(hint.get_by_role("button", name="ada@gmail.com")).to_be_visible()
