"""Pictures of every page for humans to look at: `python -m tests.browser.screenshots OUTDIR`.

Each page at 360 and 1280 px, light and dark, as <page>-<width>-<scheme>.png; the public ones in Arabic too, as
<page>-ar-<width>-<scheme>.png.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # Django has to be set up first
    from playwright.sync_api import Browser, Page

    from tests.stack import Stack

ROOT = Path(__file__).resolve().parents[2]
WIDTHS = (360, 1280)
SCHEMES = ("light", "dark")
ONE_LANGUAGE = {"inbox"}
#: The demo's login of each role.
LOGINS = {
    "campaigner": "campaigner", "moderator": "moderator", "officer-1": "delivery_officer",
    "privacy": "privacy_officer", "administrator": "administrator",
}  # fmt: skip


def main(arguments: list[str]) -> None:
    if len(arguments) != 1:
        sys.exit("usage: python -m tests.browser.screenshots OUTDIR")
    folder = Path(arguments[0]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory(prefix="undersigned-pictures-") as home:
        _prepare_environment(Path(home))
        _take(folder, Path(home) / "site")
    print(f"{len(list(folder.glob('*.png')))} pictures in {folder}")


def _prepare_environment(home: Path) -> None:
    """What tests/environment.py does for the tests: settings that can be read, static files collected."""
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "ROLE": "owner",
        "SECRET_KEY": "only-for-pictures",
        "TEST_STATIC_ROOT": str(home / "static"),
        "TEST_DEMO": str(home / "demo"),
    }
    (home / "demo").mkdir()
    environment = {**os.environ, "STATIC_ROOT": str(home / "static")}
    subprocess.run([sys.executable, "manage.py", "collectstatic", "--noinput", "-v0"], env=environment, check=True)
    import django

    django.setup()


def _take(folder: Path, home: Path) -> None:
    from playwright.sync_api import sync_playwright

    from config.languages import path_in
    from tests.browser.browsing import launch, log_in
    from tests.stack import Stack

    stack = Stack(home).start()
    try:
        with sync_playwright() as playwright:
            browser = launch(playwright)
            _homes(browser, stack, folder)
            public = _public_pages(stack)
            in_arabic = {f"{name}-ar": path_in("ar", path) for name, path in public.items() if name not in ONE_LANGUAGE}
            pages = {**public, **in_arabic, **_admin_pages(stack)}
            for width in WIDTHS:
                for scheme in SCHEMES:
                    context = browser.new_context(
                        base_url=stack.url, viewport={"width": width, "height": 800}, color_scheme=scheme
                    )
                    page = context.new_page()
                    log_in(page, stack, "campaigner")
                    for name, path in pages.items():
                        page.goto(path)
                        page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)
                    _press(page, stack, folder, f"{width}-{scheme}")
                    context.close()
            browser.close()
    finally:
        stack.stop()


def _homes(browser: Browser, stack: Stack, folder: Path) -> None:
    """Each role's first page, as home-<role>-<width>-<scheme>.png. Those in light are shown in petitions/ACCESS.md."""
    from tests.browser.browsing import log_in

    for login, role in LOGINS.items():
        context = browser.new_context(base_url=stack.url)
        page = context.new_page()
        log_in(page, stack, login)
        for width in WIDTHS:
            for scheme in SCHEMES:
                page.set_viewport_size({"width": width, "height": 640})
                page.emulate_media(color_scheme=scheme)
                page.goto("/admin/")
                page.screenshot(path=folder / f"home-{role}-{width}-{scheme}.png", full_page=True)
        context.close()


