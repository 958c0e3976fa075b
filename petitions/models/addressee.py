"""Whom a campaign is addressed to."""

from __future__ import annotations

from django.db import models
from django.db.models import Value
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce, Concat
from django.utils.translation import get_language, gettext, override
from django.utils.translation import gettext_lazy as _
from django_countries.fields import CountryField

from petitions.search import TextVector, beginning_with
from web.i18n.languages import DEFAULT, known
from web.i18n.plain import PlainTextField
from web.i18n.translated import Foreign, Translated, TranslatedCharField


class AddresseeQuerySet(models.QuerySet["Addressee"]):
    def named(self, word: str) -> AddresseeQuerySet:
        """Those in whose name a word begins so, as it was written first or as the reader sees it."""
        translated = KT(f"translations__{known(get_language() or DEFAULT)}__name")
        theirs = Coalesce(translated, Value(""), output_field=models.TextField())
        said = TextVector(Concat("name", Value(" "), theirs, output_field=models.TextField()))
        return self.alias(said=said).filter(said=beginning_with(word))


class Addressee(Translated):
    """The authority a campaign addresses, or a third party that verifies for it.

    Guards: config/database/audited_rows.sql, config/database/text_versions.sql.
    """

    name = TranslatedCharField(_("name or title"), max_length=200, help_text=_("“The Minister of Internal Affairs”"))
    institution = TranslatedCharField(_("institution"), max_length=200, blank=True)
    country = CountryField(_("country"), blank=True)
    address = PlainTextField(_("postal address"), blank=True)
    #: One of web/i18n/languages.py; "": as the campaign.
    letters_in = models.CharField(
        _("letter language"),
        max_length=10,
        blank=True,
        default="",
        db_default="",
        help_text=_(
            "A language code, such as “ru” or “be”. Letters are written in this language as well as in the campaign’s."
        ),
    )
    trusted_third_party = models.BooleanField(
        _("trusted third party"),
        default=False,
        help_text=_("Verifies signatures. Petitions cannot be addressed to it."),
    )

    objects = AddresseeQuerySet.as_manager()

    class Meta:
        verbose_name = _("addressee")
        verbose_name_plural = _("addressees")
        ordering = ["name"]

    def __str__(self) -> str:
        if not self.institution:
            return self.name
        name, institution = self.name, self.institution
        # The comma too is that of the name's language: in Arabic it is another sign.
        with override(name.language if isinstance(name, Foreign) else get_language()):
            return gettext("%(name)s, %(institution)s") % {"name": name, "institution": institution}
