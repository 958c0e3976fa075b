"""What campaigners write, in several languages: the original in its columns, translations beside it.

`campaign.title` is the title in the reader's language. Where nobody has translated it, it is the original, as `Foreign`
text that knows its language: a page marks it (`lang`) and is never blank. Only the pages that people read translate;
the admin, forms and `save()` know the original, so no reader's language can ever overwrite it.

Why not django-modeltranslation: it keeps each field in a column per language (nine times forty here, and a migration of
all tables for a tenth language), takes what was written for the active language, searches that one language only, and
cannot say that it fell back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import models
from django.utils import translation
from django.utils.html import format_html
from django.utils.translation import get_language_bidi, get_language_info
from django.utils.translation import gettext_lazy as _

from web.i18n.languages import DEFAULT, known
from web.i18n.text import check_line, check_prose, check_text

_originals: ContextVar[bool] = ContextVar("originals", default=False)


@contextmanager
def translations() -> Iterator[None]:
    """Texts are read in the active language, also where originals() holds."""
    token = _originals.set(False)
    try:
        yield
    finally:
        _originals.reset(token)


@contextmanager
def originals() -> Iterator[None]:
    """Within it, and in its thread, texts are what was written first, whatever the active language."""
    token = _originals.set(True)
    try:
        yield
    finally:
        _originals.reset(token)


def reads_originals() -> bool:
    """Whether texts are read as they were written first: by the admin, by forms, by `save()`."""
    return _originals.get()


class Foreign(str):
    """A text that is not in the language asked for, because nobody has translated it."""

    __slots__ = ("language",)
    language: str


def foreign(text: str, language: str) -> Foreign:
    marked = Foreign(text)
    marked.language = language
    return marked


def isolated(text: str) -> str:
    """The text as a part of a sentence of a page: one in another language says which, and turns nothing beside it
    around, as a name in Latin letters would an Arabic sentence."""
    return format_html('<bdi lang="{}">{}</bdi>', text.language, text) if isinstance(text, Foreign) else text


def isolated_in_plain_text(text: str) -> str:
    """The same for a sentence of a plain text, by signs that nobody sees; only where the two run in two directions."""
    if not isinstance(text, Foreign) or get_language_info(text.language)["bidi"] == get_language_bidi():
        return text
    return f"\u2068{text}\u2069"


class Translated(models.Model):
    """A model some of whose texts have translations. `translations` is {language: {field: text}}."""

    #: One of web/i18n/languages.py. No choices here: another language is no change of the tables.
    language = models.CharField(_("original language"), max_length=10, default=DEFAULT, db_default=DEFAULT)
    translations = models.JSONField(_("translations"), default=dict, blank=True, db_default={}, editable=False)

    class Meta:
        abstract = True

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        """Django's copies attributes from one instance to the other: of the original, not as it is read."""
        with originals():
            super().refresh_from_db(*args, **kwargs)

    def clean_fields(self, *args: Any, **kwargs: Any) -> None:
        with originals():
            super().clean_fields(*args, **kwargs)

    @classmethod
    def translated_fields(cls) -> list[TranslatedField]:
        """The fields that have translations, in the model's order."""
        return [field for field in cls._meta.concrete_fields if isinstance(field, TranslatedField)]

    def original(self, name: str) -> str:
        """The field as it was written first."""
        with originals():
            return str(getattr(self, name))

    def translation_of(self, name: str, language: str) -> str:
        """The field's translation into the language; "" where there is none."""
        return str(self.translations.get(language, {}).get(name, ""))

    def translate(self, language: str, texts: dict[str, str]) -> None:
        """Take over translations by field name; a blank one takes the translation away. Does not save."""
        there = {**self.translations.get(language, {}), **{name: text.strip() for name, text in texts.items()}}
        kept = {name: text for name, text in there.items() if text}
        others = {code: given for code, given in self.translations.items() if code != language}
        self.translations = {**others, language: kept} if kept else others

    def untranslated(self, language: str = "") -> list[str]:
        """The fields that say something and have no translation into the language (the active one)."""
        language = language or _active()
        if language == self.language:
            return []
        names = [field.attname for field in self.translated_fields()]
        return [name for name in names if self.original(name) and not self.translation_of(name, language)]

    def refusal_of(self, name: str, text: str) -> str:
        """Why this text cannot stand in this field, in any language; "" where it can."""
        return ""

    @property
    def falls_back_to(self) -> str:
        """The original's language where a reader gets to see some of it instead of their own; else ""."""
        return self.language if self.untranslated() else ""


def _active() -> str:
    return known(translation.get_language() or DEFAULT)


class Reading:
    """A translated field as an attribute: reads in the reader's language, writes the original."""

    def __init__(self, field: models.Field) -> None:
        self.field = field
        self.deferred = models.query_utils.DeferredAttribute(field)

    def __set__(self, instance: Translated, value: Any) -> None:
        instance.__dict__[self.field.attname] = value

    def __get__(self, instance: Translated | None, owner: type[Translated] | None = None) -> Any:
        if instance is None:
            return self
        original = self.deferred.__get__(instance, owner)
        if _originals.get() or not original or (language := _active()) == instance.language:
            return original
        return instance.translation_of(self.field.attname, language) or foreign(original, instance.language)


class TranslatedField(models.Field):
    """What a character and a text field have to do alike to be translated. For models that are Translated."""

    descriptor_class = Reading
    #: Django's field that migrations know; "": as the class is called after "Translated".
    column = ""

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        """A column like any other: migrations know nothing of translation."""
        name, path, args, kwargs = super().deconstruct()
        known_as = self.column or path.rpartition(".")[2].removeprefix("Translated")
        return name, f"django.db.models.{known_as}", args, kwargs

    def pre_save(self, instance: models.Model, add: bool) -> Any:
        with originals():
            return super().pre_save(instance, add)

    def value_from_object(self, instance: models.Model) -> Any:
        with originals():
            return super().value_from_object(instance)


class TranslatedCharField(TranslatedField, models.CharField):
    default_validators = [check_line]


class TranslatedTextField(TranslatedField, models.TextField):
    default_validators = [check_text]


class TranslatedMarkdownField(TranslatedTextField):
    """A text in Markdown, in which nothing may stand that readers would not see."""

    default_validators = [check_prose]
    column = "TextField"
