"""Two people at the desk, in their browsers: one asks, another is told what exactly happens, and approves."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_admin_pages import COUNT, logged_in, request, sign_and_confirm
from tests.support.stack import LOCAL, Stack

pytestmark = pytest.mark.browser


def test_a_second_person_approves_what_waits_for_them_and_the_trail_names_both(site: Stack, visit: Visit) -> None:
    sign_and_confirm(site, LOCAL, "GB")
    with logged_in(site, visit, "officer-1") as page:
        request(page, "ibrary", "Aldermere", COUNT)
        page.goto("/admin/staff/proposal/")
        page.get_by_role("region", name="Awaiting someone else").get_by_role("link").first.click()
        expect(page.get_by_role("button", name="Withdraw request")).to_be_visible()
        expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    with logged_in(site, visit, "officer-2") as page:
        page.goto("/admin/staff/proposal/")
        page.get_by_role("region", name="Awaiting your decision").get_by_role("link").first.click()
        expect(page.get_by_text(re.compile("are handed to .* Disclosure: Totals only"))).to_be_visible()
        page.get_by_role("button", name="Approve").click()
        expect(page.get_by_text("Approved. It takes effect shortly.")).to_be_visible()
        expect(page.get_by_role("button", name="Approve")).to_have_count(0)
        page.goto("/admin/staff/auditentry/")
        for who, action in (("officer-1", "delivery.request"), ("officer-2", "delivery.approve")):
            expect(page.get_by_role("row").filter(has_text=who).filter(has_text=action).first).to_be_visible()
