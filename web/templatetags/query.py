"""{% querystring_of asked page=2 %}: what was asked for, with another page."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from django import template

register = template.Library()


@register.simple_tag
def querystring_of(asked: Mapping[str, str], **changed: object) -> str:
    """The query string of these questions, without empty ones."""
    return urlencode({name: value for name, value in {**asked, **changed}.items() if value})
