"""The whole site at rest."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from web.i18n.plain import PlainTextField


class Maintenance(models.Model):
    """The whole site at rest: one row, or none in ordinary times. See petitions/desk/lifecycle.py.

    Guards: config/database/audited_rows.sql.
    """

    class Mode(models.TextChoices):
        PAUSED = "paused", _("Paused: signing is closed")
        READ_ONLY = "read_only", _("Read-only: pages can be read, nothing can be sent")

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    mode = models.CharField(_("mode"), max_length=10, choices=Mode)
    note = PlainTextField(_("banner"), max_length=400)
    since = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("maintenance mode")
        verbose_name_plural = _("maintenance mode")
        constraints = [models.CheckConstraint(name="maintenance_is_one", condition=Q(id=1))]

    def __str__(self) -> str:
        return self.get_mode_display()
