"""A petition that was taken down: by one person at once, for 72 hours; for good with a second one."""

from __future__ import annotations

import datetime
from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from petitions.models.campaign import Campaign

#: How long one person's taking down lasts. The guard has it from here (config/database/takedowns.sql).
TAKEDOWN_LASTS: Final = datetime.timedelta(hours=72)


class TakeDownQuerySet(models.QuerySet["TakeDown"]):
    def standing(self) -> TakeDownQuerySet:
        """Those whose petition is not public because of them; one a petition."""
        return self.filter(ended_at=None)

    def unconfirmed(self) -> TakeDownQuerySet:
        return self.standing().filter(made_by__isnull=False, confirmed_by=None)

    def over(self, at: datetime.datetime | None = None) -> TakeDownQuerySet:
        """Those that nobody else confirmed in time. The same rule as TakeDown.is_over()."""
        # By the database's clock, as the guard: a worker's may be ahead.
        return self.unconfirmed().filter(made_at__lte=(at or Now()) - TAKEDOWN_LASTS)


class TakeDown(models.Model):
    """That somebody took a petition down, who confirmed it, and when it came back. The database writes what was before,
    and changes the petition's state with it.

    Guards: config/database/audited_rows.sql, config/database/takedowns.sql.
    """

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="takedowns", verbose_name=_("campaign"))
    reason = models.TextField(_("reason"), max_length=600)
    #: Null: of before it took two; it stands.
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("taken down by")
    )
    made_at = models.DateTimeField(_("taken down"), db_default=Now())
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("confirmed by")
    )
    #: Back to what it was: nobody confirmed it, or two people want it back.
    ended_at = models.DateTimeField(_("back since"), null=True)
    state_before = models.CharField(max_length=10, choices=Campaign.State, db_default="")
    #: Its clock stands still meanwhile, as in a pause; not where it stood already.
    stopped_clock = models.BooleanField(default=False, db_default=False)

    objects = TakeDownQuerySet.as_manager()

    class Meta:
        verbose_name = _("taking down")
        verbose_name_plural = _("takings down")
        ordering = ["-made_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="takedown_needs_two_people",
                condition=Q(confirmed_by__isnull=True) | ~Q(confirmed_by=F("made_by")),
                violation_error_message=_("Someone else has to confirm it."),
            ),
            models.CheckConstraint(name="takedown_says_why", condition=~Q(reason="")),
            models.UniqueConstraint(
                fields=["campaign"],
                condition=Q(ended_at__isnull=True),
                name="takedown_once_at_a_time",
                violation_error_message=_("Someone else has already taken it down."),
            ),
        ]

    def __str__(self) -> str:
        return f"taking down of {self.campaign_id}"

    @property
    def ends_at(self) -> datetime.datetime | None:
        """When it ends by itself; None where it was confirmed, or is over."""
        waits = self.made_by_id is not None and self.confirmed_by_id is None and self.ended_at is None
        return self.made_at + TAKEDOWN_LASTS if waits else None

    def is_over(self, at: datetime.datetime | None = None) -> bool:
        """Whether nobody else confirmed it in time. The same rule as TakeDown.objects.over()."""
        return self.ends_at is not None and self.ends_at <= (at or timezone.now())
