"""The sign form: whatever is typed gives a clean signature or a reason beside the field, and never a 500."""

import sys
import unicodedata
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from django import forms
from django.core.handlers.wsgi import WSGIRequest
from django.test import RequestFactory
from django.test.html import parse_html
from django.utils.translation import override
from email_validator import SPECIAL_USE_DOMAIN_NAMES, validate_email
from hypothesis import given
from hypothesis import strategies as st

from signatures.identity import canonical_mailbox
from signatures.intake.body import MAX_BODY, GarbageBody, _urlencoded, read_form
from signatures.sign_form import form
from signatures.sign_form.contacts import contact_in
from signatures.sign_form.form import LIMITS, ConfirmForm, SignForm, country_choices, country_codes
from web.i18n import characters
from web.i18n.languages import BY_CODE

GOOD = {
    "name": "Ганна Каваленка",
    "email": "Anna.K@example.org",
    "country": "BY",
    "place": "Віцебск",
    "comment": "Так нельга.",
    "share_name": "on",
    "share_comment": "on",
    "updates": "",
}
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
WALES = "\U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f"
TEXTS = ("name", "email", "place", "comment")
REQUIRED = ("name", "email", "country")
JOINERS = "\u200c\u200d"

anything = st.text(st.characters(exclude_categories=[]), max_size=160)  # lone surrogates too
mean = st.text(
    st.sampled_from("aЖé́<>/!\t\n\r\0\x1f\x7f\x85\u00a0\u200b\u200c\u200d\u200f\u202e\u2028\u3000\ud800\ufffd\ufeff"
                    "\ufffe\ue000\U0001fae9\U000e0041@.\u3164 "),
    max_size=40,
)  # fmt: skip
tame = st.text(
    st.characters(categories=["L", "M", "N", "P", "Zs"]) | st.sampled_from("\u200c\u200d\u00ad\n "),
    max_size=80,
)


class AllFields(SignForm, ConfirmForm):
    """Those of the sign form, and those that the mailbox's owner is asked: what they refuse is the same."""


def filled(**changed: str) -> SignForm:
    return AllFields({**GOOD, **changed})


def code_of(form: SignForm, field: str) -> str:
    return str(form.errors.as_data()[field][0].code)


def shown(form: SignForm) -> str:
    """The whole form as a page would hold it, sent: it must render and encode."""
    return form.as_div().encode().decode()


# --- every field, every bad thing ----------------------------------------------------------------

BAD = {
    "NUL": ("An\0na", "control"),
    "bell": ("An\x07na", "control"),
    "escape": ("\x1b[31mAnna", "control"),
    "delete": ("Anna\x7f", "control"),
    "C1 control": ("An\x9bna", "control"),
    "lone surrogate": ("An\ud83dna", "damaged"),
    "undecodable byte": ("An\ufffdna", "damaged"),
    "noncharacter": ("An\ufffena", "unknown"),
    "private use": ("An\ue000na", "unknown"),
    "unassigned": ("An\u0378na", "unknown"),
    "right-to-left mark": ("Anna\u200f", "direction"),
    "left-to-right mark": ("An\u200ena", "direction"),
    "Arabic letter mark": ("An\u061cna", "direction"),
    "right-to-left override": ("An\u202ena", "direction"),
    "isolate": ("\u2066Anna\u2069", "direction"),
    "closed tag": ("Anna</b>", "markup"),
    "script": ("<script>alert(1)</script>", "markup"),
    "comment": ("<!-- Anna -->", "markup"),
    "image": ('Anna <img src=x onerror="alert(1)">', "markup"),
}
OVERRIDDEN = {("email", "markup"): "one"}


@pytest.mark.parametrize("field", TEXTS)
@pytest.mark.parametrize("what", BAD)
def test_bad_text_is_refused_beside_its_field_and_kept(field: str, what: str) -> None:
    typed, code = BAD[what]
    if field == "email":
        typed += "@example.org"
    form = filled(**{field: typed})
    assert list(form.errors) == [field]
    assert code_of(form, field) == OVERRIDDEN.get((field, code), code)
    assert form[field].value() == typed.replace("\ud83d", "\ufffd")
    assert f'id="id_{field}_error"' in shown(form)


