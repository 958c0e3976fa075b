"""Proof of work in a real browser: unnoticed while one types, sent with the form, and found good by the site."""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.sync_api import Request, expect

from tests.browser.conftest import Visit
from tests.support.stack import LOCAL, Stack, wait_until

pytestmark = pytest.mark.browser

ASK = """
INSERT INTO signatures_signingrules (campaign_id, proof_of_work)
SELECT id, %s FROM petitions_campaign WHERE slug = %s
ON CONFLICT (campaign_id) DO UPDATE SET proof_of_work = excluded.proof_of_work RETURNING 1
"""


@pytest.fixture(autouse=True)
def _asked_for(site: Stack) -> object:
    site.sql(ASK, "on", LOCAL)
    # Each web process remembers a campaign for two seconds, and either may answer.
    wait_until(lambda: {site.request("GET", f"/c/{LOCAL}/work/").status for _ in range(10)} == {200}, 10, "it asks")
    yield
    site.sql(ASK, "auto", LOCAL)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_a_form_that_is_asked_for_work_is_sent_with_it_and_without_script_all_the_same(
    site: Stack, visit: Visit, script: bool
) -> None:
    sent: list[Request] = []
    heard: list[str] = []
    with visit(java_script_enabled=script) as page:
        page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
        page.goto(f"/c/{LOCAL}/sign/")
        form = page.locator("form[action$='/sign/']")
        form.get_by_label("Your name").press_sequentially("Ada", delay=50)
        form.get_by_label("Your e-mail address").fill(f"{uuid.uuid4().hex}@example.org")
        form.get_by_label("Country", exact=True).select_option("GB")
        if script:
            page.expose_function("heard", lambda words: heard.append(words))
            page.locator("[data-sending]").evaluate(
                "said => new MutationObserver(() => heard(said.textContent)).observe(said, { childList: true })"
            )
        page.get_by_role("button", name="Sign").click()
        expect(page).to_have_url(re.compile("/thanks/$"), timeout=60_000)
        assert page.context.cookies() == []
    typed = sent[0].post_data or ""
    work, took = (re.search(rf"{name}=([^&]*)", typed) for name in ("work", "took"))
    assert work
    assert took
    assert heard == (["Sending…"] if script else [])
    assert (len(work[1]) > 100, took[1].isdigit()) == (script, script)
    # Each solution that was good is remembered, so that it counts once.
    used = [key for key in site.redis().keys("*") if b":u:" in key]
    assert bool(used) == script
    site.flush_redis()


@pytest.mark.parametrize("stalled", ["**/work/", "**/js/form*.js", "**/js/proof_of_work*.js"])
def test_an_answer_that_never_comes_keeps_no_signature(site: Stack, visit: Visit, stalled: str) -> None:
    asked: list[str] = []
    with visit() as page:
        page.clock.install()
        page.goto(f"/c/{LOCAL}/sign/")
        page.route(stalled, lambda route: asked.append(route.request.url))  # and no more
        form = page.locator("form[action$='/sign/']")
        form.get_by_label("Your name").fill("Ada")
        form.get_by_label("Your e-mail address").fill(f"{uuid.uuid4().hex}@example.org")
        form.get_by_label("Country", exact=True).select_option("GB")
        page.get_by_role("button", name="Sign").click()
        expect(page.locator("[data-sending]")).to_have_text("Sending…")
        assert page.url.endswith("/sign/")
        page.clock.fast_forward(8_000)
        expect(page).to_have_url(re.compile("/thanks/$"))
    assert len(asked) == 1, "the test stalled what the page asks for"


def test_the_trap_is_neither_seen_nor_reached_with_the_keyboard(visit: Visit) -> None:
    with visit() as page:
        page.goto(f"/c/{LOCAL}/sign/")
        trap = page.locator(".trap input")
        box = trap.bounding_box()
        assert box is None or page.evaluate("el => getComputedStyle(el.parentElement).clipPath", trap.element_handle())
        assert trap.get_attribute("tabindex") == "-1"
        assert page.locator("[aria-hidden=true] input").count() == 1
