"""What every page stands on cannot be hidden: not by a view's own names, and not by a template's."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.template import engines
from django.template.response import TemplateResponse
from django.test import RequestFactory

from staff.models import Role
from web.context import site
from web.page_templates import PROVIDED, NameHidden

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
#: Where a template gives something a name: {% for X, Y in … %}, {% with X=… Y=… %} and its like, {% … as X %}.
NAMING = re.compile(r"{%\s*(?:for\s+(?P<each>[\w\s,]+?)\s+in\s|(?P<kind>\w+)\b(?P<rest>.*?)%})", re.DOTALL)
GIVEN = re.compile(r"\b(\w+)=")
CALLED = re.compile(r"\bas\s+(\w+)\s*$")


def names_given(source: str) -> set[str]:
    names: set[str] = set()
    for tag in NAMING.finditer(source):
        if tag["each"]:
            names |= set(re.split(r"[\s,]+", tag["each"].strip()))
            continue
        rest = re.sub(r'"[^"]*"|\'[^\']*\'', '""', tag["rest"])
        if tag["kind"] in ("with", "include", "blocktranslate"):
            names |= set(GIVEN.findall(rest))
        names |= set(CALLED.findall(rest.strip()))
    return names


@pytest.fixture
def request_(db: None) -> HttpRequest:
    return RequestFactory().get("/")


def test_the_names_are_those_that_the_context_processor_gives(request_: HttpRequest) -> None:
    assert site(request_).keys() == PROVIDED


@pytest.mark.parametrize("name", sorted(PROVIDED))
def test_a_view_that_hides_one_of_them_fails_at_once(request_: HttpRequest, name: str) -> None:
    with pytest.raises(NameHidden, match=name):
        engines["django"].from_string("x").render({"campaign": 1, name: []}, request_)
    with pytest.raises(NameHidden, match=name):
        TemplateResponse(request_, "404.html", {name: None}).render()


def test_what_is_no_page_may_use_any_name() -> None:
    assert engines["django"].from_string("{{ identity }}").render({"identity": "own"}) == "own"


def test_djangos_admin_may_have_its_own(request_: HttpRequest, staff: Callable[[Role], User]) -> None:
    request_.user = staff(Role.MODERATOR)
    context = admin.site.each_context(request_)
    assert PROVIDED & context.keys() == {"site_url"}
    assert engines["django"].from_string("{{ title }}").render({**context, "title": "x"}, request_) == "x"


@pytest.mark.parametrize(
    "template", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES))
)
def test_no_template_hides_one_of_them(template: Path) -> None:
    assert names_given(template.read_text()) & PROVIDED == set()


@pytest.mark.parametrize(
    "source",
    [
        "{% for versions in x %}", "{% for a, versions in x %}", "{% with versions=x %}",
        "{% with a=1 versions=x|b:'c' %}", "{% include 'a.html' with versions=x only %}",
        '{% translate "a" as versions %}', "{% url 'home' as versions %}",
        "{% blocktranslate trimmed with versions=x %}",
    ],
)  # fmt: skip
def test_each_way_of_giving_a_name_is_seen(source: str) -> None:
    assert "versions" in names_given(source)


def test_words_are_no_names() -> None:
    assert names_given('{% translate "it is known as versions" %}{{ versions }}{% if versions %}') == set()