@pytest.mark.parametrize("what", BAD)
def test_bad_country_is_refused_and_rendered(what: str) -> None:
    form = filled(country=BAD[what][0])
    assert code_of(form, "country") == "not_a_country"
    shown(form)


@pytest.mark.parametrize("field", TEXTS)
def test_over_long_text_is_refused_with_both_lengths(field: str) -> None:
    tail = "@example.org" if field == "email" else ""
    for length in (LIMITS[field] + 1, 50_000):
        form = filled(**{field: "ж" * (length - len(tail)) + tail})
        assert code_of(form, field) == "too_long"
        assert str(length) in form.errors[field][0]
        assert str(LIMITS[field]) in form.errors[field][0]


@pytest.mark.parametrize("field", ["name", "place", "comment"])
def test_longest_text_is_taken(field: str) -> None:
    assert filled(**{field: " " + "ж" * LIMITS[field] + " "}).is_valid()


def test_long_run_of_accents_is_refused_before_it_costs() -> None:
    assert code_of(filled(comment="\u0301\u0323" * 30_000), "comment") == "too_long"


NOTHING = ["", " ", "\t\r\n", "\u00a0\u3000", "\u200b", "\u200c\u200d", "\ufeff\u2060", "\u200f\u202e", "\u00ad",
           "\u3164", "\u2800", "\u115f\u1160", "\ufe0f", "\u034f", " \u200b \u200e ", "\U000e0020"]  # fmt: skip


@pytest.mark.parametrize("field", REQUIRED)
@pytest.mark.parametrize("typed", NOTHING, ids=ascii)
def test_nothing_to_see_is_nothing_given(field: str, typed: str) -> None:
    form = filled(**{field: typed})
    assert code_of(form, field) == "required"
    shown(form)


@pytest.mark.parametrize("field", ["place", "comment"])
@pytest.mark.parametrize("typed", NOTHING, ids=ascii)
def test_nothing_to_see_is_empty_where_nothing_is_asked(field: str, typed: str) -> None:
    form = filled(**{field: typed})
    if "\u200e" in typed or "\u200f" in typed:
        assert code_of(form, field) == "direction"
    else:
        assert form.is_valid()
        assert form.cleaned_data[field] == ""


def test_field_that_was_not_sent_is_an_empty_one() -> None:
    assert set(SignForm({}).errors) == set(REQUIRED)
    assert SignForm({key: GOOD[key] for key in REQUIRED}).is_valid()


def test_message_names_the_character_found() -> None:
    assert "U+200F" in filled(name="Anna\u200f").errors["name"][0]
    assert "U+0000" in filled(comment="a\0b").errors["comment"][0]


@pytest.mark.parametrize("field", ["name", "place"])
@pytest.mark.parametrize(
    ("typed", "code"),
    [("Anna\tK", "control"), ("Anna\r\nBcc: x@example.org", "control"), ("2 < 3", "markup"),
     ("see www.example.org", "link"), ("HTTPS://x", "link"), ("Z" + "\u0335" * 7, "marks")],
)  # fmt: skip
def test_what_one_line_does_not_hold(field: str, typed: str, code: str) -> None:
    assert code_of(filled(**{field: typed}), field) == code


CONTACTS = {
    "an address": ("anna@example.org", "mailbox"),
    "a name and an address": ("Anna anna@example.org", "mailbox"),
    "an address in full width": ("ａｎｎａ＠ｅｘａｍｐｌｅ．ｏｒｇ", "mailbox"),
    "a full-width at": ("anna＠example.org", "mailbox"),
    "an account": ("@anna", "mailbox"),
    "a link to write": ("mailto:anna", "link"),
    "a link that runs": ("javascript:alert(1)", "link"),
    "a link to call": ("tel:112 Anna", "link"),
    "an application's link": ("tg://resolve?domain=anna", "link"),
    "a link": ("HTTPS://Anna", "link"),
    "a link without scheme": ("www.anna", "link"),
    "a domain": ("evil.example.com", "domain"),
    "a domain in words": ("Anna evil.example.com Kavalenka", "domain"),
    "a domain in capitals": ("EVIL.EXAMPLE.COM", "domain"),
    "a domain with capitals": ("Evil.Com", "domain"),
    "a short link": ("t.me/anna", "domain"),
    "a domain in Cyrillic": ("пример.бел", "domain"),
    "a domain with an ideographic stop": ("evil。example。com", "domain"),
    "a domain in mathematical letters": ("𝖾𝗏𝗂𝗅.𝖼𝗈𝗆", "domain"),
    "a telephone": ("Anna +375 29 123-45-67", "number"),
    "a telephone and a letter": ("a 029 1234567", "number"),
    "a telephone in Arabic digits": ("آنا ٠٢٩١٢٣٤٥٦٧", "number"),
    "a telephone in full width": ("Anna ０２９１２３４５６７", "number"),
}


