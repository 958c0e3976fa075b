"""Officers in their browsers: a key made and approved, persons looked at, a packet opened; and what goes wrong."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pyrage
import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.browsing import verified_by_itself
from tests.browser.conftest import Visit
from tests.browser.test_admin_pages import logged_in
from tests.faults.inside import run
from tests.support.stack import LOCAL, RECOVERY, Stack, wait_until

pytestmark = pytest.mark.browser

NAME, PLACE = "Вольга &amp; Планта", "Évora & more"
LOOK = "/admin/signatures/reveal/add/"
KEPT = "SELECT count(*) FROM signatures_reveal WHERE answer IS NOT NULL OR query IS NOT NULL"


def identity_of(site: Stack, username: str) -> Path:
    """The demo's identity file of an officer."""
    return site.home / "identities" / f"{username}.txt"


@pytest.fixture(scope="module")
def signer(site: Stack) -> tuple[str, int]:
    """(address, number) of somebody who signed the local petition."""
    address = f"{uuid.uuid4().hex}@example.org"
    before = site.counts(LOCAL).counted
    assert site.sign(LOCAL, address, name=NAME, place=PLACE).status == 303
    assert site.request("POST", site.links_for(address)["confirm"], {"comment": "First.\nSecond."}).status == 303
    wait_until(lambda: site.counts(LOCAL).counted == before + 1, RECOVERY, "it is counted")
    return address, site.counts(LOCAL).last_number


@pytest.fixture
def at_the_desk(site: Stack, visit: Visit) -> Iterator[Page]:
    """The page of the privacy officer, with their identity chosen, and a clock that a test may put forward."""
    with logged_in(site, visit, "privacy") as page:
        page.clock.install()
        page.goto(LOOK)
        choose(page, identity_of(site, "privacy"))
        yield page


def choose(page: Page, identity: Path) -> None:
    page.get_by_label("Choose identity file").set_input_files(identity)
    expect(page.get_by_text("It is kept only in this page’s memory")).to_be_visible()


def look_by_number(page: Page, number: int) -> None:
    page.get_by_label("By number").check()
    title = page.locator("#number_campaign option", has_text="ibrary").inner_text()
    page.locator("#number_campaign").select_option(label=title)
    page.get_by_label("Signature number").fill(str(number))
    page.get_by_label("Reason").fill("Case 17")
    page.get_by_role("button", name="Look up").click()


def look_by_address(page: Page, address: str) -> None:
    page.get_by_label("By e-mail address").check()
    page.get_by_label("E-mail address", exact=True).fill(address)
    page.get_by_label("Section", exact=True).select_option(label=section_of(page))
    page.get_by_label("Reason").fill("Case 17")
    page.get_by_role("button", name="Look up").click()


def look_through_list(page: Page) -> None:
    page.get_by_label("Held for review").check()
    title = page.locator("#list_campaign option", has_text="ibrary").inner_text()
    page.locator("#list_campaign").select_option(label=title)
    page.get_by_label("Reason").fill("Case 17")
    page.get_by_role("button", name="Look up").click()


def section_of(page: Page) -> str:
    options = page.get_by_label("Section", exact=True).locator("option").all_inner_texts()
    return next((option for option in options if "ldermere" in option), options[0])


# --- keys -----------------------------------------------------------------------------------------------------


