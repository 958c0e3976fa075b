"""News of a campaign, and press releases."""

from __future__ import annotations

import datetime
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from petitions.models.campaign import Campaign
from petitions.models.claim import unknown_claims, with_claims
from petitions.models.moved import Moved
from petitions.models.picture import Picture
from web.i18n.text import to_html
from web.i18n.translated import (
    Foreign,
    Reading,
    Translated,
    TranslatedCharField,
    TranslatedMarkdownField,
    TranslatedTextField,
    foreign,
    reads_originals,
)

#: The texts in which figures can be referred to.
SAYING: Final = ("title", "lead", "body", "quote")
#: News are breaking no longer than this.
BREAKING_FOR: Final = datetime.timedelta(days=2)


class WithFigures(Reading):
    """A text as readers get it, wherever it stands: its references to saved figures are the figures."""

    def __get__(self, instance: Update | None, owner: type[Update] | None = None) -> Any:  # type: ignore[override]
        text = super().__get__(instance, owner)
        if instance is None or reads_originals() or not text or "[[" not in text:
            return text
        said = with_claims(text, instance.campaign_id)
        return foreign(said, text.language) if isinstance(text, Foreign) else said


class FiguresCharField(TranslatedCharField):
    descriptor_class = WithFigures
    column = "CharField"


class FiguresTextField(TranslatedTextField):
    descriptor_class = WithFigures
    column = "TextField"


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


class Update(Moved, Translated):
    """News of a campaign, or a press release about it.

    Guards: config/database/audited_rows.sql, config/database/mailings.sql.
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
    title = FiguresCharField(_("title"), max_length=200)
    lead = FiguresTextField(_("lead"), max_length=600)
    picture = models.ForeignKey(
        Picture, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("picture")
    )
    body = TranslatedMarkdownField(
        _("text"),
        blank=True,
        help_text=_(
            "Formatted with Markdown. Here and in the title, lead and quote, [[name.total]] inserts a figure saved "
            "under that name on the tally page."
        ),
    )
    quote = FiguresTextField(_("quote"), blank=True, max_length=2000)
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

    def was_public(self, at: datetime.datetime | None = None) -> bool:
        """Whether its time has come, so that somebody may have read it or passed on its address."""
        return self.published_at is not None and self.published_at <= (at or timezone.now())

    def is_breaking(self, at: datetime.datetime | None = None) -> bool:
        """Whether it is news of the hour: marked so, and out for less than two days."""
        at = at or timezone.now()
        return self.breaking and self.published_at is not None and at - self.published_at < BREAKING_FOR

    @property
    def body_html(self) -> str:
        return to_html(with_claims(self.body, self.campaign_id))

    def clean(self) -> None:
        super().clean()
        refused = {name: self.refusal_of(name, self.original(name)) for name in SAYING}
        if refused := {name: words for name, words in refused.items() if words}:
            raise ValidationError(refused)

    def refusal_of(self, name: str, text: str) -> str:
        """References to figures that nobody has saved, in words; whatever the language."""
        wrong = unknown_claims(text, self.campaign_id) if self.campaign_id else []
        return _("There are no saved figures named %s.") % ", ".join(wrong) if wrong else ""
