"""Campaigns whose keys were destroyed."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from petitions.models import Campaign


class Shredding(models.Model):
    """A campaign whose keys were destroyed: nobody can read who signed. A worker writes it, then destroys them.

    Guards: config/database/two_people.sql.
    """

    campaign = models.OneToOneField(Campaign, models.PROTECT, primary_key=True, related_name="shredding")
    at = models.DateTimeField(_("destroyed"), db_default=Now())

    class Meta:
        verbose_name = _("shredding")
        verbose_name_plural = _("shreddings")

    def __str__(self) -> str:
        return f"shredding of {self.campaign_id}"
