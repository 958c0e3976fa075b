"""Tags of every template (settings.py) that say whose page it is, also where a page is rendered without a request."""

from __future__ import annotations

from django import template

from web import branding, identities

register = template.Library()


@register.simple_tag
def site_name() -> str:
    """The name of whoever's page this is."""
    return identities.shown().name


@register.simple_tag
def style(sheet: str) -> str:
    """The address of `css/<sheet>.css`, in the colours of whoever's page this is."""
    return branding.style_url(identities.shown(), sheet)


@register.simple_tag
def desk_name() -> str:
    """The name of the installation, for staff's pages."""
    return identities.main().name
