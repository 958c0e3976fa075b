"""How a signature came: what submissions, signatures and tallies share."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Source(models.TextChoices):
    """How a signature came."""

    WEB = "web", _("Website")
    DEMO = "demo", _("Synthetic")
