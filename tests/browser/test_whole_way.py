"""A supporter's whole way on a phone, with and without JavaScript: read, sign, mail, confirm, counted, withdrawn."""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.sync_api import Page, expect

from signatures.mail_providers import LARGE
from tests.browser.conftest import Visit
from tests.support.stack import AT_RISK, LOCAL, Stack, wait_until

pytestmark = pytest.mark.browser

#: Seconds from the confirming click until the page shows one more.
COUNTED_WITHIN = 10.0


def total(page: Page) -> int:
    return int(page.locator("[data-total]").first.inner_text().replace(",", ""))


def total_now(page: Page, address: str) -> int:
    """As after a reload: the browser itself may keep the page for some seconds."""
    page.goto(address)
    page.reload()
    return total(page)


def says_soon(site: Stack, page: Page, slug: str, count: int) -> None:
    """The petition's page tells that count, in time; the browser looks once others are told so. Where there is risk,
    the register counts so many, and the page goes on telling no number below ten."""
    address = f"/c/{slug}/"
    if slug == AT_RISK:
        wait_until(lambda: site.counts(slug).counted == count, COUNTED_WITHIN, f"the register has {count}")
        page.goto(address)
        expect(page.locator("[data-total]").first).to_have_text("<\u00a010")
        return
    told = f"the page says {count}"
    wait_until(lambda: site.public_total(slug) == count == total_now(page, address), COUNTED_WITHIN, told)


def fill(page: Page, name: str, address: str, country: str) -> None:
    form = page.locator("form[action$='/sign/']")
    form.get_by_label("Your name").fill(name)
    form.get_by_label("Your e-mail address").fill(address)
    form.get_by_label("Country", exact=True).select_option(country)


def open_mail(site: Stack, page: Page, address: str) -> None:
    site.links_for(address)
    page.goto("/inbox/")
    page.get_by_role("listitem").filter(has_text=address).get_by_role("link").click()


@pytest.mark.parametrize(
    ("slug", "name", "country", "script"),
    [
        (LOCAL, "Вольга Кавалеўская", "GB", True),
        (LOCAL, "ኃይሌ ገብረ", "ET", False),
        (AT_RISK, "علي حسن", "LB", True),
    ],
    ids=["script", "no script", "at risk"],
)
def test_whole_way_from_home_to_count_and_back(
    site: Stack, visit: Visit, slug: str, name: str, country: str, script: bool
) -> None:
    address, campaign = f"{uuid.uuid4().hex}@example.org", f"/c/{slug}/"
    with visit(java_script_enabled=script, has_touch=True, is_mobile=True) as page:
        page.goto("/")
        page.locator(f"h2 a[href='{campaign}']").click()
        before = site.counts(slug).counted

        fill(page, name, address, country)
        page.get_by_role("button", name="Sign").click()
        expect(page).to_have_url(re.compile(f"{campaign}thanks/$"))
        expect(page.get_by_role("heading", level=1)).to_contain_text("Now check your e-mail")

        open_mail(site, page, address)
        mail = page.url
        page.locator("main a[href*='/confirm/']").click()
        asked(page, slug)
        assert site.counts(slug).waiting == 0, "a link alone must not confirm"
        page.get_by_role("button", name="Confirm").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("You have confirmed your signature")

        says_soon(site, page, slug, before + 1)
        page.goto(f"{campaign}numbers/")
        assert slug == AT_RISK or total(page) == before + 1

        page.goto(mail)
        page.locator("main a[href*='/withdraw/']").click()
        page.get_by_role("button", name="Withdraw my signature").click()
        says_soon(site, page, slug, before)
    site.assert_adds_up(slug)


def asked(page: Page, slug: str) -> None:
    """Comment and consents beside the button, nothing ticked; where there is risk, news only and no petition named."""
    if slug == AT_RISK:
        expect(page.get_by_role("heading", level=1)).to_have_text("Please confirm your request")
        expect(page.get_by_role("checkbox")).to_have_count(1)
        return
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm your signature")
    for box in page.get_by_role("checkbox").all():
        expect(box).not_to_be_checked()
    page.get_by_label("Why are you signing?").fill("Because.\nTwice.")
    page.locator("[name=share_name]").check()


def test_signing_needs_no_pointer(site: Stack, visit: Visit) -> None:
    """Tab, type, Space and Enter are enough, and where one is can be seen."""
    address = f"{uuid.uuid4().hex}@example.org"
    with visit() as page:
        page.goto(f"/c/{LOCAL}/sign/")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
        page.keyboard.press("Enter")
        tab_to(page, "name")
        page.keyboard.type("Zoë Ångström")
        tab_to(page, "email")
        page.keyboard.type(address)
        tab_to(page, "country")
        page.keyboard.type("Sweden")
        press_the_button(page)
        expect(page).to_have_url(re.compile("/thanks/$"))
        page.goto(site.links_for(address)["confirm"])
        tab_to(page, "share_name")
        page.keyboard.press("Space")
        expect(page.locator("[name=share_name]")).to_be_checked()
        press_the_button(page)
        expect(page.get_by_role("heading", level=1)).to_contain_text("You have confirmed your signature")