def test_an_officer_makes_a_key_a_second_one_proves_and_approves_and_a_worker_pins_it(
    site: Stack, visit: Visit, tmp_path: Path
) -> None:
    pinned = site.home / "keyring" / "recipients.json"
    before = json.loads(pinned.read_text())["moderator"]
    with logged_in(site, visit, "moderator") as page:
        page.goto("/admin/signatures/recipient/add/")
        page.get_by_role("button", name="Create a key").click()
        public = page.locator("[data-public]").inner_text()
        with page.expect_download() as downloading:
            page.get_by_role("button", name="Save identity file").click()
        saved = tmp_path / downloading.value.suggested_filename
        downloading.value.save_as(saved)
        secret = re.search("^AGE-SECRET-KEY-1.*$", saved.read_text(), re.MULTILINE)
        assert secret
        assert str(pyrage.x25519.Identity.from_str(secret[0]).to_public()) == public

        page.get_by_label("Choose saved file").set_input_files(identity_of(site, "officer-1"))
        expect(page.get_by_text("This is not the file you just created")).to_be_visible()
        expect(page.get_by_role("button", name="Register key")).to_be_hidden()
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.url + (request.post_data or "")))
        page.get_by_label("Choose saved file").set_input_files(saved)
        page.get_by_role("button", name="Register key").click()
        expect(page.get_by_text("Pending approval")).to_be_visible()
        assert any(public in text for text in sent)
        assert not any("SECRET" in text for text in sent), "the identity left the browser"
        expect(page.get_by_role("button", name="approve")).to_have_count(0)
        address = page.url

    with logged_in(site, visit, "officer-1") as page:
        page.goto(address)
        page.get_by_label("Choose identity file").set_input_files(saved)
        expect(page.get_by_text("This identity belongs to a different key")).to_be_visible()
        choose(page, identity_of(site, "officer-1"))
        page.get_by_role("button", name="I have compared it – approve").click()
        expect(page.get_by_text("Approved. The key becomes active shortly.")).to_be_visible(timeout=30_000)
        wait_until(lambda: json.loads(pinned.read_text())["moderator"] == public, RECOVERY, "it is pinned")
        page.reload()
        expect(page.get_by_text("Active", exact=True)).to_be_visible()
        page.get_by_text("I want to revoke it").click()
        page.get_by_role("button", name="Revoke this key").click()
        expect(page.get_by_text("Revoked. Nothing will be encrypted to this key any more.")).to_be_visible()
        wait_until(lambda: "moderator" not in json.loads(pinned.read_text()), RECOVERY, "it is unpinned")
    site.manage("pin_recipient", "moderator", before, role="worker")


def test_two_officers_prove_that_they_want_keys_destroyed_and_a_third_person_stops_it(
    site: Stack, visit: Visit
) -> None:
    address = f"/admin/staff/proposal/{run(site, 'shredding_request', LOCAL)}/change/"
    for officer in ("officer-1", "officer-2"):
        with logged_in(site, visit, officer) as page:
            page.goto(address)
            page.get_by_role("link", name="Prove that you want it").click()
            page.get_by_label("Choose identity file").set_input_files(identity_of(site, "privacy"))
            expect(page.get_by_text("This identity belongs to a different key")).to_be_visible()
            choose(page, identity_of(site, officer))
            page.get_by_role("button", name="I want these keys destroyed").click()
            expect(page.get_by_text("Sent. A worker checks it in a moment.")).to_be_visible(timeout=30_000)
    notes = "SELECT count(*) FROM signatures_shreddingnotice"
    wait_until(lambda: site.sql(notes) == [(1,)], RECOVERY, "officers are told")
    with logged_in(site, visit, "moderator") as page:
        page.goto(address)
        expect(page.get_by_text("has proven with their own key that they want it")).to_have_count(2)
        page.get_by_role("button", name="Stop it for good").click()
        expect(page.get_by_text("Stopped. The keys stay.")).to_be_visible()
    announced = site.home / "keyring"
    wait_until(lambda: not list(announced.glob("shredding-*")), RECOVERY, "it is stopped")


# --- persons --------------------------------------------------------------------------------------------------


