"""Staff's texts are hostile too: what is shown is harmless whatever was written; what nobody would see is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from petitions.desk.lifecycle import STEPS, NotNow, take
from petitions.models import Addressee, Campaign, Coverage, Demand, DemandStep, Dossier, Picture, Update
from signatures.models import Handover
from signatures.sign_form.form import SignForm
from staff.models import Role
from web.i18n.text import check_line, check_prose, check_text, to_html
from web.i18n.translated import Translated
from web.models import Maintenance, Section

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
    assert "HTML is not allowed here (&lt;script&gt;)" in answer.text
    assert Campaign.objects.get(pk=campaign.pk).translations == {}
    update = Update(
        campaign=campaign, slug="news", title="News", lead="There is news.", body="![](https://example.org/x)"
    )
    with pytest.raises(ValidationError) as refusal:
        update.full_clean()
    assert set(refusal.value.message_dict) == {"body"}


# --- what nobody sees ---------------------------------------------------------------------------------------------

UNSEEN = {
    "direction": [
        "Report \u202egnp.exe",
        "\u202aleft\u202c",
        "\u202bright",
        "a\u202c",
        "\u202dforced",
        "begun \u2067and never ended",
        "ended \u2069 and never begun",
        "\u2066one\u2069 too many\u2069",
    ],
    "invisible": [
        "Vo\u200bte",
        "\ufeffThe Mayor",
        "word\u2060joiner",
        "a\u2063b",
        "a\u206ab",
        "tag\U000e0041",
        "\U0001f3f4\U000e0067 begun",
        "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063",
        "\U0001f600\U000e0067\U000e0062\U000e0073\U000e007f",
        "\U0001f3f4" + "".join(chr(0xE0000 + ord(sign)) for sign in "votefornobody") + "\U000e007f",
        "Vo\u180ete",
        "\u1820\u180e",
        "a\U00013430b",
        "a\U0001bca0",
        "\U0001d173a",
    ],
    "control": ["a\0b", "a\x1bb", "a\x7fb", "a\x85b"],
    "unknown": ["line\u2028end", "own \ue000 sign"],
    "damaged": ["M\ufffdnchen"],
}
NEEDED = {
    "zero-width non-joiner of Persian": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "zero-width joiner of Hindi": "\u0915\u094d\u200d\u0937",
    "joined emoji": "\U0001f469\u200d\u2696\ufe0f speaks",
    "marks beside Arabic": "\u0627\u0644\u0645\u0627\u062f\u0629 5\u200f, \u200eArt. 5\u061c",
    "isolates that end": "\u0642\u0627\u0644 \u2068The \u2067\u05d0\u2069 Mayor\u2069 \u0644\u0627",
    "places to break Khmer and Thai": "\u1780\u1794\u200b\u1781 \u0e01\u200b\u0e02",
    "a place to break a long word": "Bundes\u00adinnen\u00administer",
    "flags of Scotland and Wales": "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f and "
    "\U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",
    "the flag of Texas": "\U0001f3f4\U000e0075\U000e0073\U000e0074\U000e0078\U000e007f",
    "vowel separators of Mongolian": "\u182c\u1820\u182f\u182c\u180e\u1820 \u182e\u1820\u1828\u180b\u180e\u1820",
    "places to break Burmese": "\u1019\u103c\u1014\u103a\u200b\u1019\u102c",
    "how hieroglyphs stand together": "\U00013000\U00013430\U00013001",
    "overlaps of shorthand": "\U0001bc00\U0001bca0\U0001bc01",
    "beams of notes": "\U0001d173\U0001d158\U0001d174",
    "spaces of French": "\u00ab\u202fNon\u00a0!\u202f\u00bb",
}


def refusal_of(check: Any, text: str) -> tuple[str, str]:
    """Its short name and its words; ("", "") where the text is taken."""
    try:
        check(text)
    except ValidationError as refusal:
        return str(getattr(refusal, "code", "")) or str(refusal.error_list[0].code), refusal.messages[0]
    return "", ""


@pytest.mark.parametrize(("reason", "text"), [(why, text) for why, texts in UNSEEN.items() for text in texts])
def test_what_nobody_sees_is_refused_by_its_name(reason: str, text: str) -> None:
    for check in (check_line, check_text, check_prose):
        code, words = refusal_of(check, text)
        assert code == reason, check
        assert reason == "damaged" or re.search(r"U\+[0-9A-F]{4,5}", words), words
    escaped = "".join(sign if sign.isascii() else f"&#x{ord(sign):x};" for sign in text)
    if "\x85" not in text:  # which HTML reads as a sign of Windows'
        assert refusal_of(check_prose, escaped)[0] == reason, escaped


@pytest.mark.parametrize("text", NEEDED.values(), ids=NEEDED)
def test_what_a_script_needs_is_taken(text: str) -> None:
    for check in (check_line, check_text, check_prose):
        assert refusal_of(check, text) == ("", "")


def test_a_refusal_says_where_it_is_and_lines_are_looked_at_one_by_one() -> None:
    assert "after “Report”" in refusal_of(check_text, "A line\n\nReport \u202egnp.exe\r\n\tMore")[1]
    assert "before “The Mayor”" in refusal_of(check_line, "\u202eThe Mayor")[1]
    assert refusal_of(check_text, "one\n\ttwo\r\nthree")[0] == ""
    assert refusal_of(check_line, "one\ntwo")[0] == "control"
    assert refusal_of(check_text, "begun \u2067here\nended there\u2069")[0] == "direction"


def test_names_are_held_to_the_same_rule_as_texts() -> None:
    for reason in ("direction", "control", "unknown", "damaged"):
        for text in UNSEEN[reason]:
            if "\u2028" not in text:  # of which a name makes a space
                assert SignForm({"name": text}).errors.as_data()["name"][0].code == reason, text


@pytest.mark.parametrize("model", [Addressee, Campaign, Coverage, Demand, DemandStep, Dossier, Picture, Update])
def test_each_text_of_staff_is_looked_at(model: type[Translated]) -> None:
    fields = model.translated_fields()
    assert fields
    for field in fields:
        with pytest.raises(ValidationError, match=r"U\+202E"):
            field.run_validators("Report \u202egnp.exe")


def test_so_is_what_nobody_translates(campaign: Campaign, staff: Any) -> None:
    fields = {
        Addressee: ["address"], Section: ["name"], Maintenance: ["note"],
        Handover: ["place", "people", "reference", "statement", "note"],
    }  # fmt: skip
    for model, names in fields.items():
        for name in names:
            with pytest.raises(ValidationError, match=r"U\+202E"):
                model._meta.get_field(name).run_validators("Report \u202egnp.exe")
    with pytest.raises(NotNow, match=r"U\+202E"):
        take(campaign, STEPS["pause"], staff(Role.MODERATOR), "Report \u202egnp.exe")
    campaign.refresh_from_db()
    assert not campaign.is_paused


def test_the_admin_says_which_character_beside_its_field(campaign: Campaign, staff: Any, staff_client: Any) -> None:
    client: Client = staff_client(staff(Role.CAMPAIGNER))
    demand = Demand.objects.create(campaign=campaign, position=1, text="Open it.")
    page = f"/admin/petitions/campaign/{campaign.pk}/translations/?language=ar"
    answer = client.post(page, {f"demand-{demand.pk}-text": "\u0627\u0641\u062a\u062d\u202e"})
    assert "This contains an invisible direction mark (U+202E)." in answer.text
    assert f'id="id_demand-{demand.pk}-text_error"' in answer.text
    demand.refresh_from_db()
    assert demand.translations == {}
    written = {"name": "The \u200bMayor", "institution": "", "country": "", "address": "", "language": "en"}
    answer = client.post("/admin/petitions/addressee/add/", written)
    assert "This contains an invisible character (U+200B)." in answer.text
    assert "It comes after “The”." in answer.text
    assert not Addressee.objects.filter(name__contains="\u200b").exists()
