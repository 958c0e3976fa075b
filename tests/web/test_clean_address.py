"""What mail programs, messengers and people attach to a link does not keep anybody from the page."""

from __future__ import annotations

import string
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.test import Client
from django.urls import Resolver404, resolve
from hypothesis import assume, given
from hypothesis import strategies as st

from signatures.identity import parse_token
from web.clean_address import meant_path
from web.i18n.languages import BY_CODE, path_in
from web.redaction import without_tokens

#: With signs in it that are punctuation elsewhere.
TOKEN = urlsafe_b64encode(bytes(range(0xE0, 0x100))).decode().rstrip("=")
PAGES = [
    "/", "/c/rights/", "/c/rights/sign/", "/c/rights/thanks/", "/c/rights/numbers/", "/c/rights/numbers/by-name/",
    "/c/rights/press/", "/c/rights/updates/", "/c/rights/updates/won/", "/c/rights/tally.json", "/c/rights/feed.atom",
    "/c/rights/numbers.csv", "/c/rights/share.png", "/c/rights/via/mail/", "/c/rights/embed/", "/d/rights-2/",
    "/n/17/", "/signing-key/", "/signing-key.pem", "/verify.py", "/sitemap.xml",
]  # fmt: skip
TOKEN_PAGES = [f"/{page}/{TOKEN}/" for page in ("confirm", "withdraw", "unsubscribe")]
EVERYWHERE = [path_in(code, path) for code in ("en", "ru", "ar") for path in [*PAGES, *TOKEN_PAGES]]

#: What is attached to the end, as it is seen: each may come several times.
TAILS = [
    ")", "]", "}", ">", ",", ".", "...", "…", ";", ":", "!", "?", "'", '"', "’", "”", "“", "»", "«", "›", "„", "`",
    "*", "_", "~", "|", "\\", "、", "。", "，", "）", "」", "】", "！", "？", "،", "؛", "؟", "।", "–", "—", "•",
    "·", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\xad", "\u200e", "\u200f", "\u202a", "\u2069", "\xa0",
    "™", "→", "\u202f", "\u3000", "\u2028", " ", "\t", "\n", "\r\n", "\x00", "%20", "%3E", "%2E", "%E2%80%8B", "%",
    "%2", "=", "=\r\n", "#", "&fbclid=abc", "&amp;utm_source=mail", "&gclid=1_2-3", ";jsessionid=1", "?fbclid=abc",
    "</a>", '"><br', "](", ")**", " please sign", ", then", "请签名", " Подпиши!", "👍", "🖤️", "️",
]  # fmt: skip
INVISIBLE = ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u200e", "\u202c", "\n", "=\r\n", "\r\n> "]


def is_one_of_ours(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return False
    return True


def arrived_at(path: str) -> str | None:
    """Where the redirects end, one after another."""
    for _ in range(3):
        onward = meant_path(path)
        if onward is None:
            return path
        path = onward
    return None


@pytest.mark.parametrize("tail", TAILS, ids=ascii)
def test_each_tail_is_cut_off_with_and_without_a_slash(tail: str) -> None:
    for path in EVERYWHERE:
        ends = [path + tail, path + tail + "/"]
        if path.strip("/"):
            ends += [path.rstrip("/") + tail, path.rstrip("/") + tail + "/"]
        for sent in ends:
            if (path.strip("/") not in BY_CODE and path != "/") or not tail[0].isalnum():
                assert arrived_at(sent) == path, sent


@pytest.mark.parametrize("path", EVERYWHERE)
def test_what_is_clean_stays_as_it_is(path: str) -> None:
    assert meant_path(path) is None


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("/c//rights/", "/c/rights/"),
        ("//c/rights//", "/c/rights/"),
        ("/c/./rights/", "/c/rights/"),
        ("/x/../c/rights/", "/c/rights/"),
        ("/C/Rights/", "/c/rights/"),
        ("/RU/C/RIGHTS/SIGN", "/ru/c/rights/sign/"),
        ("/C/RIGHTS/TALLY.JSON", "/c/rights/tally.json"),
        ("/<https/c/rights/", "/"),
        ("/ c/rights/", "/c/rights/"),
        ("/c /rights/", "/c/rights/"),
        ("/c/ri\u00adghts/", "/c/rights/"),
        ("/c\\rights\\", "/c/rights/"),
        ("/(c/rights/)", "/c/rights/"),
        ("/c/rights/)?via=mail", "/c/rights/"),
        ("/c/rights/%3Fvia=mail", "/c/rights/"),
        ("/c/rights/&fbclid=a/b", "/c/rights/"),
        ("/verify.py/", "/verify.py"),
        ("/verify.py).", "/verify.py"),
        ("/ru)", "/ru/"),
        ("/ru", "/ru/"),
        ("/петиция/", None),
        ("/wp-login.php", None),
        ("/c/", None),
        ("/c/-/", None),
        ("/....//....//etc/passwd", None),
        ("//evil.example/", None),
        ("/\\evil.example/)", None),
        ("/admin", "/admin/"),
        ("/admin/nothing/", None),
    ],
)
def test_addresses_as_people_send_them(sent: str, meant: str | None) -> None:
    assert meant_path(sent) == meant


