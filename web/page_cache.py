"""Public pages, kept in the process as bytes for a moment: the same for everybody, no query, no template.

A page on the shelf has no cookie and no token, so any proxy may keep it too. Reads break first: a
petition in the news has 10,000 readers a second, and one signature.
"""

from __future__ import annotations

import functools
import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import brotli
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import translation

from web.identities import site

#: Seconds a page is served without asking the database.
FRESH_FOR: Final = 2.0
#: Proxies keep a page for two seconds, give out the old one for as long again while they fetch the next, and for ten
#: minutes where we are away. Browsers ask each time (304 by ETag): who has just confirmed and goes back to the petition
#: wants to see one more.
CACHE_CONTROL: Final = "public, max-age=0, s-maxage=2, stale-while-revalidate=2, stale-if-error=600"
#: Headers of a view that are kept with its page.
KEPT: Final = ("Access-Control-Allow-Origin", "Content-Disposition", "Link")
#: Brotli's. A tenth smaller than 5, for 30 ms of processor at each rendering instead of 2: what keeps a petition in
#: Cyrillic within 14 kB. The highest, 11, costs three times that and gains nothing.
QUALITY: Final = 10
#: Pages beyond this many are not kept: addresses with made-up ends must not fill the memory.
SHELF_SIZE: Final = 2000


@dataclass(frozen=True, slots=True)
class Page:
    """A rendered page, plain and compressed once instead of at each request."""

    body: bytes
    compressed: bytes
    content_type: str
    etag: str
    until: float
    #: Of the view's own headers, those that go with every answer.
    headers: tuple[tuple[str, str], ...] = ()


#: Whose site (0: nobody's in particular), in which language, which path. Not the host itself: those that are nobody's
#: own show the same, and made-up ones must not fill the shelf.
type Key = tuple[int, str, str]

_shelf: dict[Key, Page] = {}
_rendering: dict[Key, threading.Lock] = {}


def cached_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Serve the view's 200 answers to GET from the shelf. Query strings do not make another page.

    Where the database is away, the page as it was last is served rather than an error.
    """

    @functools.wraps(view)
    def serve(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return view(request, *args, **kwargs)
        key = (site().pk or 0, translation.get_language() or "", request.path)
        page = _shelf.get(key)
        if page and time.monotonic() < page.until:
            return _answer(request, page)
        # One thread renders. The others serve what there was, for it may be waiting for a database that is
        # away; where there was nothing, they wait for its page instead of rendering it as well.
        lock = _rendering.setdefault(key, threading.Lock())
        if not lock.acquire(blocking=page is None) and page:
            return _answer(request, page)
        try:
            page = _shelf.get(key)
            if page and time.monotonic() < page.until:
                return _answer(request, page)
            return _render(key, page, request, functools.partial(view, request, *args, **kwargs))
        finally:
            _rendering.pop(key, None)
            lock.release()

    return serve


def _render(key: Key, stale: Page | None, request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
    try:
        response = view()
    except (OperationalError, InterfaceError):
        if stale is None:
            raise
        # Good for another moment: finding out that the database is away takes seconds, not to be spent
        # by every request.
        _shelf[key] = page = replace(stale, until=time.monotonic() + FRESH_FOR)
        return _answer(request, page)
    except Http404:
        _shelf.pop(key, None)
        raise
    if response.status_code != 200:
        _shelf.pop(key, None)  # a form that has closed must not come back as a stale page
        return response
    return _answer(request, _put(key, response))


def _put(key: Key, response: HttpResponse) -> Page:
    body = response.content
    page = Page(
        body=body,
        compressed=brotli.compress(body, quality=QUALITY),
        content_type=response["Content-Type"],
        etag=f'"{hashlib.sha256(body).hexdigest()[:24]}"',
        until=time.monotonic() + FRESH_FOR,
        headers=tuple((name, response[name]) for name in KEPT if name in response),
    )
    if len(_shelf) >= SHELF_SIZE:
        _shelf.clear()
    _shelf[key] = page
    return page


def _answer(request: HttpRequest, page: Page) -> HttpResponse:
    if page.etag in request.META.get("HTTP_IF_NONE_MATCH", ""):
        response = HttpResponse(status=304)
    elif "br" in request.META.get("HTTP_ACCEPT_ENCODING", ""):
        response = HttpResponse(page.compressed, content_type=page.content_type)
        response["Content-Encoding"] = "br"
    else:
        response = HttpResponse(page.body, content_type=page.content_type)
    for name, value in page.headers:
        response[name] = value
    response["ETag"] = page.etag
    response["Vary"] = "Accept-Encoding"
    response["Cache-Control"] = CACHE_CONTROL
    return response


def clear_page_cache() -> None:
    """Render every page anew."""
    _shelf.clear()