@pytest.mark.parametrize("field", ["name", "place"])
@pytest.mark.parametrize("what", CONTACTS)
def test_an_address_a_link_or_a_telephone_is_no_name_and_no_place(field: str, what: str) -> None:
    typed, code = CONTACTS[what]
    form = filled(**{field: typed})
    assert list(form.errors) == [field]
    assert code_of(form, field) == code
    assert form[field].value() == typed


@pytest.mark.parametrize("typed", ["write to anna@example.org", "Anna＠example.org!", "anna@пример.бел"])
def test_a_comment_shows_nobodys_address(typed: str) -> None:
    assert code_of(filled(comment=typed), "comment") == "mailbox"


@pytest.mark.parametrize(
    "comment",
    ["Article 193.1 is misused, see https://example.org/193", "I called +375 29 1234567 twice.", "@minister: answer!",
     "He was at work@night.", "Since 9.8.2020."],
)  # fmt: skip
def test_a_comment_may_name_sources_and_figures(comment: str) -> None:
    assert filled(comment=comment).is_valid()


@pytest.mark.parametrize(
    "name",
    ["J.R.R. Tolkien", "J.R.R.Tolkien", "И.И.Иванов", "Dr.Li", "J.Page", "O.J.Simpson", "DR.LI", "St.John",
     "Henry VIII.", "Anna 3rd", "S:t Erik", "三千代", "李.王", "Anna (Ania) K.", "Martin Luther King Jr."],
)  # fmt: skip
def test_a_name_with_dots_and_digits_is_a_name(name: str) -> None:
    form = filled(name=name)
    assert form.is_valid(), form.errors


@pytest.mark.parametrize(
    "place",
    ["St.Gallen", "г.Минск", "ул.Ленина 5", "Frankfurt a.M.", "75011 Paris", "90210-1234", "01310-100 São Paulo",
     "SW1A 1AA", "〒100-0001 東京都", "220030", "Washington D.C.", "St.Gallen/Wil", "ВІЦЕБСК.", "P.O.Box 12"],
)  # fmt: skip
def test_a_place_with_dots_and_digits_is_a_place(place: str) -> None:
    form = filled(place=place)
    assert form.is_valid(), form.errors


part_of_a_name = st.text(
    st.characters(categories=["Lu", "Ll", "Lo", "Lt"], exclude_characters="ªº"), min_size=1, max_size=8
)
initial = st.sampled_from("ABИЖÉ").map("{}.".format)


@given(st.lists(part_of_a_name.map(str.title) | initial, min_size=1, max_size=4), st.sampled_from([" ", "-", "’"]))
def test_names_of_letters_initials_and_hyphens_are_nobodys_address(parts: list[str], between: str) -> None:
    assert contact_in(between.join(parts), "name") == ""


labels = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=2, max_size=9).filter(lambda label: label.strip("-"))


@given(
    local=labels,
    names=st.lists(labels, min_size=1, max_size=2),
    top=st.sampled_from(["com", "org", "by", "de", "example", "бел"]),
    at=st.sampled_from(["@", "＠", "﹫", ""]),
    dot=st.sampled_from([".", "．", "。", "｡"]),
    before=st.sampled_from(["", "Anna ", "«"]),
)
def test_addresses_and_domains_are_known_however_they_are_typed(
    local: str, names: list[str], top: str, at: str, dot: str, before: str
) -> None:
    typed = before + (local + at if at else "") + dot.join([*names, "abc", top])
    assert contact_in(typed, "name") in ({"mailbox"} if at else {"domain", "link"})


