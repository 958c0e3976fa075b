"""What stands at the head of a section's letters beside its name: its logo."""

from __future__ import annotations

from typing import Final

from django.db import models
from django.db.models import F, Func, Q
from django.db.models.lookups import LessThanOrEqual
from django.utils.translation import gettext_lazy as _

from web.models import Section

#: Bytes of a logo as it is kept. It travels in each letter, and is a drawing and no photograph.
LOGO_BYTES: Final = 200_000


class Letterhead(models.Model):
    """A section's logo, drawn anew as PNG (petitions/pictures.py). Only letters have it: no page loads it.

    Guards: config/database/audited_rows.sql.
    """

    section = models.OneToOneField(Section, models.CASCADE, related_name="letterhead", verbose_name=_("section"))
    png = models.BinaryField(max_length=LOGO_BYTES, editable=False)
    width = models.PositiveIntegerField(_("width"), editable=False)
    height = models.PositiveIntegerField(_("height"), editable=False)

    class Meta:
        verbose_name = _("letterhead")
        verbose_name_plural = _("letterheads")
        ordering = ["section__name"]
        constraints = [
            models.CheckConstraint(
                name="letterhead_is_small",
                condition=LessThanOrEqual(
                    Func(F("png"), function="octet_length", output_field=models.IntegerField()), LOGO_BYTES
                ),
            ),
            models.CheckConstraint(name="letterhead_has_a_size", condition=Q(width__gte=1, height__gte=1)),
        ]

    def __str__(self) -> str:
        return str(self.section)
