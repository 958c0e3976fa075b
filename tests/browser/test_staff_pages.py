"""The admin's pages for who sees no screen or has no mouse: nothing that axe objects to in either theme, one heading
that says what the page is, no icon read aloud, and every menu opened by keys."""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.sync_api import Page, expect

from tests.browser.browsing import DESKTOP, come_back
from tests.browser.conftest import Visit
from tests.browser.test_pages import OF_COLOURS, objections
from tests.support.stack import AT_RISK, LOCAL, Stack

pytestmark = pytest.mark.browser

#: Every kind of page, by who works with it. C is a campaign's number, U an update's.
PAGES = {
    "campaigner": (
        "/admin/",
        "/admin/petitions/campaign/",
        "/admin/petitions/campaign/C/change/",
        "/admin/petitions/campaign/C/tally/",
        "/admin/petitions/campaign/C/life/",
        "/admin/petitions/campaign/C/translations/?language=ar",
        "/admin/petitions/update/add/",
        "/admin/petitions/update/U/change/",
        "/admin/petitions/update/U/mail/",
        "/admin/petitions/dossier/1/change/",
        "/admin/petitions/picture/",
        "/admin/petitions/picture/add/",
        "/admin/petitions/addressee/add/",
        "/admin/petitions/demandstep/add/",
    ),
    "moderator": (
        "/admin/",
        "/admin/petitions/campaign/C/change/",
        "/admin/signatures/monitor/",
        "/admin/signatures/ruling/",
        "/admin/signatures/ruling/add/",
        "/admin/signatures/networkrule/add/",
        "/admin/signatures/reveal/",
        "/admin/staff/proposal/",
        "/admin/signatures/recipient/",
        "/admin/signatures/recipient/add/",
        "/admin/second-factor/",
        "/admin/sessions/",
        "/admin/staff/auditentry/",
    ),
    "officer-1": (
        "/admin/signatures/delivery/",
        "/admin/signatures/delivery/add/",
        "/admin/signatures/handover/add/",
        "/admin/signatures/reveal/packet/",
    ),
    "privacy": ("/admin/signatures/reveal/add/",),
    "administrator": ("/admin/auth/user/", "/admin/auth/user/add/", "/admin/web/maintenance/add/"),
}
#: Words of unfold's icon font, as a screen reader would say them: names of two words, or all that a control is called.
# A font draws an icon from its name: a screen reader would read the name.
ICONS = """[...document.querySelectorAll('.material-symbols-outlined')]
    .filter(icon => icon.checkVisibility() && !icon.closest('[aria-hidden=true]')).map(icon => icon.textContent)"""
HEADINGS = "[...document.querySelectorAll('h1')].filter(heading => heading.checkVisibility()).length"


def numbered(site: Stack, path: str) -> str:
    ((campaign,),) = site.sql("SELECT id FROM petitions_campaign WHERE slug = %s", AT_RISK)
    ((update,),) = site.sql("SELECT min(id) FROM petitions_update WHERE campaign_id = %s", campaign)
    return path.replace("/C/", f"/{campaign}/").replace("/U/", f"/{update}/")


@pytest.mark.parametrize("username", PAGES)
def test_staff_pages_are_accessible_in_both_themes(site: Stack, visit: Visit, username: str) -> None:
    problems: list[str] = []
    with visit(viewport=DESKTOP, reduced_motion="reduce") as page:
        come_back(page, site, username)
        for path in PAGES[username]:
            answer = page.goto(numbered(site, path))
            assert answer is not None
            assert answer.status == 200, path
            problems += [f"{path}: {problem}" for problem in found_on(page)]
    assert problems == [], "\n".join(problems)


def found_on(page: Page) -> list[str]:
    problems = [f"light: {problem}" for problem in objections(page)]
    page.emulate_media(color_scheme="dark")
    problems += [f"dark: {problem}" for problem in objections(page, runOnly=OF_COLOURS)]
    page.emulate_media(color_scheme="light")
    if (headings := page.evaluate(HEADINGS)) != 1:
        problems.append(f"{headings} main headings")
    problems += [f"an icon is read aloud: {icon}" for icon in page.evaluate(ICONS)]
    return problems


def tab_to(page: Page, role: str, name: str) -> None:
    """Press Tab until that control has the focus."""
    wanted = page.get_by_role(role, name=name).first  # type: ignore[arg-type]
    for _ in range(80):
        page.keyboard.press("Tab")
        if wanted.evaluate("control => control === document.activeElement"):
            return
    pytest.fail(f"Tab never comes to the {role} {name}")


