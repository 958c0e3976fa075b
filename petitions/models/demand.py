"""What a campaign asks for, and what became of it."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Exists, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from petitions.models.campaign import Campaign, CampaignQuerySet
from web.i18n.translated import Translated, TranslatedCharField, TranslatedTextField


class Demand(Translated):
    """One thing the campaign asks for. Demands are numbered from 1.

    Guards: config/database/audited_rows.sql, config/database/text_versions.sql.
    """

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="demands")
    position = models.PositiveSmallIntegerField(_("number"), validators=[MinValueValidator(1)])
    text = TranslatedCharField(_("demand"), max_length=300)
    explanation = TranslatedTextField(_("explanation"), blank=True, max_length=1000)

    class Meta:
        verbose_name = _("demand")
        verbose_name_plural = _("demands")
        ordering = ["campaign", "position"]
        constraints = [models.UniqueConstraint(fields=["campaign", "position"], name="demand_position_once")]

    def __str__(self) -> str:
        return f"{self.position}. {self.text}"

    @property
    def standing(self) -> DemandStep | None:
        """Its latest step; None: nothing has come of it. Reads what was prefetched."""
        return next(iter(self.steps.all()), None)


class DemandStep(Translated):
    """What became of a demand on a day, and by what it can be seen. The latest one is where the demand stands.

    Guards: config/database/audited_rows.sql.
    """

    class State(models.TextChoices):
        UNMET = "unmet", _("Unmet")
        PROMISED = "promised", _("Promised")
        PARTLY = "partly", _("Partly met")
        MET = "met", _("Met")

    demand = models.ForeignKey(Demand, models.CASCADE, related_name="steps", verbose_name=_("demand"))
    state = models.CharField(_("status"), max_length=8, choices=State)
    on = models.DateField(_("date"))
    evidence = TranslatedTextField(_("evidence"), max_length=1000, help_text=_("What was said or done, and by whom."))
    url = models.URLField(_("link"), blank=True)

    class Meta:
        verbose_name = _("progress entry")
        verbose_name_plural = _("progress on demands")
        ordering = ["-on", "-pk"]

    def __str__(self) -> str:
        return f"{self.get_state_display()}, {self.on}"

    def clean(self) -> None:
        super().clean()
        if self.on and self.on > timezone.now().date():
            raise ValidationError({"on": _("The date cannot be in the future.")})


def won(campaigns: CampaignQuerySet) -> CampaignQuerySet:
    """Those of them whose demands are all met, by the latest step of each. See Demand.standing."""
    latest = DemandStep.objects.filter(demand=OuterRef("pk")).order_by("-on", "-pk").values("state")[:1]
    made = Demand.objects.filter(campaign=OuterRef("pk"))
    lacking = made.alias(stands=Coalesce(Subquery(latest), Value(""))).exclude(stands=DemandStep.State.MET)
    return campaigns.filter(Exists(made), ~Exists(lacking))