@pytest.mark.parametrize("typed", ["123", "!", "☺", "\u0301", "-\u3164"])
def test_name_needs_a_letter(typed: str) -> None:
    assert code_of(filled(name=typed), "name") == "no_letter"


# --- what people are called, and where they get mail ---------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["李", "محمد", "இரா", "ᠬᠠᠯᠬ\u180eᠠ", "ᠮᠠᠨᠠᠭᠠᠷ\u180b\u180eᠠ", f"Anna {SCOTLAND}",
      "O’Brien", "Дар'я", "Nguyễn Thị Hoà", "Žižek", "J. R. R. T.", "می\u200cخواهم",
     "क्\u200dष", "יִשְׂרָאֵל", "བསྒྲུབས", "Jean-Luc d'Été", "X Æ A-12"],
)  # fmt: skip
def test_names_of_the_world_are_taken_as_they_are(name: str) -> None:
    form = filled(name=name)
    assert form.is_valid(), form.errors
    assert form.cleaned_data["name"] == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("  Anna \u00a0 K\u3000", "Anna K"), ("Jose\u0301", "José"), ("\ufeffAnna", "Anna"), ("An\u00adna", "Anna"),
     ("Anna\u200b K", "Anna K"), ("\u200dAnna\t", "Anna"), ("สมชาย\u200b", "สมชาย"), ("An\u180ena", "Anna"),
     ("Anna \U0001f3f4\U000e0067", "Anna \U0001f3f4"), ("ᠬ\u180e", "ᠬ")],
)  # fmt: skip
def test_name_is_kept_trimmed_and_normal(typed: str, kept: str) -> None:
    form = filled(name=typed)
    assert form.is_valid(), form.errors
    assert form.cleaned_data["name"] == kept


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("one\r\ntwo\rthree", "one\ntwo\nthree"), ("\n I <3 you, 2 < 3\n", "I <3 you, 2 < 3"), ("a\tb", "a\tb"),
     (f"{WALES} {SCOTLAND}", f"{WALES} {SCOTLAND}"), ("\U0001f3f4 sail", "\U0001f3f4 sail"),
     ("ខ្មែរ\u200bភាសា", "ខ្មែរ\u200bភាសា"), ("ภาษา\u200bไทย\u200b.", "ภาษา\u200bไทย\u200b."),
     ("\U00013000\U00013430\U00013001", "\U00013000\U00013430\U00013001"),
     ("\U0001bc00\U0001bca0", "\U0001bc00\U0001bca0"), ("\U0001d173\U0001d157", "\U0001d173\U0001d157"),
     ("صفحة \u0601١٢", "صفحة \u0601١٢"), ("a\u2060b\u00adc\ufeffd", "abcd"),
     ("hidden \U000e0068\U000e0069", "hidden"), ("\U0001f3f4\U000e0067\U000e0062x", "\U0001f3f4x"),
     ("Ça alors\u00a0!", "Ça alors\u00a0!"), ("new \U0001fae9", "new \U0001fae9"), ("x\u2028y", "x\ny")],
)  # fmt: skip
def test_comment_keeps_its_lines(typed: str, kept: str) -> None:
    form = filled(comment=typed)
    assert form.is_valid(), form.errors
    assert form.cleaned_data["comment"] == kept


@pytest.mark.parametrize("after", [".", ",", ";", ". ", ".\u00a0", " .", "..", ",\n"])
def test_what_ends_a_sentence_is_no_part_of_an_address(after: str) -> None:
    form = filled(email=f"anna@example.org{after}")
    assert form.is_valid(), form.errors
    assert form.cleaned_data["email"] == "anna@example.org"


@pytest.mark.parametrize("email", ["a@example.org", "o'b+x_y@sub.example.co.uk", "Anna@ПРИМЕР.бел",
                                   "x@xn--e1afmkfd.xn--90ais"])  # fmt: skip
