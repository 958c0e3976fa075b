"""What is printed: every script set, text never markup, no character lost in silence."""

import ast
import re
import subprocess
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signatures.delivery import typesetting
from signatures.delivery.typesetting import FONTS, breakable, direction, legible, lines, width

SCRIPTS = {
    "Latin": "Łódź Nguyễn", "Cyrillic": "Ўладзімір Їжак", "Greek": "Ελένη", "Arabic": "محمد گل", "Hebrew": "דוד",
    "Georgian": "გიორგი", "Armenian": "Արամ", "Devanagari": "राहुल शर्मा", "Bengali": "রবীন্দ্রনাথ", "Tamil": "முருகன்",
    "Telugu": "నాగేశ్వరరావు", "Kannada": "ಕುವೆಂಪು", "Malayalam": "മോഹൻലാൽ", "Gujarati": "ગાંધી", "Gurmukhi": "ਗੁਰਪ੍ਰੀਤ",
    "Sinhala": "සුනිල්", "Thai": "สมชาย", "Lao": "ສົມພອນ", "Khmer": "សុខ", "Myanmar": "အောင်ဆန်း", "Ethiopic": "አበበ",
    "Tibetan": "བསྟན", "Han": "李小龙 渡辺 𠮷野", "Kana": "ひらがなカタカナ", "Hangul": "김민준", "Thaana": "މޯލްޑިވްސް",
    "Syriac": "ܣܘܪܝܝܐ", "Tifinagh": "ⵜⵉⴼⵉⵏⴰⵖ", "Mongolian": "ᠮᠣᠩᠭᠣᠯ", "Odia": "ଓଡ଼ିଆ",
    "N’Ko": "ߒߞߏ ߛߟߊߡߊ", "Adlam": "𞤀𞤣𞤢𞤥 𞤁𞤭𞤢𞤤𞤮", "Cherokee": "ᏣᎳᎩ ꭰꮃ", "Canadian": "ᐃᓄᒃᑎᑐᑦ ᓀᐦᐃᔭᐤ", "Ol Chiki": "ᱥᱟᱱᱛᱟᱲᱤ",
    "Meetei Mayek": "ꯃꯤꯇꯩ", "Vai": "ꕙꔤ", "Yi": "ꆈꌠ", "Lisu": "ꓡꓲ ꓢꓴ", "Osage": "𐓏𐓘𐓻𐓘𐓻𐓟",
    "Rohingya": "𐴌𐴟𐴇𐴥𐴝𐴚𐴒𐴥𐴝", "Chakma": "𑄌𑄋𑄴𑄟",
    "Newa": "𑐣𑐾𑐥𑐵𑐮", "Javanese": "ꦲꦏ꧀ꦱꦫ", "Balinese": "ᬩᬮᬶ",
    "Sundanese": "ᮞᮥᮔ᮪ᮓ", "Batak": "ᯅᯖᯂ᯲", "Tai Tham": "ᨲ᩠ᩅᨾᩮᩨᩬᨦ",
    "Tai Le": "ᥖᥭᥰ",
    "New Tai Lue": "ᦑᦺᦟᦹᧉ", "Cham": "ꨌꩌ", "Lepcha": "ᰛᰩᰵ", "Limbu": "ᤕᤰᤌᤢᤱ",
    "Syloti Nagri": "ꠍꠤꠟꠐꠤ", "Bamum": "ꚠꚡ", "Miao": "𖼀𖽑",
    "Hmong": "𖬌𖬣𖬵 𞄀𞄄𞄰", "Wancho": "𞋀𞋁", "Warang Citi": "𑢹𑣗𑣁𑣜", "Kayah Li": "ꤊꤢꤛꤢ", "Coptic": "ⲘⲉⲧⲢⲉⲙ",
}  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_has_its_glyphs(script):
    assert "U+" not in legible(SCRIPTS[script])


def test_a_page_of_every_script_is_set_without_a_missing_glyph(monkeypatch, tmp_path):
    rows = [{"number": "1", "cells": [[(text, direction(text), "", "")]], "lines": 1} for text in SCRIPTS.values()]
    pages = [{"blocks": rows[at : at + 40], "line": "", "here": "", "upto": ""} for at in range(0, len(rows), 40)]
    data = {
        "title": "t", "title-line": "t", "pledge": [], "organisation": "o", "kind": "k", "to": "a", "volume": "v",
        "reference": "r", "facts": [], "notes": [], "columns": [17, 0], "headings": ["No.", "Name"], "pages": pages,
        "heading-lines": 1, "title-size": 20, "index": [], "index-title": "",
    }  # fmt: skip
    pdf = typesetting.typeset("list.typ", data)
    assert pdf.startswith(b"%PDF")
    fonts = set(re.findall(rb"/FontName ?/[A-Z]{6}\+([A-Za-z-]+)", pdf))
    assert {b"NotoSerif", b"NotoNaskhArabic", b"NotoSerifGeorgian", b"NotoSansCJKsc-Regular"} <= {
        name.replace(b"-Regular", b"") if b"CJK" not in name else name for name in fonts
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("😀", "‹U+1F600›"),
        ("a\u202eb", "a‹U+202E›b"),
        ("a\x07b", "a‹U+0007›b"),
        ("e\u0301", "é"),
        ("\U0001d4d0\U0001d4f7\U0001d4f7\U0001d4ea \U0001d539", "Anna B"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("a\u3000b\u00a0c", "a\u3000b\u00a0c"),
    ],
)
def test_what_cannot_be_printed_is_told_by_its_code_point(text, shown):
    assert legible(text) == shown


