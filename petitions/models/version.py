"""What exactly is signed: the versions of a petition's text, and the corrections that make another one."""

from __future__ import annotations

import json
from typing import Any, Final

from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from petitions.models.campaign import Campaign

#: Hexadecimal digits of a hash that a form carries to say which text was shown: enough to tell a petition's own texts
#: apart. What is sealed is the whole hash.
SHOWN: Final = 16


class Correction(models.Model):
    """New words for some of a signed petition's texts, as one person asks for them and another approves.

    `changes` are [{"of": "campaign" | "demand" | "addressee", "id", "field", "language", "was", "text"}]. Fixed once
    asked; the database carries it out (publish_correction), and nobody else may change those texts.

    Guards: config/database/text_versions.sql.
    """

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="corrections")
    #: The version that it corrects; where another one was published meanwhile, it is not carried out.
    corrects = models.PositiveSmallIntegerField()
    changes = models.JSONField()
    #: Public, with the version.
    reason = models.TextField(max_length=600)
    #: The transaction that is publishing it, for text_guard() to let pass; set by publish_correction() alone.
    publishing_in = models.BigIntegerField(null=True, editable=False)
    published_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"correction {self.pk} of {self.campaign_id}"


class TextVersionQuerySet(models.QuerySet["TextVersion"]):
    def told_apart(self) -> TextVersionQuerySet:
        """What tells a campaign's texts apart, without the texts: the latest first."""
        return self.defer("texts").order_by("-number")


class TextVersion(models.Model):
    """One version of what a campaign's signers sign: title, pledge, demands, addressee, and how many may sign with one
    mailbox, in each language. Made by the database whenever such a text changes; never changed or deleted.

    The text of a language is JSON, and says what stood on the page in that language: what nobody had translated is in
    the original. Its SHA-256, over its UTF-8, is what each signature seals.

    Guards: config/database/text_versions.sql.
    """

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="text_versions", db_index=False)
    number = models.PositiveSmallIntegerField(_("version"))
    made_at = models.DateTimeField(_("published"), db_default=Now())
    #: {language: text}, {language: its SHA-256 in hexadecimal}: of the original and of each language that has any
    #: translation of it. Readers of another language read, and sign, the original.
    texts = models.JSONField()
    hashes = models.JSONField()
    #: None: the first, or one from before anybody had signed.
    correction = models.OneToOneField(Correction, models.PROTECT, null=True, related_name="version")
    reason = models.TextField(blank=True, db_default="")
    #: The transaction that made it: what is saved in several steps makes one version.
    made_in = models.BigIntegerField(editable=False)

    objects = TextVersionQuerySet.as_manager()

    class Meta:
        verbose_name = _("version")
        verbose_name_plural = _("versions")
        ordering = ["campaign", "number"]
        constraints = [
            # read by told_apart() as well
            models.UniqueConstraint(fields=["campaign", "number"], name="text_version_once"),
            models.CheckConstraint(name="text_version_from_1", condition=Q(number__gte=1)),
        ]

    def __str__(self) -> str:
        return f"version {self.number} of {self.campaign_id}"

    def language_for(self, language: str, original: str) -> str:
        """The language whose text readers of this language see."""
        return language if language in self.hashes else original

    def hash_for(self, language: str, original: str) -> str:
        """The SHA-256 of what readers of this language see; `original` is the campaign's own language."""
        return str(self.hashes.get(language) or self.hashes[original])

    def text_in(self, language: str) -> str | None:
        """The text, to the byte; None where there is none in this language."""
        return self.texts.get(language)

    def content_in(self, language: str) -> dict[str, Any]:
        """The same, read: title, pledge, demands ([{text, explanation}]), addressee, institution …"""
        content: dict[str, Any] = json.loads(self.texts[language])
        return content


def is_signed() -> Func:
    """For annotations of campaigns: whether anybody has signed, so that its texts are fixed (text_versions.sql)."""
    return Func(F("pk"), function="campaign_is_signed", output_field=models.BooleanField())