def test_an_officer_looks_at_a_person_by_number_and_by_address_and_clears_it(
    site: Stack, at_the_desk: Page, signer: tuple[str, int]
) -> None:
    page, (address, number) = at_the_desk, signer
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url + (request.post_data or "")))
    for question in (lambda: look_by_number(page, number), lambda: look_by_address(page, address)):
        question()
        person = page.get_by_role("article")
        expect(person.get_by_role("heading", name=NAME)).to_be_visible(timeout=30_000)
        assert person.locator("h3").inner_text() == NAME  # as text, not as HTML
        for text in (address, PLACE, "First.\nSecond."):
            expect(person.get_by_text(text, exact=True)).to_be_visible()
        wait_until(lambda: site.sql(KEPT) == [(0,)], RECOVERY, "the site has deleted its copy")
        page.get_by_role("button", name="Done – clear answer").click()
        expect(page.get_by_text("Cleared. The answer has been deleted")).to_be_visible()
        assert address not in page.locator("[data-answer-place]").inner_text()
        assert page.locator("[data-found]").inner_text() == ""
    assert not any(address in text or address.replace("@", "%40") in text for text in seen), "the address was sent"


def test_who_is_not_there_is_said_not_to_be(at_the_desk: Page) -> None:
    look_by_address(at_the_desk, f"{uuid.uuid4().hex}@example.org")
    expect(
        at_the_desk.get_by_text("There is no signature with this e-mail address in the campaigns of this section.")
    ).to_be_visible(timeout=30_000)
    look_by_number(at_the_desk, 10**9)
    expect(at_the_desk.get_by_text("No signature has this number")).to_be_visible(timeout=30_000)


def test_the_identity_is_asked_for_and_a_wrong_one_refused(site: Stack, visit: Visit, tmp_path: Path) -> None:
    nonsense = tmp_path / "letter.txt"
    nonsense.write_text("Dear Sir")
    with logged_in(site, visit, "privacy") as page:
        page.goto(LOOK)
        look_by_number(page, 1)
        expect(page.get_by_text("Choose your identity file first")).to_be_visible()
        page.get_by_label("Choose identity file").set_input_files(nonsense)
        expect(page.get_by_text("No age identity found")).to_be_visible()
        page.get_by_label("Choose identity file").set_input_files(identity_of(site, "officer-1"))
        expect(page.get_by_text("This identity belongs to a different key")).to_be_visible()
        page.get_by_text("Or paste it").click()
        secret = identity_of(site, "privacy").read_text().splitlines()[1]
        page.get_by_label("The line that starts with AGE-SECRET-KEY-1").fill(secret)
        page.get_by_role("button", name="Use this identity").click()
        expect(page.get_by_text("It is kept only in this page’s memory")).to_be_visible()
        kept = page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie, history.state])")
        assert "SECRET" not in kept
        assert secret not in page.content()
        page.reload()
        expect(page.get_by_text("It is kept only in this page’s memory")).to_be_hidden()


