"""The site as readers of nine languages meet it: nothing overflows, Arabic runs from the right, names are in order."""

from __future__ import annotations

import uuid

import pytest
from playwright.sync_api import Page, expect

from signatures.sign_form.form import country_choices
from tests.browser.browsing import DESKTOP
from tests.browser.conftest import Visit
from tests.support.stack import AT_RISK, LOCAL, Stack
from web.i18n.languages import LANGUAGES, path_in

pytestmark = pytest.mark.browser

CODES = [language.code for language in LANGUAGES]
PAGES = (
    "/",
    f"/c/{AT_RISK}/",
    f"/c/{AT_RISK}/sign/",
    f"/c/{AT_RISK}/thanks/",
    f"/c/{LOCAL}/numbers/",
    f"/c/{AT_RISK}/updates/",
    f"/c/{AT_RISK}/updates/no-investigation-of-police-violence/",
    "/d/crisis-in-belarus/",
    "/nowhere/",
)
NARROWEST = {"width": 320, "height": 640}


@pytest.mark.parametrize("code", [code for code in CODES if code not in ("en", "ar")])  # those: test_pages.py
def test_nothing_is_wider_than_the_narrowest_phone(visit: Visit, code: str) -> None:
    wide = []
    with visit(viewport=NARROWEST) as page:
        page.watch.expected = ("status of 404",)  # type: ignore[attr-defined]
        for path in PAGES:
            page.goto(path_in(code, path))
            page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
            scroll, width = page.evaluate(
                "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
            )
            if scroll > width:
                wide.append((path, scroll))
    assert wide == []


def test_a_reader_changes_language_and_signs_in_it_without_a_script(visit: Visit, site: Stack) -> None:
    address = f"{uuid.uuid4().hex}@example.org"
    with visit(viewport=DESKTOP, java_script_enabled=False) as page:
        page.goto(f"/c/{AT_RISK}/")
        page.locator(".languages summary").click()
        page.get_by_role("link", name="Беларуская").click()
        expect(page).to_have_url(f"{site.url}/be/c/{AT_RISK}/")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Беларусь")
        expect(page.locator("[name=country]")).to_have_value("")  # no language says where a reader lives
        page.locator("[name=country]").select_option("BY")
        _sign(page, address)
        expect(page).to_have_url(f"{site.url}/be/c/{AT_RISK}/thanks/")
    links = site.links_for(address)
    assert all("/be/" in link for link in links.values()), links


def _sign(page: Page, address: str) -> None:
    page.locator("[name=name]").fill("Ганна Прыклад")
    page.locator("[name=email]").fill(address)
    page.locator("form button").last.click()


def test_countries_are_in_the_order_that_a_browser_with_icu_puts_them(visit: Visit) -> None:
    wrong = {}
    with visit() as page:
        for code in CODES:
            # Belarusian dictionaries pass over the apostrophe, and so do we; ICU puts it first.
            names = [name.replace("’", "") for _, name in country_choices(code)]
            sorted_by_icu = page.evaluate(
                "([names, code]) => [...names].sort(new Intl.Collator(code).compare)", [names, code]
            )
            if names != sorted_by_icu:
                wrong[code] = [pair for pair in zip(names, sorted_by_icu, strict=True) if pair[0] != pair[1]][:4]
    assert wrong == {}
