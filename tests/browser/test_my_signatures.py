"""Somebody who signed two petitions, one of them at risk, helps themselves on a phone, with and without JavaScript:
finds the way, corrects, downloads, withdraws. Nobody who works here has to do anything."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.support.stack import AT_RISK, LOCAL, Stack, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.acceptance]

#: Seconds for the whole way; the issue allows five minutes.
IN_TIME = 120


def sign(site: Stack, page: Page, slug: str, address: str, mails: int) -> None:
    page.goto(f"/c/{slug}/sign/")
    form = page.locator("form[action$='/sign/']")
    form.get_by_label("Your name").fill("Ada Exampel")
    form.get_by_label("Your e-mail address").fill(address)
    form.get_by_label("Country", exact=True).select_option("GB")
    form.get_by_role("button").last.click()
    open_newest(site, page, address, mails)
    page.locator("main a[href*='/confirm/']").click()
    page.get_by_role("button", name="Confirm").click()


def open_newest(site: Stack, page: Page, address: str, mails: int) -> None:
    wait_until(lambda: len(site.mails_to(address)) >= mails, 30, f"{mails} mails")
    page.goto("/inbox/")
    page.get_by_role("listitem").filter(has_text=address).get_by_role("link").first.click()


def done(page: Page, own: str) -> None:
    def says_so() -> bool:
        page.goto(own)
        return "We have done what you asked for" in page.content()

    wait_until(says_so, 30, "what was pressed is done")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_a_signer_helps_themselves(site: Stack, visit: Visit, tmp_path: Path, script: bool) -> None:
    address = f"{uuid.uuid4().hex}@example.org"
    with visit(java_script_enabled=script, has_touch=True, is_mobile=True) as page:
        for number, slug in enumerate((LOCAL, AT_RISK), start=1):
            sign(site, page, slug, address, number)
        counts = {slug: site.counts(slug) for slug in (LOCAL, AT_RISK)}
        wait_until(lambda: not any(site.counts(slug).waiting for slug in counts), 30, "both are admitted")

        began = time.monotonic()
        page.goto("/")
        page.get_by_role("link", name="My signatures").click()
        page.get_by_label("The e-mail address you signed with").fill(address)
        page.get_by_role("button", name="E-mail me the link").click()
        expect(page.get_by_role("heading", level=1), page.locator("main").inner_text()).to_have_text(
            "Check your e-mail"
        )
        open_newest(site, page, address, 3)
        page.locator("main a[href*='/mine/']").click()
        own = page.url
        expect(page.locator("main li h3")).to_have_count(1)  # what is at risk is never listed
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth") if script else True

        page.get_by_text("What we hold").click()
        page.get_by_text("Correct name or place").click()
        page.get_by_label("Your name").fill("Ada Example")
        page.get_by_role("button", name="Save the correction").click()
        done(page, own)
        assert "Ada Example" in page.content()

        with page.expect_download() as coming:
            page.get_by_role("link", name="Download as data (JSON)").click()
        coming.value.save_as(tmp_path / "mine.json")
        taken = json.loads((tmp_path / "mine.json").read_text())
        assert [entry["name"] for entry in taken["signatures"]] == ["Ada Example"]

        page.get_by_text("Withdraw all my signatures").first.click()
        page.get_by_role("button", name="Withdraw all my signatures").click()
        done(page, own)
        expect(page.locator("main li h3")).to_have_count(0)
        assert time.monotonic() - began < IN_TIME
    for slug in (LOCAL, AT_RISK):
        site.assert_adds_up(slug)
