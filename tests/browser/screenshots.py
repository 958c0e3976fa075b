"""Pictures of every page for humans to look at: `python -m tests.browser.screenshots OUTDIR [PAGE …]`.

Each page at 360 and 1280 px, light and dark, as <page>-<width>-<scheme>.png; the public ones in Arabic too, as
<page>-ar-<width>-<scheme>.png. With pages named, only those whose names begin so: "campaign", "admin", "home-".
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # Django has to be set up first
    from playwright.sync_api import Browser, Page, Route

    from tests.support.stack import Stack

ROOT = Path(__file__).resolve().parents[2]
WIDTHS = (360, 1280)
SCHEMES = ("light", "dark")
ONE_LANGUAGE = {"inbox", "refused", "too-many", "away", "broken", "read-only"}
#: What only pressing a button shows.
PRESSED = ("sign-mistakes", "confirmed", "withdrawn")
#: Of the library's petition, one after another: its name, what makes it so, and what is on its page then.
STATES = {
    "announced": ("UPDATE petitions_campaign SET opens_at = now() + interval '9 days' WHERE slug = %s", ".side.low"),
    "paused": (
        "UPDATE petitions_campaign SET opens_at = NULL, paused_at = now(), state_reason = 'A court is asked.'"
        " WHERE slug = %s",
        "text=A court is asked.",
    ),
    "halted": (
        "INSERT INTO web_maintenance (id, mode, note, since) SELECT 1, 'read_only',"
        " 'We move to another machine. Until noon everything can be read, and nothing is taken.', now()"
        " FROM petitions_campaign WHERE slug = %s",
        ".banner",
    ),
}
#: The demo's login of each role.
LOGINS = {
    "campaigner": "campaigner", "moderator": "moderator", "officer-1": "delivery_officer",
    "privacy": "privacy_officer", "administrator": "administrator",
}  # fmt: skip


def main(arguments: list[str]) -> None:
    if not arguments:
        sys.exit("usage: python -m tests.browser.screenshots OUTDIR [PAGE …]")
    folder, wanted = Path(arguments[0]).resolve(), tuple(arguments[1:]) or ("",)
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory(prefix="undersigned-pictures-") as home:
        _prepare_environment(Path(home))
        _take(folder, Path(home) / "site", wanted)
    print(f"{len(list(folder.glob('*.png')))} pictures in {folder}")


def _prepare_environment(home: Path) -> None:
    """What tests/support/environment.py does for the tests: settings that can be read, static files collected."""
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "ROLE": "owner",
        "SECRET_KEY": "only-for-pictures",
        "STATIC_ROOT": str(home / "static"),
        "TEST_STATIC_ROOT": str(home / "static"),
        "TEST_DEMO": str(home / "demo"),
    }
    (home / "demo").mkdir()
    subprocess.run([sys.executable, "manage.py", "collectstatic", "--noinput", "-v0"], check=True)
    import django

    django.setup()


def _take(folder: Path, home: Path, wanted: tuple[str, ...]) -> None:
    from playwright.sync_api import sync_playwright

    from tests.browser.browsing import launch
    from tests.support.stack import Stack

    stack = Stack(home).start()
    try:
        with sync_playwright() as playwright:
            browser = launch(playwright)
            if any(name.startswith("home-") or not name for name in wanted):
                _homes(browser, stack, folder)
            public = {name: path for name, path in _in_both(_public_pages(stack)).items() if name.startswith(wanted)}
            for page, suffix in _views(browser, stack):
                _shoot(page, folder, suffix, public)
                if any(name.startswith(wanted) for name in PRESSED):
                    _press(page, stack, folder, suffix)
            if any(name.startswith("admin") or not name for name in wanted):
                _desks(browser, stack, folder, wanted)
            for name in STATES:
                if name.startswith(wanted):
                    _state(browser, stack, folder, name)
            browser.close()
    finally:
        stack.stop()


def _in_both(pages: dict[str, str]) -> dict[str, str]:
    """The pages, and the same in Arabic as <name>-ar."""
    from web.i18n.languages import path_in

    return pages | {f"{name}-ar": path_in("ar", path) for name, path in pages.items() if name not in ONE_LANGUAGE}


def _views(browser: Browser, stack: Stack) -> Iterator[tuple[Page, str]]:
    """A visitor's page in each size and theme, and what its pictures' names end with."""
    for width in WIDTHS:
        for scheme in SCHEMES:
            view = {"width": width, "height": 800}
            context = browser.new_context(base_url=stack.url, viewport=view, color_scheme=scheme)  # type: ignore[arg-type]
            page = context.new_page()
            for name, html in _errors().items():
                page.route(f"**/shown/{name}/", _answering(html))
            yield page, f"{width}-{scheme}"
            context.close()


def _state(browser: Browser, stack: Stack, folder: Path, name: str) -> None:
    """The library's petition in another state. What a process remembers for two seconds is not yet that."""
    from tests.support.stack import LOCAL, RECOVERY, wait_until

    change, seen = STATES[name]
    stack.sql(change, LOCAL)
    for page, suffix in _views(browser, stack):
        for which, path in _in_both({name: f"/c/{LOCAL}/"}).items():
            wait_until(lambda p=page, at=path: p.goto(at) and p.locator(seen).count(), RECOVERY, which)
            page.screenshot(path=folder / f"{which}-{suffix}.png", full_page=True)


def _shoot(page: Page, folder: Path, suffix: str, pages: dict[str, str]) -> None:
    for name, path in pages.items():
        page.goto(path)
        page.screenshot(path=folder / f"{name}-{suffix}.png", full_page=True)


