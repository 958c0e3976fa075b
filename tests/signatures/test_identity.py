"""Who is who: laws that hold for every mailbox, name and token, and cases worth reading."""

import hmac
import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from signatures import identity
from signatures.identity import (
    FINGERPRINT_BYTES,
    NAME_KEY_BYTES,
    Mac,
    NotAMailbox,
    ascii_domain,
    canonical_mailbox,
    fingerprint,
    mailable,
    name_key,
    new_token,
    parse_token,
    token_hash,
    unsubscription_hash,
    unsubscription_token,
    withdrawal_hash,
    withdrawal_token,
)
from signatures.mail_providers import RULES

MAC = Mac(b"pepper of one campaign, 32 bytes")
OTHER_MAC = Mac(b"pepper of another one, 32 bytes.")

atoms = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12)
unknown_domains = st.sampled_from(["example.org", "rada.vitebsk.by", "yahoo.com", "mail.ru", "tuta.com"])
texts = st.text(min_size=1, max_size=20)
any_text = st.text(st.characters(), max_size=60)


def same(one: str, other: str) -> bool:
    return canonical_mailbox(one) == canonical_mailbox(other)


# --- mailboxes: cases ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("anna@example.org", "anna@example.org"),
        ("  Anna@Example.ORG\n", "anna@example.org"),
        ("anna@example.org.", "anna@example.org"),
        # Gmail
        ("An.Na.K+petition@GoogleMail.com", "annak@gmail.com"),
        ("+anna@gmail.com", "+anna@gmail.com"),
        # Yandex: one mailbox at all its domains, and a hyphen is a dot
        ("anna-k+x@ya.ru", "anna.k@yandex.ru"),
        ("anna.k@yandex.by", "anna.k@yandex.ru"),
        # Proton
        ("anna_k.a-b+x@pm.me", "annakab@proton.me"),
        ("annakab@protonmail.ch", "annakab@proton.me"),
        # Apple
        ("anna+x@me.com", "anna@icloud.com"),
        ("an.na@mac.com", "an.na@icloud.com"),
        # Fastmail
        ("petition@anna.fastmail.com", "anna@fastmail.com"),
        ("anna+petition@fastmail.fm", "anna@fastmail.fm"),
        ("x@a.anna.fastmail.com", "x@a.anna.fastmail.com"),
        # internationalised
        ("почта@пример.бел", "почта@xn--e1afmkfd.xn--90ais"),
        ("ПОЧТА@ПРИМЕР.БЕЛ", "почта@xn--e1afmkfd.xn--90ais"),
        ("почта@XN--E1AFMKFD.xn--90ais", "почта@xn--e1afmkfd.xn--90ais"),
        ("anna@例え。jp", "anna@xn--r8jz45g.jp"),
        ("straße@straße.example.de", "strasse@xn--strae-oqa.example.de"),
        ("ANNA@İstanbul.example.tr", "anna@xn--istanbul-o0e.example.tr"),
        ("ılgaz@example.tr", "ılgaz@example.tr"),
        ("ΟΔΟΣ@example.gr", "οδοσ@example.gr"),
        ("Jose\u0301@example.es", "josé@example.es"),
        # East Asian width
        ("ａｎｎａ＠ｅｘａｍｐｌｅ．ｏｒｇ", "anna@example.org"),
        ("a.n.n.a＋x@gmail.com", "anna@gmail.com"),
        # quotes
        ('"anna"@example.org', "anna@example.org"),
        ('"an\\na"@example.org', "anna@example.org"),
        ('"Anna K"@example.org', '"anna k"@example.org'),
        ('"a@b"@example.org', '"a@b"@example.org'),
        ('"a\\"b"@example.org', '"a\\"b"@example.org'),
        ("anna@[192.0.2.1]", "anna@[192.0.2.1]"),
    ],
)
def test_known_spellings_of_a_mailbox(typed: str, canonical: str) -> None:
    assert canonical_mailbox(typed) == canonical


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("anna+a@example.org", "anna+b@example.org"),
        ("an.na@example.org", "anna@example.org"),
        ("an.na@outlook.com", "anna@outlook.com"),
        ("anna@outlook.com", "anna@hotmail.com"),
        ("anna@live.com", "anna@outlook.com"),
        ("anna@fastmail.com", "anna@fastmail.fm"),
        ("anna-k@yahoo.com", "anna@yahoo.com"),
        ("anna+k@tuta.com", "anna@tuta.com"),
        ("an_na@gmail.com", "anna@gmail.com"),
        ("annak@yandex.ru", "anna.k@yandex.ru"),
        ("anna@notgmail.com", "anna@gmail.com"),
        ("anna@sub.gmail.com", "anna@gmail.com"),
        ("ı@example.tr", "i@example.tr"),
        ("anna@strasse.de", "anna@straße.de"),
        ("аnna@example.org", "anna@example.org"),  # the first letter is Cyrillic
    ],
)
def test_mailboxes_that_may_be_two_persons_stay_apart(one: str, other: str) -> None:
    assert not same(one, other)


