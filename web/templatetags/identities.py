"""Tags of every template (settings.py) that say whose page it is, also where a page is rendered without a request."""

from __future__ import annotations

from django import template
from django.utils import translation
from django.utils.functional import Promise

from web import branding, facts, identities
from web.i18n.languages import DEFAULT, path_in

register = template.Library()


@register.simple_tag
def site_name() -> str:
    """The name of whoever's page this is."""
    return identities.shown().name


@register.simple_tag
def standing_pages() -> list[tuple[Promise, str]]:
    """(title, path) of those that this page leads to, in the language of the moment."""
    there = identities.pages_shown()
    language = translation.get_language() or DEFAULT
    return [(title, path_in(language, there[kind])) for kind, title in facts.TITLES.items() if kind in there]


@register.simple_tag
def style(sheet: str) -> str:
    """The address of `css/<sheet>.css`, in the colours of whoever's page this is."""
    return branding.style_url(identities.shown(), sheet)


@register.simple_tag
def desk_name() -> str:
    """The name of the installation, for staff's pages."""
    return identities.main().name
