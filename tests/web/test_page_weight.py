"""The first page on a throttled line: document, style and scripts of a campaign, headers and all, in every language."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
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
from web.models import Identity

#: Bytes, compressed: as much as a server sends before the first acknowledgement comes back (RFC 6928).
MOST = 14_000
#: What the server adds to our headers.
SERVERS_OWN = ("server: granian", "date: Wed, 25 Nov 2026 03:55:15 GMT")


@pytest.fixture
def petition(keyring: Keyring) -> str:
    """The demo's petition, the longer of the two, with a picture; its path."""
    content.load()
    petition = Campaign.objects.get(slug=content.PETITION)
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
    assert weight_of(client, path_in(language, petition)) <= MOST


def weight_of(client: Client, path: str) -> int:
    """Bytes of the page and the style and scripts that it names."""
    page = client.get(path, headers={"Accept-Encoding": "br"})
    document = brotli.decompress(page.content).decode()
    named = set(re.findall(r'(?:href|src)="(/(?:static|brand)/[^"]+\.(?:css|js))"', document))
    assert {name.rpartition(".")[2] for name in named} == {"css", "js"}
    files = [client.get(name, headers={"Accept-Encoding": "br"}) for name in named]
    return sum(map(on_the_wire, (page, *files)))


@pytest.mark.parametrize("language", ["en", "uk", "ar"])
def test_so_it_is_under_a_name_and_in_colours_of_its_own(
    client: Client, petition: str, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_cache, "QUALITY", QUALITY)
    section = Campaign.objects.get(slug=content.PETITION).section
    Identity.objects.filter(section=section).update(
        name="Aldermere Rights Watch", colour="#0b5fa5", theme_colour="#0b5fa5",
        footer_links="Our work https://aldermere.example/work\nJobs https://aldermere.example/jobs",
        social_accounts="https://mastodon.example/@aldermere\nhttps://t.me/aldermere",
    )  # fmt: skip
    assert weight_of(client, path_in(language, petition)) <= MOST


def test_our_files_are_minified_and_those_of_others_are_not() -> None:
    root = Path(settings.STATIC_ROOT)
    assert not [file.name for file in root.glob("css/*.css") if "/*" in file.read_text()]
    assert not [file.name for file in root.glob("js/**/*.js") if re.search(r"^\s*//", file.read_text(), re.MULTILINE)]
    vendored = (settings.BASE_DIR / "static" / "vendor" / "age-encryption").glob("*.js")
    assert {file.read_bytes() for file in vendored} <= {file.read_bytes() for file in root.glob("vendor/**/*.js")}