def truncate(route: Route) -> None:
    answer = route.fetch()
    said = answer.json()
    said["answer"] = said["answer"][: len(said["answer"]) // 8 * 4]
    route.fulfill(response=answer, json=said)


def test_a_truncated_answer_shows_nothing(at_the_desk: Page, signer: tuple[str, int]) -> None:
    page, (address, number) = at_the_desk, signer
    page.route("**/answer/", truncate)
    look_by_number(page, number)
    expect(page.get_by_text("The answer is incomplete or was altered")).to_be_visible(timeout=30_000)
    assert page.get_by_role("article").count() == 0
    assert address not in page.content()


def test_an_answer_to_another_question_is_not_shown(site: Stack, at_the_desk: Page, signer: tuple[str, int]) -> None:
    page, (_, number) = at_the_desk, signer
    public = re.search("age1[a-z0-9]+", identity_of(site, "privacy").read_text())
    assert public
    told = {"reveal": str(uuid.uuid4()), "kind": "number", "asked": "1", "found": []}
    other = pyrage.encrypt(json.dumps(told).encode(), [pyrage.x25519.Recipient.from_str(public[0])])
    said = {"state": "answered", "answer": base64.b64encode(other).decode(), "words": ""}
    page.route("**/answer/", lambda route: route.fulfill(json=said))
    look_by_number(page, number)
    expect(page.get_by_text("This is the answer to a different request")).to_be_visible(timeout=30_000)


def test_where_no_worker_answers_the_page_says_so(site: Stack, at_the_desk: Page) -> None:
    page = at_the_desk
    site.worker.stop()
    try:
        with page.expect_response("**/answer/"):
            look_by_number(page, 1)
        expect(page.get_by_text("Waiting for the answer")).to_be_visible()
        expect(page.get_by_text("This is taking longer than usual")).to_be_hidden()
        page.clock.fast_forward(15_000)
        expect(page.get_by_text("This is taking longer than usual")).to_be_visible(timeout=40_000)
        site.sql("UPDATE signatures_reveal SET asked_at = asked_at - interval '11 minutes' WHERE state = 'asked'")
        expect(page.locator("p:visible", has_text="There was no answer within ten minutes")).to_be_visible(
            timeout=30_000
        )
    finally:
        site.recover()


def test_whoever_may_no_longer_look_sees_nothing_any_more(
    site: Stack, at_the_desk: Page, signer: tuple[str, int]
) -> None:
    page, (address, number) = at_the_desk, signer
    look_by_number(page, number)
    expect(page.get_by_role("article")).to_be_visible(timeout=30_000)
    site.sql("UPDATE auth_user SET is_active = false WHERE username = 'privacy'")
    try:
        page.clock.fast_forward(10_000)
        expect(page.get_by_text("You have been logged out")).to_be_visible(timeout=30_000)
        assert address not in page.content()
        recipients = site.home / "keyring" / "recipients.json"
        wait_until(lambda: "privacy" not in json.loads(recipients.read_text()), RECOVERY, "the key is unpinned")
    finally:
        site.sql("UPDATE auth_user SET is_active = true WHERE username = 'privacy'")
        public = re.search("age1[a-z0-9]+", identity_of(site, "privacy").read_text())
        assert public
        site.manage("pin_recipient", "privacy", public[0], role="worker")


# --- packets --------------------------------------------------------------------------------------------------


def test_the_browser_opens_a_whole_packet_and_nothing_of_a_broken_one(
    site: Stack, visit: Visit, tmp_path: Path, signer: tuple[str, int]
) -> None:
    delivery = run(site, "approved_delivery", LOCAL, "named")
    site.ring("build_deliveries")
    ready = "SELECT archive FROM signatures_delivery WHERE id = %s AND state = 'ready'"
    ((archive,),) = wait_until(lambda: site.sql(ready, delivery), RECOVERY, "the packet is ready")
    packet = site.home / "packets" / archive
    broken = tmp_path / "broken.zip.age"
    broken.write_bytes(packet.read_bytes()[:-100])
    with logged_in(site, visit, "officer-2") as page:
        page.goto("/admin/signatures/reveal/packet/")
        choose(page, identity_of(site, "officer-2"))
        page.get_by_label("Choose packet").set_input_files(broken)
        page.get_by_role("button", name="Open packet").click()
        expect(page.get_by_text("The packet is incomplete or was altered.")).to_be_visible()
        page.get_by_label("Choose packet").set_input_files(packet)
        with page.expect_download() as downloading:
            page.get_by_role("button", name="Open packet").click()
        expect(page.get_by_text("Your browser has saved the opened packet")).to_be_visible()
        opened = tmp_path / downloading.value.suggested_filename
        downloading.value.save_as(opened)
        assert opened.name == archive.removesuffix(".age")
        assert "The packet verifies." in verified_by_itself(site, opened)

        page.get_by_role("button", name="Clear").click()
        choose(page, identity_of(site, "privacy"))
        page.get_by_role("button", name="Open packet").click()
        expect(page.get_by_text("Your identity cannot open this packet")).to_be_visible()