def test_address_is_kept_as_typed(email: str) -> None:
    form = filled(email=f" {email}\n")
    assert form.is_valid(), form.errors
    assert form.cleaned_data["email"] == email


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("anna", "no_at"),
        ("почта@пример.бел", "local_part"),
        ("josé@example.es", "local_part"),
        ("Anna K <anna@example.org>", "one"),
        ("a@example.org, b@example.org", "one"),
        ("anna@gmail,com", "comma"),
        ("anna@gmail;com", "comma"),
        ("anna@mail,example,org", "comma"),
        ("anna k@example.org", "space"),
        ("anna@example.org\r\nBcc: b@example.org", "control"),
        ("anna@exam\u200bple.org", "invisible"),
        ("an\u2060na@example.org", "invisible"),
        ("anna@example.c", "address"),
        ("anna@", "address"),
        ("@example.org", "address"),
        ("anna@example", "address"),
        ("anna@@example.org", "address"),
        ("an..na@example.org", "address"),
        ("anna@-example.org", "address"),
        ("anna@localhost", "address"),
        ("anna@example.test", "address"),
        ("anna@[192.0.2.1]", "address"),
        ('"anna k"@example.org', "space"),
        ("anna@\u2764.example", "address"),
        ("a" * 65 + "@" + "b" * 64 + ".org", "address"),
    ],
)
def test_address_that_gets_no_mail_is_refused(typed: str, code: str) -> None:
    form = filled(email=typed)
    assert code_of(form, "email") == code
    assert form["email"].value() == typed


# --- countries and consents ----------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["BY", "by", " By\n"])
def test_country_is_a_code_in_either_case(typed: str) -> None:
    form = filled(country=typed, name="")
    assert list(form.errors) == ["name"]
    assert form.cleaned_data["country"] == "BY"
    assert '<option value="BY" selected>' in shown(form)


@pytest.mark.parametrize("typed", ["XK", "xk", "HK", "MO", "PS", "TW"])
def test_who_comes_from_there_need_not_say_that_they_come_from_elsewhere(typed: str) -> None:
    form = filled(country=typed)
    assert form.is_valid(), form.errors
    assert f'<option value="{typed.upper()}" selected>' in shown(form)


@pytest.mark.parametrize("typed", ["XX", "BLR", "112", "Belarus", "B Y", "ВУ", "ß", "\uff22\uff39", "--"])
def test_what_is_no_code_is_no_country(typed: str) -> None:
    assert code_of(filled(country=typed), "country") == "not_a_country"


@pytest.mark.parametrize("lang", BY_CODE)
def test_no_language_chooses_a_country_for_its_readers(lang: str) -> None:
    """The diaspora reads the same page; a country that was not chosen would be counted as theirs."""
    field = str(SignForm(lang=lang)["country"])
    assert "selected" not in field.replace('<option value="" selected>', "")
    assert '<option value="FR" selected>' in str(SignForm({"country": "FR"}, lang=lang)["country"])


def test_countries_are_named_in_the_forms_language_whatever_language_is_active() -> None:
    with override("en"):
        assert '<option value="DE">Германия</option>' in str(SignForm(lang="ru")["country"])
    with override("ru"):
        assert '<option value="DE">Germany</option>' in str(SignForm(lang="en")["country"])


@pytest.mark.parametrize("typed", [None, "", "PL", "pl", " ee ", "XX", '"><script>', "\ud800"])
def test_the_countries_are_those_that_a_plain_select_would_show(typed: str | None) -> None:
    """Written once a language; by Django's own template each time."""
    filled_in = SignForm(None if typed is None else {"country": typed}, lang="fr")
    field = filled_in["country"]
    plain = forms.Select(attrs=field.field.widget.attrs, choices=[("", "Choose…"), *country_choices("fr")])
    plain.is_required = True
    with override("en"):
        assert parse_html(field.as_widget()) == parse_html(field.as_widget(plain))


@pytest.mark.parametrize(
    ("lang", "one", "next_one"),
    [("en", "AX", "BH"), ("en", "CI", "HR"), ("be", "IL", "JP"), ("uk", "IL", "JP")],
)
def test_countries_are_sorted_as_readers_sort(lang: str, one: str, next_one: str) -> None:
    codes = [code for code, _ in country_choices(lang)]
    assert set(codes) == country_codes()
    assert codes.index(one) < codes.index(next_one)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("on", True), ("true", True), ("True", True), ("1", True), ("yes", True), (" ON ", True),
     ("", False), ("0", False), ("no", False), ("off", False), ("false", False), ("\ud800", False), ("нет", False)],
)  # fmt: skip
def test_only_a_yes_is_a_consent(typed: str, meant: bool) -> None:
    form = filled(share_name=typed, updates=typed)
    assert form.is_valid()
    assert form.cleaned_data["share_name"] is meant
    assert form.cleaned_data["updates"] is meant


