"""Sections: a national branch or a local group. Whatever is published belongs to one."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from web.i18n.plain import PlainCharField, PlainTextField


class Section(models.Model):
    """A national branch or a local group: every campaign belongs to one.

    Guards: config/database/audited_rows.sql.
    """

    name = PlainCharField(_("name"), max_length=100, unique=True)
    slug = models.SlugField(_("identifier"), max_length=50, unique=True)
    postal_address = PlainTextField(
        _("postal address"),
        max_length=400,
        blank=True,
        db_default="",
        help_text=_("On the letters that go with packets."),
    )

    class Meta:
        verbose_name = _("section")
        verbose_name_plural = _("sections")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
