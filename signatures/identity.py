"""Who is who: the one canonical form of a mailbox, blind keys of mailboxes and names, and link tokens.

Pure functions: no Django, no settings, no input or output. Everything that decides whether two
signatures are one person's comes from here, so that no two places can disagree about it.
"""

import hmac
import re
import secrets
import unicodedata
from binascii import a2b_base64, b2a_base64
from functools import lru_cache
from hashlib import sha256

import idna

from signatures.mail_providers import RULES, Provider

__all__ = [
    "FINGERPRINT_BYTES",
    "NAME_KEY_BYTES",
    "TOKEN_BYTES",
    "Mac",
    "NotAMailbox",
    "ascii_domain",
    "canonical_mailbox",
    "fingerprint",
    "links_label",
    "mailable",
    "mailbox_family",
    "name_key",
    "new_token",
    "parse_token",
    "token_hash",
    "unsubscription_hash",
    "unsubscription_token",
    "withdrawal_hash",
    "withdrawal_token",
]

FINGERPRINT_BYTES = 16
NAME_KEY_BYTES = 8
TOKEN_BYTES = 32


class NotAMailbox(ValueError):
    """What was given has no local part or no domain that could ever receive mail."""


# --- mailboxes -----------------------------------------------------------------------------------


_WIDTH_FORMS = re.compile("[\uff01-\uffee]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_NEEDS_QUOTES = re.compile(r'[\s\x00-\x20\x7f"(),:;<>@\[\]\\]|^\.|\.$|\.\.|^$')
_HOST_LABEL = re.compile("[a-z0-9-]+")
_LAST_DOMAIN = re.compile(r"(?<=@)[^@<>\s]+(?=>?\s*\Z)")
_DOMAIN_ENDS = ". \t\n\r\v\f\x1c\x1d\x1e\x1f"


def canonical_mailbox(address: str) -> str:
    """The one form in which all spellings of a mailbox are equal; for fingerprints, never for sending mail.

    White space around it, letter case, Unicode normal form, East Asian width, needless quotes, the spelling
    of an internationalised domain and what the provider is known to ignore make no difference. Idempotent.
    The local part is compared as Unicode compares without case (D145), so "ß" equals "ss" there; the domain
    by UTS 46, where it does not.

    Raises NotAMailbox if there is no local part, no domain, or a domain that IDNA 2008 does not allow.
    """
    address = address.strip()
    plain = address.isascii()
    if not plain:
        if _SURROGATES.search(address):
            raise NotAMailbox("an address cannot hold lone surrogates")
        # Nobody owns a full-width mailbox: it is what an East Asian keyboard makes of the plain one.
        address = _WIDTH_FORMS.sub(_narrow, address).strip()
    local, _at, domain = address.rpartition("@")
    # White space at its end too: what a provider ignores may stand between it and the rest (". a", "a +x").
    local = local.rstrip()
    if not (local and domain):
        raise NotAMailbox("an address needs a part before and a part after the @")
    provider = _provider(domain)
    local = local.lower() if plain else _caseless(local)
    if local[0] == '"':
        local = _unquoted(local)
    if provider.subdomains:
        local, provider = _out_of_subdomain(local, provider)
    if provider.tag:
        local = _as_delivered(local, provider)
        # What stood between a letter and an accent may be gone: they are one letter then.
        local = local if plain else _caseless(local)
    return f"{local}@{provider.domain}"


