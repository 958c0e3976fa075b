"""What became of a packet: handed over, refused, answered. An entry is never changed: another one corrects it."""

from __future__ import annotations

import datetime
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.storage import Storage, storages
from django.core.validators import FileExtensionValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from petitions.models import Campaign
from signatures.models.delivery import NOT_TOLD, Delivery, signatures_in
from web.i18n.plain import PlainCharField, PlainTextField


def attachments() -> Storage:
    """Where receipts and answers lie: no public page leads there."""
    return storages["attachments"]


class AttachmentField(models.FileField):
    """Its storage is a matter of the settings and not of the tables: migrations do not name it."""

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        kwargs.pop("storage", None)
        return name, "django.db.models.FileField", args, kwargs


#: What is for staff alone; the public tier cannot read it (config/database/grants.py).
INTERNAL: Final = ("people", "note", "correction", "attachment", "recorded_by", "recorded_at")


class HandoverQuerySet(models.QuerySet["Handover"]):
    def standing(self) -> HandoverQuerySet:
        """Those that no other entry corrects, without those that only say that nothing happened.

        The same rule in SQL: handover_stands()."""
        return self.filter(corrected_by__isnull=True).exclude(kind=Handover.Kind.VOID)

    def published(self) -> HandoverQuerySet:
        """Those of which the public is told."""
        return self.standing().filter(is_public=True)

    def public(self, campaign: Campaign) -> HandoverQuerySet:
        """What the public is told of a campaign's deliveries, in the order of the days; `signatures` is the packet's
        total."""
        found = self.published().filter(delivery__campaign=campaign).order_by("on", "pk")
        found = found.select_related("delivery__addressee", "delivery__campaign")
        found = found.defer(*INTERNAL, *(f"delivery__{name}" for name in NOT_TOLD))
        return found.annotate(signatures=signatures_in("delivery__manifest"))

    def answered(self) -> HandoverQuerySet:
        """The answers that the public is told of."""
        return self.published().filter(kind=Handover.Kind.ANSWERED)


class Handover(models.Model):
    """One thing that happened between us and an authority over a packet.

    Guards: config/database/audited_rows.sql, config/database/handovers.sql,
    config/database/row_security.sql.
    """

    class Kind(models.TextChoices):
        HANDED_OVER = "handed", _("Handed over")
        REFUSED = "refused", _("They refused it")
        UNRECEIVED = "nobody", _("No one would receive it")
        ANSWERED = "answered", _("They answered")
        VOID = "void", _("It did not happen")

    delivery = models.ForeignKey(Delivery, models.PROTECT, related_name="handovers", verbose_name=_("delivery"))
    kind = models.CharField(_("event"), max_length=8, choices=Kind)
    on = models.DateField(_("date"))
    place = PlainCharField(_("place"), max_length=200, blank=True)
    people = PlainCharField(
        _("people present"),
        max_length=500,
        blank=True,
        help_text=_("Officials and our own staff, never signers. Not published."),
    )
    reference = PlainCharField(_("the authority’s reference"), max_length=100, blank=True)
    statement = PlainTextField(_("public statement"), max_length=2000, blank=True)
    is_public = models.BooleanField(
        _("public"),
        default=True,
        help_text=_("Show date, place, reference and public statement on the campaign’s pages."),
    )
    note = PlainTextField(_("note"), max_length=4000, blank=True, help_text=_("Internal."))
    attachment = AttachmentField(
        _("receipt or reply"), storage=attachments, upload_to="handover", blank=True,
        validators=[FileExtensionValidator(["pdf", "png", "jpg", "jpeg", "docx", "odt", "eml"])],
    )  # fmt: skip
    #: The entry that this one takes the place of. A correction is corrected in turn.
    corrects = models.OneToOneField(
        "self", models.PROTECT, null=True, related_name="corrected_by", verbose_name=_("corrects"), editable=False
    )
    correction = PlainCharField(_("reason for the correction"), max_length=500, blank=True, db_default="")
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = HandoverQuerySet.as_manager()

    class Meta:
        verbose_name = _("handover entry")
        verbose_name_plural = _("handover log")
        ordering = ["-on", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="handover_correction_says_why",
                condition=Q(corrects__isnull=True, correction="") | (Q(corrects__isnull=False) & ~Q(correction="")),
                violation_error_message=_("Say why the entry is corrected."),
            ),
            models.CheckConstraint(
                name="handover_void_corrects",
                condition=~Q(kind="void") | Q(corrects__isnull=False),
                violation_error_message=_("Only a correction can say that something did not happen."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.delivery}: {self.get_kind_display()}, {self.on}"

    def clean(self) -> None:
        problems: dict[str, Any] = {}
        if self.on and self.on > timezone.now().date():
            problems["on"] = _("The date cannot be in the future.")
        if self.delivery_id and self.delivery.state != Delivery.State.READY:
            problems["delivery"] = _("There is no packet of this delivery.")
        elif self.delivery_id and self.on and self.delivery.built_at and self.on < self.delivery.built_at.date():
            problems["on"] = _("The packet was built later: on %s.") % date_format(self.delivery.built_at.date())
        if problems:
            raise ValidationError(problems)


def unanswered_since(entries: list[Handover]) -> datetime.date | None:
    """The day from which an authority owes an answer: the first try after its last answer. Entries by day."""
    since = None
    for entry in entries:
        if entry.kind == Handover.Kind.ANSWERED:
            since = None
        elif since is None:
            since = entry.on
    return since
