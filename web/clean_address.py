"""Addresses that came with something attached to them: the address that was meant, for a redirect instead of a 404.

Mail programs, messengers and people put brackets, dots, quotation marks, dashes, invisible signs and whole words behind
a link, break it over two lines, add parameters without a question mark, write capitals or one slash too many. What is
asked here got a 404 already, so no address that there is ever changes; and what is clean stays as it is, so nothing is
redirected twice.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect, HttpResponseRedirect
from django.urls import Resolver404, resolve

from web.i18n.languages import bare, has_translations

#: Longer than any of ours with anything that is seen behind it: made-up ones are not worth looking at.
LONGEST: Final = 1000
#: How a token begins, and how long it is (signatures/identity.py): whatever follows is none of it.
_TOKEN: Final = re.compile(r"[^\w-]*(?P<token>[\w-]{43})", re.A)
_TOKEN_PAGE: Final = re.compile(
    r"(?P<page>/(?:[a-z]{2}/)?(?:confirm|withdraw|unsubscribe|mine|not-me)/)(?P<rest>.*)", re.ASCII | re.IGNORECASE
)
#: A line that was broken: as quoted-printable does it, or with the sign that quotes a line in front of the next.
_BREAK: Final = re.compile(r"=?[\r\n]+[>\s]*")
#: What our addresses are made of, up to the first sign that none of them has.
_OURS: Final = re.compile(r"[\w./~-]*", re.A)
#: At the end of a name in an address, these are somebody's punctuation.
_PUNCTUATION: Final = ".~_-"


def clean_redirect(request: HttpRequest) -> HttpResponse | None:
    """For a GET or HEAD of an address that leads nowhere: to the one that was meant, if there is such a page.

    Nobody keeps the answer: there may be a page at this address tomorrow, and it may hold a token. What follows the
    question mark goes with it, except to a token's page.
    """
    if request.method not in {"GET", "HEAD"}:
        return None
    path = meant_path(request.path_info)
    if path is None:
        return None
    has_token = _TOKEN_PAGE.match(path) is not None
    query = "" if has_token else request.META.get("QUERY_STRING", "")
    kind = HttpResponseRedirect if has_token else HttpResponsePermanentRedirect
    response = kind(f"{path}?{query}" if query else path)
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    return response


def meant_path(path: str) -> str | None:
    """The path of a page that this one was meant to lead to; None where it is no other, or nothing can be told."""
    if len(path) > LONGEST:
        return None
    if not has_translations(path):  # staff's own: only the last slash that is missing
        return None if path.endswith("/") else next(_leading_somewhere([f"{path}/"]), None)
    return next((found for found in _leading_somewhere(_guesses(_readable(path))) if found != path), None)


def _readable(path: str) -> str:
    """The path without what nobody sees in it: signs encoded twice, broken lines, signs without a width."""
    for _ in range(3):  # %2520 is seen in the wild, and more is somebody's game
        path = unquote(path)
    path = _BREAK.sub("", path).replace("\\", "/")
    return "".join(sign for sign in path if unicodedata.category(sign) not in {"Cf", "Cc"})


def _guesses(path: str) -> Iterator[str]:
    """What may have been meant, the likeliest first."""
    without_blanks = "".join(path.split())
    if page := _TOKEN_PAGE.match(_plain(without_blanks)):
        if found := _TOKEN.match(page["rest"]):  # its capitals are its own
            yield f"{page['page'].lower()}{found['token']}/"
        return
    for whole in (path, without_blanks):
        for begun in (re.sub(r"\A[^\w/]+", "", whole.lstrip("/")), whole.lstrip("/")):
            yield from _cut(begun)


def _cut(path: str) -> Iterator[str]:
    """What of a path, without its first slash, could be one of ours."""
    ours = _OURS.match(path)
    assert ours is not None  # it matches nothing as well
    rest = path[ours.end() :]
    for kept in (_plain(ours[0]), _plain(ours[0], _PUNCTUATION)):
        # A word in another script is not the list of petitions with something attached to it.
        if bare(kept[1:]) or not rest[:1].isalnum():
            yield from _with_and_without_slash(kept.lower())


def _plain(path: str, punctuation: str = ".") -> str:
    """The path with single slashes, dot segments resolved (RFC 3986 section 5.2.4), and no punctuation behind names."""
    path = re.sub(r"/[./]+\Z", "/", path)  # at the end, they are a sentence's dots
    parts = posixpath.normpath("/" + path.strip("/")).split("/")
    kept = [part.rstrip(punctuation) for part in parts]
    return "/" + "/".join(filter(None, kept)) + ("/" if path.endswith("/") else "")


def _with_and_without_slash(path: str) -> Iterator[str]:
    without = path.rstrip("/")
    yield from (f"{without}/", without) if path.endswith("/") else (without or "/", f"{without}/")


def _leading_somewhere(paths: Iterator[str] | list[str]) -> Iterator[str]:
    for path in paths:
        try:
            resolve(path)
        except Resolver404:
            continue
        yield path
