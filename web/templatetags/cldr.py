"""Filters of every template (settings.py): `{{ total|number }}`, `{{ published_at|day }}`, `{{ as_of|moment }}`."""

from __future__ import annotations

import datetime

from django import template

from web.i18n import cldr

register = template.Library()


@register.filter
def number(value: float | str | None) -> str:
    """A number with its thousands set apart; "" for none, and for a variable that is not there."""
    return "" if value is None or isinstance(value, str) else cldr.number(value)


@register.filter
def day(value: datetime.date | None) -> str:
    """A date in words; "" for none."""
    return "" if value is None else cldr.day(value)


@register.filter
def moment(value: datetime.datetime | None) -> str:
    """A date in words with the time, in UTC; "" for none."""
    return "" if value is None else cldr.moment(value)


@register.filter
def country(code: str | None) -> str:
    """A country's name; "" for none."""
    return cldr.country_name(str(code)) if code else ""
