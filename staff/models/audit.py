"""The audit trail: who looked at or decided what, when and why. Entries are added, and never changed."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from web.models import Section

#: Why a reason with an address in it is refused; for proposals as well.
NO_MAILBOX: Final = _("Do not enter e-mail addresses here: the reason is stored and others read it.")


class AuditEntry(models.Model):
    """One entry, chained to the one before it. Written by staff/audit.py; `seq` and what follows by the database.

    It names staff by their number, and what they did in ids, ranges and figures; never a person who signed.

    Guards: config/database/audit_trail.sql, config/database/row_security.sql.
    """

    seq = models.BigIntegerField(_("number"), primary_key=True)
    at = models.DateTimeField(_("time"))
    #: The database role that connected, which no role can choose; "… as …" where it took on another one.
    tier = models.CharField(_("written by"), max_length=63)
    #: Null: a worker, of its own accord.
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("user")
    )
    action = models.CharField(_("action"), max_length=40)
    #: Null: it concerns every section.
    section = models.ForeignKey(Section, models.PROTECT, null=True, related_name="+", verbose_name=_("section"))
    purpose = models.TextField(_("reason"), blank=True)
    detail = models.JSONField(_("details"))
    #: The hash of the entry before; 32 zero bytes before the first.
    previous = models.BinaryField(max_length=32, unique=True)
    hash = models.BinaryField(max_length=32)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit trail")
        ordering = ["-seq"]
        constraints = [
            # An address would stay for good. What is typed as a reason is checked here, too.
            models.CheckConstraint(
                name="audit_names_no_mailbox",
                condition=~Q(purpose__contains="@") & ~Q(detail__icontains="@"),
                violation_error_message=NO_MAILBOX,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.seq}: {self.action}"


class AuditAnchor(models.Model):
    """The trail's last entry on some day, kept here and mailed out: what was written before cannot be written anew."""

    seq = models.BigIntegerField(primary_key=True)
    hash = models.BinaryField(max_length=32)
    taken_at = models.DateTimeField(db_default=Now())
    mailed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["seq"]

    def __str__(self) -> str:
        """As it stands in the mail: what `verify_audit --anchor` takes."""
        return f"{self.seq}:{bytes(self.hash).hex()}"