@pytest.mark.parametrize(
    "typed",
    ["", " ", "@", "anna", "anna@", "@example.org", "anna@.", "anna@..", "anna@ex\ud800.org", "\udfffa@example.org",
     "anna@\u2764.example", "anna@xn--\u00e9.org", "anna@" + "ж" * 300 + ".org", "anna@\u3002"],
)  # fmt: skip
def test_what_is_no_mailbox_says_so(typed: str) -> None:
    with pytest.raises(NotAMailbox):
        canonical_mailbox(typed)


# --- mailboxes: laws -----------------------------------------------------------------------------


awkward = st.text("a.+-_\"\\ \u3000@＠＋。'()<ßİſΣ\u0345\u0301", max_size=12)
awkward_domains = st.sampled_from([*sorted(RULES), "a.fastmail.com", "ß.de", "a b", "."]) | awkward


@given(any_text | st.builds("{}@{}".format, awkward, awkward_domains))
@example("+.@gmail.com")
@example('"+"@gmail.com')
@example('""@gmail.com')
@example('"""@example.org')
@example("-@yandex.ru")
@example("a@b.fastmail.com")
@example("a@.fastmail.com")
@example('"a+b"@x.fastmail.com')
@example("a@+.fastmail.com")
@example("\u0345\u0301@example.org")
@example('"\\"@example.org')
@example('.."a"@gmail.com')
@example("a@example.org .")
@example('"\u3000a"@example.org')
@example('a@"x".fastmail.com')
@example(". 0@gmail.com")
@example(". @GMAIL.COM")
@example("0 +x@gmail.com")
@example("- a@yandex.ru")
@example("a\u2003@example.org")
@example("a.\u0301@gmail.com")
@example('"a\\\u0301"@example.org')
@example('"<\\\u0338"@example.org')
def test_canonical_form_is_its_own_canonical_form_or_there_is_none(address: str) -> None:
    try:
        canonical = canonical_mailbox(address)
    except NotAMailbox:
        return
    assert canonical_mailbox(canonical) == canonical
    canonical.encode()


#: What the world sends for a local part: letters, accents, white space, what providers ignore, tags, quotes, anywhere.
pieces = st.sampled_from(' \t\u00a0\u2003\u3000\x1c.+-_"\\<0aßİ\u0301\u0338＋．')
locals_of_the_world = st.text(pieces, min_size=1, max_size=8)


@given(locals_of_the_world, st.sampled_from(sorted(RULES)) | st.sampled_from(["example.org", "straße.de"]))
def test_a_mailbox_typed_anyhow_has_a_canonical_form_that_is_its_own(local: str, domain: str) -> None:
    try:
        canonical = canonical_mailbox(f"{local}@{domain}")
    except NotAMailbox:
        return
    assert canonical_mailbox(canonical) == canonical
    assert canonical_mailbox(f" {local} @{domain}") == canonical


# --- domains: the signature and the mail belong to one mailbox ------------------------------------


