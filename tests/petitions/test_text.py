"""Staff's Markdown is hostile too: what is shown is harmless whatever was written, and what is lost is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from petitions.models import Campaign, Update
from petitions.sections import Role
from petitions.text import check_prose, to_html

HOSTILE = {
    "html": [
        "<script>alert(1)</script>",
        "A <b onmouseover=alert(1)>bold</b> word",
        "<svg onload=alert(1)>",
        "<!-- a note -->",
        '<iframe src="https://example.org"></iframe>',
        "</p><style>*{display:none}</style>",
    ],
    "picture": ["![a cat](https://example.org/cat.png)", "![x](data:image/svg+xml;base64,PHN2Zz4=)", "[![x](y)](/z)"],
    "link": [
        "[press](javascript:alert(1))",
        "[press](JaVaScRiPt:alert(1))",
        "[press](data:text/html;base64,PHNjcmlwdD4=)",
        "[press](vbscript:x)",
        "[press](file:///etc/passwd)",
        "[press](//example.org)",
        "[press](www.example.org)",
        "[press][1]\n\n[1]: javascript:alert(1)",
        "<javascript:alert(1)>",
    ],
    "heading": ["# Title", "Title\n=====", "##### too deep"],
}
#: What a browser could run, load or be restyled by. Text that was typed stands in it escaped.
DANGER = re.compile(r"<(?!/?(?:p|h2|h3|h4|ul|ol|li|blockquote|em|strong|a|hr|br|code|pre)[\s>/])|<[^>]*\bon\w+=")
LEADS = re.compile(r'href="([^"]*)"')


def reasons(source: str) -> set[str]:
    try:
        check_prose(source)
    except ValidationError as refusal:
        return {str(error.code) for error in refusal.error_list}
    return set()


@pytest.mark.parametrize(("reason", "source"), [(why, text) for why, texts in HOSTILE.items() for text in texts])
def test_what_readers_would_not_see_is_refused_with_its_reason(reason: str, source: str) -> None:
    assert reason in reasons(source)
    shown = to_html(source)
    assert not DANGER.search(shown), shown
    assert all(href.startswith(("http", "mailto:", "/", "www")) for href in LEADS.findall(shown)), shown


@pytest.mark.parametrize(
    "source",
    [
        "## A heading\n\nSome *words*, some **more**.\n\n- one\n- two\n\n> said somebody\n\n1. first",
        "[a page](https://example.org/x?a=1&b=2) and <https://example.org> and [mail](mailto:a@example.org)",
        "[our petition](/c/library/)",
        "5 < 6, a & b, `<script>` as code, and figures: [[spring.total]]",
        "    <b>a block of code</b>",
        "",
    ],
)
def test_plain_prose_is_taken(source: str) -> None:
    assert reasons(source) == set()


def test_links_pass_on_nothing() -> None:
    assert 'rel="noopener noreferrer"' in to_html("[a page](https://example.org)")


@given(st.text(alphabet="<>/!&;:#*_[]()`'\"=\n\t abcjrsvxt1.", max_size=120))
def test_whatever_is_typed_is_shown_harmlessly(source: str) -> None:
    shown = to_html(source)
    assert not DANGER.search(shown)
    assert not any(re.match(r"\s*(?:javascript|vbscript|data|file):", href, re.I) for href in LEADS.findall(shown))
    reasons(source)


def test_the_form_says_what_is_wrong_and_keeps_nothing(campaign: Campaign, staff: Any, staff_client: Any) -> None:
    client: Client = staff_client(staff(Role.CAMPAIGNER))
    page = f"/admin/petitions/campaign/{campaign.pk}/translations/?language=pl"
    Campaign.objects.filter(pk=campaign.pk).update(background="It closes at four.")
    answer = client.post(page, {f"campaign-{campaign.pk}-background": "Zamykają <script>alert(1)</script>"})
    assert answer.status_code == 200
    assert "There is HTML in it (&lt;script&gt;)" in answer.text
    assert Campaign.objects.get(pk=campaign.pk).translations == {}
    update = Update(
        campaign=campaign, slug="news", title="News", lead="There is news.", body="![](https://example.org/x)"
    )
    with pytest.raises(ValidationError) as refusal:
        update.full_clean()
    assert set(refusal.value.message_dict) == {"body"}
