"""Django's templates, with one rule more: no view hides what every page stands on.

A view's own names come before those of context processors. One that called its texts "versions" took the language menu
and the canonical address from its page, without an error. Such a view now fails at its first request, and so in the
first test of it. The templates themselves are read by tests/web/test_context.py.
"""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.template.backends.django import DjangoTemplates, Template

#: What web/context.py says of every page.
PROVIDED: Final = frozenset(
    {"identity", "site_url", "maintenance", "page_language", "versions", "homes", "default_path"}
)
#: Django's admin has a name of its own like one of ours; its pages stand on theirs (AdminSite.each_context()).
_OF_THE_ADMIN: Final = frozenset({"site_url"})


class NameHidden(Exception):
    """A view gives its template a name that means something else on every page."""


class _Page(Template):
    def render(self, context: dict[str, Any] | None = None, request: HttpRequest | None = None) -> Any:
        if request is not None and context:
            hidden = PROVIDED & context.keys()
            if "is_nav_sidebar_enabled" in context:
                hidden -= _OF_THE_ADMIN
            if hidden:
                raise NameHidden(f"{self.origin}: {', '.join(sorted(hidden))}")
        return super().render(context, request)


class Templates(DjangoTemplates):
    """The engine of settings.TEMPLATES."""

    def get_template(self, template_name: str) -> Template:
        return _Page(super().get_template(template_name).template, self)

    def from_string(self, template_code: str) -> Template:
        return _Page(super().from_string(template_code).template, self)
