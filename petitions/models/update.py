"""News of a campaign, and press releases."""

from __future__ import annotations

import datetime
from typing import Final

from django.core.exceptions import ValidationError
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from petitions.models.campaign import Campaign
from petitions.models.claim import unknown_claims, with_claims
from petitions.models.picture import Picture
from web.i18n.text import to_html
from web.i18n.translated import Translated, TranslatedCharField, TranslatedMarkdownField, TranslatedTextField

#: News are breaking no longer than this.
BREAKING_FOR: Final = datetime.timedelta(days=2)


class UpdateQuerySet(models.QuerySet["Update"]):
    def published(self, at: datetime.datetime | None = None) -> UpdateQuerySet:
        """Updates of public campaigns whose time has come."""
        return self.ever_published(at).filter(taken_down=False)

    def ever_published(self, at: datetime.datetime | None = None) -> UpdateQuerySet:
        """Those, and those that were taken down: whoever comes for one is told so."""
        return self.filter(published_at__lte=at or timezone.now(), campaign__state__in=Campaign.PUBLIC_STATES)

    def of(self, campaign: Campaign) -> UpdateQuerySet:
        """Those of this campaign, each with it: an update's address begins with the campaign's."""
        return self.filter(campaign=campaign).select_related("campaign")


class Update(Translated):
    """News of a campaign, or a press release about it.

    Guards: config/database/audited_rows.sql.
    """

    class Kind(models.TextChoices):
        UPDATE = "update", _("Update")
        PRESS = "press", _("Press release")

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="updates")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.UPDATE)
    breaking = models.BooleanField(
        _("breaking"), default=False, db_default=False, help_text=_("Shows a “breaking” label for two days.")
    )
    slug = models.SlugField(_("address"), max_length=80)
    title = TranslatedCharField(_("title"), max_length=200)
    lead = TranslatedTextField(_("lead"), max_length=600)
    picture = models.ForeignKey(
        Picture, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("picture")
    )
    body = TranslatedMarkdownField(
        _("text"),
        blank=True,
        help_text=_(
            "Formatted with Markdown. [[name.total]] inserts a figure saved under that name on the tally page."
        ),
    )
    quote = TranslatedTextField(_("quote"), blank=True, max_length=1000)
    quote_by = TranslatedCharField(_("quoted person"), blank=True, max_length=200)
    media_contact = TranslatedTextField(_("media contact"), blank=True, max_length=500)
    published_at = models.DateTimeField(
        _("published on"),
        null=True,
        blank=True,
        help_text=_("UTC. It is public from then on. Leave empty to keep it as a draft."),
    )
    taken_down = models.BooleanField(
        _("taken down"),
        default=False,
        db_default=False,
        help_text=_("Its page then says it has been removed, and nothing links to it any more."),
    )

    objects = UpdateQuerySet.as_manager()

    class Meta:
        verbose_name = _("update")
        verbose_name_plural = _("updates")
        ordering = ["-published_at"]
        constraints = [models.UniqueConstraint(fields=["campaign", "slug"], name="update_slug_once_per_campaign")]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("update", args=[self.campaign.slug, self.slug])

    def is_breaking(self, at: datetime.datetime | None = None) -> bool:
        """Whether it is news of the hour: marked so, and out for less than two days."""
        at = at or timezone.now()
        return self.breaking and self.published_at is not None and at - self.published_at < BREAKING_FOR

    @property
    def body_html(self) -> str:
        return to_html(with_claims(self.body, self.campaign_id))

    def clean(self) -> None:
        super().clean()
        if wrong := unknown_claims(self.body, self.campaign_id):
            raise ValidationError({"body": _("There are no saved figures named %s.") % ", ".join(wrong)})
