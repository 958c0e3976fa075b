"""Filters of every template (settings.py) that mark what nobody has translated: `lang` where an element holds nothing
else, `isolated` where it is a part of a sentence."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from web.i18n.languages import BY_CODE
from web.i18n.translated import Foreign, foreign, isolated, isolated_in_plain_text

register = template.Library()
register.filter(isolated)
register.filter(isolated_in_plain_text)


@register.filter
def lang(text: str) -> str:
    """`<p{{ campaign.lead|lang }}>`: says the language of a text that is not in the page's; "" where it is."""
    return format_html(' lang="{}"', text.language) if isinstance(text, Foreign) else SafeString("")


@register.filter
def own_name(code: str) -> str:
    """What its readers call the language."""
    return foreign(BY_CODE[code].name, code) if code in BY_CODE else code