# --- laws ----------------------------------------------------------------------------------------


def assert_fit(cleaned: dict[str, object]) -> None:
    for field in TEXTS:
        text = str(cleaned[field])
        assert len(text) <= LIMITS[field]
        text.encode()
        allowed = JOINERS + ("\t\n" if field == "comment" else "")
        for character in text:
            assert character in allowed or unicodedata.category(character) not in {"Cc", "Cs", "Co"}
            assert unicodedata.bidirectional(character) not in {
                "LRO",
                "RLO",
                "LRI",
                "RLI",
                "PDF",
                "PDI",
                "FSI",
            }
        assert text == text.strip(" \t\n\r")
    for field in ("name", "place", "comment"):
        assert unicodedata.is_normalized("NFC", str(cleaned[field]))
    for field in ("name", "place"):
        assert not set("<>\t\n\r\u00a0\u2028") & set(str(cleaned[field]))
        assert "  " not in str(cleaned[field])
    assert any(map(str.isalpha, str(cleaned["name"])))
    assert cleaned["country"] in country_codes()


@pytest.mark.parametrize("field", [*TEXTS, "country", "share_name", "share_comment", "updates"])
@given(typed=anything | mean)
def test_anything_typed_is_made_fit_or_refused_with_a_reason(field: str, typed: str) -> None:
    form = filled(**{field: typed})
    if form.is_valid():
        assert_fit(form.cleaned_data)
    else:
        assert list(form.errors) == [field]
        assert form.errors[field][0]
        assert form[field].value() == "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in typed)
    str(form[field]).encode()
    str(form[field].errors).encode()


@given(st.fixed_dictionaries(dict.fromkeys(GOOD, anything | mean)))
def test_any_form_renders_with_the_other_fields_untouched(typed: dict[str, str]) -> None:
    form = AllFields(typed)
    form.is_valid()
    for field in ("name", "email", "place", "comment"):
        str(form[field]).encode()
    assert set(form.errors) | set(form.cleaned_data) == set(GOOD)


@pytest.mark.parametrize("field", ["name", "place", "comment"])
@given(typed=tame | mean)
def test_clean_text_is_clean(field: str, typed: str) -> None:
    once = filled(**{field: typed})
    if not once.is_valid():
        return
    again = filled(**{field: once.cleaned_data[field]})
    assert again.is_valid(), again.errors
    assert again.cleaned_data[field] == once.cleaned_data[field]


@given(st.emails() | st.builds("{}@{}".format, st.text(min_size=1, max_size=20), st.just("пример.бел")))
def test_every_address_taken_has_a_canonical_mailbox(email: str) -> None:
    form = filled(email=email)
    if form.is_valid():
        assert canonical_mailbox(form.cleaned_data["email"])


@given(
    local=st.from_regex(r"[A-Za-z0-9_-]{1,12}([.+][A-Za-z0-9_-]{1,8}){0,2}", fullmatch=True),
    domain=st.sampled_from(
        ["gmail.com", "example.co.uk", "Пример.бел", "straße.example", "例え.jp", "xn--strae-oqa.example"]
    ),
    before=st.sampled_from(["", " ", "\t", "\u00a0\u3000", "mailto:", " MAILTO: ", "\u202a", "\ufeffmailto:"]),
    after=st.text(st.sampled_from(" .,;:\n\u00a0\u2003\u202c\u200b\ufeff。"), max_size=4),
)
def test_an_address_is_taken_whatever_ends_the_sentence_around_it(
    local: str, domain: str, before: str, after: str
) -> None:
    form = filled(email=f"{before}{local}@{domain}{after}")
    assert form.is_valid(), form.errors
    assert form.cleaned_data["email"] == f"{local}@{domain}"
    assert canonical_mailbox(form.cleaned_data["email"]).isascii()


