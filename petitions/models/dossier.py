"""Subjects that span campaigns, and what others wrote on them."""

from __future__ import annotations

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from petitions.models.campaign import Campaign
from petitions.models.moved import Moved
from petitions.models.picture import Picture
from web.i18n.translated import Translated, TranslatedCharField, TranslatedTextField
from web.identities import main, of_this_site, site


class DossierQuerySet(models.QuerySet["Dossier"]):
    def published(self) -> DossierQuerySet:
        """Dossiers that anybody may read."""
        return self.filter(taken_down=False)

    def of_this_site(self) -> DossierQuerySet:
        """A dossier belongs to no section: on a section's own site those that have a petition of it."""
        return self.filter(of_this_site("campaigns__section")).distinct() if site() is not main() else self


class Dossier(Moved, Translated):
    """A subject that groups campaigns, their updates and what others wrote.

    Guards: config/database/audited_rows.sql.
    """

    slug = models.SlugField(_("address"), max_length=80, unique=True)
    title = TranslatedCharField(_("title"), max_length=200)
    lead = TranslatedTextField(_("lead"), max_length=600)
    picture = models.ForeignKey(
        Picture, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("picture")
    )
    campaigns = models.ManyToManyField(Campaign, related_name="dossiers", blank=True)
    taken_down = models.BooleanField(
        _("taken down"),
        default=False,
        db_default=False,
        help_text=_("Its page then says it has been removed, and nothing links to it any more."),
    )

    objects = DossierQuerySet.as_manager()

    class Meta:
        verbose_name = _("dossier")
        verbose_name_plural = _("dossiers")
        ordering = ["title"]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("dossier", args=[self.slug])


class Coverage(Translated):
    """What somebody else published on the dossier's subject.

    Guards: config/database/audited_rows.sql.
    """

    dossier = models.ForeignKey(Dossier, models.CASCADE, related_name="coverage")
    title = TranslatedCharField(_("title"), max_length=200)
    summary = TranslatedTextField(_("summary"), max_length=2000)
    source = TranslatedCharField(_("source"), max_length=200)
    credit = TranslatedCharField(_("credit"), max_length=200, blank=True)
    url = models.URLField(_("link"), blank=True)
    picture = models.ForeignKey(
        Picture, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("picture")
    )
    published_on = models.DateField(_("date"))

    class Meta:
        verbose_name = _("coverage")
        verbose_name_plural = _("coverage")
        ordering = ["-published_on"]

    def __str__(self) -> str:
        return f"{self.source}: {self.title}"
