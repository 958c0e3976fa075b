"""Two people at one form: the second is told, sees both, and undoes nothing of the first.

A form carries digests of what it was filled from. When it comes back, each field that somebody else has changed since
keeps their text if this person did not touch it, and is refused with their text beside one's own if both did. Whoever
then saves again has seen both and decides.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django import forms
from django.db import models
from django.forms.models import construct_instance
from django.utils.text import capfirst
from django.utils.translation import gettext as _

#: The hidden field: {"model.key.field": digest} as JSON.
SEEN: Final = "seen"


def digest(value: Any) -> str:
    """Of a value as a form shows it: browsers end lines in their own way, and blanks around a text are nothing."""
    return hashlib.sha256(str(value).replace("\r\n", "\n").strip().encode()).hexdigest()[:12]


def read_seen(data: Mapping[str, Any]) -> dict[str, str]:
    """What the form was filled from; {} where it does not say, or says nonsense."""
    try:
        seen = json.loads(data.get(SEEN) or "{}")
    except (ValueError, TypeError):
        return {}
    return {str(key): str(value) for key, value in seen.items()} if isinstance(seen, dict) else {}


def write_seen(forms_: Iterable[Any], data: Mapping[str, Any]) -> str:
    """The hidden field's value: of what is in the database for a new form, and of what it said before for one that
    comes again, but for what its sender has been told of."""
    seen = read_seen(data)
    for form in forms_:
        if isinstance(form, ToldOfOthers) and form.instance.pk:
            seen |= form.told if form.is_bound else _digests(form, form.instance)
    return json.dumps(seen)


def clash(theirs: str) -> str:
    """The words beside one's own text."""
    return _(
        "Someone else has changed this in the meantime. Theirs is: “%(theirs)s”. "
        "Yours is in the field; saving again replaces theirs."
    ) % {"theirs": theirs or "–"}


class ToldOfOthers(forms.ModelForm):
    """A form that is told of what others saved since it was opened."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: Of fields that both changed: what stands there now, as this person has been told.
        self.told: dict[str, str] = {}
        #: Labels of fields that keep what somebody else has saved.
        self.kept: list[str] = []

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.instance.pk and (seen := read_seen(self.data)):
            self._compare(cleaned, seen)
        return cleaned

    def _compare(self, cleaned: dict[str, Any], seen: dict[str, str]) -> None:
        # Locked: of two who save at the same moment, one comes second.
        now = type(self.instance)._base_manager.select_for_update().filter(pk=self.instance.pk).first()
        if now is None:
            return
        mine = construct_instance(self, type(self.instance)(pk=self.instance.pk))
        for name in _fields(self):
            key, theirs = _key(now, name), _shown(now, name)
            if seen.get(key, digest(theirs)) == digest(theirs) or name not in cleaned:
                continue
            typed = _shown(mine, name, cleaned[name])
            if digest(typed) == seen[key]:
                cleaned[name] = _value(now, name)
                self.kept.append(str(self.fields[name].label or name))
            elif digest(typed) != digest(theirs):
                self.told[key] = digest(theirs)
                self.add_error(name, clash(_words(now, name)))


def kept_words(forms_: Iterable[Any]) -> str:
    """What to tell somebody whose form left alone what another has changed; "" where there is nothing to tell."""
    labels = [capfirst(label) for form in forms_ if isinstance(form, ToldOfOthers) for label in form.kept]
    if not labels:
        return ""
    return _("Someone else has changed this in the meantime, and it was kept as they left it: %s.") % ", ".join(labels)


def _fields(form: forms.ModelForm) -> list[str]:
    model_fields = {field.name for field in (*form._meta.model._meta.fields, *form._meta.model._meta.many_to_many)}
    return [name for name in form.fields if name in model_fields]


def _digests(form: forms.ModelForm, row: models.Model) -> dict[str, str]:
    return {_key(row, name): digest(_shown(row, name)) for name in _fields(form)}


def _key(row: models.Model, name: str) -> str:
    return f"{row._meta.model_name}.{row.pk}.{name}"


def _shown(row: models.Model, name: str, chosen: Any = None) -> str:
    field = row._meta.get_field(name)
    if field.many_to_many:
        rows = getattr(row, name).all() if chosen is None else chosen
        return str(sorted(one.pk for one in rows))
    return str(field.value_to_string(row))  # type: ignore[union-attr]


def _value(row: models.Model, name: str) -> Any:
    value = getattr(row, name)
    return value.all() if row._meta.get_field(name).many_to_many else value


def _words(row: models.Model, name: str) -> str:
    value = _value(row, name)
    if isinstance(value, models.QuerySet):
        return ", ".join(map(str, value))
    display = getattr(row, f"get_{name}_display", None)
    return str(display() if display else "" if value is None else value)