@pytest.mark.parametrize("domain", ["example.org", "straße.example"])
def test_an_address_in_full_width_is_the_one_that_was_meant(domain: str) -> None:
    wide = "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in f"anna+x@{domain}")
    for typed in (wide, wide.replace("．", "。"), wide.replace("．", "｡"), f"anna+x＠{domain}", f"\u3000{wide}\u3000"):
        form = filled(email=typed)
        assert form.is_valid(), form.errors
        assert form.cleaned_data["email"] == f"anna+x@{domain}"


def test_every_character_that_shows_nothing_is_known() -> None:
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character) in {"Cf", "Zs", "Zl", "Zp"} and character not in characters.SEEN_FORMAT:
            form = filled(name=character)
            assert code_of(form, "name") == "required", hex(code)
        if unicodedata.bidirectional(character) in {
            "LRE",
            "RLE",
            "LRO",
            "RLO",
            "PDF",
            "LRI",
            "RLI",
            "FSI",
            "PDI",
        }:
            assert character in characters.DIRECTION_MARKS


# --- the page ------------------------------------------------------------------------------------


def test_empty_form_is_the_same_for_everyone() -> None:
    assert shown(AllFields()) == shown(AllFields())
    assert "error" not in shown(AllFields())


def test_fields_tell_browsers_what_they_are() -> None:
    page = shown(AllFields())
    for token in ("name", "email", "country", "address-level2"):
        assert f'autocomplete="{token}"' in page
    assert page.count('dir="auto"') == 5
    # A browser cuts at it what is pasted, without a word: the form takes it, and says that it is too long.
    assert "maxlength" not in page


def test_wrong_field_points_at_its_reason() -> None:
    page = str(filled(email="anna")["email"])
    assert 'aria-invalid="true"' in page
    assert 'aria-describedby="id_email_error"' in page
    assert 'value="anna"' in page


def test_typed_markup_is_shown_as_text() -> None:
    page = shown(filled(comment="</textarea><script>", name='"><script>'))
    assert "<script>" not in page


# --- the body ------------------------------------------------------------------------------------

URLENCODED = "application/x-www-form-urlencoded"


def posted(body: bytes, content_type: str = URLENCODED, **extra: Any) -> WSGIRequest:
    return RequestFactory().generic("POST", "/c/x/sign/", body, content_type, **extra)