def _narrow(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", match[0])


def _caseless(text: str) -> str:
    # Unicode's canonical caseless match. Decomposed before folding, or the iota subscript breaks idempotence.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


# A campaign sees a few thousand domains, and most mailboxes are at a dozen of them.
@lru_cache(maxsize=4096)
def _provider(domain: str) -> Provider:
    """What is known of a domain as typed; an unknown one is its own provider, with no rules."""
    name = ascii_domain(domain)
    known = RULES.get(name)
    if known:
        return known
    user, _, parent_name = name.partition(".")
    parent = RULES.get(parent_name)
    if parent and parent.subdomains and _HOST_LABEL.fullmatch(user):
        return parent._replace(domain=name)
    return Provider(name)


def ascii_domain(domain: str) -> str:
    """A domain as it stands in mail and in the DNS: by IDNA 2008 as UTS 46 maps it, without the dot at its end.

    The only place that knows: whom a signature belongs to and where its mail goes must be one mailbox. (Python's codec
    and Django's `punycode` follow IDNA 2003, to which straße.example is strasse.example: another's server.)

    Raises NotAMailbox for a domain that is none.
    """
    if domain.isascii():
        name = domain.lower().rstrip(_DOMAIN_ENDS)
    else:
        try:
            name = idna.encode(domain, uts46=True).decode("ascii").rstrip(".")
        except UnicodeError as error:  # IDNAError is one, and so is what the punycode codec raises
            raise NotAMailbox("a domain that IDNA does not allow") from error
    if not name:
        raise NotAMailbox("an address needs a domain after the @")
    return name


def mailable(address: str) -> str:
    """An address as it goes into a mail, also with a name before it and in < >: its domain in ASCII, the rest as it is.

    For what is handed to Django, which would make its own ASCII of a domain. Raises NotAMailbox.
    """
    return address if address.isascii() else _LAST_DOMAIN.sub(lambda domain: ascii_domain(domain[0]), address)


def _unquoted(local: str) -> str:
    """RFC 5321, 4.1.2: quotes say nothing about the mailbox where they are not needed."""
    if len(local) < 2 or local[-1] != '"':
        return local
    content = _caseless(_QUOTED_PAIR.sub(r"\1", local[1:-1]))  # an accent may have followed a backslash
    if not _NEEDS_QUOTES.search(content):
        return content
    return '"' + content.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _out_of_subdomain(local: str, provider: Provider) -> tuple[str, Provider]:
    if provider.domain in RULES:
        return local, provider
    user, _, domain = provider.domain.partition(".")
    return user, RULES[domain]


def _as_delivered(local: str, provider: Provider) -> str:
    """The local part without what the provider ignores; as it is if quoted, or if nothing were left."""
    if '"' in local:
        return local
    user = local.partition(provider.tag)[0]
    for ignored in provider.ignored:
        user = user.replace(ignored, "")
    if provider.hyphen_is_dot:
        user = user.replace("-", ".")
    return user.strip() or local


def mailbox_family(canonical: str) -> str:
    """The mailbox without what stands after a "+", whatever its provider makes of that: for limits and for finding
    floods, where one person has as many addresses as they like. Whose a signature is, `canonical_mailbox` says."""
    local, _, domain = canonical.rpartition("@")
    user = local if local[0] == '"' else local.partition("+")[0]
    return f"{user or local}@{domain}"


# --- blind keys ----------------------------------------------------------------------------------


class Mac:
    """HMAC-SHA-256 (RFC 2104) under one secret, for many messages: admission asks seven times a signature.

    A copy of one that has hashed the key takes half of what `hmac.digest` does, which sets up a context each time.
    """

    __slots__ = ("_keyed",)

    def __init__(self, secret: bytes) -> None:
        self._keyed = hmac.new(secret, digestmod=sha256)

    def __call__(self, message: bytes) -> bytes:
        """The 32 bytes that only who has the secret can make of this message."""
        keyed = self._keyed.copy()
        keyed.update(message)
        return keyed.digest()


def fingerprint(mac: Mac, canonical: str) -> bytes:
    """16 bytes that stand for a mailbox in one campaign, and say nothing without its pepper (the secret of `mac`).

    HMAC-SHA-256, truncated. 128 bits are free of collisions at any size of register: by the birthday bound,
    two of 10^9 mailboxes share a fingerprint with a chance of 10^-21. `canonical` is `canonical_mailbox`'s.
    """
    return mac(b"mailbox\0" + canonical.encode())[:FINGERPRINT_BYTES]


# Dropped, not turned into spaces: O'Brien, O’Brien and OBrien; Дар'я, Дар’я and Даря. Many of these signs
# are letters or spaced accents to Unicode, so they are named here.
_APOSTROPHES = "'`\u00b4\u02b9\u02bb\u02bc\u02bd\u02c8\u2018\u2019\u201b\u2032\u2035\uff07"
# Marks and letters that show nothing: joiners of graphemes, blank Hangul, selectors of glyph variants.
_UNSEEN = "".join(
    chr(code)
    for first, last in (
        (0x34F, 0x34F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x3164, 0x3164),
        (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xE0100, 0xE01EF),
    )
    for code in range(first, last + 1)
)  # fmt: skip
_DROPPED = dict.fromkeys(map(ord, _APOSTROPHES + _UNSEEN))
_ASCII_WORDS = {
    code: None if chr(code) in "'`" or code < 9 or 14 <= code < 28 or code == 127 else " "
    for code in range(128)
    if not chr(code).isalnum()
}


def name_key(mac: Mac, name: str) -> bytes:
    """8 bytes that stand for a person's name in one campaign: to tell apart those who share a mailbox.

    Letter case, width, normal form, order and spacing of words, punctuation and characters that show nothing
    make no difference. Every script is kept as it is written: nothing is turned into Latin letters, so
    "Иван", "محمد" and "李" differ. Accents count too: a wrong merge takes away the signature of a second
    person in the family (Hòa and Hoa), a wrong split only leaves a likely duplicate to resemblance.
    64 bits are ample: keys are compared within a mailbox, or to propose what people then screen.
    """
    words = words_of(name)
    # Two names without a single letter or digit are still two names.
    text = " ".join(sorted(words)) or "\0" + name.strip()
    return mac(b"name\0" + text.encode("utf-8", "replace"))[:NAME_KEY_BYTES]


def words_of(name: str) -> list[str]:
    """The words of a name as they were typed, one after the other, but for case, width, punctuation and the unseen."""
    return _ascii_words(name) if name.isascii() else _words(name)


def _ascii_words(name: str) -> list[str]:
    return name.lower().translate(_ASCII_WORDS).split()


def _words(name: str) -> list[str]:
    text = _compatible(name.translate(_DROPPED)).translate(_DROPPED)
    words = text.split()
    if "".join(words).isalnum():  # nearly every name: no need to look at each character
        return words
    return "".join(map(_in_words, text)).split()


def _compatible(text: str) -> str:
    # Unicode's compatibility caseless match (D146), composed at the end.
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFD", text).casefold())
    return unicodedata.normalize("NFKC", text.casefold())


def _in_words(character: str) -> str:
    """The character if words are made of it, nothing if it only hides, else the space between words."""
    if character.isalnum():
        return character
    category = unicodedata.category(character)
    if category[0] in "MN":
        return character
    if category == "Cf" or (category == "Cc" and not character.isspace()):
        return ""
    return " "


# --- tokens in links -----------------------------------------------------------------------------

_TOKEN = re.compile("[A-Za-z0-9_-]{43}")
# base64's own functions for this take a step more for each of these; every signature writes a token and reads it.
_URL_SAFE, _STANDARD = bytes.maketrans(b"+/", b"-_"), str.maketrans("-_", "+/")


def new_token() -> str:
    """256 random bits as they stand in a link: 43 characters of base64url, without padding."""
    return _token_text(secrets.token_bytes(TOKEN_BYTES))


def withdrawal_token(mac: Mac, fingerprint: bytes) -> str:
    """The 43 characters that withdraw this mailbox's signature; the same in every mail that goes to it.

    Keyed, so that it can be made again without being stored, and by nobody without the campaign's pepper.
    """
    return _token_text(mac(b"withdraw\0" + fingerprint))


def unsubscription_token(mac: Mac, fingerprint: bytes) -> str:
    """The 43 characters that end this mailbox's updates. It withdraws nothing: another key, as it were."""
    return _token_text(mac(b"unsubscribe\0" + fingerprint))


def withdrawal_hash(mac: Mac, fingerprint: bytes) -> bytes:
    """`token_hash` of this mailbox's withdrawal token, without writing the token first: admission needs no more."""
    return sha256(mac(b"withdraw\0" + fingerprint)).digest()


def unsubscription_hash(mac: Mac, fingerprint: bytes) -> bytes:
    """`token_hash` of this mailbox's unsubscription token."""
    return sha256(mac(b"unsubscribe\0" + fingerprint)).digest()


def links_label(mac: Mac, fingerprint: bytes) -> bytes:
    """16 bytes that stand for this mailbox beside its confirmation links; nothing but the pepper ties them to it."""
    return mac(b"links\0" + fingerprint)[:FINGERPRINT_BYTES]


def parse_token(text: str) -> bytes | None:
    """The 32 bytes of a token as it stands in a link; None for anything that we could not have written."""
    if not _TOKEN.fullmatch(text):
        return None
    token = a2b_base64(text.translate(_STANDARD) + "=")
    # The last character carries two bits too many: of the four spellings, only ours counts.
    return token if _token_text(token) == text else None


def token_hash(token: str) -> bytes:
    """What the database keeps of a token: SHA-256 of its 32 bytes. Raises ValueError if it is not ours."""
    raw = parse_token(token)
    if raw is None:
        raise ValueError("not a token")
    return sha256(raw).digest()


def _token_text(raw: bytes) -> str:
    return b2a_base64(raw, newline=False).translate(_URL_SAFE, b"=").decode("ascii")