@pytest.mark.parametrize(
    ("typed", "goes_to"),
    [
        ("straße.example", "xn--strae-oqa.example"),
        ("STRAẞE.example", "xn--strae-oqa.example"),
        ("post.straße.example", "post.xn--strae-oqa.example"),
        ("βόλος.example", "xn--nxasmm1c.example"),  # a final sigma is a letter of its own since IDNA 2008
        ("ΒΌΛΟΣ.example", "xn--nxasmq6b.example"),
        ("ᏣᎳᎩ.example", "xn--f9dt7l.example"),
        ("Bücher.EXAMPLE.", "xn--bcher-kva.example"),
        ("пример。бел", "xn--e1afmkfd.xn--90ais"),
        ("ｅｘａｍｐｌｅ．ｏｒｇ", "example.org"),
        ("Example.ORG", "example.org"),
    ],
)
def test_a_domain_in_ascii(typed: str, goes_to: str) -> None:
    assert ascii_domain(typed) == goes_to
    assert canonical_mailbox(f"ada@{typed}") == f"ada@{goes_to}"
    assert mailable(f"ada@{typed}").lower().rstrip(".") == f"ada@{goes_to}"
    assert ascii_domain(goes_to) == goes_to


@pytest.mark.parametrize(
    ("typed", "goes_to"),
    [
        ("Петиции <news@straße.example>", "Петиции <news@xn--strae-oqa.example>"),
        ('"a@straße" <news@straße.example> ', '"a@straße" <news@xn--strae-oqa.example> '),
        ("Петиции <news@example.org>", "Петиции <news@example.org>"),
    ],
)
def test_a_sender_keeps_the_name_before_it(typed: str, goes_to: str) -> None:
    assert mailable(typed) == goes_to


letters_of_domains = st.text(
    st.characters(categories=["Ll", "Lu", "Lo", "Nd", "Mn", "Mc"]) | st.just("-"), min_size=1, max_size=9
)


@given(st.lists(letters_of_domains, min_size=1, max_size=3))
@example(["straße"])
@example(["ς"])
def test_any_domain_is_one_to_the_signature_and_to_its_mail(labels: list[str]) -> None:
    domain = ".".join([*labels, "example"])
    try:
        name = ascii_domain(domain)
    except NotAMailbox:
        with pytest.raises(NotAMailbox):
            canonical_mailbox(f"a@{domain}")
        return
    assert name.isascii()
    assert ascii_domain(name) == name
    assert canonical_mailbox(f"a@{domain}") == f"a@{name}"
    assert mailable(f"a@{domain}").lower() == f"a@{name}"


#: Planes 0 to 2, and of the others what Unicode has given a meaning or begins and ends with.
MEANT = (*range(0xD800), *range(0xE000, 0x30000), *range(0xE0000, 0xE0200))
EDGES = tuple(end for plane in range(3, 17) for end in (plane * 0x10000, plane * 0x10000 + 0xFFFF))


def test_every_single_character_is_canonical_after_one_step() -> None:
    for code in (*MEANT, *EDGES):
        once = canonical_mailbox(f"a{chr(code)}b@example.org")
        assert canonical_mailbox(once) == once, hex(code)


@given(atoms, atoms, unknown_domains, st.sampled_from(["", " ", "\t", "\u00a0", "\r\n"]))
def test_case_and_space_make_no_difference(user: str, tag: str, domain: str, space: str) -> None:
    address = f"{user}.{tag}@{domain}"
    assert same(address, space + address.swapcase() + space)
    assert same(address, address.title())


@given(st.text(st.characters(categories=["L", "M", "N"]), min_size=1, max_size=20))
def test_normal_form_makes_no_difference(user: str) -> None:
    forms = [unicodedata.normalize(form, user) + "@example.org" for form in ("NFC", "NFD")]
    assert same(*forms)


@given(atoms, atoms, st.sampled_from(["gmail.com", "outlook.com", "fastmail.com", "proton.me", "icloud.com",
                                      "yandex.by", "zoho.com", "hotmail.fr", "ya.ru"]))  # fmt: skip