def multipart(*parts: bytes, boundary: str = "b") -> WSGIRequest:
    edge = f"--{boundary}\r\n".encode()
    body = b"".join(edge + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode()
    return posted(body, f"multipart/form-data; boundary={boundary}")


def test_both_kinds_of_form_are_read() -> None:
    assert read_form(posted(b"name=An%20na&email=a"))["name"] == "An na"
    assert read_form(posted(b"name=Anna", URLENCODED + "; charset=utf8"))["name"] == "Anna"
    part = 'Content-Disposition: form-data; name="name"\r\n\r\nЖанна'.encode()
    assert read_form(multipart(part))["name"] == "Жанна"


def test_last_of_a_repeated_field_wins() -> None:
    assert SignForm(read_form(posted(b"name=Anna&name=Hanna")))["name"].value() == "Hanna"


@pytest.mark.parametrize(
    "request_",
    [posted(b"", CONTENT_TYPE=URLENCODED), multipart(), posted(b"name=")],
    ids=["none", "no part", "blank"],
)
def test_empty_form_is_for_the_form_to_answer(request_: WSGIRequest) -> None:
    assert "name" in SignForm(read_form(request_)).errors


def test_percent_encoded_bytes_that_are_no_text_are_told_beside_the_field() -> None:
    form = SignForm(read_form(posted(b"name=An%ff%fena&email=a@example.org&country=BY")))
    assert code_of(form, "name") == "damaged"
    surrogate = SignForm(read_form(posted(b"name=An%ed%a0%80na&email=a@example.org&country=BY")))
    assert code_of(surrogate, "name") == "damaged"


GARBAGE = {
    "json": posted(b'{"name": "Anna"}', "application/json"),
    "no content type": posted(b"name=Anna", ""),
    "text": posted(b"name=Anna", "text/plain"),
    "not UTF-8": posted(b"name=An\xff\xfena"),
    "another charset": posted(b"name=Anna", URLENCODED + "; charset=utf-16"),
    "a charset that is none": posted(b"name=Anna", URLENCODED + "; charset=hex"),
    "multipart in hex": posted(b"--b--", "multipart/form-data; boundary=b; charset=hex"),
    "multipart without boundary": posted(b"--b--", "multipart/form-data"),
    "multipart with a bad boundary": posted(b"--b--", "multipart/form-data; boundary=é"),
    "noise": posted(bytes(range(128))),
    "words": posted(b"hello world"),
    "too large": posted(b"name=" + b"a" * MAX_BODY),
    "too many fields": posted(b"name=a&" * 5000),
    "length that is no number": posted(b"name=Anna", CONTENT_LENGTH="many"),
    "negative length": posted(b"name=Anna", CONTENT_LENGTH="-1"),
}


@pytest.mark.parametrize("what", GARBAGE)
def test_garbage_body_says_so(what: str) -> None:
    with pytest.raises(GarbageBody):
        read_form(GARBAGE[what])


def test_sender_who_hangs_up_sent_garbage() -> None:
    class HungUp(BytesIO):
        def read(self, *args: object) -> bytes:
            raise OSError("connection reset")

    for content_type in (URLENCODED, "multipart/form-data; boundary=b"):
        request = posted(b"name=Anna", content_type)
        request._stream = HungUp()
        with pytest.raises(GarbageBody):
            read_form(request)


@given(st.binary(max_size=400), st.sampled_from([
    URLENCODED, URLENCODED + "; charset=punycode", "multipart/form-data; boundary=b",
    "multipart/form-data; boundary=b; charset=zlib", "multipart/form-data; boundary=\"", "text/plain"]))  # fmt: skip
def test_any_body_is_read_or_garbage(body: bytes, content_type: str) -> None:
    body = body.replace(b"\xfe", b'--b\r\nContent-Disposition: form-data; name="name"\r\n')
    try:
        fields = read_form(posted(body, content_type))
    except GarbageBody:
        return
    assert all(isinstance(part, str) for pair in fields.items() for part in pair)
    shown(AllFields(fields))


# --- the short way and the long way say the same --------------------------------------------------


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(GOOD, anything | mean | tame)))
def test_cleaning_without_a_form_is_what_the_form_does(typed: dict[str, str]) -> None:
    data = GOOD | typed
    form = SignForm(data)
    assert SignForm.cleaned(data) == (form.cleaned_data if form.is_valid() else None)


@given(
    st.from_regex(r"[A-Za-z0-9._+-]{1,20}@[A-Za-z0-9.-]{1,40}\.[a-z]{1,10}", fullmatch=True)
    | st.emails()
    | st.builds(
        "{}@{}.{}".format, st.just("a"), st.text("ab-.x", max_size=70), st.sampled_from(SPECIAL_USE_DOMAIN_NAMES)
    )
)
def test_an_address_that_looks_plain_is_one_to_email_validator(address: str) -> None:
    if form._PLAIN_ADDRESS.match(address):
        validate_email(address, check_deliverability=False)


@pytest.mark.parametrize(
    "domain", [*SPECIAL_USE_DOMAIN_NAMES, "a" * 64 + ".org", "ab--cd.org", "-a.org", "a-.org", "a..org"]
)
def test_an_address_to_nowhere_is_not_plain(domain: str) -> None:
    assert not form._PLAIN_ADDRESS.match(f"ada@mail.{domain}")


def test_most_addresses_are_plain() -> None:
    for address in ("ada@example.org", "Ada.Lovelace+x@Mail.example.co.uk", "a_b-c@x1.de", "1@2.fr"):
        assert form._PLAIN_ADDRESS.match(address)


@given(st.lists(st.tuples(anything, anything), max_size=6) | st.lists(st.tuples(mean, mean)))
def test_a_body_is_read_as_pythons_own_parser_reads_it(pairs: list[tuple[str, str]]) -> None:
    sent = urlencode([(k.encode(errors="replace"), v.encode(errors="replace")) for k, v in pairs])
    assert _urlencoded(sent.encode()) == dict(parse_qsl(sent, keep_blank_values=True))


@given(st.text("a+%=&;dD0ЖF9 ", max_size=60))
def test_a_malformed_body_too(text: str) -> None:
    assert _urlencoded(text.encode()) == dict(parse_qsl(text, keep_blank_values=True))
