"""The pages that an organisation must have: who it is, what it keeps of people, and how to reach it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from web.i18n.translated import Translated, TranslatedMarkdownField
from web.models.section import Section


class StandingPage(Translated):
    """One of them, of one section. What is configured stands in the text as [[facts]] (web/facts.py).

    Guards: config/database/audited_rows.sql.
    """

    class Kind(models.TextChoices):
        ABOUT = "about", _("About us")
        PRIVACY = "privacy", _("Privacy notice")
        IMPRINT = "imprint", _("Imprint")
        ACCESSIBILITY = "accessibility", _("Accessibility statement")
        HELP = "help", _("Help")
        CONTACT = "contact", _("Contact")

    section = models.ForeignKey(Section, models.CASCADE, verbose_name=_("section"), related_name="pages")
    kind = models.CharField(_("page"), max_length=20, choices=Kind)
    text = TranslatedMarkdownField(
        _("text"),
        help_text=_("Formatted with Markdown. [[name]], [[contact_email]] and the like are replaced by what is set."),
    )
    changed_on = models.DateField(_("last changed"), auto_now=True)

    class Meta:
        verbose_name = _("standing page")
        verbose_name_plural = _("standing pages")
        ordering = ["section__name", "kind"]
        constraints = [models.UniqueConstraint(fields=["section", "kind"], name="standing_page_once_a_section")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.section})"