def test_tag_makes_no_difference_where_the_provider_drops_it(user: str, tag: str, domain: str) -> None:
    assert same(f"{user}@{domain}", f"{user}+{tag}@{domain}")


@given(atoms, atoms)
def test_dots_make_no_difference_to_gmail_and_proton(one: str, other: str) -> None:
    assert same(f"{one}.{other}@gmail.com", f"{one}{other}@googlemail.com")
    assert same(f"{one}.{other}@proton.me", f"{one}-{other}@pm.me")
    assert same(f"{one}.{other}@yandex.ru", f"{one}-{other}@yandex.kz")


@given(atoms, atoms, atoms, unknown_domains)
def test_tags_of_unknown_domains_stay_apart(user: str, one: str, other: str, domain: str) -> None:
    assume(one != other)
    assert not same(f"{user}+{one}@{domain}", f"{user}+{other}@{domain}")


@given(atoms, atoms, st.sampled_from(sorted(RULES)))
def test_users_of_one_provider_stay_apart(one: str, other: str, domain: str) -> None:
    assume(one != other)
    assert not same(f"{one}@{domain}", f"{other}@{domain}")


# --- fingerprints --------------------------------------------------------------------------------


def test_fingerprint_is_what_it_always_was() -> None:
    # Registers outlive releases: a change here would let everyone sign twice.
    assert fingerprint(MAC, "anna@example.org").hex() == "b9aa454f38b6a9852c76039e620c222e"
    assert name_key(MAC, "Anna Каваленка").hex() == "aa01af1ff4dca55a"
    assert withdrawal_token(MAC, bytes(16)) == "aMhPEcTd8kwZ8hwdgmVXdUbG8nr8igblmF2fzjVltxU"


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_a_mac_is_the_standard_librarys_hmac(secret: bytes, message: bytes) -> None:
    mac = Mac(secret)
    assert mac(message) == hmac.digest(secret, message, "sha256")
    assert mac(message) == mac(message)


@given(texts, texts)
def test_fingerprints_and_name_keys_differ_by_text_campaign_and_kind(one: str, other: str) -> None:
    assume(one != other)
    assert len(fingerprint(MAC, one)) == FINGERPRINT_BYTES
    assert fingerprint(MAC, one) != fingerprint(MAC, other)
    assert fingerprint(MAC, one) != fingerprint(OTHER_MAC, one)
    assert name_key(MAC, one) != name_key(OTHER_MAC, one)
    assert name_key(MAC, one) != fingerprint(MAC, one)[:NAME_KEY_BYTES]


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna Kavalenka", "  KAVALENKA,  anna "),
        ("Anna-Maria Nowak", "Anna Maria Nowak"),
        ("O'Brien", "O’Brien"),
        ("O'Brien", "OBrien"),
        ("Дар’я", "Дарʼя"),
        ("Дар'я", "ДАР´Я"),
        ("José", "Jose\u0301"),
        ("Ａｎｎａ", "Anna"),
        ("ｱﾝﾅ", "アンナ"),
        ("an\u200bna", "anna"),
        ("Anna\u0000", "anna"),
        ("می\u200cخواهم", "میخواهم"),
        ("渡邉\U000e0102", "渡邉"),
        ("Strauß", "STRAUSS"),
        ("J. R. Nowak", "J.R. Nowak"),
    ],
)
def test_one_name_written_in_two_ways(one: str, other: str) -> None:
    assert name_key(MAC, one) == name_key(MAC, other)


@pytest.mark.parametrize(
    "names",
    [
        ("Иван", "محمد", "李", "Ivan", "ივანე", "इवान", "อีวาน", "יוחנן"),
        ("Hòa", "Hoa", "Hoà"),
        ("Nina", "Нина", "Ніна"),
        ("Андрей", "Андреи"),
        ("Anna", "Ann", "Anna A"),
        ("!", "?", "!!", "☺"),
        ("1", "2"),
        ("ılgaz", "ilgaz"),
    ],
)
def test_names_of_different_persons_stay_apart(names: tuple[str, ...]) -> None:
    assert len({name_key(MAC, name) for name in names}) == len(names)


