"""Those who work here, in their browsers: the campaigner reads the tally, two officers hand over packets."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from tests.browser.browsing import DESKTOP, come_back, signing_key_of, verified_by_itself
from tests.browser.conftest import Visit
from tests.support.stack import AT_RISK, LOCAL, RECOVERY, Stack, wait_until
from web.i18n.cldr import day

pytestmark = pytest.mark.browser

COUNT, NAMED = "count", "named"
READY = "SELECT 1 FROM signatures_delivery WHERE id = %s AND state = 'ready'"


@contextmanager
def logged_in(site: Stack, visit: Visit, username: str) -> Iterator[Page]:
    """Somebody at the desk. Each logs in once in a while, and comes back in another window."""
    with visit(viewport=DESKTOP) as page:
        come_back(page, site, username)
        yield page


def sign_and_confirm(site: Stack, slug: str, country: str) -> None:
    before, address = site.counts(slug).counted, f"{uuid.uuid4().hex}@example.org"
    assert site.sign(slug, address, country=country).status == 303
    assert site.request("POST", site.links_for(address)["confirm"], {}).status == 303
    wait_until(lambda: site.counts(slug).counted == before + 1, RECOVERY, "it is counted")


def figure(page: Page, table: str, row: str) -> int:
    """The number in a row of one of the tally's tables; 0 where there is no such row."""
    found = page.get_by_role("region", name=table).get_by_role("row").filter(has_text=row)
    return int(found.get_by_role("cell").first.inner_text().replace(",", "")) if found.count() else 0


def test_campaigner_sees_the_tally_grow_by_country_and_day(site: Stack, visit: Visit) -> None:
    today = day(timezone.now())
    ((key,),) = site.sql("SELECT id FROM petitions_campaign WHERE slug = %s", LOCAL)
    with logged_in(site, visit, "campaigner") as page:
        page.goto("/admin/petitions/campaign/")
        row = page.get_by_role("row").filter(has=page.locator(f"a[href*='/campaign/{key}/change/']"))
        row.get_by_role("link", name="Tally", exact=True).click()
        expect(page.get_by_role("img", name=re.compile("Bar chart of signatures per day"))).to_be_visible()
        before = figure(page, "By country", "Iceland"), figure(page, "By day", today)
        sign_and_confirm(site, LOCAL, "IS")
        page.reload()
        after = figure(page, "By country", "Iceland"), figure(page, "By day", today)
    assert after == (before[0] + 1, before[1] + 1)


def choose(page: Page, campaign: str, addressee: str) -> None:
    """Begin the form for a new delivery, question after question. Selects may be hidden behind a search box."""
    page.goto("/admin/signatures/delivery/add/")
    for field, text in (("campaign", campaign), ("addressee", addressee)):
        select = page.locator(f"select[name={field}]")
        value = select.locator("option").filter(has_text=text).first.get_attribute("value")
        select.select_option(value, force=True)
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url(f"**{field}={value}*")


def request(page: Page, campaign: str, addressee: str, profile: str) -> None:
    """Fill it and send it."""
    choose(page, campaign, addressee)
    page.locator("select[name=profile]").select_option(profile, force=True)
    page.get_by_role("button", name=re.compile("^(Save|Request)", re.IGNORECASE)).first.click()


@pytest.mark.parametrize(
    ("slug", "campaign", "addressee", "profile"),
    [(LOCAL, "ibrary", "Aldermere", NAMED), (AT_RISK, "Belarus", "Minister", COUNT)],
    ids=["named", "count"],
)
def test_delivery_needs_two_officers_and_its_packet_verifies(
    site: Stack, visit: Visit, tmp_path: Path, slug: str, campaign: str, addressee: str, profile: str
) -> None:
    sign_and_confirm(site, slug, "GB")
    with logged_in(site, visit, "officer-1") as page:
        if slug == AT_RISK:
            choose(page, campaign, addressee)
            offered = page.locator("select[name=profile] option").evaluate_all("them => them.map(one => one.value)")
            assert offered == [COUNT]
        request(page, campaign, addressee, profile)
        expect(page.get_by_text("You requested this. Someone else has to approve it")).to_be_visible()
        expect(page.get_by_role("button", name="Approve")).to_have_count(0)
        detail = page.url
        assert refused(page, f"{detail.removesuffix('change/')}approve/")
        page.goto(detail)
        expect(page.get_by_text("You requested this. Someone else has to approve it")).to_be_visible()

    with logged_in(site, visit, "officer-2") as page:
        page.goto(detail)
        page.get_by_role("button", name="Approve").click()
        expect(page.get_by_text("Approved. It is being built now.")).to_be_visible()
        wait_until(lambda: site.sql(READY, detail.split("/")[-3]), RECOVERY, "the packet is ready")
        link = page.get_by_role("link", name="Download packet")
        # The page looks for itself: to go there meanwhile would meet its own reload.
        expect(link).to_be_visible(timeout=30_000)
        with page.expect_download() as downloading:
            link.click()
        packet = tmp_path / downloading.value.suggested_filename
        downloading.value.save_as(packet)
        record_that_they_refused(page)
        page.goto(f"/c/{slug}/")
        expect(page.get_by_text("days without an answer")).to_be_visible()
        expect(page.get_by_text("They take no petitions.")).to_be_visible()

    identity = ["--identity", str(site.home / "identities" / "officer-2.txt")] if profile == NAMED else []
    assert packet.suffix == (".age" if profile == NAMED else ".zip")
    assert "verifies" in site.manage("verify_delivery", str(packet), "--key", signing_key_of(site), *identity)
    if profile == COUNT:  # one with names is opened in test_desk.py
        assert "The packet verifies." in verified_by_itself(site, packet)


def record_that_they_refused(page: Page) -> None:
    """From the packet's page into the log, and back to it."""
    packet = page.url
    page.get_by_role("link", name="Add to handover log").click()
    page.locator("select[name=kind]").select_option("refused", force=True)
    page.locator("input[name=on]").fill(timezone.now().date().isoformat())  # no sooner than the packet
    page.locator("textarea[name=statement]").fill("They take no petitions.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page).to_have_url(packet)
    expect(page.get_by_text("They refused it")).to_be_visible()


def refused(page: Page, address: str) -> bool:
    """Send what the page offers no button for, with the officer's own session; whether it says why not."""
    token = page.locator("input[name=csrfmiddlewaretoken]").first.input_value()
    answer = page.request.post(address, form={"csrfmiddlewaretoken": token}, headers={"Referer": page.url})
    return "Someone else has to approve it" in answer.text()


def test_admin_shows_no_signature_and_asks_strangers_to_log_in(site: Stack, visit: Visit) -> None:
    with visit(viewport=DESKTOP) as page:
        page.goto("/admin/signatures/delivery/")
        expect(page).to_have_url(re.compile("/admin/login/"))
    with logged_in(site, visit, "officer-1") as page:
        assert page.locator("a[href*='/signatures/signature/'], a[href*='/signatures/submission/']").count() == 0
        page.goto("/")
        assert {cookie["path"] for cookie in page.context.cookies()} == {"/admin/"}