def _errors() -> dict[str, str]:
    """Pages that only trouble shows."""
    from django.template.loader import render_to_string

    return {code: render_to_string(f"{code}.html") for code in ("403", "429", "503", "500", "readonly")}


def _answering(html: str) -> Callable[[Route], None]:
    return lambda route: route.fulfill(body=html, content_type="text/html; charset=utf-8")


def _homes(browser: Browser, stack: Stack, folder: Path) -> None:
    """Each role's first page, as home-<role>-<width>-<scheme>.png. Those in light are shown in docs/access.md."""
    for login, role in LOGINS.items():
        _desk(browser, stack, folder, login, {f"home-{role}": "/admin/"})


def _desks(browser: Browser, stack: Stack, folder: Path, wanted: tuple[str, ...]) -> None:
    for login, pages in _admin_pages(stack).items():
        if chosen := {name: path for name, path in pages.items() if name.startswith(wanted)}:
            _desk(browser, stack, folder, login, chosen)


def _desk(browser: Browser, stack: Stack, folder: Path, login: str, pages: dict[str, str]) -> None:
    """What somebody sees who is logged in, in each size and theme."""
    from tests.browser.browsing import knowing_the_desk, log_in

    context = browser.new_context(base_url=stack.url)
    page = knowing_the_desk(context.new_page(), stack.desk_url)
    log_in(page, stack, login)
    for width in WIDTHS:
        for scheme in SCHEMES:
            page.set_viewport_size({"width": width, "height": 640})
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            _shoot(page, folder, f"{width}-{scheme}", pages)
    context.close()


def _public_pages(stack: Stack) -> dict[str, str]:
    from tests.browser.test_pages import CLOSED, REMOVED, add_campaign
    from tests.support.stack import AT_RISK, LOCAL

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
        "found": "/?q=library",
        "found-nothing": "/?q=nothing+fits+this",
        "over": "/?show=over",
        "closed": f"/c/{CLOSED}/",
        "closed-sign": f"/c/{CLOSED}/sign/",
        "refused": "/shown/403/",
        "read-only": "/shown/readonly/",
        "too-many": "/shown/429/",
        "away": "/shown/503/",
        "broken": "/shown/500/",
        "taken-down": f"/c/{REMOVED}/",
        "signing-key": "/signing-key/",
        "unsubscribe": f"/unsubscribe/{'A' * 43}/",
        "embed": f"/c/{LOCAL}/embed/",
        "bad-request": "/?page=none",
        "inbox": "/inbox/",
    }


def _admin_pages(stack: Stack) -> dict[str, dict[str, str]]:
    """Pages of the desk, by the login that has most to do there."""
    from tests.faults.inside import run
    from tests.support.stack import LOCAL, RECOVERY, wait_until

    delivery = run(stack, "approved_delivery", LOCAL, "named")
    stack.ring("build_deliveries")
    state = "SELECT state FROM signatures_delivery WHERE id = %s"
    wait_until(lambda: stack.sql(state, delivery) == [("ready",)], RECOVERY, "the delivery is ready")
    ((campaign,),) = stack.sql("SELECT id FROM petitions_campaign WHERE slug = %s", LOCAL)
    campaigner = {
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
    }
    moderator = {
        "admin-watch": "/admin/signatures/monitor/",
        "admin-rulings": "/admin/signatures/ruling/",
        "admin-ruling": "/admin/signatures/ruling/add/",
        "admin-networks": "/admin/signatures/networkrule/",
        "admin-steps": f"/admin/petitions/campaign/{campaign}/life/",
    }
    officer = {
        "admin-deliveries": "/admin/signatures/delivery/",
        "admin-delivery": f"/admin/signatures/delivery/{delivery}/change/",
        "admin-request": "/admin/signatures/delivery/add/",
        "admin-second-factor": "/admin/second-factor/",
    }
    privacy = {
        "admin-looks": "/admin/signatures/reveal/",
        "admin-look": "/admin/signatures/reveal/add/",
        "admin-four-eyes": "/admin/staff/proposal/",
        "admin-trail": "/admin/staff/auditentry/",
    }
    administrator = {"admin-people": "/admin/auth/user/", "admin-sections": "/admin/web/section/"}
    return dict(zip(LOGINS, (campaigner, moderator, officer, privacy, administrator), strict=True))


def _press(page: Page, stack: Stack, folder: Path, suffix: str) -> None:
    """The pages that only pressing a button shows: a form with mistakes, a confirmed signature, a withdrawn one."""
    from tests.support.stack import LOCAL

    page.goto(f"/c/{LOCAL}/sign/")
    page.locator("main form").evaluate("form => { form.noValidate = true }")
    page.get_by_role("button", name="Sign").click()
    page.get_by_role("alert").wait_for()
    page.screenshot(path=folder / f"sign-mistakes-{suffix}.png", full_page=True)
    address = f"{uuid.uuid4().hex}@example.org"
    stack.sign(LOCAL, address)
    links = stack.links_for(address)
    page.goto(links["confirm"])
    page.get_by_role("button").first.click()
    page.get_by_text("You have confirmed your signature").wait_for(timeout=60_000)
    page.screenshot(path=folder / f"confirmed-{suffix}.png", full_page=True)
    page.goto(links["withdraw"])
    page.get_by_role("button").first.click()
    page.wait_for_load_state()
    page.screenshot(path=folder / f"withdrawn-{suffix}.png", full_page=True)


if __name__ == "__main__":
    main(sys.argv[1:])