SCRIPTS = {
    "Latin": "abcdefghijklmnopqrstuvwxyz",
    "Cyrillic": "абвгдежзіийклмнопрстуўфхцчшыьэюя",
    "Greek": "αβγδεζηθικλμνξοπρστυφχψω",
    "Arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "Hebrew": "אבגדהוזחטיכלמנסעפצקרשת",
    "Han": "李王张刘陈杨黄赵吴周",
    "Kana": "あいうえおかきくけこ",
    "Georgian": "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
    "Devanagari": "कखगघचछजझटठडढतथदधनपफबभमयरलवशषसह",
}
named_in = [st.text(letters, min_size=1, max_size=12) for letters in SCRIPTS.values()]


@given(st.data())
def test_names_in_different_scripts_never_meet(data: st.DataObject) -> None:
    one, other = data.draw(st.permutations(named_in))[:2]
    assert name_key(MAC, data.draw(one)) != name_key(MAC, data.draw(other))


@given(st.lists(st.one_of(named_in), min_size=1, max_size=5), st.randoms())
def test_order_case_and_space_of_words_make_no_difference(words: list[str], random: object) -> None:
    shuffled = list(words)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    key = name_key(MAC, " ".join(words))
    assert key == name_key(MAC, "\u3000 ".join(shuffled))
    assert key == name_key(MAC, ", ".join(words).swapcase() + " ")


@given(any_text)
def test_normal_form_of_a_name_makes_no_difference(name: str) -> None:
    keys = {name_key(MAC, unicodedata.normalize(form, name)) for form in ("NFC", "NFD")}
    assert len(keys) == 1


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_names_are_read_like_all_others(name: str) -> None:
    assert identity._ascii_words(name) == identity._words(name)


@given(st.text(st.characters(exclude_categories=[])))
def test_every_name_has_a_key(name: str) -> None:
    assert len(name_key(MAC, name)) == NAME_KEY_BYTES


# --- tokens --------------------------------------------------------------------------------------

token_bytes = st.binary(min_size=32, max_size=32)


@given(token_bytes)
def test_token_comes_back_as_it_was(raw: bytes) -> None:
    text = identity._token_text(raw)
    assert len(text) == 43
    assert parse_token(text) == raw


@given(token_bytes, st.integers(0, 42), st.characters())
def test_altered_token_is_none_of_ours_or_another(raw: bytes, place: int, character: str) -> None:
    text = identity._token_text(raw)
    altered = text[:place] + character + text[place + 1 :]
    assume(altered != text)
    assert parse_token(altered) != raw


@given(st.text(st.characters(exclude_categories=[])) | st.text("AZaz09-_=+/\n", min_size=40, max_size=46))
def test_only_our_own_spelling_of_a_token_counts(text: str) -> None:
    raw = parse_token(text)
    if raw is None:
        with pytest.raises(ValueError, match="not a token"):
            token_hash(text)
    else:
        assert identity._token_text(raw) == text


def test_tokens_are_new_every_time_and_their_hash_is_not_the_token() -> None:
    one, other = new_token(), new_token()
    assert one != other
    assert token_hash(one) != token_hash(other)
    assert token_hash(one) != parse_token(one)


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_withdrawal_token_is_one_per_mailbox_and_campaign(one: bytes, other: bytes) -> None:
    assume(one != other)
    token = withdrawal_token(MAC, one)
    assert parse_token(token) is not None
    assert token == withdrawal_token(MAC, one)
    assert token_hash(token) == withdrawal_hash(MAC, one)
    assert token_hash(unsubscription_token(MAC, one)) == unsubscription_hash(MAC, one) != withdrawal_hash(MAC, one)
    assert token not in {withdrawal_token(MAC, other), withdrawal_token(OTHER_MAC, one)}
