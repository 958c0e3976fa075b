"""An e-mail address, a link or a telephone number where a name or a place was asked for.

People's browsers fill in the wrong field, and others want their link in a packet: both would be handed over and shown
as a name. Pure, and generous to what people and places are called: "J.R.R. Tolkien", "St.Petersburg", "г.Минск",
"Frankfurt a.M.", "X Æ A-12", "75011 Paris" are none of these.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Literal

from django_countries import countries

type Contact = Literal["", "mailbox", "link", "domain", "number"]

# The only signs that any of them can be told by. Most names have none, and are not looked at any further.
_SIGNS: Final = re.compile(r"[@\uff20\ufe6b:\uff1a\ufe55.\u2024\u3002\ufe52\uff0e\uff61\d]")
_DOTS: Final = str.maketrans("\u3002\uff61", "..")
_MAILBOX: Final = re.compile(r"[^\s@]@[^\s@]+\.[^\s@]")
_LINK: Final = re.compile(r"[a-z][a-z0-9+.-]*://|\b(?:mailto|tel|sms|https?|javascript):|\bwww\.", re.IGNORECASE)
_DOTTED: Final = re.compile(r"([\w-]+(?:\.[\w-]+)+)(/?)")
_OLDEST: Final = frozenset({"com", "net", "org"})
#: The larger of the domains that belong to no country, those that lead nowhere, and those in other letters.
_GENERIC: Final = """
aero agency app art asia biz blog cat center click cloud club coop company design dev digital edu email example fun
global gov group guru help icu info int invalid jobs land life link live local localhost ltd media mil mobi museum
name network news ngo one online onion page party pro rocks shop site social solutions space store studio support
team tech test tel today tools top travel tube uno vip website wiki win work world wtf xxx xyz zone eu su uk ac
рф бел укр қаз срб мкд бг ею рус онлайн сайт дети орг ком москва 中国 中國 香港 台灣 台湾 한국
بازار امارات السعودية مصر ایران
"""
_DOMAINS: Final = _OLDEST | frozenset(_GENERIC.split())
#: Between the digits that a date or a house has and those that a telephone has.
_MOST_DIGITS: Final = {"name": 5, "place": 8}
#: Postal codes that have as many digits as a telephone: 90210-1234, 01310-100.
_POSTAL_CODE: Final = re.compile(r"(?<!\d)\d{5}-\d{3,4}(?!\d)")
_DIALLED: Final = re.compile(r"\+\s*\(?\d")


def contact_in(text: str, where: Literal["name", "place", "comment"]) -> Contact:
    """What of these a text has; "" for none. In a comment only a mailbox counts: it may name sources and figures."""
    if not _SIGNS.search(text):
        return ""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_DOTS)
    if _MAILBOX.search(text) if where == "comment" else "@" in text:
        return "mailbox"
    if where == "comment":
        return ""
    if _LINK.search(text):
        return "link"
    if any(_is_domain(word, bool(path)) for word, path in _DOTTED.findall(text)):
        return "domain"
    return "number" if _is_dialled(text, _MOST_DIGITS[where]) else ""


def _is_domain(word: str, has_path: bool) -> bool:
    *_, owner, last = word.split(".")
    if last.lower() in _OLDEST:
        return True
    # Surnames are as short as the domains of countries: "Dr.Li" and "J.Page" are people, "example.li" is not.
    if last != last.lower() and word != word.upper():
        return False
    short = 0 if has_path else 1 if last.lower() in _DOMAINS else 2
    return len(owner) > short and (last.lower() in _DOMAINS or last.upper() in countries.countries)


def _is_dialled(text: str, most: int) -> bool:
    digits = sum(map(str.isdigit, _POSTAL_CODE.sub("", text)))
    return digits > most or (digits > 4 and bool(_DIALLED.search(text)))
