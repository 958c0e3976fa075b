"""A campaign from its first word to its end, by those who make it: written, shown, translated, reviewed by a second
person, opened, signed, told of with figures, mailed, paused and closed."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Callable

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.browsing import DESKTOP, come_back, log_in
from tests.browser.conftest import Visit
from tests.support.stack import RECOVERY, Stack, wait_until

pytestmark = pytest.mark.browser

SLUG = "let-the-ferry-run-again"
TITLE, TITEL = "Let the ferry run again", "Lasst die Fähre wieder fahren"
CAPTION = "The landing stage, without a boat."
NEWS = "One of us is here"
LIFE = re.compile("Status and next steps")


def photograph() -> bytes:
    """A JPEG of grey and blue, large enough for the widest cut."""
    made = io.BytesIO()
    image = Image.new("RGB", (1600, 1100), "#7a8b99")
    image.paste("#22384d", (0, 700, 1600, 1100))
    image.save(made, "JPEG")
    return made.getvalue()


def save(page: Page) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".errornote, .errorlist")).to_have_count(0)


def pick(page: Page, field: str, text: str) -> None:
    """Choose in a select that may be hidden behind a search box."""
    select = page.locator(f"select[name={field}]")
    value = select.locator("option").filter(has_text=text).first.get_attribute("value")
    select.select_option(value, force=True)


def upload_picture(page: Page) -> None:
    page.goto("/admin/petitions/picture/add/")
    pick(page, "section", "Aldermere")
    page.locator("[name=upload]").set_input_files(
        {"name": "ferry.jpg", "mimeType": "image/jpeg", "buffer": photograph()}
    )
    page.locator("[name=alt]").fill("A landing stage at a wide river; no boat is there.")
    page.locator("[name=caption]").fill(CAPTION)
    page.locator("[name=credit]").fill("Drawn for a test")
    page.locator("[name=made_on]").fill("2026-05-02")
    save(page)


def write_campaign(page: Page) -> str:
    """Fill the form and save; the address of the change page."""
    page.goto("/admin/petitions/campaign/add/")
    pick(page, "section", "Aldermere")
    page.locator("[name=title]").fill(TITLE)
    page.locator("[name=lead]").fill("Since May no ferry has crossed. Two villages are an hour apart now.")
    page.locator("[name=background]").fill("It ran for **ninety years**.")
    page.locator("[name=pledge]").fill("I ask the Council to let the ferry run.")
    page.locator("[name=responsible]").fill("Friends of the Ferry")
    pick(page, "picture", CAPTION)
    expect(page.locator("[name=slug]")).to_have_value(SLUG)  # made of the title
    pick(page, "addressee", "Mayor")
    page.get_by_text("Add another Demand").click()
    page.locator("[name=demands-0-position]").fill("1")
    page.locator("[name=demands-0-text]").fill("Let it run from March to November.")
    page.get_by_role("button", name="Save and continue editing").click()
    page.wait_for_url("**/change/")
    return page.url


def translate(page: Page) -> None:
    page.get_by_role("link", name="Translations").click()
    page.get_by_role("link", name="Deutsch").click()
    page.get_by_label("Title, Deutsch").fill(TITEL)
    page.get_by_role("button", name="Save translation").click()
    expect(page.get_by_text("Translation saved.")).to_be_visible()


def step(page: Page, change: str, name: str, reason: str = "") -> None:
    """Take a step of the campaign's life."""
    page.goto(change)
    page.get_by_role("link", name=LIFE).click()
    card = page.locator("section").filter(has=page.get_by_role("heading", name=name, exact=True))
    if reason:
        card.get_by_label("Reason").fill(reason)
    if card.get_by_role("checkbox").count():
        card.get_by_role("checkbox").check()
    card.get_by_role("button", name=name).click()
    expect(page.get_by_text("Status: ")).to_be_visible()


def test_a_campaign_from_its_first_word_to_its_end(site: Stack, visit: Visit) -> None:
    path, reader = f"/c/{SLUG}/", f"{uuid.uuid4().hex}@example.org"
    with visit(viewport=DESKTOP) as page, visit(viewport=DESKTOP) as second, visit() as anybody:
        anybody.watch.expected = ("status of 404",)  # type: ignore[attr-defined]
        log_in(page, site, "campaigner")
        upload_picture(page)
        change = write_campaign(page)
        translate(page)
        previewed(page, change)
        assert site.request("GET", path).status == 404
        step(page, change, "Submit for review")
        page.get_by_text("Only moderators of its section can do this.").first.wait_for()

        log_in(second, site, "moderator")
        previewed(second, change)
        opened(second, change)
        public(anybody, path)

        assert site.sign(SLUG, reader).status == 303
        assert site.request("POST", site.links_for(reader)["confirm"], {"updates": "on"}).status == 303
        wait_until(lambda: site.counts(SLUG).counted == 1, RECOVERY, "it is counted")
        publish_with_a_figure(page, change)
        wait_until(lambda: NEWS in subjects(site, reader), RECOVERY, "the update is mailed")

        step(second, change, "Pause", "The Council sits today.")
        expect_soon(anybody, path, "The Council sits today.")
        step(second, change, "Resume")
        step(second, change, "Close")
        expect_soon(anybody, path, "This petition closed on")


