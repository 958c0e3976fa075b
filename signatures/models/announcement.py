"""What was announced of a packet: a press release, and the figures in it as they were frozen."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from petitions.models import Update
from signatures.models.delivery import Delivery


class Announcement(models.Model):
    """The figures of a press release, and by which rule they come from the packet's manifest.

    Guards: config/database/audited_rows.sql.
    """

    #: Nobody deletes what was announced; a draft that is not wanted stays one.
    update = models.OneToOneField(Update, models.PROTECT, primary_key=True, related_name="announcement")
    delivery = models.ForeignKey(Delivery, models.PROTECT, related_name="announcements")
    #: A name in public_figures/press_draft.py: the rule stays what it is for as long as anything names it.
    rule = models.CharField(max_length=20)
    signatures = models.BigIntegerField()
    countries = models.IntegerField()

    class Meta:
        verbose_name = _("announcement")

    def __str__(self) -> str:
        return f"{self.signatures} of {self.delivery_id}"
