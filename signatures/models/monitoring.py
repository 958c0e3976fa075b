"""What a worker saw of each campaign a moment ago, for the moderators' dashboard."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from petitions.models import Campaign


class Monitor(models.Model):
    """One row a campaign, written anew every ten seconds: figures and labels, never a person.

    `figures`: {"taken": [60 minutes' counts, oldest first], "confirmed": […], "screened", "held": the last hour's,
    "networks", "domains": [{"label", "n", "held"}], "mails_waiting", "usual": a minute,
    "attack": signs of one (register/monitoring.py)}.
    """

    campaign = models.OneToOneField(Campaign, models.CASCADE, primary_key=True, related_name="monitor")
    at = models.DateTimeField()
    figures = models.JSONField()
    #: Since when it is under attack; null while it is not.
    alarmed_at = models.DateTimeField(null=True)
    #: When people were told of this attack by mail; null until a mail went out.
    told_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = verbose_name_plural = _("Live activity")