@given(st.text(max_size=30))
def test_no_character_is_lost(text):
    """Each character of the text is in what is printed, or its code point is; blanks may become blanks, and letters
    of a mathematical face letters."""
    shown = legible(text)
    for character in unicodedata.normalize("NFC", text):
        if unicodedata.decomposition(character).startswith("<font>"):
            character = next(
                (form for form in (character, unicodedata.normalize("NFKC", character)) if form in shown), ""
            )
        assert character in shown or f"‹U+{ord(character):04X}›" in shown or character.isspace()


@pytest.mark.parametrize(
    ("text", "way"),
    [("Ada", "ltr"), ("محمد", "rtl"), ("דוד", "rtl"), ("(محمد) Ada", "rtl"), ("123", "ltr"), ("", "ltr")],
)
def test_a_name_goes_the_way_of_its_first_letter(text, way):
    assert direction(text) == way


def test_long_words_get_places_to_break_and_marks_stay_with_their_letters():
    assert breakable("Ada Lovelace", 20) == "Ada Lovelace"
    assert "\u200b" in breakable("A" * 200, 20)
    assert "\u200b\u0301" not in breakable("e\u0301" * 100, 20)


@given(st.text(st.characters(categories=["L", "Zs", "Pd"]), max_size=300), st.integers(5, 40))
def test_lines_are_never_fewer_than_the_text_is_wide(text, room):
    assert lines(text, room) >= width(text) / room - 1e-6 or lines(text, room) >= 1
    assert lines("A" * 100, 10) >= width("A" * 100) / 10


def test_what_cannot_be_set_is_told_without_a_word_of_what_it_says():
    with pytest.raises(typesetting.NotSet) as caught:
        typesetting.typeset("list.typ", {"title": "Zebediah Quuxley"})
    assert re.fullmatch(r"list\.typ ended with 1 \w+", str(caught.value))


def test_who_sets_what_strangers_typed_imports_nothing_of_ours_and_inherits_no_setting(monkeypatch):
    program = ast.parse(typesetting._COMPOSITOR.read_text())
    imports = [node for node in ast.walk(program) if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {getattr(node, "module", None) or node.names[0].name for node in imports}
    assert modules == {"pathlib", "resource", "sys", "typing", "typst"}
    environments, run = [], subprocess.run

    def watched(command, **options):
        environments.append(options["env"])
        return run(command, **options)

    monkeypatch.setattr(typesetting.subprocess, "run", watched)
    with pytest.raises(typesetting.NotSet):
        typesetting.typeset("none.typ", {})
    assert environments == [{"RAYON_NUM_THREADS": "1"}]


PAYLOADS = [
    "#set page(width: 1cm)", '#read("/etc/passwd")', "#panic()", "*bold* _em_ `raw` $x^2$", "<label> @ref",
    "\\ \\u{41}", '"); #panic(); ("', "#import \"@preview/x:1.0.0\"", "https://example.org", "// comment",
    "/* open", "= Heading",
    "```", "#{", "]", "#eval(\"1\")", "{{7*7}}", "{% now %}",
]  # fmt: skip


def test_nothing_that_somebody_typed_is_markup_or_a_link(tmp_path):
    import datetime

    from signatures.delivery.lists import Listed, Volume, pdf_of
    from signatures.sealing import Person

    people = [
        Listed(n, Person(name=text, email="a@example.org", country="GB", place=text), datetime.date(2026, 1, 1))
        for n, text in enumerate(PAYLOADS, start=1)
    ]
    volume = Volume("#panic()", "#panic()", "*To*", "r", "en", "named", 1, 1, 1, 99)
    pdf = pdf_of(volume, people)
    assert b"/URI" not in pdf
    assert b"/JavaScript" not in pdf
    assert b"/Launch" not in pdf


def test_every_font_is_vendored_with_its_licence_and_is_what_it_was():
    import hashlib

    sums = dict(reversed(line.split("  ")) for line in (FONTS / "SHA256SUMS").read_text().splitlines())
    there = {path.name for path in FONTS.iterdir() if path.suffix in {".ttf", ".otf"}}
    assert there == set(sums)
    assert all(hashlib.sha256((FONTS / name).read_bytes()).hexdigest() == sums[name] for name in there)
    assert "SIL OPEN FONT LICENSE" in (FONTS / "OFL.txt").read_text()
