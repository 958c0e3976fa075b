"""Fields for what staff write in one language, the public reads as well, and nobody translates."""

from __future__ import annotations

from typing import Any

from django.db import models

from web.i18n.text import check_line, check_text


class PlainField(models.Field):
    """What a character and a text field have to do alike to be columns like any others to migrations."""

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, path, args, kwargs = super().deconstruct()
        return name, path.replace("web.i18n.plain.Plain", "django.db.models."), args, kwargs


class PlainCharField(PlainField, models.CharField):
    default_validators = [check_line]


class PlainTextField(PlainField, models.TextField):
    default_validators = [check_text]
