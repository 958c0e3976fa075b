"""The supporter's way in the engines that Chromium is not: Firefox and WebKit, as a distribution ships them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.browser.drivers import ENGINES, Browser, why_missing
from tests.support.stack import AT_RISK, LOCAL, Stack, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.acceptance]

FORM = "form[action$='/sign/']"


@pytest.fixture(scope="module", params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest) -> Iterator[Browser]:
    if why := why_missing(request.param):
        pytest.skip(why)
    with ENGINES[request.param][0]() as browser:
        browser.resize(500, 900)
        yield browser


def at(site: Stack, path: str) -> str:
    return f"http://127.0.0.1:{site.port}{path}"


def fill(browser: Browser, **typed: str) -> None:
    for name, text in typed.items():
        browser.run(f"document.querySelector(`{FORM} [name={name}]`).value = ''")
        browser.type(f"{FORM} [name={name}]", text)


def send(browser: Browser) -> None:
    browser.click(f"{FORM} button:not([type=button])")


def fits(browser: Browser) -> None:
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth"), f"{browser.url} is too wide"


def mailed(site: Stack, address: str) -> dict[str, str]:
    return {kind: at(site, link) if link.startswith("/") else link for kind, link in site.links_for(address).items()}


@pytest.mark.parametrize("slug", [LOCAL, AT_RISK])
def test_read_sign_confirm_and_withdraw(site: Stack, engine: Browser, slug: str) -> None:
    address, page = f"{uuid.uuid4().hex}@example.org", f"/c/{slug}/"
    before = site.public_total(slug)
    engine.goto(at(site, "/"))
    fits(engine)
    engine.click(f"h2 a[href='{page}']")
    engine.until(f"location.pathname === '{page}'")
    fits(engine)
    fill(engine, name="Вольга Кавалеўская", email=address)
    engine.run(f"document.querySelector(`{FORM} [name=country]`).value = 'GB'")
    send(engine)
    engine.until("location.pathname.endsWith('/thanks/')", "the form was taken")
    fits(engine)

    links = mailed(site, address)
    engine.goto(links["confirm"])
    fits(engine)
    assert site.counts(slug).waiting == 0, "a link alone must not confirm"
    engine.click("main form > button.big")
    engine.until("document.querySelector('h1').innerText.includes('You have confirmed')")
    wait_until(lambda: site.counts(slug).counted >= 1 and site.counts(slug).waiting == 0, 20, "it was counted")
    if slug == LOCAL:
        wait_until(lambda: site.public_total(slug) == before + 1, 10, "the page tells it")

    engine.goto(links["withdraw"])
    engine.click("main form button.big")
    engine.until("/withdraw/.test(location.pathname) && !document.querySelector('main form')", "it was withdrawn")

    def old_link_says_so() -> bool:
        engine.goto(links["confirm"])
        return "withdrawn" in engine.text("h1")

    wait_until(old_link_says_so, 30, "the old link says that the signature was withdrawn")


def test_a_mistake_is_said_and_nothing_typed_is_lost(site: Stack, engine: Browser) -> None:
    engine.goto(at(site, f"/c/{LOCAL}/sign/"))
    fill(engine, name="Zoë", email="zoe@example")
    engine.run(f"document.querySelector(`{FORM} [name=country]`).value = 'PL'")
    send(engine)
    engine.until("document.querySelector('.alert')", "the mistake is said")
    kept = engine.run(
        f"const f = document.querySelector(`{FORM}`); return [f.name.value, f.email.value, f.country.value]"
    )
    assert kept[1:] == ["zoe@example", "PL"]
    fits(engine)


def test_back_after_signing_shows_the_next_person_nothing(site: Stack, engine: Browser) -> None:
    engine.goto(at(site, f"/c/{LOCAL}/"))
    fill(engine, name="Ada Lovelace", email=f"{uuid.uuid4().hex}@example.org", place="London")
    engine.run(f"document.querySelector(`{FORM} [name=country]`).value = 'GB'")
    send(engine)
    engine.until("location.pathname.endsWith('/thanks/')", "the form was taken")
    engine.back()
    engine.until(f"document.querySelector(`{FORM} [name=email]`)", "the form is there")
    fields = ", ".join(f"{FORM} [name={name}]" for name in ("name", "email", "place"))
    engine.until(f"[...document.querySelectorAll(`{fields}`)].every((field) => !field.value)", "the form is empty")


def test_a_slip_in_the_address_is_offered_and_taken(site: Stack, engine: Browser) -> None:
    engine.goto(at(site, f"/c/{LOCAL}/"))
    fill(engine, email="ada@gmial.com", name="Ada")
    engine.until("document.querySelector('[data-meant] button')?.innerText === 'ada@gmail.com'", "the slip is offered")
    engine.click("[data-meant] button")
    assert engine.run(f"return document.querySelector(`{FORM} [name=email]`).value") == "ada@gmail.com"


def test_other_languages_and_scripts_fit(site: Stack, engine: Browser) -> None:
    for path in (f"/ar/c/{LOCAL}/", f"/uk/c/{AT_RISK}/", f"/c/{LOCAL}/numbers/", "/ar/"):
        engine.goto(at(site, path))
        fits(engine)