def _public_pages(stack: Stack) -> dict[str, str]:
    from tests.browser.test_pages import CLOSED, REMOVED, add_campaign
    from tests.stack import AT_RISK, LOCAL

    add_campaign(stack, 9001, CLOSED, "closed")
    add_campaign(stack, 9002, REMOVED, "removed")
    address = f"{uuid.uuid4().hex}@example.org"
    stack.sign(LOCAL, address, name="Ada Example")
    links = stack.links_for(address)
    return {
        "home": "/",
        "campaign": f"/c/{LOCAL}/",
        "campaign-at-risk": f"/c/{AT_RISK}/",
        "sign": f"/c/{LOCAL}/sign/",
        "sign-at-risk": f"/c/{AT_RISK}/sign/",
        "thanks": f"/c/{LOCAL}/thanks/",
        "thanks-at-risk": f"/c/{AT_RISK}/thanks/",
        "confirm": links["confirm"],
        "withdraw": links["withdraw"],
        "unknown-link": f"/confirm/{'A' * 43}/",
        "not-found": "/nowhere/",
        "numbers": f"/c/{LOCAL}/numbers/",
        "numbers-empty": f"/c/{AT_RISK}/numbers/",
        "updates": f"/c/{AT_RISK}/updates/",
        "update": f"/c/{AT_RISK}/updates/191000-signatures-from-184-countries/",
        "dossier": "/d/crisis-in-belarus/",
        "press": f"/c/{AT_RISK}/press/",
        "found-nothing": "/?q=nothing+fits+this",
        "closed": f"/c/{CLOSED}/",
        "taken-down": f"/c/{REMOVED}/",
        "signing-key": "/signing-key/",
        "unsubscribe": f"/unsubscribe/{'A' * 43}/",
        "embed": f"/c/{LOCAL}/embed/",
        "inbox": "/inbox/",
    }


def _admin_pages(stack: Stack) -> dict[str, str]:
    from tests.faults.inside import run
    from tests.stack import LOCAL, RECOVERY, wait_until

    delivery = run(stack, "approved_delivery", LOCAL, "named")
    stack.ring("build_deliveries")
    state = "SELECT state FROM signatures_delivery WHERE id = %s"
    wait_until(lambda: stack.sql(state, delivery) == [("ready",)], RECOVERY, "the delivery is ready")
    ((campaign,),) = stack.sql("SELECT id FROM petitions_campaign WHERE slug = %s", LOCAL)
    # One login that is everything in every section.
    stack.sql(
        "INSERT INTO petitions_membership (user_id, section_id, role) SELECT u.id, s.id, r FROM auth_user u,"
        " petitions_section s, unnest(ARRAY['moderator', 'delivery_officer', 'privacy_officer']) r"
        " WHERE u.username = 'campaigner'"
    )
    return {
        "admin-index": "/admin/",
        "admin-campaigns": "/admin/petitions/campaign/",
        "admin-campaign": f"/admin/petitions/campaign/{campaign}/change/",
        "admin-preview": f"/admin/petitions/campaign/{campaign}/preview/",
        "admin-life": f"/admin/petitions/campaign/{campaign}/life/",
        "admin-translations": f"/admin/petitions/campaign/{campaign}/translations/?language=ar",
        "admin-pictures": "/admin/petitions/picture/",
        "admin-picture": "/admin/petitions/picture/add/",
        "admin-updates": "/admin/petitions/update/",
        "admin-mailing": "/admin/petitions/update/1/mail/",
        "admin-tally": f"/admin/petitions/campaign/{campaign}/tally/",
        "admin-deliveries": "/admin/signatures/delivery/",
        "admin-delivery": f"/admin/signatures/delivery/{delivery}/change/",
        "admin-request": "/admin/signatures/delivery/add/",
    }


def _press(page: Page, stack: Stack, folder: Path, suffix: str) -> None:
    """The pages that only pressing a button shows: a form with mistakes, a confirmed signature, a withdrawn one."""
    from tests.stack import LOCAL

    page.goto(f"/c/{LOCAL}/sign/")
    page.locator("main form").evaluate("form => { form.noValidate = true }")
    page.get_by_role("button", name="Sign").click()
    page.screenshot(path=folder / f"sign-mistakes-{suffix}.png", full_page=True)
    address = f"{uuid.uuid4().hex}@example.org"
    stack.sign(LOCAL, address)
    links = stack.links_for(address)
    page.goto(links["confirm"])
    page.get_by_role("button").first.click()
    page.get_by_text("You are signature number").wait_for(timeout=60_000)
    page.screenshot(path=folder / f"confirmed-{suffix}.png", full_page=True)
    page.goto(links["withdraw"])
    page.get_by_role("button").first.click()
    page.wait_for_load_state()
    page.screenshot(path=folder / f"withdrawn-{suffix}.png", full_page=True)


if __name__ == "__main__":
    main(sys.argv[1:])
