"""Whom a campaign is addressed to."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_countries.fields import CountryField

from petitions.translated import Translated, TranslatedCharField


class Addressee(Translated):
    """The authority a campaign addresses, or a third party that verifies for it."""

    name = TranslatedCharField(_("name or title"), max_length=200, help_text=_("“The Minister of Internal Affairs”"))
    institution = TranslatedCharField(_("institution"), max_length=200, blank=True)
    country = CountryField(_("country"), blank=True)
    address = models.TextField(_("postal address"), blank=True)
    #: One of config/languages.py; "": as the campaign.
    letters_in = models.CharField(
        _("language of letters"),
        max_length=10,
        blank=True,
        default="",
        db_default="",
        help_text=_("Letters to them are in this language as well as in the campaign’s. “ru”, “be” …"),
    )
    trusted_third_party = models.BooleanField(
        _("trusted third party"), default=False, help_text=_("Verifies signatures; is not the authority addressed.")
    )

    class Meta:
        verbose_name = _("addressee")
        verbose_name_plural = _("addressees")
        ordering = ["name"]

    def __str__(self) -> str:
        if not self.institution:
            return self.name
        return gettext("%(name)s, %(institution)s") % {"name": self.name, "institution": self.institution}