def test_a_list_is_filtered_and_left_by_keys_alone(site: Stack, visit: Visit) -> None:
    with visit(viewport=DESKTOP) as page:
        come_back(page, site, "campaigner")
        page.goto("/admin/petitions/campaign/")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        filters = page.get_by_role("button", name="Filters")
        expect(filters).to_have_attribute("aria-expanded", "false")
        tab_to(page, "button", "Filters")
        page.keyboard.press("Enter")
        expect(filters).to_have_attribute("aria-expanded", "true")
        tab_to(page, "link", "Public services")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("topic"))
        expect(page.get_by_role("row").filter(has_text="library").first).to_be_visible()
        expect(page.get_by_role("row").filter(has_text="Belarus")).to_have_count(0)


def test_the_menu_and_the_account_open_by_keys_and_letters_are_no_commands(site: Stack, visit: Visit) -> None:
    with visit(viewport=DESKTOP) as page:
        come_back(page, site, "moderator")
        page.goto("/admin/petitions/campaign/")
        page.keyboard.press("c")  # unfold's shortcut for a new one
        menu = page.get_by_role("button", name="Menu", exact=True)
        tab_to(page, "button", "Menu")
        page.keyboard.press("Enter")
        expect(menu).to_have_attribute("aria-expanded", "true")
        account = page.get_by_role("button", name="Your account: moderator")
        account.focus()
        page.keyboard.press(" ")
        expect(account).to_have_attribute("aria-expanded", "true")
        way = page.get_by_role("link", name="Second factor")
        expect(way).to_be_visible()
        way.focus()
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("/second-factor/$"))


def test_what_comes_in_is_renewed_without_taking_the_focus(site: Stack, visit: Visit) -> None:
    with visit(viewport=DESKTOP) as page:
        page.clock.install()
        come_back(page, site, "moderator")
        page.goto("/admin/signatures/monitor/")
        page.locator("[data-again]").evaluate("part => part.prepend('an old word')")
        skip = page.get_by_role("link", name="Skip to content")
        skip.focus()
        page.clock.run_for(31_000)
        expect(page.locator("[data-again]")).not_to_contain_text("an old word")
        expect(skip).to_be_focused()
        expect(page.get_by_role("heading", name=re.compile(LOCAL.split("-")[1])).first).to_be_visible()


def test_an_update_is_written_and_published_by_keys_alone(site: Stack, visit: Visit) -> None:
    slug = f"by-keys-{uuid.uuid4().hex[:8]}"
    with visit(viewport=DESKTOP) as page:
        come_back(page, site, "campaigner")
        page.goto("/admin/petitions/update/add/")
        tab_to(page, "combobox", "Campaign")
        page.keyboard.type("Open Ald")
        tab_to(page, "textbox", "Published on: day")
        page.keyboard.type("2026-01-02")
        tab_to(page, "textbox", "Published on: time")
        page.keyboard.type("09:00:00")
        tab_to(page, "textbox", "Title")
        page.keyboard.type("Written without a mouse")
        tab_to(page, "textbox", "Address")
        page.keyboard.press("Control+A")
        page.keyboard.type(slug)
        tab_to(page, "textbox", "Lead")
        page.keyboard.type("Every box was reached with Tab.")
        tab_to(page, "button", "Save")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("/petitions/update/$"))
        answer = page.goto(f"/c/{LOCAL}/updates/{slug}/")
        assert answer is not None
        assert answer.status == 200
    site.sql("DELETE FROM petitions_update WHERE slug = %s RETURNING 1", slug)


def test_a_form_that_is_refused_says_so_and_each_field_what_is_wrong_with_it(site: Stack, visit: Visit) -> None:
    with visit(viewport=DESKTOP) as page:
        come_back(page, site, "campaigner")
        page.goto("/admin/petitions/update/add/")
        page.get_by_label("Title").fill("A title")
        page.locator("textarea[name=body]").fill("<script>alert(1)</script>")
        page.locator("form:has(textarea[name=body])").evaluate("form => { form.noValidate = true }")
        page.get_by_role("button", name="Save", exact=True).click()
        page.wait_for_load_state("load")  # scripts that come when they come have come
        expect(page.locator(".errornote")).to_be_focused()
        expect(page.get_by_label("Title")).to_have_value("A title")
        expect(page.locator("textarea[name=lead]")).to_have_accessible_description(re.compile("required"))
        expect(page.locator("textarea[name=body]")).to_have_accessible_description(
            re.compile("HTML is not allowed here")
        )
        assert found_on(page) == []
