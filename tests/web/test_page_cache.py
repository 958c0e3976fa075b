"""The shelf while a page cannot be rendered, or takes its time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.test import RequestFactory

from web import page_cache
from web.models import Identity


class Page:
    """A view that counts how often it is asked, and does what it is told."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer: Callable[[], HttpResponse] = lambda: HttpResponse("as it was")
        self.serve = page_cache.cached_page(self.render)

    def render(self, request: HttpRequest) -> HttpResponse:
        self.asked += 1
        return self.answer()

    def get(self) -> HttpResponse:
        return self.serve(RequestFactory().get("/page"))


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Make what is on the shelf stale; the clock stands still otherwise."""
    clock = [1000.0]
    monkeypatch.setattr(page_cache.time, "monotonic", lambda: clock[0])

    def move() -> None:
        clock[0] += 60

    return move


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    monkeypatch.setattr(page_cache, "site", Identity.nameless)  # nobody asks a database here
    page_cache.clear_page_cache()
    yield Page()
    page_cache.clear_page_cache()


def away() -> HttpResponse:
    raise OperationalError


def test_a_database_that_is_away_is_asked_once_a_moment(page: Page, later: Callable[[], None]) -> None:
    page.get()
    page.answer = away
    later()
    assert [page.get().content for _ in range(5)] == [b"as it was"] * 5
    assert page.asked == 2
    later()
    page.answer = lambda: HttpResponse("anew")
    assert page.get().content == b"anew"


def test_where_there_was_no_page_the_error_is_not_hidden(page: Page) -> None:
    page.answer = away
    for _ in range(2):
        with pytest.raises(OperationalError):
            page.get()


def test_a_stale_page_is_served_at_once_while_somebody_renders(page: Page, later: Callable[[], None]) -> None:
    page.get()
    later()
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> HttpResponse:
        begun.set()
        assert go_on.wait(20)
        return HttpResponse("anew")

    page.answer = slow
    first, second = (threading.Thread(target=page.get, daemon=True) for _ in range(2))
    first.start()
    assert begun.wait(20)
    second.start()
    second.join(5)
    waited = second.is_alive()
    go_on.set()
    first.join(20)
    assert not waited
    assert page.asked == 2
    assert page.get().content == b"anew"


@pytest.mark.parametrize("status", [404, 409])
def test_a_page_that_is_gone_does_not_come_back_as_a_stale_one(
    page: Page, later: Callable[[], None], status: int
) -> None:
    def gone() -> HttpResponse:
        if status == 404:
            raise Http404
        return HttpResponse(status=status)

    page.get()
    later()
    page.answer = gone
    try:
        assert page.get().status_code == status
    except Http404:
        assert status == 404
    page.answer = away
    with pytest.raises(OperationalError):
        page.get()
