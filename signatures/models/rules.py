"""How a campaign takes signatures: what campaigners and moderators set, beside what it asks for."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Collection
from typing import Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from petitions.models import Campaign


class SigningRules(models.Model):
    """How one campaign takes signatures. Where there is no row, its defaults hold.

    Guards: config/database/audited_rows.sql.
    """

    class Work(models.TextChoices):
        OFF = "off", _("Never")
        AUTO = "auto", _("When signatures arrive unusually fast")
        ON = "on", _("Always")

    campaign = models.OneToOneField(Campaign, models.CASCADE, primary_key=True, related_name="signing_rules")
    remind_after_days = models.PositiveSmallIntegerField(
        _("reminder after (days)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(29)],
        help_text=_("Sends one reminder to people who have not confirmed by then. Leave empty for no reminder."),
    )

    proof_of_work = models.CharField(
        _("proof of work"),
        max_length=4,
        choices=Work,
        default=Work.AUTO,
        db_default=Work.AUTO,
        help_text=_(
            "Costs the signer’s device a second or two while they type, unnoticed; makes mass signing expensive."
        ),
    )
    #: Set by a worker that saw the campaign's rate leave its usual range (register/monitoring.py).
    work_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("signing rules")
        verbose_name_plural = _("signing rules")
        constraints = [
            models.CheckConstraint(
                name="signing_rules_remind_within_a_month",
                condition=Q(remind_after_days__isnull=True) | Q(remind_after_days__range=(1, 29)),
            )
        ]

    def __str__(self) -> str:
        return str(self._meta.verbose_name)

    def asks_work(self, at: datetime.datetime | None = None) -> bool:
        """Whether signatures should come with proof of work at that time."""
        if self.proof_of_work != self.Work.AUTO:
            return self.proof_of_work == self.Work.ON
        return self.work_until is not None and (at or timezone.now()) < self.work_until

    @classmethod
    def reminders(cls, campaigns: Collection[int]) -> dict[int, int]:
        """{campaign id: days after which it reminds}, of those of these that do."""
        reminding = cls.objects.filter(campaign__in=campaigns, remind_after_days__isnull=False)
        return {rules.campaign_id: rules.remind_after_days or 0 for rules in reminding}


#: How long a new rule only counts what it would meet, and how long one may last. The guard has both from here.
NETWORK_TRIAL: Final = datetime.timedelta(minutes=10)
NETWORK_RULE_LASTS: Final = datetime.timedelta(days=366)


class NetworkRuleQuerySet(models.QuerySet["NetworkRule"]):
    def in_force(self, at: datetime.datetime) -> NetworkRuleQuerySet:
        """Those that let through or keep out. The same rule as NetworkRule.standing()."""
        return self.filter(Q(trial_until__isnull=True) | Q(trial_until__lte=at), until__gt=at)

    def on_trial(self, at: datetime.datetime) -> NetworkRuleQuerySet:
        """Those that only count. The same rule as NetworkRule.standing()."""
        return self.filter(trial_until__gt=at, until__gt=at)


class NetworkRule(models.Model):
    """A network that operators let through the limits, or keep out, until some day. Typed by them: never a supporter's
    address. For its first ten minutes it only counts whom it meets.

    Guards: config/database/audited_rows.sql, config/database/network_rules.sql.
    """

    class Standing(models.TextChoices):
        TRIAL = "trial", _("On trial: it only counts")
        IN_FORCE = "in_force", _("In force")
        OVER = "over", _("Over")

    class Verdict(models.TextChoices):
        ALLOW = "allow", _("Allow")
        BLOCK = "block", _("Block")

    network = models.CharField(_("network"), max_length=43, unique=True, help_text="192.0.2.0/24, 2001:db8::/32")
    verdict = models.CharField(_("action"), max_length=5, choices=Verdict)
    reason = models.CharField(_("reason"), max_length=200)
    until = models.DateTimeField(_("until"), help_text=_("At most a year from now."))
    #: Set by the database, anew whenever the network or the action changes. Null: of before there were trials.
    trial_until = models.DateTimeField(_("on trial until"), null=True, editable=False)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False, verbose_name=_("created by")
    )
    made_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    objects = NetworkRuleQuerySet.as_manager()

    class Meta:
        verbose_name = _("network rule")
        verbose_name_plural = _("network rules")
        ordering = ["network"]

    def __str__(self) -> str:
        return self.network

    def standing(self, at: datetime.datetime | None = None) -> Standing:
        """The same rule as NetworkRule.objects.in_force() and on_trial()."""
        at = at or timezone.now()
        if self.until <= at:
            return self.Standing.OVER
        return self.Standing.TRIAL if self.trial_until and self.trial_until > at else self.Standing.IN_FORCE

    def clean(self) -> None:
        """Refuses what is no network, and what is wider than anybody can have meant."""
        try:
            network = ipaddress.ip_network(self.network)
        except ValueError as error:
            message = _("Enter a network such as 192.0.2.0/24 or 2001:db8::/32.")
            raise ValidationError({"network": message}, code="no_network") from error
        if network.prefixlen < (8 if network.version == 4 else 16):
            raise ValidationError(
                {"network": _("This range is too large: it covers a sizeable part of the internet.")}, code="too_wide"
            )
        if self.until and not timezone.now() < self.until <= timezone.now() + NETWORK_RULE_LASTS:
            raise ValidationError({"until": _("Choose a day within a year from now.")}, code="until")
