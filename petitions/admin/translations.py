"""The admin's page of translations: the original on one side, what a language makes of it on the other."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from staff.concurrent_edits import SEEN, clash, digest, read_seen
from staff.guarded_admin import GuardedAdmin
from web.i18n.languages import BY_CODE, LANGUAGES
from web.i18n.translated import Translated, TranslatedField


@dataclass(frozen=True, slots=True)
class Line:
    """One text: what it is, how it was written, and where its translation is typed."""

    label: str
    original: str
    field: forms.BoundField


class TranslationForm(forms.Form):
    """The translations of an object and its parts into one language. Blank means: none yet.

    Of two who translate at once, the second is told, as at other forms (staff/concurrent_edits.py). `rows` are as they
    are now: where there is data, they are locked.
    """

    def __init__(self, asked: Iterable[tuple[Translated, TranslatedField]], language: str, data: Any = None) -> None:
        super().__init__(data)
        self.language = language
        self.asked = list(asked)
        for row, field in self.asked:
            self.fields[_name(row, field)] = _box(row, field, language)
        self.there = {_name(row, field): row.translation_of(field.attname, language) for row, field in self.asked}
        self.kept: list[str] = []
        self._told: dict[str, str] = {}

    def seen(self) -> str:
        """The hidden field: what the boxes were filled with."""
        there = {name: digest(text) for name, text in self.there.items()}
        return json.dumps({**read_seen(self.data), **self._told} if self.is_bound else there)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for row, field in self.asked:
            if refusal := row.refusal_of(field.attname, cleaned.get(_name(row, field), "")):
                self.add_error(_name(row, field), refusal)
        for name, was in read_seen(self.data).items():
            theirs = self.there.get(name)
            if theirs is None or digest(theirs) == was or name not in cleaned:
                continue
            if digest(cleaned[name]) == was:
                cleaned[name] = theirs
                self.kept.append(str(self.fields[name].label))
            elif digest(cleaned[name]) != digest(theirs):
                self._told[name] = digest(theirs)
                self.add_error(name, clash(theirs))
        return cleaned

    def lines(self) -> list[Line]:
        return [
            Line(str(field.verbose_name), row.original(field.attname), self[_name(row, field)])
            for row, field in self.asked
        ]

    @transaction.atomic
    def save(self) -> None:
        for row in dict.fromkeys(row for row, field in self.asked):
            mine = {field.attname: self.cleaned_data[_name(of, field)] for of, field in self.asked if of is row}
            row.translate(self.language, mine)
            row.save(update_fields=["translations"])


def _name(row: Translated, field: TranslatedField) -> str:
    return f"{row._meta.model_name}-{row.pk}-{field.attname}"


def _box(row: Translated, field: TranslatedField, language: str) -> forms.CharField:
    long = isinstance(field, models.TextField)
    attrs = {"lang": language, "dir": "auto", "rows": min(18, 3 + len(row.original(field.attname)) // 90)}
    box = forms.CharField(
        label=str(field.verbose_name),
        initial=row.translation_of(field.attname, language),
        # No column holds it, and many languages say the same in more letters than the original's.
        max_length=2 * field.max_length if field.max_length else None,
        required=False,
        validators=field.default_validators,
        widget=(UnfoldAdminTextareaWidget if long else UnfoldAdminTextInputWidget)(attrs=attrs),
    )
    box.widget.attrs.pop("maxlength", None)  # as Uncut (staff/guarded_admin.py)
    return box


class TranslatedAdmin(GuardedAdmin):
    """A page of translations beside the form, for whoever may change the object; and the language of the original."""

    #: Related names of the rows that are translated on the same page.
    translated_parts: ClassVar[tuple[str, ...]] = ()
    actions_detail: Any = ["translations"]

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "language":
            choices = [(language.code, language.name) for language in LANGUAGES]
            return forms.ChoiceField(
                label=capfirst(db_field.verbose_name), choices=choices, widget=UnfoldAdminSelectWidget
            )
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """What belongs to it is written in the same language."""
        super().save_related(request, form, formsets, change)
        for part in self.translated_parts:
            getattr(form.instance, part).update(language=form.instance.language)

    def is_fixed(self, row: Any, field: TranslatedField) -> bool:
        """Whether this text of an object or its parts is not translated here."""
        return False

    def _asked(self, rows: Iterable[Translated]) -> list[tuple[Translated, TranslatedField]]:
        fields = [(row, field) for row in rows for field in row.translated_fields() if row.original(field.attname)]
        return [(row, field) for row, field in fields if not self.is_fixed(row, field)]

    def look_at_translations(self, request: HttpRequest, obj: Any) -> None:
        """Called once a translation is saved: for what the admin of some texts has to say of it."""

    def has_translations_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.may_do(request, "change")

    @action(description=_("Translations"), url_path="translations", permissions=["translations"], icon="translate")
    def translations(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET ?language=…: original and translation side by side. POST keeps what was typed."""
        found = self.get_object(request, object_id)
        if found is None:
            raise Http404
        if not self.may_do(request, "change", found):
            raise PermissionDenied
        offered = [language for language in LANGUAGES if language.code != found.language]
        code = request.GET.get("language", offered[0].code)
        if code not in {language.code for language in offered}:
            raise Http404
        if request.method == "POST":
            return self._save_translations(request, found, code)
        rows = self._rows(found)
        form = TranslationForm(self._asked(rows), code)
        return TemplateResponse(request, "petitions/admin/translations.html", self._page(request, found, form))

    def _rows(self, found: Translated, *, locked: bool = False) -> list[Translated]:
        """The object and what is translated with it. Locked in a fixed order: the object first, its parts by key."""
        if not locked:
            return [found, *(row for part in self.translated_parts for row in getattr(found, part).all())]
        own = type(found)._base_manager.select_for_update().get(pk=found.pk)
        parts: list[Translated] = []
        for part in self.translated_parts:
            list(getattr(own, part).select_for_update().order_by("pk"))
            parts += getattr(own, part).all()
        return [own, *parts]

    @transaction.atomic
    def _save_translations(self, request: HttpRequest, found: Any, code: str) -> HttpResponse:
        rows = self._rows(found, locked=True)
        form = TranslationForm(self._asked(rows), code, request.POST)
        if not form.is_valid():
            page = self._page(request, found, form)
            return TemplateResponse(request, "petitions/admin/translations.html", page)
        form.save()
        self.message_user(request, _("Translation saved."))
        if form.kept:
            words = _("Someone else has changed this in the meantime, and it was kept as they left it: %s.")
            self.message_user(request, words % ", ".join(map(capfirst, form.kept)), messages.WARNING)
        self.look_at_translations(request, rows[0])
        return HttpResponseRedirect(f"{request.path}?language={code}")

    def _page(self, request: HttpRequest, found: Translated, form: TranslationForm) -> dict[str, Any]:
        lacking = {
            code: sum(field.attname in row.untranslated(code) for row, field in form.asked)
            for code in BY_CODE
            if code != found.language
        }
        change = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Translations"),
            "original": found,
            "form": form,
            "seen_field": SEEN,
            "language": BY_CODE[form.language],
            "written_in": BY_CODE[found.language],
            "choices": [{"language": BY_CODE[code], "lacking": count} for code, count in lacking.items()],
            "change_url": reverse(change, args=[found.pk]),
        }
