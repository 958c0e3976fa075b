"""Every kind of page, in English and from right to left: no error in the console, no cookie, no sideways scrolling on
the narrowest phone, and nothing that axe objects to in either theme."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import Page, expect

from config.local.embedded import user
from tests.browser.browsing import DESKTOP, PHONE
from tests.browser.conftest import Visit
from tests.support.stack import AT_RISK, LOCAL, Stack
from web.i18n.languages import path_in

pytestmark = pytest.mark.browser

CLOSED, REMOVED = "a-closed-one", "one-taken-down"
PAGES = (
    "/",
    "/?show=over",
    "/?q=nothing+fits+this",
    f"/c/{AT_RISK}/",
    f"/c/{LOCAL}/",
    f"/c/{CLOSED}/",
    f"/c/{REMOVED}/",
    f"/c/{AT_RISK}/sign/",
    f"/c/{LOCAL}/sign/",
    f"/c/{AT_RISK}/thanks/",
    f"/c/{LOCAL}/thanks/",
    f"/c/{LOCAL}/numbers/",
    f"/c/{AT_RISK}/numbers/",
    f"/c/{AT_RISK}/updates/",
    f"/c/{AT_RISK}/updates/191000-signatures-from-184-countries/",
    f"/c/{AT_RISK}/press/",
    f"/c/{LOCAL}/embed/",
    "/d/crisis-in-belarus/",
    "/signing-key/",
    "/my-signatures/",
    "/my-signatures/sent/",
    f"/unsubscribe/{'A' * 43}/",
    f"/confirm/{'A' * 43}/",
    "/nowhere/",
)
#: In one language only.
DEMO = ("/inbox/",)
NARROWEST = {"width": 320, "height": 640}
#: A page in another theme differs in nothing but its colours.
OF_COLOURS = ["color-contrast", "link-in-text-block"]
#: Brings back what axe objects to; all that it has to say takes twice as long. What it loads beforehand is what
#: plays: style sheets, which it would load as well, are for rules that it only runs where they are named.
RUN_AXE = """options => axe.run({resultTypes: ['violations'], preload: {assets: ['media']}, ...options})
    .then(({violations}) => ({violations}))"""
WRITTEN = """
SELECT string_agg(column_name, ', ') FROM information_schema.columns
 WHERE table_name = 'petitions_campaign' AND is_generated = 'NEVER'
"""
#: As the demo's library, in another state of its life.
ANOTHER = """
INSERT INTO petitions_campaign ({columns}) SELECT {columns} FROM (
    SELECT made.* FROM petitions_campaign AS library, jsonb_populate_record(library, jsonb_build_object(
        'id', %s::int, 'slug', %s::text, 'uid', gen_random_uuid(), 'picture_id', NULL, 'state', %s::text,
        'closes_at', now() - interval '3 days', 'state_reason', 'A court asked for it.')) AS made
     WHERE library.slug = %s) AS another ON CONFLICT DO NOTHING