def subjects(site: Stack, address: str) -> list[str]:
    return [mail["Subject"] for mail in site.mails_to(address)]


def previewed(page: Page, change: str) -> None:
    page.goto(change)
    page.get_by_role("link", name="Preview").click()
    expect(page.get_by_text("This is a preview")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
    expect(page.get_by_text(CAPTION)).to_be_visible()


def opened(page: Page, change: str) -> None:
    """Open it, as soon as a worker has made its keys."""

    def offered() -> bool:
        page.goto(change)
        page.get_by_role("link", name=LIFE).click()
        return page.get_by_role("button", name="Open", exact=True).count() == 1

    wait_until(offered, RECOVERY, "its keys are made", every=0.5)
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.get_by_text("Status: Open.")).to_be_visible()


def public(page: Page, path: str) -> None:
    """What was written is there for everybody, and in the language that it was translated into."""
    expect_soon(page, path, TITLE)  # a process may remember for two seconds that there was none
    expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
    expect(page.get_by_role("listitem").filter(has_text="Let it run from March")).to_be_visible()
    picture = page.get_by_role("img", name="A landing stage")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    page.goto(f"/de{path}")
    expect(page.get_by_role("heading", level=1)).to_have_text(TITEL)
    assert page.locator(".lead").get_attribute("lang") == "en", "what falls back is marked"


def publish_with_a_figure(page: Page, change: str) -> None:
    """Store the figures of this moment, tell of them in an update, and have its mails prepared."""
    page.goto(change)
    page.get_by_role("link", name="Tally").first.click()
    page.locator("[name=name]").fill("first")
    page.get_by_role("button", name="Save figures").click()
    expect(page.get_by_text("Figures saved.")).to_be_visible()
    page.goto("/admin/petitions/update/add/")
    pick(page, "campaign", TITLE)
    page.locator("[name=title]").fill(NEWS)
    page.locator("[name=lead]").fill("The first has signed.")
    page.locator("[name=body]").fill("[[first.total]] of us, on [[first.day]].")
    page.locator("[name=published_at_0]").fill("2026-05-02")
    page.locator("[name=published_at_1]").fill("08:00:00")
    page.get_by_role("button", name="Save and continue editing").click()
    page.wait_for_url("**/change/")
    page.get_by_role("link", name="Send by e-mail").click()
    page.get_by_role("button", name="Prepare the e-mails").click()
    expect(page.get_by_text("Nothing is sent before you say so.")).to_be_visible()
    pressed_once_there(page, "Send a test e-mail to me")
    pressed_once_there(page, "Send 1 e-mail now")
    page.goto(f"/c/{SLUG}/updates/one-of-us-is-here/")
    expect(page.get_by_text("1 of us, on")).to_be_visible()


def pressed_once_there(page: Page, name: str) -> None:
    """A button that a worker's step brings: counting the recipients, sending the test."""

    def there() -> bool:
        page.reload()
        return page.get_by_role("button", name=name).count() == 1

    wait_until(there, RECOVERY, name, every=0.5)
    page.get_by_role("button", name=name).click()


def expect_soon(page: Page, path: str, words: str) -> None:
    """A page may be two seconds old."""
    seen: Callable[[], int] = page.get_by_text(words).count
    wait_until(lambda: bool(page.goto(path)) and seen() > 0, RECOVERY, words, every=0.5)


def test_an_addressee_is_added_above_a_form_that_keeps_what_was_typed(site: Stack, visit: Visit) -> None:
    with visit(viewport=DESKTOP) as page:
        come_back(page, site, "campaigner")
        page.goto("/admin/petitions/campaign/add/")
        page.locator("[name=title]").fill("Half a title")
        page.locator("[data-id=related-widget-wrapper-addressee] [role=button]").last.click()
        page.locator("#add_id_addressee").click()
        above = page.frame_locator("iframe.related-modal-frame")
        above.locator("[name=name]").fill("Head of the Harbour")
        above.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator("select[name=addressee] option:checked")).to_have_text("Head of the Harbour")
        expect(page.locator("[name=title]")).to_have_value("Half a title")