@pytest.mark.parametrize("page", ["confirm", "WITHDRAW", "Unsubscribe", "be/confirm", "BE/Confirm"])
def test_a_token_is_cut_out_whole_and_keeps_its_capitals(page: str) -> None:
    clean = f"/{page.lower()}/{TOKEN}/"
    for sent in (
        f"/{page}/{TOKEN}", f"/{page}//{TOKEN}/", f"//{page}/{TOKEN}x/", f"/{page}/{TOKEN}-_-/", f"/{page}/{TOKEN} /",
        f"/{page}/<{TOKEN}>/", f"/{page}/{TOKEN}/{TOKEN}/", f"/{page}/{TOKEN[:20]} {TOKEN[20:]}/",
        f"/{page}/{TOKEN}&x=1",
        f"/{page}/{TOKEN[:20]}=\r\n{TOKEN[20:]}", f"/{page}/{TOKEN[:9]}\u200b{TOKEN[9:]}", f"/{page}/%20{TOKEN}%253E",
        f"/{page}/{TOKEN[:20]}\n> {TOKEN[20:]}/",
    ):  # fmt: skip
        assert meant_path(sent) == clean, sent
    for broken in (f"/{page}/{TOKEN[:42]}/", f"/{page}/{TOKEN[:42]})/"):
        assert meant_path(broken) is None


PAGE = st.sampled_from(PAGES + TOKEN_PAGES).flatmap(
    lambda path: st.sampled_from(list(BY_CODE)).map(lambda code: path_in(code, path))
)
TAIL = st.lists(st.sampled_from(TAILS), min_size=1, max_size=4).map("".join)


@given(path=PAGE, tail=TAIL, slash=st.booleans(), encoded=st.integers(0, 2), data=st.data())
def test_whatever_the_world_adds_the_clean_address_is_reached(
    path: str, tail: str, slash: bool, encoded: int, data: st.DataObject
) -> None:
    assume(path.endswith("/"))  # behind a file's name, a letter cannot be told from the name
    assume(len(path) > 4 or not tail[0].isalnum())
    place = data.draw(st.integers(1, len(path)))
    sent = path[:place] + data.draw(st.sampled_from(["", *INVISIBLE])) + path[place:]
    sent += tail + "/" * slash
    if data.draw(st.booleans()):
        sent = sent.replace("/", "//")
    if TOKEN not in path and data.draw(st.booleans()):
        sent = sent.upper()
    for _ in range(encoded):
        sent = quote(sent, safe="/")
    assert arrived_at(sent) == path


@given(
    st.text(st.sampled_from(string.ascii_letters + string.digits + "/.-_~%?&=()<>\"' \u200b\u00a0é\\\n"), max_size=60)
)
def test_a_redirect_leads_to_a_page_of_ours_and_never_further(text: str) -> None:
    meant = meant_path("/" + text)
    if meant is not None:
        assert is_one_of_ours(meant)
        assert meant.startswith("/")
        assert not meant.startswith("//")
        assert not set(meant) & set("\r\n\\ ")
        assert arrived_at(meant) is not None


# --- on the site ----------------------------------------------------------------------------------------------------


def test_a_page_with_a_tail_redirects_and_its_query_goes_with_it(client: Client, campaign: Any) -> None:
    page = campaign.get_absolute_url()
    for method in (client.get, client.head):
        answer = method(f"{page})?via=mail")
        assert (answer.status_code, answer["Location"]) == (301, f"{page}?via=mail")
        assert answer["Cache-Control"] == "no-store"
    assert client.post(f"{page})").status_code == 404
    assert client.get(page[:-1])["Location"] == page
    assert client.get(f"/c/{campaign.slug}x/").status_code == 404
    assert client.get("/c/Nobody/)", follow=True).status_code == 404


def test_no_broken_spelling_takes_the_place_of_a_page_on_the_shelf(client: Client, campaign: Any) -> None:
    page = campaign.get_absolute_url()
    shown = client.get(page).content
    for spelling in ("//c", "/x/../c", "/c/.", "/%2Fc", "/%3Fc"):
        client.get(page.replace("/c", spelling, 1))
    assert client.get(f"/%63{page[2:]}").content == shown == client.get(page).content


@pytest.mark.parametrize("page", ["confirm", "withdraw", "unsubscribe"])
@pytest.mark.parametrize("tail", [")/", ".", " /", "%3E/", "&x=1", "\u200b/", "", "//"])
def test_a_token_with_a_tail_goes_on_to_the_token_and_nobody_keeps_it(
    client: Client, page: str, tail: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.get(f"/{page}/{TOKEN}{tail}?utm_source=x")
    assert (answer.status_code, answer["Location"]) == (302, f"/{page}/{TOKEN}/")
    assert answer["Cache-Control"] == "no-store"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert client.post(f"/{page}/{TOKEN})/").status_code == 404
    assert TOKEN not in caplog.text


@pytest.mark.parametrize(
    "path", [f"/Confirm/{TOKEN})/", f"//withdraw//{TOKEN}", f"/be\\UNSUBSCRIBE\\{TOKEN}", f"%2Fconfirm%2f{TOKEN}"]
)
def test_no_spelling_of_a_link_brings_its_token_into_a_log(path: str) -> None:
    assert TOKEN not in without_tokens(f"Internal Server Error: {path}")


def test_what_cannot_be_a_token_is_a_page_that_helps(client: Client) -> None:
    assert parse_token("x" * 43) is None
    for path in (f"/confirm/{'x' * 43}/", "/confirm/short/", "/confirm/short)/"):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize("code", BY_CODE)
def test_the_languages_of_an_error_lead_to_the_petitions(client: Client, code: str) -> None:
    for path in ("/c/nobody/", "/confirm/short/", "/n/1/x/y/"):
        page = client.get(path_in(code, path))
        assert page.status_code == 404
        menu = page.text.partition('class="languages"')[2].partition("</details>")[0]
        for language in BY_CODE:
            assert f'href="{path_in(language, "/")}"' in menu
        assert path not in page.text
    assert settings.APPEND_SLASH is False
