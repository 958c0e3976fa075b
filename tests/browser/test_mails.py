"""Mails as a mail program shows them: on a phone, at night, with pictures off, and as plain text."""

from __future__ import annotations

import html
import re
import uuid

import pytest
from playwright.sync_api import Browser

from tests.browser.browsing import PHONE
from tests.support.stack import AT_RISK, LOCAL, Stack, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.acceptance]

#: The least contrast of each text with what it stands on (WCAG 2.2, 1.4.3), worked out where the colours are drawn.
CONTRAST = """() => {
  const part = (c) => (c /= 255) <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
  const light = (rgb) => { const [r, g, b] = rgb.map(part); return .2126 * r + .7152 * g + .0722 * b; };
  const read = (text) => text.match(/[\\d.]+/g).map(Number);
  const under = (e) => { for (; e; e = e.parentElement) {
    const [r, g, b, a = 1] = read(getComputedStyle(e).backgroundColor);
    if (a) return [r, g, b];
  } return [255, 255, 255]; };
  const all = [...document.querySelectorAll("p, a, b, strong")].map((e) => {
    const [one, other] = [light(read(getComputedStyle(e).color).slice(0, 3)), light(under(e))].sort((x, y) => y - x);
    return (one + .05) / (other + .05);
  });
  return Math.min(...all);
}"""


@pytest.fixture(scope="module", params=[("", LOCAL), ("", AT_RISK), ("/ar", LOCAL), ("/uk", AT_RISK)], ids=str)
def mail(request: pytest.FixtureRequest, site: Stack) -> tuple[str, str]:
    """(html, text) of the mail that asks for a confirmation."""
    language, slug = request.param
    address = f"{uuid.uuid4().hex}@example.org"
    form = {"name": "Вольга Кавалеўская", "email": address, "country": "GB"}
    assert site.request("POST", f"{language}/c/{slug}/sign/", form).status == 303
    (sent,) = wait_until(lambda: site.mails_to(address), 30, "the mail")
    return sent.get_body(("html",)).get_content(), sent.get_body(("plain",)).get_content()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_mail_fits_a_phone_and_can_be_read_by_day_and_night(
    browser: Browser, mail: tuple[str, str], scheme: str
) -> None:
    context = browser.new_context(viewport=PHONE, color_scheme=scheme)
    page = context.new_page()
    asked: list[str] = []
    page.route("**/*", lambda route: (asked.append(route.request.url), route.abort()))
    page.set_content(mail[0])
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(CONTRAST) >= 4.5
    assert page.evaluate("getComputedStyle(document.body).backgroundColor !== 'rgb(255, 255, 255)'") == (
        scheme == "dark"
    )
    assert not asked, "a mail loads nothing: who sends it does not learn when it was opened"
    context.close()


def test_text_and_html_have_the_same_links_and_each_stands_alone(mail: tuple[str, str]) -> None:
    """Programs make a link of what stands between blanks: nothing touches it, and no line is cut."""
    kinds = r"/(?:confirm|withdraw|not-me)/[\w-]+/"
    in_text = {line.strip() for line in mail[1].splitlines() if re.search(kinds, line)}
    assert all(re.fullmatch(rf"http://\S+{kinds}", line) for line in in_text)
    assert in_text == set(re.findall(rf'href="([^"]+{kinds})"', html.unescape(mail[0])))
    assert "<img" not in mail[0]
