"""Addresses that have moved: whoever has the old one is led to the new."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.postgres.fields import ArrayField
from django.db import models

#: Earlier addresses that are remembered of one thing.
MOST: Final = 20


class Moved(models.Model):
    """A page whose address staff may change after people have passed it on."""

    #: Its earlier addresses, the oldest first.
    past_slugs = ArrayField(models.SlugField(max_length=80), default=list, db_default=[], blank=True, editable=False)

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk and kwargs.get("update_fields") is None:
            before = type(self)._base_manager.filter(pk=self.pk).first()
            self._remember(getattr(before, "slug", ""))
        super().save(*args, **kwargs)

    def _remember(self, before: str) -> None:
        slug = getattr(self, "slug", "")  # each has one, unique in its own way
        if before and before != slug:
            self.past_slugs = [*(past for past in self.past_slugs if past not in (slug, before)), before][-MOST:]
