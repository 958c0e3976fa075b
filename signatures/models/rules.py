"""How a campaign takes signatures: what campaigners and moderators set, beside what it asks for."""

from __future__ import annotations

from collections.abc import Collection

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from petitions.models import Campaign


class SigningRules(models.Model):
    """How one campaign takes signatures. Where there is no row, its defaults hold."""

    campaign = models.OneToOneField(Campaign, models.CASCADE, primary_key=True, related_name="signing_rules")
    remind_after_days = models.PositiveSmallIntegerField(
        _("reminder after days"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(29)],
        help_text=_("One mail to whoever has not confirmed by then. Empty: none."),
    )

    class Meta:
        verbose_name = _("rules for signing")
        verbose_name_plural = _("rules for signing")
        constraints = [
            models.CheckConstraint(
                name="signing_rules_remind_within_a_month",
                condition=Q(remind_after_days__isnull=True) | Q(remind_after_days__range=(1, 29)),
            )
        ]

    def __str__(self) -> str:
        return str(self._meta.verbose_name)

    @classmethod
    def reminders(cls, campaigns: Collection[int]) -> dict[int, int]:
        """{campaign id: days after which it reminds}, of those of these that do."""
        reminding = cls.objects.filter(campaign__in=campaigns, remind_after_days__isnull=False)
        return {rules.campaign_id: rules.remind_after_days or 0 for rules in reminding}
