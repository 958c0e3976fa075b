"""Every public page: no error in the console, no cookie, no sideways scrolling, nothing that axe objects to."""

from __future__ import annotations

import uuid

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.stack import AT_RISK, LOCAL, Stack

pytestmark = pytest.mark.browser

PAGES = (
    "/",
    f"/c/{AT_RISK}/",
    f"/c/{LOCAL}/",
    f"/c/{AT_RISK}/sign/",
    f"/c/{LOCAL}/sign/",
    f"/c/{LOCAL}/thanks/",
    f"/c/{LOCAL}/numbers/",
    f"/c/{AT_RISK}/numbers/",
    f"/c/{AT_RISK}/updates/",
    f"/c/{AT_RISK}/updates/191000-signatures-from-184-countries/",
    "/d/crisis-in-belarus/",
    f"/c/{AT_RISK}/press/",
    f"/unsubscribe/{'A' * 43}/",
    "/?show=over",
    f"/c/{LOCAL}/embed/",
    "/inbox/",
)
LOST = ("/nowhere/", f"/confirm/{'A' * 43}/")
NARROWEST = {"width": 320, "height": 640}


@pytest.fixture(scope="module")
def letters(site: Stack) -> list[str]:
    """The pages behind the links of a mail, and the mail."""
    address = f"{uuid.uuid4().hex}@example.org"
    site.sign(LOCAL, address)
    return list(site.links_for(address).values())


def held_to(page: Page, path: str) -> None:
    page.goto(path)
    wide = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide[0] <= wide[1], f"{path} scrolls sideways at {wide[1]} px"
    assert page.context.cookies() == [], f"{path} sets a cookie"
    assert page.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_scrolls_sideways_or_sets_a_cookie_or_breaks_a_rule(
    visit: Visit, letters: list[str], scheme: str
) -> None:
    with visit(viewport=NARROWEST, color_scheme=scheme) as page:
        page.watch.expected = ("status of 404",)  # type: ignore[attr-defined]
        for path in (*PAGES, *letters, *LOST):
            held_to(page, path)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(visit: Visit, letters: list[str], scheme: str) -> None:
    found = {}
    with visit(color_scheme=scheme, reduced_motion="reduce", bypass_csp=True) as page:
        page.watch.expected = ("status of 404",)  # type: ignore[attr-defined]
        for path in (*PAGES, *letters, *LOST):
            page.goto(path)
            result = Axe().run(page)
            if result.violations_count:
                found[path] = result.generate_report()
    assert found == {}, "\n".join(found.values())


def test_form_with_errors_is_accessible(visit: Visit) -> None:
    with visit() as page:
        page.watch.expected = ("status of 422",)  # type: ignore[attr-defined]
        page.goto(f"/c/{AT_RISK}/sign/")
        page.locator("main form").evaluate("form => { form.noValidate = true }")
        page.get_by_role("button", name="Sign").click()
        expect(page.locator("main form [aria-invalid=true]").first).to_be_visible()
        result = Axe().run(page)
    assert result.violations_count == 0, result.generate_report()