def press_the_button(page: Page) -> None:
    while page.evaluate("document.activeElement.tagName") != "BUTTON":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the field is focused; it is outlined then."""
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == name:
            break
    focused = page.locator(f"[name={name}]")
    expect(focused).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


@pytest.mark.parametrize("script", [True, False])
def test_mistakes_are_told_beside_their_fields_and_nothing_typed_is_lost(visit: Visit, script: bool) -> None:
    with visit(java_script_enabled=script) as page:
        page.watch.expected = ("status of 422",)  # type: ignore[attr-defined]
        page.goto(f"/c/{LOCAL}/")
        form = page.locator("form[action$='/sign/']")
        # As from a browser that checks nothing itself.
        form.get_by_label("Your name").fill("  ")
        form.get_by_label("Your e-mail address").fill("ada at example.org")
        form.get_by_label("Country", exact=True).select_option("PT")
        form.get_by_label("Town or region").fill("Évora")
        form.get_by_role("button", name="Sign").click()

        expect(page.get_by_role("alert")).to_be_visible()
        if script:
            expect(page.get_by_role("alert")).to_be_focused()
        for name in ("name", "email"):
            field = page.locator(f"[name={name}]")
            expect(field).to_have_attribute("aria-invalid", "true")
            described = (field.get_attribute("aria-describedby") or "").split()
            errors = [page.locator(f"[id='{one}']") for one in described if "error" in one]
            assert errors, f"the error of {name} is not named to a screen reader"
            for error in errors:
                expect(error).to_be_visible()
                expect(error).not_to_be_empty()
        assert page.locator("[name=country][aria-invalid]").count() == 0
        expect(page.locator("[name=email]")).to_have_value("ada at example.org")
        expect(page.locator("[name=country]")).to_have_value("PT")
        expect(page.locator("[name=place]")).to_have_value("Évora")
        page.get_by_role("alert").get_by_role("link").nth(1).click()
        expect(page).to_have_url(re.compile("#id_email$"))
        if script:
            expect(page.locator("[name=email]")).to_be_focused()


def test_a_slip_in_the_address_is_offered_mended_and_never_refused(visit: Visit) -> None:
    with visit() as page:
        page.goto(f"/c/{LOCAL}/sign/")
        email = page.get_by_label("Your e-mail address")
        email.fill("ada.test@gmial.com")
        email.press("Tab")
        hint = page.get_by_role("status").filter(has_text="Did you mean")
        hint.get_by_role("button", name="ada.test@gmail.com").press("Enter")
        expect(email).to_have_value("ada.test@gmail.com")
        expect(email).to_be_focused()
        expect(page.locator("[data-meant]")).to_be_hidden()
        for provider in sorted(LARGE):  # as in Python: none is a slip of another
            email.fill(f"ada@{provider}")
            email.dispatch_event("change")
            assert page.locator("[data-meant]").is_hidden(), provider
        fill(page, "Ada", "ada.test@gmial.com", "PT")
        page.get_by_role("button", name="Sign", exact=True).click()
        expect(page).to_have_url(re.compile("/thanks/$"))


@pytest.mark.parametrize(("typed", "mended"), [("ada@gmial.com", ""), ("ada@gmial.com", "ada@web.de")])
def test_a_press_on_sign_is_a_click_though_the_address_was_edited_last(visit: Visit, typed: str, mended: str) -> None:
    """The hint about a slip comes, or goes, with the same press: nothing may move under the finger."""
    with visit() as page:
        page.goto(f"/c/{LOCAL}/")
        fill(page, "Ada", typed, "GB")
        if mended:
            page.get_by_label("Your name").focus()
            expect(page.locator("[data-meant]")).to_be_visible()
        email = page.get_by_label("Your e-mail address")
        email.fill("")
        email.press_sequentially(mended or typed)
        sign = page.get_by_role("button", name="Sign", exact=True)
        sign.scroll_into_view_if_needed()
        box = sign.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 3)
        page.mouse.down()
        assert sign.bounding_box() == box
        page.mouse.up()
        expect(page).to_have_url(re.compile("/thanks/$"))


@pytest.mark.parametrize("leave", ["back", "back twice", "anew"])
def test_after_signing_nobody_else_at_the_device_reads_the_form(site: Stack, visit: Visit, leave: str) -> None:
    """By the page that the browser keeps in memory, and by the one that it fills in again from its history."""
    with visit() as page:
        page.goto(f"/c/{LOCAL}/")
        form = page.locator("form[action$='/sign/']")
        if leave == "back twice":
            page.watch.expected = ("422",)  # type: ignore[attr-defined]
            fill(page, "Ada Lovelace", "ada@", "GB")
            form.get_by_role("button", name="Sign").click()
            page.wait_for_url(re.compile("/sign/$"))
        fill(page, "Ada Lovelace", f"{uuid.uuid4().hex}@example.org", "GB")
        form.locator("[name=place]").fill("Porto")
        form.get_by_role("button", name="Sign").click()
        page.wait_for_url(re.compile("/thanks/$"))
        if leave == "anew":  # what is typed after that is kept as ever
            page.goto(f"/c/{LOCAL}/numbers/")
            page.goto(f"/c/{LOCAL}/")
            fill(page, "Bob", "bob@example.org", "DE")
            page.goto(f"/c/{LOCAL}/press/")
            page.go_back()
            expect(form.get_by_label("Your name")).to_have_value("Bob")
            page.go_back()
            page.go_back()
        for _ in range(2 if leave == "back twice" else 1):
            page.go_back()
        expect(page).to_have_url(re.compile(f"/c/{LOCAL}/$"))
        page.wait_for_load_state()
        for name in ("name", "email", "country", "place"):
            expect(form.locator(f"[name={name}]")).to_have_value("")
        expect(form.locator("[data-meant]")).to_be_hidden()


def test_what_could_not_be_taken_is_still_in_the_form(site: Stack, visit: Visit) -> None:
    with visit() as page:
        page.watch.expected = ("422",)  # type: ignore[attr-defined]
        page.goto(f"/c/{LOCAL}/")
        fill(page, "Ada Lovelace", "ada@", "GB")
        page.locator("form[action$='/sign/']").get_by_role("button", name="Sign").click()
        page.wait_for_url(re.compile("/sign/$"))
        page.go_back()
        expect(page.get_by_label("Your name")).to_have_value("Ada Lovelace")
