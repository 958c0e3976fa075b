"""The numbers page with figures of every kind in it: looked at narrow and wide, sorted by keyboard, heard, printed."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.browsing import DESKTOP
from tests.browser.conftest import Visit
from tests.browser.test_pages import NARROWEST, found_on
from tests.faults import inside
from tests.support.stack import Stack

pytestmark = pytest.mark.browser

SLUG = "numbers-of-every-kind"
NUMBERS = f"/c/{SLUG}/numbers/"
OPEN_DETAILS = "for (const details of document.querySelectorAll('details')) details.open = true"


@pytest.fixture(scope="module", autouse=True)
def counted(site: Stack) -> None:
    inside.run(site, "counted_campaign", SLUG)


@pytest.mark.parametrize(("language", "direction"), [("", "ltr"), ("/ar", "rtl")])
def test_axe_finds_no_violation_and_nothing_is_wider_than_a_narrow_phone(
    visit: Visit, language: str, direction: str
) -> None:
    with visit(viewport=NARROWEST, reduced_motion="reduce") as page:
        page.goto(language + NUMBERS)
        expect(page.locator("svg.world path[class^=s]").first).to_be_visible()
        expect(page.locator("svg.days rect").first).to_be_visible()
        page.evaluate(OPEN_DETAILS)
        assert found_on(page, direction) == []


@pytest.mark.parametrize("with_script", [True, False])
def test_the_table_is_sorted_by_keyboard_and_without_a_script(visit: Visit, with_script: bool) -> None:
    with visit(viewport=DESKTOP, java_script_enabled=with_script) as page:
        page.goto(NUMBERS)
        header = page.get_by_role("columnheader", name="Country")
        rows = page.get_by_role("table").first.get_by_role("rowheader")
        assert rows.first.inner_text() == "United Arab Emirates"  # the most signed
        assert header.get_attribute("aria-sort") is None
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.locator("th a:focus").count():
                break
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{NUMBERS}by-name/#countries")
        expect(page.get_by_role("columnheader", name="Country")).to_have_attribute("aria-sort", "ascending")
        names = page.get_by_role("table").first.get_by_role("rowheader").all_inner_texts()[:-2]
    assert names == sorted(names)


def test_everything_is_printed(visit: Visit) -> None:
    with visit(viewport=DESKTOP) as page:
        page.goto(NUMBERS)
        page.emulate_media(media="print")
        table = page.locator("table.countries")
        hidden = table.evaluate("table => table.parentElement.scrollHeight - table.parentElement.clientHeight")
        assert hidden <= 1, "the table is cut off"
        expect(page.locator("svg.world")).to_be_visible()


def test_the_counter_can_be_framed_by_any_site_and_sets_nothing(visit: Visit, site: Stack) -> None:
    with visit(bypass_csp=True) as page:
        page.goto("/")
        page.set_content(f'<iframe src="{site.url}/c/{SLUG}/embed/" width="320" height="260" title="counter"></iframe>')
        frame = page.frame_locator("iframe")
        expect(frame.locator(".number")).to_be_visible()
        expect(frame.get_by_role("link", name="Read and sign")).to_have_attribute("href", f"/c/{SLUG}/via/embed/")
        assert page.context.cookies() == []