"""


def add_campaign(site: Stack, key: int, slug: str, state: str) -> None:
    ((columns,),) = site.sql(WRITTEN)
    site.sql(f"SET ROLE {user('owner')}")  # whom no guard keeps from taking a petition down
    site.sql(ANOTHER.format(columns=columns), key, slug, state, LOCAL)
    site.sql("RESET ROLE")


@pytest.fixture(scope="module")
def paths(site: Stack) -> Callable[[str], list[str]]:
    """The addresses of every kind of page in a language, those that a mail leads to included."""
    for key, (slug, state) in enumerate(((CLOSED, "closed"), (REMOVED, "removed")), start=9001):
        add_campaign(site, key, slug, state)
    address = f"{uuid.uuid4().hex}@example.org"
    site.sign(LOCAL, address)
    letters = list(site.links_for(address).values())

    def in_language(code: str) -> list[str]:
        return [path_in(code, path) for path in (*PAGES, *letters)] + (list(DEMO) if code == "en" else [])

    return in_language


@pytest.mark.parametrize(("code", "direction"), [("en", "ltr"), ("ar", "rtl")])
def test_every_page_is_narrow_discreet_and_accessible_in_both_themes(
    visit: Visit, paths: Callable[[str], list[str]], code: str, direction: str
) -> None:
    problems: list[str] = []
    with visit(viewport=NARROWEST, reduced_motion="reduce") as page:
        page.watch.expected = ("status of 404", "status of 410")  # type: ignore[attr-defined]
        for path in paths(code):
            page.goto(path)
            problems += [f"{path}: {problem}" for problem in found_on(page, direction)]
        assert page.context.cookies() == []
    assert problems == [], "\n".join(problems)


def found_on(page: Page, direction: str) -> list[str]:
    """What is wrong with the page that is shown, in words."""
    problems = []
    told = page.evaluate(
        "({ wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,"
        " stored: localStorage.length + sessionStorage.length,"
        " direction: getComputedStyle(document.documentElement).direction })"
    )
    if told != {"wide": 0, "stored": 0, "direction": direction}:
        problems.append(f"{told}")
    problems += [f"light: {problem}" for problem in objections(page)]
    if direction == "ltr":  # colours know no direction
        page.emulate_media(color_scheme="dark")
        problems += [f"dark: {problem}" for problem in objections(page, runOnly=OF_COLOURS)]
        page.emulate_media(color_scheme="light")
    return problems


def objections(page: Page, **options: Any) -> list[str]:
    """What axe objects to: a report, or nothing."""
    if page.evaluate("!window.axe"):
        page.evaluate(AXE_SCRIPT)
    result = AxeResults(page.evaluate(RUN_AXE, options))
    return [result.generate_report()] if result.violations_count else []


def test_form_with_errors_is_accessible(visit: Visit) -> None:
    with visit() as page:
        page.watch.expected = ("status of 422",)  # type: ignore[attr-defined]
        page.goto(f"/c/{AT_RISK}/sign/")
        page.locator("main form").evaluate("form => { form.noValidate = true }")
        page.get_by_role("button", name="Sign").click()
        expect(page.locator("main form [aria-invalid=true]").first).to_be_visible()
        assert objections(page) == []


@pytest.mark.parametrize("slug", [LOCAL, AT_RISK])
@pytest.mark.parametrize(("code", "direction"), [("en", "ltr"), ("ar", "rtl")])
def test_what_a_confirmation_link_opens_is_narrow_and_accessible(
    site: Stack, visit: Visit, slug: str, code: str, direction: str
) -> None:
    address = f"{uuid.uuid4().hex}@example.org"
    assert site.sign(slug, address).status == 303
    with visit(viewport=NARROWEST, reduced_motion="reduce") as page:
        page.watch.expected = ("status of 422",)  # type: ignore[attr-defined]
        page.goto(path_in(code, site.links_for(address)["confirm"]))
        assert found_on(page, direction) == []
        page.locator("main details summary").click()
        page.locator("[name=name]").fill("77")
        page.locator("main form button").click()
        expect(page.locator("main form [name=name][aria-invalid=true]")).to_be_visible()
        assert found_on(page, direction) == []
        page.locator("[name=name]").fill("Ada Lovelace")
        page.locator("[name=country]").select_option("GB")
        page.locator("main form button").click()
        expect(page.locator("main form")).to_have_count(0)
        assert found_on(page, direction) == []


#: How far things moved under the eyes while the page came, as Chromium reckons it.
MOVED = """() => new Promise((tell) => {
  let moved = 0;
  const add = (list) => { for (const shift of list.getEntries()) moved += shift.value; };
  new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(() => tell(moved))));
})"""


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_nothing_moves_while_the_petition_comes(visit: Visit, viewport: dict[str, int]) -> None:
    with visit(viewport=viewport) as page:
        page.goto(f"/c/{AT_RISK}/")
        expect(page.locator(".picture img")).to_be_visible()
        assert page.locator(".picture img").evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
        assert page.evaluate(MOVED) == 0


def test_on_paper_the_petition_has_its_demands_and_no_form(visit: Visit) -> None:
    with visit(viewport=DESKTOP) as page:
        page.goto(f"/c/{AT_RISK}/")
        page.emulate_media(media="print")
        for words in ("heading", "listitem"):
            expect(page.get_by_role("main").get_by_role(words).first).to_be_visible()  # type: ignore[arg-type]
        expect(page.get_by_text("Make every officer identifiable")).to_be_visible()
        for none in ("#sign form", ".thumb", ".languages", ".share"):
            expect(page.locator(none).first).to_be_hidden()
