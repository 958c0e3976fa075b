"""The first page on a throttled line: document, style and scripts of a campaign, headers and all, in every language."""

from __future__ import annotations

import datetime
import re
from typing import Any

import brotli
import pytest
from django.conf import settings
from django.test import Client

from petitions.demo import content
from petitions.models import Campaign, Picture
from signatures.register.keyring import Keyring, provision_campaigns
from tests.support.fixtures import QUALITY
from web import page_cache
from web.i18n.languages import LANGUAGES, path_in
from web.static_files import light_css, light_js

#: Bytes, compressed: as much as a server sends before the first acknowledgement comes back (RFC 6928).
MOST = 14_000
#: What the server adds to our headers.
SERVERS_OWN = ("server: granian", "date: Wed, 25 Nov 2026 03:55:15 GMT")


@pytest.fixture
def petition(keyring: Keyring) -> str:
    """The demo's petition, the longer of the two, with a picture; its path."""
    petition = content.load().petition
    widths = [400, 640, 960, 1280]
    petition.picture = Picture.objects.create(
        section=petition.section, alt="A queue across a square, seen from above.",
        caption="A queue across a square. A drawing: nobody in it is a real person.",
        credit="Drawn by a program for this demonstration", made_on=datetime.date(2026, 11, 24),
        key="1234567890abcdef12345678", width=1800, height=1200, widths={"wide": widths, "wide.jpg": [640, 1280]},
    )  # fmt: skip
    provision_campaigns()
    petition.state = Campaign.State.OPEN
    petition.save()
    return f"/c/{petition.slug}/"


def on_the_wire(answer: Any) -> int:
    """Bytes of an answer as Granian sends it by HTTP/1.1, headers included."""
    assert answer.status_code == 200
    assert answer["Content-Encoding"] == "br"
    lines = ["HTTP/1.1 200 OK", *SERVERS_OWN, *(f"{name}: {value}" for name, value in answer.headers.items()), ""]
    return sum(len(line) + 2 for line in lines) + len(answer.getvalue())


@pytest.mark.parametrize("language", [language.code for language in LANGUAGES])
def test_a_campaign_page_with_style_and_scripts_is_light_in_every_language(
    client: Client, petition: str, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_cache, "QUALITY", QUALITY)
    page = client.get(path_in(language, petition), headers={"Accept-Encoding": "br"})
    document = brotli.decompress(page.content).decode()
    named = set(re.findall(r'(?:href|src)="(/static/[^"]+\.(?:css|js))"', document))
    assert {name.rpartition(".")[2] for name in named} == {"css", "js"}
    files = [client.get(name, headers={"Accept-Encoding": "br"}) for name in named]
    assert sum(map(on_the_wire, (page, *files))) <= MOST


def test_a_style_sheet_says_the_same_without_what_is_for_its_readers() -> None:
    css = '/* a */\n.a :is(b, c):hover,\n.d > e { margin: 0; }\n@media (min-width: 9em) {\n  .f { content: "·"; }\n}\n'
    assert light_css(css) == '.a :is(b,c):hover,.d > e{margin:0;}@media (min-width:9em){.f{content:"·";}}'


def test_a_script_keeps_its_lines_and_its_texts() -> None:
    script = '// why\nconst a = "https://x" // end\n  // more\n  const b = 1\n'
    assert light_js(script) == 'const a = "https://x" // end\nconst b = 1\n'
    with_template = "// why\nconst a = `\n  // said\n`\n"
    assert light_js(with_template) == with_template


def test_no_sheet_of_ours_has_what_lightening_would_spoil() -> None:
    for path in (settings.BASE_DIR / "static" / "css").glob("*.css"):
        for said in re.findall(r'"[^"]*"', re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)):
            assert not re.search(r"\s\s|/\*|[{};:,] ", said), f"{path.name}: {said}"
