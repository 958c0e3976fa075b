"""Filters of every template (settings.py) that mark what nobody has translated."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.languages import BY_CODE
from petitions.translated import Foreign

register = template.Library()


@register.filter
def lang(text: str) -> str:
    """`<p{{ campaign.lead|lang }}>`: says the language of a text that is not in the page's; "" where it is."""
    return format_html(' lang="{}"', text.language) if isinstance(text, Foreign) else SafeString("")


@register.filter
def own_name(code: str) -> str:
    """What its readers call the language."""
    return BY_CODE[code].name if code in BY_CODE else code
