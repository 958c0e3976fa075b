"""Under which name, at which address and in which languages a section meets its readers."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from web.i18n.languages import DEFAULT, LANGUAGES, Language
from web.i18n.plain import PlainCharField, PlainTextField
from web.i18n.translated import Translated, TranslatedCharField, TranslatedTextField
from web.models.contrast import DARK, LIGHT, is_colour, most_like, passes
from web.models.links import Link, check_labelled, check_links, labelled, named_by_host
from web.models.section import Section

#: What pages are called where nobody has set a name.
NAMELESS: Final = "Undersigned"
#: The strong colour of where nobody has chosen one (static/css/site.css).
COLOUR: Final = "#a81e17"


#: What may stand in a telephone number.
_PHONE: Final = re.compile(r"\+?[0-9 ()/.-]{5,}")


class Identity(Translated):
    """A section as its readers, its mails and its letters show it. What is blank is said as the site says it.

    `web.identities` finds it: by the host that was asked, or by the section of what is shown.

    Guards: config/database/audited_rows.sql.
    """

    section = models.OneToOneField(Section, models.CASCADE, verbose_name=_("section"), related_name="identity")
    host = models.CharField(
        _("address of its own"),
        max_length=253,
        unique=True,
        null=True,
        blank=True,
        help_text=_(
            "The host name under which this section has a site of its own. None: it lives at the installation’s "
            "address, beside the other sections."
        ),
    )
    name = TranslatedCharField(_("name"), max_length=80, help_text=_("At the top of each page, and in every title."))
    short_name = TranslatedCharField(
        _("short name"), max_length=20, blank=True, help_text=_("Where there is little room: on a phone’s home screen.")
    )
    headline = TranslatedCharField(_("headline of the home page"), max_length=120, blank=True)
    lead = TranslatedTextField(_("lead of the home page"), max_length=400, blank=True)
    notice = TranslatedTextField(
        _("notice"), max_length=300, blank=True, help_text=_("A banner on every page. It halts nothing.")
    )
    who_we_are = TranslatedTextField(
        _("who we are"), max_length=600, blank=True, help_text=_("On the home page, and under updates and dossiers.")
    )
    past_results = TranslatedTextField(_("what we have achieved"), max_length=600, blank=True)
    more_url = models.URLField(_("where to read more"), blank=True, default="", db_default="")
    footer_links = TranslatedTextField(
        _("links at the foot"),
        max_length=1000,
        blank=True,
        help_text=_("One a line, the words first: Our work https://example.org/work"),
    )
    social_accounts = PlainTextField(
        _("social accounts"),
        max_length=1000,
        blank=True,
        default="",
        db_default="",
        help_text=_("The address of one a line. Readers’ browsers load nothing from there."),
    )

    colour = models.CharField(
        _("strong colour"),
        max_length=7,
        blank=True,
        default="",
        db_default="",
        help_text=_(
            "Of the button, the count and what is marked, like #a81e17. In the dark theme a lighter shade of it marks."
        ),
    )
    theme_colour = models.CharField(
        _("colour of the browser’s frame"), max_length=7, blank=True, default="", db_default="",
        help_text=_("Where the browser colours what is around the page, mostly on phones."),
    )  # fmt: skip

    sender_name = PlainCharField(
        _("sender of e-mails"),
        max_length=60,
        blank=True,
        default="",
        db_default="",
        help_text=_("The name beside the sender’s address. E-mails of campaigns at risk never carry it."),
    )
    reply_to = models.EmailField(
        _("answers go to"),
        blank=True,
        default="",
        db_default="",
        help_text=_("Who answers an e-mail of ours writes there. Never in e-mails of campaigns at risk."),
    )
    contact_email = models.EmailField(_("contact e-mail"), blank=True, default="", db_default="")
    contact_phone = PlainCharField(
        _("contact telephone"), max_length=40, blank=True, default="", db_default="",
    )  # fmt: skip

    default_language = models.CharField(
        _("default language"),
        max_length=10,
        default=DEFAULT,
        db_default=DEFAULT,
        help_text=_("Of the bare address, and for readers whose language the site does not have."),
    )
    languages = models.JSONField(
        _("languages offered"),
        default=list,
        blank=True,
        db_default=[],
        help_text=_("None chosen: all. Links that were mailed go on working in every language."),
    )
    time_zone = models.CharField(
        _("time zone"), max_length=40, default="UTC", db_default="UTC",
        help_text=_("In which closing times are told, like Europe/Warsaw."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("identity")
        verbose_name_plural = _("identities")
        ordering = ["section__name"]
        constraints = [
            models.CheckConstraint(
                name="identity_host_is_a_host",
                condition=Q(host=None) | Q(host__regex=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"),
            ),
            models.CheckConstraint(name="identity_has_a_name", condition=~Q(name="")),
            models.CheckConstraint(
                name="identity_colours_are_colours",  # they stand in a style sheet
                condition=Q(colour__regex="^(#[0-9a-f]{6})?$") & Q(theme_colour__regex="^(#[0-9a-f]{6})?$"),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Raises ValidationError, by field."""
        problems = dict(self._problems())
        if problems:
            raise ValidationError(problems)

    def _problems(self) -> Iterator[tuple[str, Any]]:
        for name, check in (("footer_links", check_labelled), ("social_accounts", check_links)):
            try:
                check(self.original(name) if name == "footer_links" else getattr(self, name))
            except ValidationError as problem:
                yield name, problem
        for name in ("colour", "theme_colour"):
            if getattr(self, name) and not is_colour(getattr(self, name)):
                yield name, _("Write it as # and six digits of 0 to 9 and a to f, like #a81e17.")
        if is_colour(self.colour) and not passes(self.colour, LIGHT):
            yield (
                "colour",
                _("Too pale to read, or to read white words on (WCAG AA). The nearest shade that is not: %s")
                % most_like(self.colour, LIGHT),
            )
        if self.time_zone not in zoneinfo.available_timezones():
            yield "time_zone", _("There is no such time zone. Write it like Europe/Warsaw.")
        if self.contact_phone and not _PHONE.fullmatch(self.contact_phone):
            yield "contact_phone", _("Write it like this: +48 22 123 45 67.")

    @classmethod
    def nameless(cls) -> Identity:
        """The site's, where nobody has set one."""
        return cls(name=NAMELESS)

    @property
    def is_set(self) -> bool:
        return self.pk is not None

    @property
    def origin(self) -> str:
        """`https://…` of its pages, without a slash: its own host by the installation's scheme and port, else
        the installation's."""
        own: str = settings.SITE_URL
        if not self.host:
            return own
        parts = urlsplit(own)
        port = f":{parts.port}" if parts.port else ""
        return urlunsplit(parts._replace(netloc=f"{self.host}{port}"))

    @property
    def called(self) -> str:
        """Its name where there is little room."""
        return self.short_name or self.name

    @property
    def offered(self) -> list[Language]:
        """The languages of its pages, in the switcher's order."""
        if not self.languages:
            return list(LANGUAGES)
        return [language for language in LANGUAGES if language.code in {*self.languages, self.default_language}]

    def offers(self, code: str) -> bool:
        return not self.languages or code in self.languages or code == self.default_language

    @property
    def dark_colour(self) -> str:
        """What marks in the dark theme: the shade next to the strong colour that can be read there."""
        return most_like(self.colour, DARK) if self.colour else ""

    @property
    def links(self) -> list[Link]:
        return labelled(self.footer_links)

    @property
    def accounts(self) -> list[Link]:
        return named_by_host(self.social_accounts)
