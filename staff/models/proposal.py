"""What one person asks for and another decides: four eyes, as one mechanism."""

from __future__ import annotations

import datetime
from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from staff.models.audit import NO_MAILBOX
from web.models import Section

#: A proposal on which nobody decided within this time expires. The guards have it from here (proposal_guard()).
APPROVAL_EXPIRES: Final = datetime.timedelta(hours=72)


class ProposalQuerySet(models.QuerySet["Proposal"]):
    def waiting(self, at: datetime.datetime | None = None) -> ProposalQuerySet:
        """Those that may still be decided on. The same rule as Proposal.is_waiting()."""
        begun = (at or timezone.now()) - APPROVAL_EXPIRES
        return self.filter(state=Proposal.State.WAITING, requested_at__gt=begun)

    def overdue(self, at: datetime.datetime | None = None) -> ProposalQuerySet:
        """Those that nobody decided on in time, and no worker has marked yet."""
        begun = (at or timezone.now()) - APPROVAL_EXPIRES
        return self.filter(state=Proposal.State.WAITING, requested_at__lte=begun)

    def to_carry_out(self, kind: str) -> ProposalQuerySet:
        """Approved ones of this kind whose effect is still to come: a worker's queue, oldest first."""
        return self.filter(kind=kind, state=Proposal.State.APPROVED, done_at=None).order_by("decided_at")


class Proposal(models.Model):
    """Something that takes two people: asked for by one, decided by another, carried out once.

    `subject` says what it is about, in ids and figures, never a person who signed; it is fixed once asked.
    What follows from an approval (a delivery built, a role held …) is refused by the database unless an
    approved proposal of that kind says exactly this.

    Guards: config/database/row_security.sql, config/database/two_people.sql.
    """

    class Kind(models.TextChoices):
        DELIVERY = "delivery", _("Delivery")
        RECIPIENT = "recipient", _("Officer key")
        MEMBERSHIP = "membership", _("Role")
        FACTORS = "factors", _("Removal of second factors")
        DISCLOSURE = "disclosure", _("Disclosure")
        SHREDDING = "shredding", _("Shredding")
        CORRECTION = "correction", _("Correction of a signed text")
        MAILING = "mailing", _("E-mails to everybody who asked for news")
        RESTORATION = "restoration", _("Bringing back a petition that was taken down")
        THEIR_KEY = "their_key", _("Addressee’s key")
        REISSUE = "reissue", _("Packet encrypted anew")

    class State(models.TextChoices):
        WAITING = "waiting", _("Pending approval")
        APPROVED = "approved", _("Approved")
        REFUSED = "refused", _("Rejected")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        EXPIRED = "expired", _("Expired")

    kind = models.CharField(_("type"), max_length=12, choices=Kind)
    #: Where it counts; null: everywhere.
    section = models.ForeignKey(Section, models.PROTECT, null=True, related_name="+", verbose_name=_("section"))
    subject = models.JSONField(_("subject"))
    reason = models.TextField(_("reason"), blank=True, db_default="")
    state = models.CharField(_("status"), max_length=10, choices=State, db_default=State.WAITING)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("requested by")
    )
    requested_at = models.DateTimeField(_("requested"), db_default=Now())
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided"), null=True)
    #: Why it was refused.
    answer = models.TextField(_("reason for rejection"), blank=True, db_default="")
    #: When what was approved had happened.
    done_at = models.DateTimeField(_("completed"), null=True)
    #: Why a worker could not carry it out yet, in words for staff.
    problem = models.TextField(_("problem"), blank=True, db_default="")

    objects = ProposalQuerySet.as_manager()

    class Meta:
        verbose_name = _("approval request")
        verbose_name_plural = _("approvals")
        ordering = ["-requested_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="proposal_needs_two_people",
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("requested_by")),
                violation_error_message=_("Someone else has to decide on it."),
            ),
            models.CheckConstraint(
                name="proposal_decided_by_somebody",
                condition=Q(state__in=["approved", "refused"], decided_by__isnull=False, decided_at__isnull=False)
                | Q(state__in=["waiting", "withdrawn", "expired"], decided_by__isnull=True),
            ),
            models.CheckConstraint(
                name="proposal_done_when_approved", condition=Q(done_at__isnull=True) | Q(state="approved")
            ),
            # An address has no place in it, and would stay for good: the subject is ids, the rest is read by many.
            models.CheckConstraint(
                name="proposal_names_no_mailbox",
                condition=~Q(reason__contains="@") & ~Q(answer__contains="@"),
                violation_error_message=NO_MAILBOX,
            ),
            models.UniqueConstraint(
                fields=["kind", "subject"],
                condition=Q(state="waiting"),
                name="proposal_waits_once",
                violation_error_message=_("This has already been requested and is pending approval."),
            ),
        ]
        indexes = [
            # read by the desk's page and by register/pruning.py
            models.Index("requested_at", name="proposal_waiting", condition=Q(state="waiting")),
            # read by the guards that spend an approval, and by workers that carry one out
            models.Index("kind", name="proposal_to_carry_out", condition=Q(state="approved", done_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"

    def is_waiting(self, at: datetime.datetime | None = None) -> bool:
        """Whether it may still be decided on. The same rule as Proposal.objects.waiting()."""
        return self.state == self.State.WAITING and self.expires_at > (at or timezone.now())

    def is_overdue(self, at: datetime.datetime | None = None) -> bool:
        """Whether nobody decided in time. A worker marks it so a little later."""
        return self.state == self.State.WAITING and not self.is_waiting(at)

    @property
    def expires_at(self) -> datetime.datetime:
        return self.requested_at + APPROVAL_EXPIRES
